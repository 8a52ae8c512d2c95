-- Text search templates.
select
    pg_catalog.format('%I.%I', n.nspname, t.tmplname) collate "C" as name,
    t.oid as oid,
    d.description as comment,
    'text search template' as form,
    pg_catalog.concat_ws(
        ', ', 'INIT ' || nullif(t.tmplinit::pg_catalog.oid, 0)::pg_catalog.regprocedure, 'LEXIZE ' || nullif(t.tmpllexize::pg_catalog.oid, 0)::pg_catalog.regprocedure
    ) as definition,
    null::text as owner,
    null::text as enabled
from pg_catalog.pg_ts_template t
join pg_catalog.pg_namespace n on n.oid = t.tmplnamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_ts_template'::pg_catalog.regclass and d.objoid = t.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_ts_template'::pg_catalog.regclass and e.objid = t.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
