-- Count and digest of the large objects. A hole and zero bytes are the same to a reader, and a restore fills holes:
-- each page counts without its trailing zero bytes, empty pages not at all, and each object's size once.
with pages as materialized (
    select
        loid,
        hashint8extended(pageno, hashoidextended(loid, 0)) as place,
        rtrim(data, '\x00'::bytea) as content,
        pageno::int8 * (current_setting('block_size')::int8 / 4) + length(data) as size
    from pg_largeobject
)
select
    (select count(*) from pg_largeobject_metadata),
    (select sum(hash_array_extended(array[content], place)) from pages where content <> ''::bytea),
    (
        select sum(hashint8extended(coalesce(p.size, 0), hashoidextended(m.oid, 1)))
        from pg_largeobject_metadata m
        left join (select loid, max(size) as size from pages group by loid) p on p.loid = m.oid
    )
