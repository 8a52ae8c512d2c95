-- Collations, by the name that SQL knows them by. From 16 on rules of ICU stand beside its locale.
select
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(l.collname) as name,
    case l.collprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end as provider,
    coalesce(l.colliculocale, l.collcollate) as locale,
    pg_catalog.pg_collation_actual_version(l.oid) as version,
    l.collicurules as rules
from pg_catalog.pg_collation l
join pg_catalog.pg_namespace n on n.oid = l.collnamespace
where l.collprovider <> 'd'
    and l.collencoding in (
        -1, (select d.encoding from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
    )
union all
select 'pg_catalog."default"', case d.datlocprovider when 'i' then 'icu' else 'libc' end, coalesce(d.daticulocale, d.datcollate), pg_catalog.pg_database_collation_actual_version(d.oid), d.daticurules
from pg_catalog.pg_database d
where d.datname = pg_catalog.current_database()
order by 1;
