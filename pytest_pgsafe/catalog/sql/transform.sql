-- Transforms between a type and a language.
select
    pg_catalog.format('FOR %s LANGUAGE %I', pg_catalog.format_type(t.trftype, null), l.lanname) collate "C" as name,
    t.oid as oid,
    d.description as comment,
    'transform' as form,
    pg_catalog.concat_ws(
        ', ',
        'FROM SQL WITH FUNCTION ' || nullif(t.trffromsql::pg_catalog.oid, 0)::pg_catalog.regprocedure,
        'TO SQL WITH FUNCTION ' || nullif(t.trftosql::pg_catalog.oid, 0)::pg_catalog.regprocedure
    ) as definition,
    null::text as owner,
    null::text as enabled
from pg_catalog.pg_transform t
join pg_catalog.pg_language l on l.oid = t.trflang
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_transform'::pg_catalog.regclass and d.objoid = t.oid and d.objsubid = 0
where not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_transform'::pg_catalog.regclass and e.objid = t.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
