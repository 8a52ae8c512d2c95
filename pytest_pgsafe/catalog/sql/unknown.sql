-- What stands in the catalog and no other query knows: options of columns that are not a table's, and kinds of objects.
-- pg_attver is what servers from 15.20 on keep in every column for themselves.
select
    pg_catalog.concat_ws(' ', u.place, u.object, u.option) collate "C" as name,
    u.oid,
    null::text as comment,
    u.place,
    u.object,
    u.option,
    u.value
from (
    select
        'column' as place,
        c.oid,
        c.relnamespace as schema,
        pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname) as object,
        pg_catalog.split_part(o.option, '=', 1) as option,
        pg_catalog.regexp_replace(o.option, '^[^=]*=', '') as value
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    cross join lateral pg_catalog.unnest(a.attoptions) as o (option)
    where c.relkind in ('v', 'm', 'c') and a.attoptions is not null
        and pg_catalog.split_part(o.option, '=', 1) not in ('n_distinct', 'n_distinct_inherited', 'pg_attver')
    union all
    select 'relation', c.oid, c.relnamespace, pg_catalog.format('%I.%I', n.nspname, c.relname), 'kind', c.relkind::text
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind not in ('r', 'p', 'f', 'v', 'm', 'S', 'c', 'i', 'I', 't')
    union all
    select 'constraint', k.oid, k.connamespace, pg_catalog.format('%I.%I', n.nspname, k.conname), 'kind', k.contype::text
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_namespace n on n.oid = k.connamespace
    where k.contype not in ('p', 'u', 'f', 'c', 'x', 'n', 't')
    union all
    select 'type', t.oid, t.typnamespace, pg_catalog.format('%I.%I', n.nspname, t.typname), 'kind', t.typtype::text
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    where t.typtype not in ('b', 'c', 'd', 'e', 'p', 'r', 'm')
    union all
    select 'function', p.oid, p.pronamespace, pg_catalog.format('%I.%I', n.nspname, p.proname), 'kind', p.prokind::text
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where p.prokind not in ('f', 'p', 'a', 'w')
) as u
join pg_catalog.pg_namespace n on n.oid = u.schema
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.objid = u.oid and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
