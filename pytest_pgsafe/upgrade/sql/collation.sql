-- Collations, by the name that SQL knows them by. 14 notes nothing of the database's own but libc's names.
select
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(l.collname) as name,
    case l.collprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end as provider,
    l.collcollate as locale,
    pg_catalog.pg_collation_actual_version(l.oid) as version,
    null::text as rules
from pg_catalog.pg_collation l
join pg_catalog.pg_namespace n on n.oid = l.collnamespace
where l.collprovider <> 'd'
    and l.collencoding in (
        -1, (select d.encoding from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
    )
union all
select 'pg_catalog."default"', 'libc', d.datcollate, null::text, null::text
from pg_catalog.pg_database d
where d.datname = pg_catalog.current_database()
order by 1;
