-- harm: the table in which a tool remembers what is applied is emptied
-- object: public.alembic_version
-- check: rows
delete from public.alembic_version;
