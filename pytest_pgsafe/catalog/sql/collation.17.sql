-- Collations. Their versions belong to the machine and do not count. 17 renames the column of the locale.
select
    pg_catalog.format('%I.%I', n.nspname, c.collname) collate "C" as name,
    c.oid as oid,
    d.description as comment,
    'collation' as form,
    pg_catalog.concat_ws(
        ', ',
        case c.collprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end,
        case
            when c.collprovider in ('i', 'b') then 'locale ' || c.colllocale
            else pg_catalog.concat_ws(', ', 'lc_collate ' || c.collcollate, 'lc_ctype ' || c.collctype)
        end,
        'rules ' || pg_catalog.quote_literal(c.collicurules),
        case when not c.collisdeterministic then 'nondeterministic' end
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.collowner)) as owner,
    null::text as enabled
from pg_catalog.pg_collation c
join pg_catalog.pg_namespace n on n.oid = c.collnamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_collation'::pg_catalog.regclass and d.objoid = c.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_collation'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
