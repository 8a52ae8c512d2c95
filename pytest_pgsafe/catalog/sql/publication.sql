-- Publications.
with relation as (
    select
        r.prpubid as oid,
        pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, c.relname), ', ' order by n.nspname collate "C", c.relname collate "C") as tables
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
