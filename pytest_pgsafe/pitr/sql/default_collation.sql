-- PostgreSQL 14 does not note the version of a database's own collation.
select d.datcollate in ('C', 'POSIX') as same
from pg_catalog.pg_database d
where d.datname = pg_catalog.current_database()
