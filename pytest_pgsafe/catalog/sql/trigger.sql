-- Triggers, those that partitions have from their parent among them (until 14 marked internal). The triggers behind
-- keys stand with their constraint.
select
    pg_catalog.format('%I.%I', n.nspname, c.relname) || '.' || pg_catalog.quote_ident(t.tgname) collate "C" as name,
    t.oid,
    d.description as comment,
    pg_catalog.format('%I.%I', n.nspname, c.relname) as table,
    pg_catalog.pg_get_triggerdef(t.oid) as definition,
    case t.tgenabled when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' else 'always' end as enabled,
    pg_catalog.format('%I.%I(%s)', fn.nspname, f.proname, pg_catalog.oidvectortypes(f.proargtypes)) as function
from pg_catalog.pg_trigger t
join pg_catalog.pg_class c on c.oid = t.tgrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_proc f on f.oid = t.tgfoid
join pg_catalog.pg_namespace fn on fn.oid = f.pronamespace
left join pg_catalog.pg_constraint k on k.oid = t.tgconstraint and t.tgconstraint <> 0
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_trigger'::pg_catalog.regclass and d.objoid = t.oid and d.objsubid = 0
where (not t.tgisinternal or t.tgparentid <> 0)
    and coalesce(k.contype, 't') = 't'
    and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass and e.objid = t.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
