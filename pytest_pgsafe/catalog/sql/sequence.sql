-- Sequences. Their column owns them (auto: serial, internal: identity), or else its default calls nextval on them.
with owning as (
    select d.objid as oid, pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname) as column
    from pg_catalog.pg_sequence s
    join pg_catalog.pg_depend d
        on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = s.seqrelid and d.objsubid = 0
        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
    join pg_catalog.pg_class c on c.oid = d.refobjid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
),
feeding as (
    select
        d.refobjid as oid,
        pg_catalog.min(pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname) collate "C") as column
    from pg_catalog.pg_sequence s
    join pg_catalog.pg_depend d
        on d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = s.seqrelid
        and d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
    join pg_catalog.pg_attrdef f on f.oid = d.objid
    join pg_catalog.pg_class c on c.oid = f.adrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
    where pg_catalog.pg_get_expr(f.adbin, f.adrelid) like '%nextval(%'
    group by d.refobjid
)
select
    pg_catalog.format('%I.%I', n.nspname, c.relname) collate "C" as name,
    c.oid,
    d.description as comment,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) as owner,
    pg_catalog.format_type(s.seqtypid, null) as type,
    s.seqstart as start,
    s.seqincrement as increment,
    s.seqmin as minimum,
    s.seqmax as maximum,
    s.seqcache as cache,
    s.seqcycle as cycle,
    case c.relpersistence when 'u' then 'unlogged' else 'permanent' end as persistence,
    coalesce(o.column, f.column) as column,
    o.column is not null as owned
from pg_catalog.pg_sequence s
join pg_catalog.pg_class c on c.oid = s.seqrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join owning o on o.oid = c.oid
left join feeding f on f.oid = c.oid
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objoid = c.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
