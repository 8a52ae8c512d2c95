-- What a database of a recovered cluster stores: tables, their TOAST tables, materialised views, and B-trees.
-- An index on text is in the order of its collation, which another release of the C library may sort otherwise: only
-- those are checked whose collation is known to be the same here.
select c.oid::bigint as oid,
  pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as name,
  c.relkind = 'i' as is_index,
  c.relkind = 't' as is_toast,
  coalesce(a.amname = case when c.relkind = 'i' then 'btree' else 'heap' end, false) as known,
  array(
    select distinct u.id from pg_catalog.unnest(i.indcollation::oid[]) as u(id)
    where u.id <> 0 and not exists (
      select from pg_catalog.pg_collation l
      where l.oid = u.id and (
        l.collname in ('C', 'POSIX')
        or l.collversion is not null and l.collversion = pg_catalog.pg_collation_actual_version(l.oid)
      )
    )
  )::bigint[] as collations
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_am a on a.oid = c.relam
left join pg_catalog.pg_index i on i.indexrelid = c.oid
-- Unlogged tables are emptied by every recovery, and temporary ones are nobody's.
where c.relkind in ('r', 'm', 't', 'i') and c.relpersistence = 'p'
  and (c.relkind <> 'i' or i.indisvalid and i.indisready and a.amname = 'btree')
order by c.relkind = 'i', n.nspname collate "C", c.relname collate "C"
