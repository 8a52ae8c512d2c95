select
  s.slot_name::text as name,
  s.active,
  coalesce(s.wal_status, '') as wal_status,
  s.safe_wal_size,
  pg_catalog.pg_wal_lsn_diff(
    case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()
      else pg_catalog.pg_current_wal_lsn() end,
    s.restart_lsn)::int8 as kept,
  r.application_name as receiver
from pg_catalog.pg_replication_slots s
left join pg_catalog.pg_stat_replication r on r.pid = s.active_pid
union all
select null, true, '', null, null, r.application_name
from pg_catalog.pg_stat_replication r
where not exists (select from pg_catalog.pg_replication_slots s where s.active_pid = r.pid)
order by 1, 6
