-- What a migration does, told to the server log: nothing is written to a table, and a rollback loses nothing.
-- Runnable as it stands, by a superuser. Everything of it is dropped before the facts are read.
create schema pgsafe_observer;
revoke all on schema pgsafe_observer from public;

-- One line of JSON an event. The settings pin that the line is complete in the log, and only there: not at a client that
-- has asked for LOG messages, and without the text of the whole statement, which stands there already.
create function pgsafe_observer.pgsafe_observe() returns event_trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    set client_min_messages = error
    set log_min_messages = warning
    set log_min_error_statement = panic
    -- Its own queries are nothing of the migration's; without the library this is a name that means nothing.
    set auto_explain.log_min_duration = -1
    as $observer$
declare
    note text := format('"event": "%s", "tag": "%s"', tg_event, tg_tag);
    held text[];
    said text[];
begin
    if tg_event = 'ddl_command_start' then
        note := format('%s, "wal": "%s", "lock_timeout": "%s"', note, pg_current_wal_insert_lsn(),
                       current_setting('lock_timeout'));
    elsif tg_event = 'ddl_command_end' then
        -- Only relations that were there before: the schema above is younger than they, and than nothing that is to come.
        -- Shared relations have lower numbers than these, so all are of this database.
        select array_agg(l.relation || ':' || l.mode || ':' || pg_stat_get_xact_tuples_returned(l.relation))
          into held
          from pg_locks as l
         where l.relation >= 16384 and l.relation < 'pgsafe_observer'::regnamespace::oid
           and l.pid = pg_backend_pid() and l.locktype = 'relation' and l.granted
           and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                          'AccessExclusiveLock');
        -- Only what the transaction's last event did not tell: a thousand ALTERs in one transaction would say half a
        -- million locks. A setting is the one place that is written to nothing, and goes back with a savepoint as the
        -- locks do.
        if held is not null then
            said := string_to_array(current_setting('pgsafe_observer.said', true), ' ');
            if held is distinct from said then
                perform set_config('pgsafe_observer.said', array_to_string(held, ' '), true);
                if said <> '{}' then
                    held := array(select unnest(held) except select unnest(said));
                end if;
            else
                held := '{}';
            end if;
        end if;
        note := format('%s, "wal": "%s", "locks": "%s"', note, pg_current_wal_insert_lsn(), array_to_string(held, ' '));
        if current_setting('server_version_num')::int >= 150000 then
            -- Counters of scanned rows begin at 0 in the next transaction. (PL/pgSQL looks the function up only here.)
            perform pg_stat_force_next_flush();
        end if;
        note := format('%s, "objects": %s', note, array_to_json(array(
            select c.object_type || ' ' || c.object_identity from pg_event_trigger_ddl_commands() as c
             where not c.in_extension limit 20)));
    elsif tg_event = 'sql_drop' then
        note := format('%s, "objects": %s', note, array_to_json(array(
            select d.object_type || ' ' || d.object_identity from pg_event_trigger_dropped_objects() as d
             where d.original limit 20)));
    elsif tg_event = 'table_rewrite' then
        note := format('%s, "relation": %s, "reason": %s', note, pg_event_trigger_table_rewrite_oid()::int8,
                       pg_event_trigger_table_rewrite_reason());
    end if;
    raise log 'pgsafe observed {%}', note;
-- Not query_canceled: that is the time limit's, or the user's.
exception when others then
    raise log 'pgsafe observed {%, "problem": %}', note, to_json(sqlerrm);
end
$observer$;
revoke all on function pgsafe_observer.pgsafe_observe() from public;

create event trigger pgsafe_start on ddl_command_start execute function pgsafe_observer.pgsafe_observe();
create event trigger pgsafe_end on ddl_command_end execute function pgsafe_observer.pgsafe_observe();
create event trigger pgsafe_rewrite on table_rewrite execute function pgsafe_observer.pgsafe_observe();
create event trigger pgsafe_drop on sql_drop execute function pgsafe_observer.pgsafe_observe();
-- Also under session_replication_role = replica.
alter event trigger pgsafe_start enable always;
alter event trigger pgsafe_end enable always;
alter event trigger pgsafe_rewrite enable always;
alter event trigger pgsafe_drop enable always;
