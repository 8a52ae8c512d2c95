-- benign: a tool makes its table anew
create table public.alembic_version_new (version_num text primary key);
insert into public.alembic_version_new values ('0002');
drop table public.alembic_version;
alter table public.alembic_version_new rename to alembic_version;
