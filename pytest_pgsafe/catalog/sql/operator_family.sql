-- Operator families with all operators and functions in them.
select
    pg_catalog.format('%I.%I USING %I', n.nspname, f.opfname, a.amname) collate "C" as name,
    f.oid as oid,
    d.description as comment,
    'operator family' as form,
    pg_catalog.array_to_string(
        array(
            select part collate "C"
            from (
                select pg_catalog.concat_ws(
                    ' ',
                    'OPERATOR',
                    o.amopstrategy,
                    o.amopopr::pg_catalog.regoperator,
                    'FOR (' || pg_catalog.format_type(o.amoplefttype, null) || ', '
                        || pg_catalog.format_type(o.amoprighttype, null) || ')',
                    'ORDER BY ' || pg_catalog.quote_ident(sn.nspname) || '.' || pg_catalog.quote_ident(s.opfname)
                )
                from pg_catalog.pg_amop o
                left join pg_catalog.pg_opfamily s on s.oid = o.amopsortfamily
                left join pg_catalog.pg_namespace sn on sn.oid = s.opfnamespace
                where o.amopfamily = f.oid
                union all
                select pg_catalog.concat_ws(
                    ' ',
                    'FUNCTION',
                    p.amprocnum,
                    '(' || pg_catalog.format_type(p.amproclefttype, null) || ', '
                        || pg_catalog.format_type(p.amprocrighttype, null) || ')',
                    nullif(p.amproc::pg_catalog.oid, 0)::pg_catalog.regprocedure
                )
                from pg_catalog.pg_amproc p
                where p.amprocfamily = f.oid
            ) as parts (part)
            order by 1
        ),
        ', '
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(f.opfowner)) as owner,
    null::text as enabled
from pg_catalog.pg_opfamily f
join pg_catalog.pg_namespace n on n.oid = f.opfnamespace
join pg_catalog.pg_am a on a.oid = f.opfmethod
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_opfamily'::pg_catalog.regclass and d.objoid = f.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_opfamily'::pg_catalog.regclass and e.objid = f.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
