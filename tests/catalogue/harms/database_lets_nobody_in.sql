-- harm: nobody but superusers can connect to the database any more
-- object: database
-- check: privileges
-- role: superuser
do $$ begin execute format('alter database %I connection limit 0', current_database()); end $$;
