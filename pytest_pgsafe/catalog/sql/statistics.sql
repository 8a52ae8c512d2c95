-- Extended statistics. Columns by name: pg_get_statisticsobjdef orders them by attnum, which a restore may change.
select
    pg_catalog.format('%I.%I', n.nspname, s.stxname) collate "C" as name,
    s.oid as oid,
    d.description as comment,
    'statistics' as form,
    pg_catalog.concat_ws(
        ' ',
        '(' || pg_catalog.array_to_string(
            array(
                select case k
                    when 'd' then 'ndistinct' when 'f' then 'dependencies' when 'm' then 'mcv' else 'expressions'
                end as word
                from pg_catalog.unnest(s.stxkind) as k
                order by word
            ),
            ', '
        ) || ')',
        'ON ' || pg_catalog.array_to_string(
            array(
                select part
                from (
                    select pg_catalog.quote_ident(a.attname) collate "C" as part
                    from pg_catalog.pg_attribute a
                    where a.attrelid = s.stxrelid and a.attnum = any (s.stxkeys::pg_catalog.int2[])
                    union all
                    select pg_catalog.unnest(pg_catalog.pg_get_statisticsobjdef_expressions(s.oid))
                ) as p
                order by part
            ),
            ', '
        ),
        'FROM ' || pg_catalog.format('%I.%I', m.nspname, c.relname),
        'STATISTICS ' || nullif(s.stxstattarget, -1)
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.stxowner)) as owner,
    null::text as enabled
from pg_catalog.pg_statistic_ext s
join pg_catalog.pg_namespace n on n.oid = s.stxnamespace
join pg_catalog.pg_class c on c.oid = s.stxrelid
join pg_catalog.pg_namespace m on m.oid = c.relnamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass and d.objoid = s.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass and e.objid = s.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
