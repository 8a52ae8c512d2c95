-- Collations, by the name that SQL knows them by. From 17 on the locale has one column for all providers but libc.
select
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(l.collname) as name,
    case l.collprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end as provider,
    coalesce(l.colllocale, l.collcollate) as locale,
    pg_catalog.pg_collation_actual_version(l.oid) as version,
    l.collicurules as rules
from pg_catalog.pg_collation l
join pg_catalog.pg_namespace n on n.oid = l.collnamespace
where l.collprovider <> 'd'
    and l.collencoding in (
        -1, (select d.encoding from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
    )
union all
select 'pg_catalog."default"', case d.datlocprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end, coalesce(d.datlocale, d.datcollate), pg_catalog.pg_database_collation_actual_version(d.oid), d.daticurules
from pg_catalog.pg_database d
where d.datname = pg_catalog.current_database()
order by 1;
