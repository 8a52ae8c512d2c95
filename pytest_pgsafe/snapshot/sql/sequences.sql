-- Every sequence that is the database's own, as the catalog names it.
select format('%I.%I', n.nspname, c.relname) collate "C" as name
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'S'
    and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by name
