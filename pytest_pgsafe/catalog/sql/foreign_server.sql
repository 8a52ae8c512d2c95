-- Foreign servers. Option values that look secret are masked.
select
    pg_catalog.quote_ident(s.srvname) collate "C" as name,
    s.oid as oid,
    d.description as comment,
    'foreign server' as form,
    pg_catalog.concat_ws(
        ' ',
        'TYPE ' || pg_catalog.quote_literal(s.srvtype),
        'VERSION ' || pg_catalog.quote_literal(s.srvversion),
        'FOREIGN DATA WRAPPER ' || pg_catalog.quote_ident(w.fdwname),
        'OPTIONS ' || nullif(array(
        select pg_catalog.regexp_replace(option, '^([^=]*(?:passw|passphrase|passfile|secret|token|credential|api_?key|private|sslkey)[^=]*)=.*$', '\1=****', 'i')
        from pg_catalog.unnest(s.srvoptions) as option
        order by option collate "C"
    )::text, '{}')
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.srvowner)) as owner,
    null::text as enabled
from pg_catalog.pg_foreign_server s
join pg_catalog.pg_foreign_data_wrapper w on w.oid = s.srvfdw
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_foreign_server'::pg_catalog.regclass and d.objoid = s.oid and d.objsubid = 0
where not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_foreign_server'::pg_catalog.regclass and e.objid = s.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
