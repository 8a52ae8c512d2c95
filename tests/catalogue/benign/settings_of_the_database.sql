-- benign: a setting that takes nothing away, and a search path that finds what it found
-- note: database
-- role: superuser
do $$ begin
    execute format('alter database %I set statement_timeout = %L', current_database(), '30s');
    execute format('alter database %I set search_path = public, shop', current_database());
end $$;
