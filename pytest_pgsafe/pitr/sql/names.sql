-- Every relation of the database with a file of its own or with parts: OID, name, kind, file, and what it is a part of.
select c.oid::int8, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name, c.relkind::text as kind,
       coalesce(pg_relation_filenode(c.oid), 0)::int8 as file,
       coalesce((select array_agg(i.inhparent::int8 order by i.inhseqno) from pg_catalog.pg_inherits i
                 where i.inhrelid = c.oid), '{}') as parents
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid >= 16384 and c.relpersistence <> 't'
order by c.oid
