-- Operators. One without a function is a shell: named by another one as commutator or negator, and not made. It does
-- nothing, and what names it says so; nothing dumps one that is left over.
select
    pg_catalog.format(
        '%I.%s(%s, %s)',
        n.nspname,
        o.oprname,
        case when o.oprleft = 0 then 'NONE' else pg_catalog.format_type(o.oprleft, null) end,
        case when o.oprright = 0 then 'NONE' else pg_catalog.format_type(o.oprright, null) end
    ) collate "C" as name,
    o.oid as oid,
    d.description as comment,
    'operator' as form,
    pg_catalog.concat_ws(
        ', ',
        'FUNCTION ' || o.oprcode::pg_catalog.oid::pg_catalog.regprocedure,
        'RETURNS ' || pg_catalog.format_type(nullif(o.oprresult, 0), null),
        'COMMUTATOR ' || nullif(o.oprcom, 0)::pg_catalog.regoperator,
        'NEGATOR ' || nullif(o.oprnegate, 0)::pg_catalog.regoperator,
        'RESTRICT ' || nullif(o.oprrest::pg_catalog.oid, 0)::pg_catalog.regprocedure,
        'JOIN ' || nullif(o.oprjoin::pg_catalog.oid, 0)::pg_catalog.regprocedure,
        case when o.oprcanhash then 'HASHES' end,
        case when o.oprcanmerge then 'MERGES' end
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o.oprowner)) as owner,
    null::text as enabled
from pg_catalog.pg_operator o
join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_operator'::pg_catalog.regclass and d.objoid = o.oid and d.objsubid = 0
where o.oprcode <> 0
    and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass and e.objid = o.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
