-- Functions, procedures, aggregates and window functions. Constructors of ranges belong to their type.
select
    pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)) collate "C" as name,
    p.oid,
    d.description as comment,
    case p.prokind
        when 'p' then 'procedure' when 'a' then 'aggregate' when 'w' then 'window function' else 'function'
    end as form,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.proowner)) as owner,
    pg_catalog.pg_get_function_result(p.oid) as returns,
    case
        -- What pg_get_functiondef says is the latest; the text of the function is that of the snapshot, as in a dump.
        when p.prokind <> 'a' and (p.prosqlbody is not null or p.probin is not null or f.head = 0)
            then pg_catalog.pg_get_functiondef(p.oid)
        when p.prokind <> 'a' then pg_catalog.concat(
            pg_catalog.left(f.text, f.head - 1), E'\nAS ', f.tag, f.longer, '$', p.prosrc, f.tag, f.longer, '$', E'\n'
        )
        else pg_catalog.concat_ws(
            ', ',
            pg_catalog.pg_get_function_arguments(p.oid),
            pg_catalog.concat('kind ', a.aggkind, ' ', a.aggnumdirectargs),
            'sfunc ' || nullif(a.aggtransfn, 0)::pg_catalog.regprocedure,
            'stype ' || pg_catalog.format_type(a.aggtranstype, null),
            'sspace ' || a.aggtransspace,
            'finalfunc ' || nullif(a.aggfinalfn, 0)::pg_catalog.regprocedure || pg_catalog.concat(' ', a.aggfinalmodify, ' ', a.aggfinalextra),
            'combinefunc ' || nullif(a.aggcombinefn, 0)::pg_catalog.regprocedure,
            'serialfunc ' || nullif(a.aggserialfn, 0)::pg_catalog.regprocedure,
            'deserialfunc ' || nullif(a.aggdeserialfn, 0)::pg_catalog.regprocedure,
            'initcond ' || pg_catalog.quote_literal(a.agginitval),
            'msfunc ' || nullif(a.aggmtransfn, 0)::pg_catalog.regprocedure,
            'minvfunc ' || nullif(a.aggminvtransfn, 0)::pg_catalog.regprocedure,
            'mstype ' || pg_catalog.format_type(nullif(a.aggmtranstype, 0), null),
            'msspace ' || nullif(a.aggmtransspace, 0),
            'mfinalfunc ' || nullif(a.aggmfinalfn, 0)::pg_catalog.regprocedure || pg_catalog.concat(' ', a.aggmfinalmodify, ' ', a.aggmfinalextra),
            'minitcond ' || pg_catalog.quote_literal(a.aggminitval),
            'sortop ' || nullif(a.aggsortop, 0)::pg_catalog.regoperator,
            pg_catalog.concat('parallel ', p.proparallel)
        )
    end as definition,
    p.prosecdef as security_definer
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
left join pg_catalog.pg_aggregate a on a.aggfnoid = p.oid
left join lateral (
    select
        t.text, t.tag,
        pg_catalog.strpos(t.text, E'\nAS ' || t.tag) as head,
        -- As PostgreSQL does: the quote is longer than what looks like it in the text.
        pg_catalog.repeat('x', coalesce(
            (
                select pg_catalog.max(pg_catalog.length(m[2])) + 1
                from pg_catalog.regexp_matches(p.prosrc, '(\$function|\$procedure)(x*)', 'g') m
                where m[1] = t.tag
            ),
            0
        )) as longer
    from (
        select case when p.prokind <> 'a' then pg_catalog.pg_get_functiondef(p.oid) end as text,
            case p.prokind when 'p' then '$procedure' else '$function' end as tag
    ) t
) f on p.prokind <> 'a'
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objoid = p.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and e.objid = p.oid and e.deptype in ('e', 'i')
    )
order by name;
