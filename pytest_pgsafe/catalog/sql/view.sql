-- Views and materialised views.
with attribute as (
    select
        a.attrelid as oid,
        pg_catalog.array_agg(
            pg_catalog.quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
            order by a.attnum
        ) as columns
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind in ('v', 'm') and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    group by a.attrelid
)
select
    pg_catalog.format('%I.%I', n.nspname, c.relname) collate "C" as name,
    c.oid,
    d.description as comment,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) as owner,
    pg_catalog.pg_get_viewdef(c.oid) as definition,
    c.relkind = 'm' as materialized,
    c.relispopulated as populated,
    array(
        select option from pg_catalog.unnest(c.reloptions) as option order by option collate "C"
    ) as options,
    coalesce(a.columns, '{}') as columns,
    m.amname::text as access_method,
    s.spcname::text as tablespace
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join attribute a on a.oid = c.oid
left join pg_catalog.pg_am m on m.oid = c.relam
left join pg_catalog.pg_tablespace s on s.oid = c.reltablespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objoid = c.oid and d.objsubid = 0
where c.relkind in ('v', 'm')
    and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
