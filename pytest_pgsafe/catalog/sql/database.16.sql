-- The database itself. 16 adds tailored ICU rules.
select
    pg_catalog.quote_ident(d.datname) collate "C" as name,
    d.oid,
    c.description as comment,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.datdba)) as owner,
    pg_catalog.pg_encoding_to_char(d.encoding)::text as encoding,
    case d.datlocprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end as provider,
    d.datcollate::text as collate,
    d.datctype::text as ctype,
    d.daticulocale as locale,
    d.daticurules as icu_rules,
    array(
        select setting
        from pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) as setting
        where s.setdatabase = d.oid and s.setrole = 0
        order by setting collate "C"
    ) as settings,
    d.datconnlimit as connection_limit,
    d.datistemplate as is_template,
    d.datcollversion as collation_version,
    pg_catalog.pg_database_size(d.oid) as size
from pg_catalog.pg_database d
left join pg_catalog.pg_shdescription c
    on c.objoid = d.oid and c.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass
where d.datname = pg_catalog.current_database()
order by name;
