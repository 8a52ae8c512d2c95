-- What the role of this session may not read whole: pg_dump would fail there, or leave rows out.
select kind || ' ' || quote_ident(schema) || '.' || quote_ident(name) as object, why
from (
    select case when c.relkind = 'S' then 'sequence' else 'table' end as kind, n.nspname as schema, c.relname as name,
           case
               when not has_schema_privilege(n.oid, 'USAGE') then 'no USAGE on its schema'
               when c.relkind = 'S' and not has_sequence_privilege(c.oid, 'SELECT') then 'no SELECT'
               when c.relkind <> 'S' and not has_table_privilege(c.oid, 'SELECT') then 'no SELECT'
               when c.relkind <> 'S' and row_security_active(c.oid) then 'row security would hide rows'
           end as why
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'S')
      and c.relpersistence <> 't'
      and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
      and not exists (
          select from pg_catalog.pg_depend d
          join pg_catalog.pg_extension e on d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid
          where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
            and c.oid <> all (coalesce(e.extconfig, '{}'))
      )
) as readable
where why is not null
order by kind, schema collate "C", name collate "C"
