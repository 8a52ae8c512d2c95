-- Ordinary, partitioned and foreign tables, partitions among them.
with parent as (
    select
        i.inhrelid as oid,
        pg_catalog.array_agg(pg_catalog.format('%I.%I', n.nspname, c.relname) order by i.inhseqno) as parents,
        pg_catalog.bool_or(i.inhdetachpending) as detaching
    from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhparent and c.relkind in ('r', 'p', 'f')
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    group by i.inhrelid
),
identity as (
    select x.indrelid as oid, pg_catalog.format('%I.%I', n.nspname, c.relname) as index
    from pg_catalog.pg_index x
    join pg_catalog.pg_class c on c.oid = x.indexrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where x.indisreplident
)
select
    pg_catalog.format('%I.%I', n.nspname, c.relname) collate "C" as name,
    c.oid,
    d.description as comment,
    case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' else 'foreign table' end as form,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) as owner,
    case c.relpersistence when 'u' then 'unlogged' else 'permanent' end as persistence,
    case c.relreplident
        when 'n' then 'nothing'
        when 'f' then 'full'
        when 'i' then pg_catalog.concat_ws(' ', 'index', r.index)
        else 'default'
    end as replica_identity,
    c.relrowsecurity as row_security,
    c.relforcerowsecurity as force_row_security,
    array(
        select option
        from (
            select pg_catalog.unnest(c.reloptions) as option
            union all
            select 'toast.' || pg_catalog.unnest(t.reloptions)
        ) as o
        order by option collate "C"
    ) as options,
    a.amname::text as access_method,
    s.spcname::text as tablespace,
    case c.relkind when 'p' then pg_catalog.pg_get_partkeydef(c.oid) end as partition_key,
    pg_catalog.pg_get_expr(c.relpartbound, c.oid)
        || case when p.detaching then ' DETACH PENDING' else '' end as partition_bound,
    coalesce(p.parents, '{}') as parents,
    case when c.reloftype <> 0 then pg_catalog.format_type(c.reloftype, null) end as of_type,
    pg_catalog.quote_ident(v.srvname) as foreign_server,
    array(
        select pg_catalog.regexp_replace(option, '^([^=]*(?:passw|passphrase|passfile|secret|token|credential|api_?key|private|sslkey)[^=]*)=.*$', '\1=****', 'i')
        from pg_catalog.unnest(f.ftoptions) as option
        order by option collate "C"
    ) as foreign_options,
    case
        when c.relkind = 'r'
        then coalesce(pg_catalog.pg_relation_size(c.oid), 0)
            + case when c.reltoastrelid = 0 then 0 else coalesce(pg_catalog.pg_relation_size(c.reltoastrelid), 0) end
        else 0
    end as size,
    greatest(c.reltuples, 0)::pg_catalog.float8 as estimated_rows,
    c.relfilenode
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objoid = c.oid and d.objsubid = 0
left join pg_catalog.pg_class t on t.oid = c.reltoastrelid and c.reltoastrelid <> 0
left join pg_catalog.pg_am a on a.oid = c.relam
left join pg_catalog.pg_tablespace s on s.oid = c.reltablespace
left join parent p on p.oid = c.oid
left join identity r on r.oid = c.oid
left join pg_catalog.pg_foreign_table f on f.ftrelid = c.oid
left join pg_catalog.pg_foreign_server v on v.oid = f.ftserver
where c.relkind in ('r', 'p', 'f')
    and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
