-- Rules, but not those that make a view.
select
    pg_catalog.format('%I.%I', n.nspname, c.relname) || '.' || pg_catalog.quote_ident(r.rulename) collate "C" as name,
    r.oid,
    d.description as comment,
    pg_catalog.format('%I.%I', n.nspname, c.relname) as table,
    pg_catalog.pg_get_ruledef(r.oid) as definition,
    case r.ev_enabled when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' else 'always' end as enabled
from pg_catalog.pg_rewrite r
join pg_catalog.pg_class c on c.oid = r.ev_class
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objoid = r.oid and d.objsubid = 0
where r.rulename <> '_RETURN'
    and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and e.objid = r.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
