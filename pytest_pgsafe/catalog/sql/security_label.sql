-- Security labels.
select
    pg_catalog.concat_ws(' ', l.provider, i.type, i.identity) collate "C" as name,
    l.objoid as oid,
    null::text as comment,
    'security label' as form,
    l.label as definition,
    null::text as owner,
    null::text as enabled
from pg_catalog.pg_seclabel l
cross join lateral pg_catalog.pg_identify_object(l.classoid, l.objoid, l.objsubid) as i
where not exists (
    select from pg_catalog.pg_depend e
    where e.classid = l.classoid and e.objid = l.objoid
        and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
)
order by name;
