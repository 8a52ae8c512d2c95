-- All roles of the cluster, but for the predefined ones, which come with the server. No passwords.
-- Roles. 16 adds INHERIT and SET to each membership.
select
    pg_catalog.quote_ident(r.rolname) collate "C" as name,
    r.oid,
    d.description as comment,
    r.rolsuper as superuser,
    r.rolinherit as inherit,
    r.rolcreaterole as create_role,
    r.rolcreatedb as create_db,
    r.rolcanlogin as login,
    r.rolreplication as replication,
    r.rolbypassrls as bypass_rls,
    r.rolconnlimit as connection_limit,
    array(
        select setting
        from pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) as setting
        where s.setrole = r.oid and s.setdatabase = 0
        order by setting collate "C"
    ) as settings,
    array(
        select setting
        from pg_catalog.pg_db_role_setting s
        join pg_catalog.pg_database b on b.oid = s.setdatabase and b.datname = pg_catalog.current_database()
        cross join lateral pg_catalog.unnest(s.setconfig) as setting
        where s.setrole = r.oid
        order by setting collate "C"
    ) as database_settings,
    array(
        select pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(m.roleid))
            || case when pg_catalog.bool_or(m.admin_option) then ', admin' else '' end
            || case when pg_catalog.bool_or(m.inherit_option) then '' else ', no inherit' end
            || case when pg_catalog.bool_or(m.set_option) then '' else ', no set' end collate "C" as member
        from pg_catalog.pg_auth_members m
        where m.member = r.oid
        group by m.roleid
        order by member
    ) as member_of
from pg_catalog.pg_roles r
left join pg_catalog.pg_shdescription d
    on d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass and d.objoid = r.oid
where r.rolname not like 'pg\_%'
order by name;
