-- Columns of tables. The number never counts: after a restore an inheritance child has its columns in another order.
with relation as materialized (
    select c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) as name
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f')
        and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
        and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
)
select
    r.name || '.' || pg_catalog.quote_ident(a.attname) collate "C" as name,
    r.oid,
    d.description as comment,
    r.name as table,
    pg_catalog.quote_ident(a.attname) as column,
    a.attnum as number,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    a.atttypid as type_oid,
    case
        when a.attcollation <> t.typcollation then pg_catalog.format('%I.%I', m.nspname, l.collname)
    end as collation,
    a.attnotnull as not_null,
    pg_catalog.pg_get_expr(f.adbin, f.adrelid) as default,
    case a.attidentity when 'a' then 'always' when 'd' then 'by default' end as identity,
    case a.attgenerated when 's' then 'stored' when 'v' then 'virtual' end as generated,
    case
        when a.attstorage <> t.typstorage
        then case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end
    end as storage,
    case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end as compression,
    nullif(a.attstattarget, -1) as statistics_target,
    case when a.attoptions is null then '{}' else array(
        -- From 15.20 on servers keep a number of their own in every column, which no dump carries.
        select option from pg_catalog.unnest(a.attoptions) as option
        where pg_catalog.split_part(option, '=', 1) <> 'pg_attver'
        order by option collate "C"
    ) end as options,
    case when a.attfdwoptions is null then '{}' else array(
        select pg_catalog.regexp_replace(option, '^([^=]*(?:passw|passphrase|passfile|secret|token|credential|api_?key|private|sslkey)[^=]*)=.*$', '\1=****', 'i')
        from pg_catalog.unnest(a.attfdwoptions) as option
        order by option collate "C"
    ) end as foreign_options,
    a.attislocal as local
from relation r
join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_collation l on l.oid = a.attcollation and a.attcollation <> t.typcollation
left join pg_catalog.pg_namespace m on m.oid = l.collnamespace
left join pg_catalog.pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum and a.atthasdef
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objoid = r.oid and d.objsubid = a.attnum
order by name;
