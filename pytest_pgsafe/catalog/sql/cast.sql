-- Casts that initdb did not make.
select
    pg_catalog.format(
        '(%s AS %s)', pg_catalog.format_type(c.castsource, null), pg_catalog.format_type(c.casttarget, null)
    ) collate "C" as name,
    c.oid as oid,
    d.description as comment,
    'cast' as form,
    pg_catalog.concat_ws(
        ' ',
        case c.castmethod when 'b' then 'WITHOUT FUNCTION' when 'i' then 'WITH INOUT' end,
        'WITH FUNCTION ' || nullif(c.castfunc::pg_catalog.oid, 0)::pg_catalog.regprocedure,
        case c.castcontext when 'a' then 'AS ASSIGNMENT' when 'i' then 'AS IMPLICIT' end
    ) as definition,
    null::text as owner,
    null::text as enabled
from pg_catalog.pg_cast c
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_cast'::pg_catalog.regclass and d.objoid = c.oid and d.objsubid = 0
where c.oid >= 16384
    -- A range type brings its cast to its multirange.
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass and e.objid = c.oid and e.deptype in ('e', 'i')
    )
order by name;
