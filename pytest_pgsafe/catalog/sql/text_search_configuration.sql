-- Text search configurations with the dictionaries of each kind of token, in order.
select
    pg_catalog.format('%I.%I', n.nspname, c.cfgname) collate "C" as name,
    c.oid as oid,
    d.description as comment,
    'text search configuration' as form,
    pg_catalog.concat_ws(
        ', ',
        'PARSER ' || pg_catalog.format('%I.%I', m.nspname, p.prsname),
        (
            select pg_catalog.string_agg(token.alias || ' ' || token.dictionaries, ', ' order by token.alias collate "C")
            from (
                select
                    k.alias,
                    pg_catalog.string_agg(pg_catalog.format('%I.%I', dn.nspname, d.dictname), ' ' order by e.mapseqno)
                        as dictionaries
                from pg_catalog.pg_ts_config_map e
                join pg_catalog.ts_token_type(c.cfgparser) as k on k.tokid = e.maptokentype
                join pg_catalog.pg_ts_dict d on d.oid = e.mapdict
                join pg_catalog.pg_namespace dn on dn.oid = d.dictnamespace
                where e.mapcfg = c.oid
                group by k.alias
            ) as token
        )
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.cfgowner)) as owner,
    null::text as enabled
from pg_catalog.pg_ts_config c
join pg_catalog.pg_namespace n on n.oid = c.cfgnamespace
join pg_catalog.pg_ts_parser p on p.oid = c.cfgparser
join pg_catalog.pg_namespace m on m.oid = p.prsnamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_ts_config'::pg_catalog.regclass and d.objoid = c.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_ts_config'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
