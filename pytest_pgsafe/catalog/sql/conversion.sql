-- Conversions between encodings.
select
    pg_catalog.format('%I.%I', n.nspname, c.conname) collate "C" as name,
    c.oid as oid,
    d.description as comment,
    'conversion' as form,
    pg_catalog.concat_ws(
        ' ',
        case when c.condefault then 'DEFAULT' end,
        'FOR ' || pg_catalog.pg_encoding_to_char(c.conforencoding),
        'TO ' || pg_catalog.pg_encoding_to_char(c.contoencoding),
        'FROM ' || nullif(c.conproc::pg_catalog.oid, 0)::pg_catalog.regprocedure
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.conowner)) as owner,
    null::text as enabled
from pg_catalog.pg_conversion c
join pg_catalog.pg_namespace n on n.oid = c.connamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_conversion'::pg_catalog.regclass and d.objoid = c.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_conversion'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
