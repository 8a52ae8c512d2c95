select
  pg_catalog.current_setting('server_version_num')::int as version,
  (select system_identifier from pg_catalog.pg_control_system()) as system,
  (select timeline_id from pg_catalog.pg_control_checkpoint()) as timeline,
  pg_catalog.current_setting('wal_level') as wal_level,
  pg_catalog.current_setting('archive_mode') as archive_mode,
  pg_catalog.current_setting('archive_command') as archive_command,
  coalesce(pg_catalog.current_setting('archive_library', true), '') as archive_library,
  (select setting::int from pg_catalog.pg_settings where name = 'archive_timeout') as archive_timeout,
  (select setting::int from pg_catalog.pg_settings where name = 'wal_segment_size') as segment_size,
  pg_catalog.current_setting('max_wal_senders')::int as max_wal_senders,
  pg_catalog.current_setting('full_page_writes')::boolean as full_page_writes,
  pg_catalog.current_setting('fsync')::boolean as fsync,
  pg_catalog.current_setting('data_checksums')::boolean as data_checksums,
  a.archived_count,
  a.last_archived_wal,
  a.last_archived_time,
  a.failed_count,
  a.last_failed_wal,
  a.last_failed_time,
  pg_catalog.clock_timestamp() as now,
  case when pg_catalog.pg_is_in_recovery() then null
    else pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) end as current_wal
from pg_catalog.pg_stat_archiver a
