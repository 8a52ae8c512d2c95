-- Columns and expressions whose order something stores: of indexes, and of range partitions. A hash knows no order, and
-- the operator classes for patterns sort by bytes.
with used as (
    select
        pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as object,
        case when i.indisunique then 'unique index' else 'index' end as form,
        i.indrelid as relation,
        pg_catalog.pg_get_indexdef(i.indexrelid, k.number::pg_catalog.int4, true) as written,
        k.sorted as sorted,
        coalesce(a.atttypid, own.atttypid) as type,
        array[]::pg_catalog.text[] as bounds
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid and c.relkind = 'i'
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_am m on m.oid = c.relam and m.amname <> 'hash'
    cross join lateral rows from (
        pg_catalog.unnest(i.indcollation::pg_catalog.oid[]), pg_catalog.unnest(i.indclass::pg_catalog.oid[])
    ) with ordinality as k (sorted, class, number)
    join pg_catalog.pg_opclass o on o.oid = k.class
    join pg_catalog.pg_opfamily f on f.oid = o.opcfamily and f.opfname not like '%\_pattern\_%'
    join pg_catalog.pg_attribute own on own.attrelid = i.indexrelid and own.attnum = k.number
    left join pg_catalog.pg_attribute a
        on a.attrelid = i.indrelid and a.attnum = i.indkey[k.number - 1] and a.attnum > 0
    union all
    select
        pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
        'range partitions',
        p.partrelid,
        pg_catalog.quote_ident(a.attname),
        k.sorted,
        a.atttypid,
        -- Of one column they are plain literals; of several nothing tells which is whose.
        case when p.partnatts = 1 then array(
            select pg_catalog.replace(bound.literal[1], '''''', '''')
            from pg_catalog.pg_inherits part
            join pg_catalog.pg_class of_part on of_part.oid = part.inhrelid
            cross join lateral pg_catalog.regexp_matches(
                pg_catalog.pg_get_expr(of_part.relpartbound, of_part.oid), '''((?:[^'']|'''')*)''', 'g'
            ) as bound (literal)
            where part.inhparent = p.partrelid
        ) else array[]::pg_catalog.text[] end
    from pg_catalog.pg_partitioned_table p
    join pg_catalog.pg_class c on c.oid = p.partrelid and p.partstrat = 'r'
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    cross join lateral rows from (
        pg_catalog.unnest(p.partattrs::pg_catalog.int2[]), pg_catalog.unnest(p.partcollation::pg_catalog.oid[])
    ) with ordinality as k (attribute, sorted, number)
    join pg_catalog.pg_attribute a on a.attrelid = p.partrelid and a.attnum = k.attribute and a.attnum > 0
)
select
    u.object,
    u.form,
    pg_catalog.quote_ident(tn.nspname) || '.' || pg_catalog.quote_ident(t.relname) as table,
    u.written as column,
    pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(l.collname) as collation,
    y.typcategory::pg_catalog.text as category,
    y.typname::pg_catalog.text as type,
    u.bounds
from used u
join pg_catalog.pg_class t on t.oid = u.relation and t.relkind in ('r', 'm', 'p')
join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
join pg_catalog.pg_collation l on l.oid = u.sorted
join pg_catalog.pg_namespace cn on cn.oid = l.collnamespace
join pg_catalog.pg_type y on y.oid = u.type
where tn.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and tn.nspname not like 'pg\_temp\_%'
order by u.object collate "C", u.form, u.written collate "C";
