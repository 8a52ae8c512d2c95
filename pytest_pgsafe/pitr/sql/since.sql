-- On the source: was anything committed that the recovered cluster does not have? $1 is its next transaction, $2 those
-- before it that did not commit there.
select
  pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint > %s
  or exists (
    select from pg_catalog.unnest(%s::bigint[]) as u(x)
    where pg_catalog.pg_xact_status(x::text::xid8) = 'committed'
  ) as unarchived
