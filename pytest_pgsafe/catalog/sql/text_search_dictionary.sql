-- Text search dictionaries.
select
    pg_catalog.format('%I.%I', n.nspname, t.dictname) collate "C" as name,
    t.oid as oid,
    d.description as comment,
    'text search dictionary' as form,
    pg_catalog.concat_ws(
        ', ', 'TEMPLATE ' || pg_catalog.format('%I.%I', m.nspname, p.tmplname), t.dictinitoption
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(t.dictowner)) as owner,
    null::text as enabled
from pg_catalog.pg_ts_dict t
join pg_catalog.pg_namespace n on n.oid = t.dictnamespace
join pg_catalog.pg_ts_template p on p.oid = t.dicttemplate
join pg_catalog.pg_namespace m on m.oid = p.tmplnamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_ts_dict'::pg_catalog.regclass and d.objoid = t.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_ts_dict'::pg_catalog.regclass and e.objid = t.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
