-- Event triggers, but not the ones that pgsafe observes with.
select
    pg_catalog.quote_ident(t.evtname) collate "C" as name,
    t.oid as oid,
    d.description as comment,
    'event trigger' as form,
    pg_catalog.concat_ws(
        ' ',
        'ON ' || t.evtevent,
        'WHEN TAG IN (' || pg_catalog.array_to_string(t.evttags, ', ') || ')',
        'EXECUTE FUNCTION ' || t.evtfoid::pg_catalog.regprocedure
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(t.evtowner)) as owner,
    case t.evtenabled when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' else 'always' end as enabled
from pg_catalog.pg_event_trigger t
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass and d.objoid = t.oid and d.objsubid = 0
where t.evtname not like 'pgsafe\_%'
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass and e.objid = t.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
