-- User mappings. Their options are hidden from ordinary users, so nobody compares them.
select
    'FOR ' || case when m.umuser = 0 then 'PUBLIC' else pg_catalog.quote_ident(m.usename) end
        || ' SERVER ' || pg_catalog.quote_ident(m.srvname) collate "C" as name,
    m.umid as oid,
    null::text as comment,
    'user mapping' as form,
    '' as definition,
    null::text as owner,
    null::text as enabled
from pg_catalog.pg_user_mappings m
order by name;
