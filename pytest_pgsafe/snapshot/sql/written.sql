-- Files (database/file) that a range of the WAL speaks of, and our own messages in it. With pg_walinspect's schema in the
-- search path.
select distinct found.what
from pg_get_wal_records_info(%(first)s::pg_catalog.pg_lsn, %(last)s::pg_catalog.pg_lsn) as record,
lateral (
    select pg_catalog.substring(record.block_ref, ' rel \d+/(\d+/\d+) ')
    union all
    -- The first one's is found already. Most records that speak of several blocks speak of one file.
    select match[1]
    from pg_catalog.regexp_matches(record.block_ref, ' rel \d+/(\d+/\d+) ', 'g') as match
    where record.block_ref like '%%blkref #1:%%'
    union all
    -- Of a file that is made or cut: …/database/file, or …/database/file_fork.
    select pg_catalog.substring(record.description, '(\d+/\d+)(?:_\w+)?(?: to |$)')
    where record.resource_manager = 'Storage'
    union all
    select pg_catalog.substring(record.description, 'prefix "(pgsafe [^"]*)"')
    where record.resource_manager = 'LogicalMessage'
) as found (what)
where found.what is not null;
