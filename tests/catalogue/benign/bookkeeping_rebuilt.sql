-- benign: a tool makes its table anew
drop table public.alembic_version;
create table public.alembic_version (version_num text primary key);
