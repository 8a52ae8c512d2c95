-- Indexes of tables and materialised views. 15 adds NULLS NOT DISTINCT.
with key as (
    select
        x.indexrelid as oid,
        pg_catalog.array_agg(
            case when k.number <> 0 then pg_catalog.quote_ident(a.attname) end order by k.position
        ) as columns
    from pg_catalog.pg_index x
    -- int2vector counts from 0; INCLUDE columns come after the keys.
    cross join lateral pg_catalog.unnest(x.indkey::pg_catalog.int2[]) with ordinality as k (number, position)
    left join pg_catalog.pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.number and k.number <> 0
    where k.position <= x.indnkeyatts
    group by x.indexrelid
)
select
    pg_catalog.format('%I.%I', n.nspname, c.relname) collate "C" as name,
    c.oid,
    d.description as comment,
    pg_catalog.format('%I.%I', m.nspname, t.relname) as table,
    pg_catalog.pg_get_indexdef(x.indexrelid) as definition,
    x.indisunique as unique,
    x.indisprimary as primary,
    x.indisvalid as valid,
    x.indisready as ready,
    x.indislive as live,
    x.indimmediate as immediate,
    x.indnullsnotdistinct as nulls_not_distinct,
    x.indisclustered as clustered,
    case when o.oid is not null then pg_catalog.format('%I.%I.%I', m.nspname, t.relname, o.conname) end as constraint,
    k.columns,
    case when x.indpred is not null then pg_catalog.pg_get_expr(x.indpred, x.indrelid) end as predicate,
    array(
        select option from pg_catalog.unnest(c.reloptions) as option order by option collate "C"
    ) as options,
    s.spcname::text as tablespace,
    case when p.oid is not null then pg_catalog.format('%I.%I', pn.nspname, p.relname) end as parent,
    c.relfilenode
from pg_catalog.pg_index x
join pg_catalog.pg_class c on c.oid = x.indexrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class t on t.oid = x.indrelid and t.relkind in ('r', 'p', 'm')
join pg_catalog.pg_namespace m on m.oid = t.relnamespace
join key k on k.oid = x.indexrelid
left join pg_catalog.pg_constraint o on o.conindid = x.indexrelid and o.contype in ('p', 'u', 'x')
left join pg_catalog.pg_inherits i on i.inhrelid = c.oid
left join pg_catalog.pg_class p on p.oid = i.inhparent
left join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
left join pg_catalog.pg_tablespace s on s.oid = c.reltablespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objoid = c.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = t.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
