-- What is said of columns that are not a table's: of views, materialised views, composite types and indexes.
select
    pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname) collate "C" as name,
    c.oid,
    d.description as comment,
    case c.relkind
        when 'v' then 'view column'
        when 'm' then 'materialized view column'
        when 'c' then 'attribute'
        else 'index column'
    end as form,
    pg_catalog.concat_ws(
        ', ',
        'default ' || pg_catalog.pg_get_expr(f.adbin, f.adrelid),
        'statistics ' || s.target,
        case when c.relkind = 'm' and a.attstorage <> t.typstorage then pg_catalog.concat('storage ', a.attstorage) end,
        case when a.attcompression <> '' then pg_catalog.concat('compression ', a.attcompression) end,
        'options ' || nullif(array(
        select option from pg_catalog.unnest(a.attoptions) as option
        where pg_catalog.split_part(option, '=', 1) in ('n_distinct', 'n_distinct_inherited')
        order by option collate "C"
    )::text, '{}')
    ) as definition,
    null::text as owner,
    null::text as enabled
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type t on t.oid = a.atttypid
cross join lateral (select nullif(a.attstattarget, -1) as target) as s
left join pg_catalog.pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objoid = c.oid and d.objsubid = a.attnum
where c.relkind in ('v', 'm', 'c', 'i', 'I')
    and (
        d.description is not null
        or f.oid is not null
        or s.target is not null
        or c.relkind = 'm' and exists (
            select from pg_catalog.unnest(a.attoptions) as option
            where pg_catalog.split_part(option, '=', 1) in ('n_distinct', 'n_distinct_inherited')
        )
        or c.relkind = 'm' and (a.attstorage <> t.typstorage or a.attcompression <> '')
    )
    and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
