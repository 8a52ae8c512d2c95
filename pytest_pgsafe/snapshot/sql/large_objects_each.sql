-- The digest of each large object; together they are the digest of large_objects.sql.
with pages as materialized (
    select
        loid,
        hashint8extended(pageno, hashoidextended(loid, 0)) as place,
        rtrim(data, '\x00'::bytea) as content,
        pageno::int8 * (current_setting('block_size')::int8 / 4) + length(data) as size
    from pg_largeobject
)
select
    m.oid::text,
    coalesce(sum(hash_array_extended(array[p.content], p.place)) filter (where p.content <> ''::bytea), 0)
        + hashint8extended(coalesce(max(p.size), 0), hashoidextended(m.oid, 1))
from pg_largeobject_metadata m
left join pages p on p.loid = m.oid
group by m.oid
order by m.oid
