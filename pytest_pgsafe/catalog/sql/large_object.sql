-- Large objects. There may be millions, so a row for each owner: how many, and one number for which they are.
select
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(m.lomowner)) collate "C" as name,
    0 as oid,
    null::text as comment,
    'large objects' as form,
    pg_catalog.format(
        '%s, %s',
        pg_catalog.count(*),
        pg_catalog.sum(pg_catalog.hashint8extended(m.oid::pg_catalog.int8, 0)::pg_catalog.numeric
            + coalesce(
                pg_catalog.hashint8extended(pg_catalog.hashtextextended(d.description, 0), m.oid::pg_catalog.int8), 0
            )::pg_catalog.numeric)
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(m.lomowner)) as owner,
    null::text as enabled
from pg_catalog.pg_largeobject_metadata m
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass and d.objoid = m.oid and d.objsubid = 0
group by m.lomowner
order by name;
