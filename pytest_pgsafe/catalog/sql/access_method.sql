-- Access methods outside of extensions.
select
    pg_catalog.quote_ident(a.amname) collate "C" as name,
    a.oid as oid,
    d.description as comment,
    'access method' as form,
    pg_catalog.concat_ws(
        ' ', 'TYPE ' || case a.amtype when 't' then 'TABLE' else 'INDEX' end, 'HANDLER ' || nullif(a.amhandler::pg_catalog.oid, 0)::pg_catalog.regprocedure
    ) as definition,
    null::text as owner,
    null::text as enabled
from pg_catalog.pg_am a
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_am'::pg_catalog.regclass and d.objoid = a.oid and d.objsubid = 0
where a.oid >= 16384
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_am'::pg_catalog.regclass and e.objid = a.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
