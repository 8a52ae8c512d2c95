-- Where a server's WAL stands. Nothing in it needs more than the right to connect.
select
  pg_catalog.clock_timestamp() as at,
  (select system_identifier from pg_catalog.pg_control_system()) as system,
  pg_catalog.pg_is_in_recovery() as standby,
  -- Not what is written: with synchronous_commit = off a transaction commits before that.
  case when not pg_catalog.pg_is_in_recovery() then pg_catalog.pg_current_wal_insert_lsn()::text end as position,
  case when not pg_catalog.pg_is_in_recovery()
    then pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) end as segment,
  pg_catalog.current_setting('archive_mode') as archive_mode,
  (select setting::int from pg_catalog.pg_settings where name = 'archive_timeout') as archive_timeout,
  (select last_archived_wal from pg_catalog.pg_stat_archiver) as last_archived_wal,
  (select last_failed_wal from pg_catalog.pg_stat_archiver
    where last_failed_time > coalesce(last_archived_time, '-infinity')) as failing_wal
