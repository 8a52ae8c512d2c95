-- Privileges, one row for each grantee, and default privileges.
with object as (
    select
        case c.relkind when 'S' then 'sequence' else 'table' end as kind,
        pg_catalog.format('%I.%I', n.nspname, c.relname) as name,
        case c.relkind when 'S' then 's' else 'r' end::"char" as acl_type,
        c.relowner as owner,
        c.relacl as acl,
        'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid as catalog,
        c.oid,
        0 as sub,
        n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer') as own
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S')
        and n.nspname not like all (
            array['pg\_toast%', 'pg\_temp%', 'information\_schema', 'pgsafe\_observer']
        )
    union all
    select
        'column', pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname), 'c', c.relowner, a.attacl,
        'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, a.attnum, n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where a.attacl is not null and not a.attisdropped
        and n.nspname not like all (
            array['pg\_toast%', 'pg\_temp%', 'information\_schema', 'pgsafe\_observer']
        )
    union all
    select
        'function', pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)), 'f', p.proowner, p.proacl, 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0, n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname not like all (
            array['pg\_toast%', 'pg\_temp%', 'information\_schema', 'pgsafe\_observer']
        )
        and (
            p.proacl is not null
            or n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
                and not exists (
                    select from pg_catalog.pg_depend e
                    where e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and e.objid = p.oid and e.deptype = 'i'
                )
        )
    union all
    select
        'type', pg_catalog.format('%I.%I', n.nspname, t.typname), 'T', t.typowner, t.typacl,
        'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 0, n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join pg_catalog.pg_class c on c.oid = t.typrelid and t.typrelid <> 0
    where n.nspname not like all (
            array['pg\_toast%', 'pg\_temp%', 'information\_schema', 'pgsafe\_observer']
        )
        and (t.typacl is not null or n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer'))
        and t.typtype in ('b', 'c', 'd', 'e', 'r')
        and (t.typtype <> 'c' or c.relkind = 'c')
        and t.typisdefined
        and not (
            t.typtype = 'b'
            and exists (select from pg_catalog.pg_type o where o.typarray = t.oid and o.oid = t.typelem)
        )
    union all
    select
        'schema', pg_catalog.quote_ident(n.nspname), 'n', n.nspowner, n.nspacl,
        'pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid, 0, n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    from pg_catalog.pg_namespace n
    where n.nspname not like all (
            array['pg\_toast%', 'pg\_temp%', 'information\_schema', 'pgsafe\_observer']
        )
    union all
    select
        'language', pg_catalog.quote_ident(l.lanname), 'l', l.lanowner, l.lanacl,
        'pg_catalog.pg_language'::pg_catalog.regclass, l.oid, 0, l.oid >= 16384
    from pg_catalog.pg_language l
    union all
    select
        'foreign-data wrapper', pg_catalog.quote_ident(w.fdwname), 'F', w.fdwowner, w.fdwacl,
        'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, w.oid, 0, true
    from pg_catalog.pg_foreign_data_wrapper w
    union all
    select
        'foreign server', pg_catalog.quote_ident(s.srvname), 'S', s.srvowner, s.srvacl,
        'pg_catalog.pg_foreign_server'::pg_catalog.regclass, s.oid, 0, true
    from pg_catalog.pg_foreign_server s
    union all
    -- Of large objects there may be millions: only those that say something, and not their owner's part.
    select
        'large object', m.oid::text, 'L', m.lomowner, m.lomacl,
        'pg_catalog.pg_largeobject'::pg_catalog.regclass, m.oid, 0, true
    from pg_catalog.pg_largeobject_metadata m
    where m.lomacl is not null
    union all
    -- A copy has another name, so the database has none here.
    select
        'database', 'database', 'd', d.datdba, d.datacl,
        'pg_catalog.pg_database'::pg_catalog.regclass, d.oid, 0, true
    from pg_catalog.pg_database d
    where d.datname = pg_catalog.current_database()
),
listed as materialized (
    select o.kind, o.name, o.owner, coalesce(o.acl, pg_catalog.acldefault(o.acl_type, o.owner)) as acl, o.oid
    from object o
    left join pg_catalog.pg_depend e
        on e.classid = o.catalog and e.objid = o.oid and e.objsubid = 0
        and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    left join pg_catalog.pg_init_privs i on i.classoid = o.catalog and i.objoid = o.oid and i.objsubid = o.sub
    where o.own and e.objid is null
        -- What initdb or an extension made is listed where its privileges are not what they were made with.
        or o.acl::text is distinct from i.initprivs::text
            and o.acl is not null
            and array(
                select x.grantee::text || x.privilege_type || x.is_grantable
                from pg_catalog.aclexplode(o.acl) x order by 1
            ) <> array(
                select x.grantee::text || x.privilege_type || x.is_grantable
                from pg_catalog.aclexplode(coalesce(i.initprivs, pg_catalog.acldefault(o.acl_type, o.owner))) x
                order by 1
            )
),
-- Most objects of an owner have one and the same list: each different list is taken apart once. The same privilege
-- may come from several grantors.
exploded as (
    select
        l.owner,
        l.acl::text as list,
        x.privilege_type,
        x.grantee = l.owner as to_owner,
        case when x.grantee = 0 then 'PUBLIC' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) end
            as grantee,
        pg_catalog.bool_or(x.is_grantable) as grantable
    from (select distinct on (o.owner, o.acl::text) o.owner, o.acl from listed o) as l
    cross join lateral pg_catalog.aclexplode(l.acl) as x
    -- 17 gives owners MAINTAIN, which no older dump says.
    where not (x.grantee = l.owner and x.privilege_type = 'MAINTAIN')
    group by l.owner, l.acl::text, x.grantee, x.privilege_type
),
future as (
    select
        pg_catalog.concat_ws(
            ' ',
            pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.defaclrole)),
            'IN SCHEMA ' || pg_catalog.quote_ident(n.nspname),
            'ON ' || case a.defaclobjtype
                when 'r' then 'TABLES' when 'S' then 'SEQUENCES' when 'f' then 'FUNCTIONS' when 'T' then 'TYPES'
                when 'n' then 'SCHEMAS' else 'LARGE OBJECTS'
            end
        ) as name,
        a.oid,
        -- An empty list says that not even the owner has a privilege.
        coalesce(x.privilege_type, 'NONE') as privilege_type,
        coalesce(x.grantee = a.defaclrole, false) as to_owner,
        case
            when coalesce(x.grantee, 0) = 0 then 'PUBLIC'
            else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee))
        end as grantee,
        coalesce(pg_catalog.bool_or(x.is_grantable), false) as grantable
    from pg_catalog.pg_default_acl a
    left join pg_catalog.pg_namespace n on n.oid = a.defaclnamespace
    left join lateral pg_catalog.aclexplode(a.defaclacl) as x
        on not (x.grantee = a.defaclrole and x.privilege_type = 'MAINTAIN')
    where n.nspname is distinct from 'pgsafe_observer'
    group by a.oid, a.defaclrole, a.defaclobjtype, n.nspname, x.grantee, x.privilege_type
),
every as (
    select l.kind, l.name, l.oid, x.privilege_type, x.to_owner, x.grantee, x.grantable
    from listed l
    join exploded x on x.owner = l.owner and x.list = l.acl::text
    where not (x.to_owner and l.kind = 'large object')
    union all
    select 'default privileges', f.name, f.oid, f.privilege_type, f.to_owner, f.grantee, f.grantable
    from future f
)
select
    e.kind || ' ' || case e.kind when 'database' then '' else e.name || ' ' end || e.privilege_type || ' ' || e.grantee
        collate "C" as name,
    e.oid,
    null::text as comment,
    e.kind as object_kind,
    e.name as object,
    e.privilege_type as privilege,
    e.grantee,
    e.grantable,
    e.to_owner
from every e
order by name;
