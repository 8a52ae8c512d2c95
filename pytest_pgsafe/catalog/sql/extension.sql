-- Extensions. Their members are not listed: what they are follows from name and version.
select
    pg_catalog.quote_ident(x.extname) collate "C" as name,
    x.oid,
    d.description as comment,
    x.extversion as version,
    pg_catalog.quote_ident(n.nspname) as schema,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.extowner)) as owner
from pg_catalog.pg_extension x
join pg_catalog.pg_namespace n on n.oid = x.extnamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.objoid = x.oid and d.objsubid = 0
order by name;
