-- Foreign-data wrappers. Option values that look secret are masked.
select
    pg_catalog.quote_ident(w.fdwname) collate "C" as name,
    w.oid as oid,
    d.description as comment,
    'foreign-data wrapper' as form,
    pg_catalog.concat_ws(
        ' ',
        'HANDLER ' || nullif(w.fdwhandler::pg_catalog.oid, 0)::pg_catalog.regprocedure,
        'VALIDATOR ' || nullif(w.fdwvalidator::pg_catalog.oid, 0)::pg_catalog.regprocedure,
        'OPTIONS ' || nullif(array(
        select pg_catalog.regexp_replace(option, '^([^=]*(?:passw|passphrase|passfile|secret|token|credential|api_?key|private|sslkey)[^=]*)=.*$', '\1=****', 'i')
        from pg_catalog.unnest(w.fdwoptions) as option
        order by option collate "C"
    )::text, '{}')
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(w.fdwowner)) as owner,
    null::text as enabled
from pg_catalog.pg_foreign_data_wrapper w
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass and d.objoid = w.oid and d.objsubid = 0
where not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass and e.objid = w.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
