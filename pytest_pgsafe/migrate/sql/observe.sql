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
    as $observer$
declare
    note jsonb;
begin
    note := jsonb_build_object('event', tg_event, 'tag', tg_tag);
    if tg_event = 'ddl_command_start' then
        raise log 'pgsafe observed %', note;
        return;
    end if;
    if tg_event = 'table_rewrite' then
        note := note || jsonb_build_object('relation', pg_event_trigger_table_rewrite_oid()::int8,
                                           'reason', pg_event_trigger_table_rewrite_reason());
    elsif tg_event = 'sql_drop' then
        note := note || jsonb_build_object('objects',
            (select coalesce(jsonb_agg(d.object_type || ' ' || d.object_identity), '[]')
               from (select * from pg_event_trigger_dropped_objects() where original limit 20) as d));
    else
        -- Only relations that were there before: the schema above is younger than they, and than nothing that is to come.
        note := note || jsonb_build_object('wal', pg_current_wal_insert_lsn(), 'locks',
            (select coalesce(jsonb_agg(jsonb_build_array(l.relation::int8, l.mode, pg_stat_get_xact_tuples_returned(l.relation))
                                       order by l.relation, l.mode), '[]')
               from pg_locks as l
              where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.granted
                and l.database = (select oid from pg_database where datname = current_database())
                and l.relation >= 16384 and l.relation < 'pgsafe_observer'::regnamespace::oid
                and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                               'AccessExclusiveLock')));
        note := note || jsonb_build_object('objects',
            (select coalesce(jsonb_agg(c.object_type || ' ' || c.object_identity), '[]')
               from (select * from pg_event_trigger_ddl_commands() limit 20) as c));
    end if;
    if current_setting('server_version_num')::int >= 150000 then
        -- Counters of scanned rows begin at 0 in the next transaction. (PL/pgSQL looks the function up only here.)
        perform pg_stat_force_next_flush();
    end if;
    raise log 'pgsafe observed %', note;
-- Not query_canceled: that is the time limit's, or the user's.
exception when others then
    raise log 'pgsafe observed %', coalesce(note, '{}') || jsonb_build_object('problem', sqlerrm);
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
