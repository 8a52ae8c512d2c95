-- ALTER … DEPENDS ON EXTENSION: the object goes when the extension goes.
select
    i.type || ' ' || i.identity || ' ' || pg_catalog.quote_ident(x.extname) collate "C" as name,
    d.objid as oid,
    null::text as comment,
    'extension dependency' as form,
    '' as definition,
    null::text as owner,
    null::text as enabled
from pg_catalog.pg_depend d
join pg_catalog.pg_extension x on x.oid = d.refobjid
cross join lateral pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid) as i
where d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.deptype = 'x'
order by name;
