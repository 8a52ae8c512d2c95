do $$ begin execute format('alter database %I set search_path = shop, public', current_database()); end $$;
