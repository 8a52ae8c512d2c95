-- Schemas. The owner and privileges of public are as they are: pg_dump carries those of 14 to newer majors.
select
    pg_catalog.quote_ident(n.nspname) collate "C" as name,
    n.oid,
    d.description as comment,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(n.nspowner)) as owner
from pg_catalog.pg_namespace n
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass and d.objoid = n.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass and e.objid = n.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
