-- The same as large_objects.sql, for a role that may read the objects but not their system table.
with objects as materialized (
    select oid as loid, lo_get(oid) as data, (current_setting('block_size')::int4 / 4) as page
    from pg_largeobject_metadata
)
select
    count(*),
    sum((
        select sum(hash_array_extended(array[content], place))
        from generate_series(0, (length(data) - 1) / page) as number
        cross join lateral (
            select
                hashint8extended(number, hashoidextended(loid, 0)) as place,
                rtrim(substring(data from number * page + 1 for page), '\x00'::bytea) as content
        ) p
        where content <> ''::bytea
    )),
    sum(hashint8extended(length(data), hashoidextended(loid, 1)))
from objects
