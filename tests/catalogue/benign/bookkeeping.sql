-- benign: migration tools write down what they did
-- tier: always
update public.alembic_version set version_num = '0002';
insert into public.schema_migrations values ('3');
delete from public.schema_migrations where version = '1';
