-- Subscriptions. 15 adds two_phase and disable_on_error.
-- The connection string is hidden from ordinary users, and read by nobody here.
select
    pg_catalog.quote_ident(s.subname) collate "C" as name,
    s.oid as oid,
    d.description as comment,
    'subscription' as form,
    pg_catalog.concat_ws(
        ', ',
        'PUBLICATION ' || pg_catalog.array_to_string(
            array(select pg_catalog.quote_ident(p) from pg_catalog.unnest(s.subpublications) as p order by p collate "C"), ' '
        ),
        'slot_name ' || pg_catalog.quote_ident(s.subslotname),
        'synchronous_commit ' || s.subsynccommit,
        'binary ' || s.subbinary,
        'streaming ' || case s.substream::text
            when 'p' then 'parallel' when 't' then 'on' when 'true' then 'on' else 'off'
        end,
        case when s.subtwophasestate <> 'd' then 'two_phase' end,
        case when s.subdisableonerr then 'disable_on_error' end,
        -- Until 15 there is no other way, and a dump says so.
        'run_as_owner'
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.subowner)) as owner,
    case when s.subenabled then 'enabled' else 'disabled' end as enabled
from pg_catalog.pg_subscription s
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_subscription'::pg_catalog.regclass and d.objoid = s.oid and d.objsubid = 0
where s.subdbid = (select b.oid from pg_catalog.pg_database b where b.datname = pg_catalog.current_database())
order by name;
