-- Whether the database's own collation sorts here as it did where the cluster comes from: PostgreSQL 15 and newer.
select d.datcollate in ('C', 'POSIX')
  or coalesce(d.datcollversion = pg_catalog.pg_database_collation_actual_version(d.oid), false) as same
from pg_catalog.pg_database d
where d.datname = pg_catalog.current_database()
