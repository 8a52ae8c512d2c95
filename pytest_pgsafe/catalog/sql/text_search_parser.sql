-- Text search parsers.
select
    pg_catalog.format('%I.%I', n.nspname, p.prsname) collate "C" as name,
    p.oid as oid,
    d.description as comment,
    'text search parser' as form,
    pg_catalog.concat_ws(
        ', ',
        'START ' || nullif(p.prsstart::pg_catalog.oid, 0)::pg_catalog.regprocedure,
        'GETTOKEN ' || nullif(p.prstoken::pg_catalog.oid, 0)::pg_catalog.regprocedure,
        'END ' || nullif(p.prsend::pg_catalog.oid, 0)::pg_catalog.regprocedure,
        'LEXTYPES ' || nullif(p.prslextype::pg_catalog.oid, 0)::pg_catalog.regprocedure,
        'HEADLINE ' || nullif(p.prsheadline::pg_catalog.oid, 0)::pg_catalog.regprocedure
    ) as definition,
    null::text as owner,
    null::text as enabled
from pg_catalog.pg_ts_parser p
join pg_catalog.pg_namespace n on n.oid = p.prsnamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_ts_parser'::pg_catalog.regclass and d.objoid = p.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_ts_parser'::pg_catalog.regclass and e.objid = p.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
