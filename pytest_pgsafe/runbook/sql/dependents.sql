-- What points to relations that are moved aside, and does not go along with them. Foreign keys are known by the catalog.
with moved as (
    select c.oid, c.reltype, c.reltoastrelid
    from pg_catalog.pg_class c where c.oid = any (%(relations)s::pg_catalog.oid[])
),
owned as (
    select s.oid, s.reltype
    from pg_catalog.pg_depend d
    join moved m on m.oid = d.refobjid
    join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
    where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
        and d.deptype in ('a', 'i')
),
own as materialized (
    select 'pg_catalog.pg_class'::regclass::pg_catalog.oid as class, oid from moved
    union select 'pg_catalog.pg_class'::regclass, oid from owned
    union select 'pg_catalog.pg_class'::regclass, indexrelid from pg_catalog.pg_index where indrelid in (select oid from moved)
    union select 'pg_catalog.pg_class'::regclass, reltoastrelid from moved
    union select 'pg_catalog.pg_class'::regclass, indexrelid from pg_catalog.pg_index where indrelid in (select reltoastrelid from moved)
    union select 'pg_catalog.pg_type'::regclass, reltype from moved
    union select 'pg_catalog.pg_type'::regclass, reltype from owned
    union select 'pg_catalog.pg_type'::regclass, typarray from pg_catalog.pg_type where oid in (select reltype from moved)
    union select 'pg_catalog.pg_constraint'::regclass, oid from pg_catalog.pg_constraint where conrelid in (select oid from moved)
    union select 'pg_catalog.pg_attrdef'::regclass, oid from pg_catalog.pg_attrdef where adrelid in (select oid from moved)
    union select 'pg_catalog.pg_trigger'::regclass, oid from pg_catalog.pg_trigger where tgrelid in (select oid from moved)
    union select 'pg_catalog.pg_policy'::regclass, oid from pg_catalog.pg_policy where polrelid in (select oid from moved)
    union select 'pg_catalog.pg_rewrite'::regclass, oid from pg_catalog.pg_rewrite where ev_class in (select oid from moved)
    union select 'pg_catalog.pg_statistic_ext'::regclass, oid from pg_catalog.pg_statistic_ext where stxrelid in (select oid from moved)
)
select
    (select relname from pg_catalog.pg_class where oid = d.classid)::text as class,
    d.objid as oid,
    pg_catalog.bool_or(d.refclassid = 'pg_catalog.pg_type'::regclass) as by_type,
    coalesce(
        pg_catalog.array_agg(distinct pg_catalog.format('%%I.%%I.%%I', n.nspname, c.relname, a.attname))
            filter (where a.attname is not null),
        '{}'
    ) as columns,
    pg_catalog.pg_describe_object(d.classid, d.objid, 0) as described
from pg_catalog.pg_depend d
join own o on o.class = d.refclassid and o.oid = d.refobjid and o.oid <> 0
left join pg_catalog.pg_attribute a
    on d.refclassid = 'pg_catalog.pg_class'::regclass and a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    and d.refobjsubid > 0
left join pg_catalog.pg_class c on c.oid = a.attrelid
left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where not exists (select from own x where x.class = d.classid and x.oid = d.objid)
    and not exists (
        select from pg_catalog.pg_trigger t
        where d.classid = 'pg_catalog.pg_trigger'::regclass and t.oid = d.objid and t.tgisinternal
    )
    and not exists (
        select from pg_catalog.pg_constraint k
        where d.classid = 'pg_catalog.pg_constraint'::regclass and k.oid = d.objid and k.contype = 'f'
    )
    -- What a partition or child has from its parent is told by the table itself.
    and not exists (
        select from pg_catalog.pg_inherits i
        left join pg_catalog.pg_constraint k on k.conrelid = i.inhrelid
        left join pg_catalog.pg_index x on x.indrelid = i.inhrelid
        where i.inhparent in (select oid from moved) and (
            (d.classid = 'pg_catalog.pg_constraint'::regclass and k.oid = d.objid)
            or (d.classid = 'pg_catalog.pg_class'::regclass and x.indexrelid = d.objid)
        )
    )
group by d.classid, d.objid
order by 1, 5
