-- The tables that belong to extensions: the catalog does not list them, and pg_dump carries rows of those alone that the
-- extension marked as configuration, as far as they fulfil its condition.
select
    format('%I.%I', n.nspname, c.relname) collate "C" as name,
    quote_ident(x.extname) as extension,
    x.extversion as version,
    (
        select x.extcondition[place]
        from generate_subscripts(x.extconfig, 1) as place
        where x.extconfig[place] = c.oid
    ) as condition,
    array(
        select quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
        from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        order by a.attname collate "C"
    ) as columns,
    array(
        select quote_ident(a.attname)
        from pg_index i, unnest(i.indkey) with ordinality k (attnum, place)
        join pg_attribute a on a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary and i.indisvalid and a.attrelid = c.oid and k.place <= i.indnkeyatts
        order by k.place
    ) as key,
    c.relkind = 'r' as only
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_depend d
    on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    and d.refclassid = 'pg_extension'::regclass
join pg_extension x on x.oid = d.refobjid
where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not like 'pg\_temp\_%'
order by name
