-- Publications. 15 adds schemas, column lists and row filters.
with relation as (
    select
        r.prpubid as oid,
        pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, c.relname)
                || coalesce(
                    case when r.prattrs is not null then ' (' end
                    || pg_catalog.array_to_string(
                        array(
                            select pg_catalog.quote_ident(a.attname)
                            from pg_catalog.pg_attribute a
                            where a.attrelid = c.oid and a.attnum = any (r.prattrs::pg_catalog.int2[])
                            order by a.attname collate "C"
                        ),
                        ', '
                    )
                    || ')',
                    ''
                )
                || coalesce(' WHERE ' || pg_catalog.pg_get_expr(r.prqual, r.prrelid), ''), ', ' order by n.nspname collate "C", c.relname collate "C") as tables
    from pg_catalog.pg_publication_rel r
    join pg_catalog.pg_class c on c.oid = r.prrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    group by r.prpubid
)
select
    pg_catalog.quote_ident(p.pubname) collate "C" as name,
    p.oid as oid,
    d.description as comment,
    'publication' as form,
    pg_catalog.concat_ws(
        ', ',
        case when p.puballtables then 'ALL TABLES' end,
        'TABLE ' || r.tables,
        'TABLES IN SCHEMA ' || (
            select pg_catalog.string_agg(pg_catalog.quote_ident(n.nspname), ', ' order by n.nspname collate "C")
            from pg_catalog.pg_publication_namespace s
            join pg_catalog.pg_namespace n on n.oid = s.pnnspid
            where s.pnpubid = p.oid
        ),
        'publish'
            || case when p.pubinsert then ' insert' else '' end
            || case when p.pubupdate then ' update' else '' end
            || case when p.pubdelete then ' delete' else '' end
            || case when p.pubtruncate then ' truncate' else '' end,
        case when p.pubviaroot then 'publish_via_partition_root' end
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.pubowner)) as owner,
    null::text as enabled
from pg_catalog.pg_publication p
left join relation r on r.oid = p.oid
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_publication'::pg_catalog.regclass and d.objoid = p.oid and d.objsubid = 0
where not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_publication'::pg_catalog.regclass and e.objid = p.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
