-- Procedural languages outside of extensions.
select
    pg_catalog.quote_ident(l.lanname) collate "C" as name,
    l.oid as oid,
    d.description as comment,
    'language' as form,
    pg_catalog.concat_ws(
        ' ',
        case when l.lanpltrusted then 'TRUSTED' end,
        'HANDLER ' || nullif(l.lanplcallfoid::pg_catalog.oid, 0)::pg_catalog.regprocedure,
        'INLINE ' || nullif(l.laninline::pg_catalog.oid, 0)::pg_catalog.regprocedure,
        'VALIDATOR ' || nullif(l.lanvalidator::pg_catalog.oid, 0)::pg_catalog.regprocedure
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(l.lanowner)) as owner,
    null::text as enabled
from pg_catalog.pg_language l
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_language'::pg_catalog.regclass and d.objoid = l.oid and d.objsubid = 0
where l.oid >= 16384
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_language'::pg_catalog.regclass and e.objid = l.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
