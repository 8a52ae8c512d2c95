-- harm: statements that name no schema do not find their tables in new sessions
-- object: database
-- check: privileges
-- needs: needs/search_path.sql
-- role: superuser
do $$ begin execute format('alter database %I set search_path = pg_catalog', current_database()); end $$;
