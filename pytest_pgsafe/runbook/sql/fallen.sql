-- Everything that depends on some tables, step by step: what DROP … CASCADE takes with them.
with recursive below (classid, objid) as (
    select 'pg_catalog.pg_class'::regclass::oid, oid from pg_catalog.pg_class where oid = any (%s::oid[])
    union
    select step.classid, step.objid
    from below b
    cross join lateral (
        select d.classid, d.objid from pg_catalog.pg_depend d where d.refclassid = b.classid and d.refobjid = b.objid
        union all
        -- A view's rule depends on what the view reads, and the view is the rule's.
        select 'pg_catalog.pg_class'::regclass::oid, r.ev_class from pg_catalog.pg_rewrite r
        where b.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = b.objid
    ) as step
)
select classid::int8, objid::int8 from below
