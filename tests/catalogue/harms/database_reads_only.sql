-- harm: each new session is read only
-- object: database
-- check: privileges
-- role: superuser
do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$;
