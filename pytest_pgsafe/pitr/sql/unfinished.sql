-- On a cluster that was just recovered: the next transaction, and the last ones before it that did not commit here.
-- One that was running when the archive ended may have committed later, where the cluster came from.
with here as (select pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint as next)
select next, array(
  select x from pg_catalog.generate_series(greatest(3, next - 1000000), next - 1) as g(x)
  where pg_catalog.pg_xact_status(x::text::xid8) <> 'committed'
) as unfinished
from here
