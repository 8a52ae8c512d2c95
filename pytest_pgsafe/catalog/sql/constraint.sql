-- Constraints of tables and domains. Constraint triggers are triggers; NOT NULL of a domain, catalogued here
-- since 17, stands in the domain's definition.
with home as materialized (
    -- Tables and domains, which have constraints.
    select c.oid as relation, 0::pg_catalog.oid as domain, pg_catalog.format('%I.%I', n.nspname, c.relname) as name
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f')
        and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
        and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
    union all
    select 0, t.oid, pg_catalog.format('%I.%I', n.nspname, t.typname)
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    where t.typtype = 'd'
        and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
        and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and e.objid = t.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
),
relation as materialized (
    select c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) as name
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f', 'i', 'I') and n.nspname <> 'pg_toast'
),
-- A key that points to a partitioned table has further rows, one for each partition there, named by a counter. They
-- are no constraints of anybody's making (pg_dump leaves them out): their triggers count for the key they belong to.
shadow as (
    with recursive up as (
        select c.oid, c.conparentid as parent, c.conrelid
        from pg_catalog.pg_constraint c
        join pg_catalog.pg_constraint p on p.oid = c.conparentid and p.conrelid = c.conrelid
        where c.contype = 'f' and c.conparentid <> 0
        union all
        select up.oid, p.conparentid, up.conrelid
        from up
        join pg_catalog.pg_constraint p on p.oid = up.parent
        join pg_catalog.pg_constraint g on g.oid = p.conparentid and g.conrelid = up.conrelid
    )
    select up.oid, up.parent as visible
    from up
    join pg_catalog.pg_constraint p on p.oid = up.parent
    left join pg_catalog.pg_constraint g on g.oid = p.conparentid
    where g.conrelid is distinct from up.conrelid
),
-- ALTER TABLE … DISABLE TRIGGER ALL silences keys through their internal triggers, on the one side or the other.
enabling as (
    select
        x.visible as oid,
        pg_catalog.string_agg(distinct x.word, ' and ' order by x.word) as words,
        pg_catalog.string_agg(distinct x.word, ' and ' order by x.word) filter (where x.checks) as check_words,
        pg_catalog.string_agg(distinct x.word, ' and ' order by x.word) filter (where not x.checks) as action_words
    from (
        select
            coalesce(s.visible, t.tgconstraint) as visible,
            case t.tgenabled when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' else 'always' end
                as word,
            p.proname in ('RI_FKey_check_ins', 'RI_FKey_check_upd') as checks
        from pg_catalog.pg_trigger t
        join pg_catalog.pg_constraint c on c.oid = t.tgconstraint and c.contype = 'f'
        join pg_catalog.pg_proc p on p.oid = t.tgfoid
        left join shadow s on s.oid = t.tgconstraint
        where t.tgisinternal
    ) as x
    group by x.visible
),
-- Of a check the order is that of attnum, which a restore may change: by name there.
own_column as (
    select
        c.oid,
        pg_catalog.array_agg(
            pg_catalog.quote_ident(a.attname)
            order by case when c.contype = 'c' then 0 else k.position end, a.attname collate "C"
        ) as columns
    from pg_catalog.pg_constraint c
    cross join lateral pg_catalog.unnest(c.conkey) with ordinality as k (number, position)
    join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.number
    where c.conrelid <> 0
    group by c.oid
),
far_column as (
    select c.oid, pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) order by k.position) as columns
    from pg_catalog.pg_constraint c
    cross join lateral pg_catalog.unnest(c.confkey) with ordinality as k (number, position)
    join pg_catalog.pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.number
    where c.contype = 'f'
    group by c.oid
),
-- A partition's copy of a foreign key gets the parent's name in a restore, whatever it was called, unless the
-- partition has that name already.
inherited as (
    with recursive up as (
        select c.oid, c.conrelid, c.conparentid as parent
        from pg_catalog.pg_constraint c
        where c.contype = 'f' and c.conparentid <> 0
        union all
        select up.oid, up.conrelid, p.conparentid
        from up
        join pg_catalog.pg_constraint p on p.oid = up.parent
        where p.conparentid <> 0
    )
    select up.oid, p.conname
    from up
    join pg_catalog.pg_constraint p on p.oid = up.parent and p.conparentid = 0
    where not exists (
        select from pg_catalog.pg_constraint o
        where o.conrelid = up.conrelid and o.conname = p.conname and o.oid <> up.oid
    )
)
select
    h.name || '.' || pg_catalog.quote_ident(coalesce(i.conname, c.conname)) collate "C" as name,
    c.oid,
    d.description as comment,
    h.name as table,
    case c.contype
        when 'p' then 'primary key'
        when 'u' then 'unique'
        when 'f' then 'foreign key'
        when 'x' then 'exclusion'
        when 'n' then 'not null'
        else 'check'
    end as form,
    case
        when c.convalidated then pg_catalog.pg_get_constraintdef(c.oid)
        else pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(c.oid), '( NOT VALID| NOT ENFORCED)+$', '')
    end as definition,
    c.convalidated as validated,
    true as enforced,
    case
        when e.oid is null then 'origin'
        when e.words not like '% and %' then e.words
        else pg_catalog.concat_ws(', ', 'check ' || e.check_words, 'action ' || e.action_words)
    end as enabled,
    c.condeferrable as deferrable,
    c.condeferred as initially_deferred,
    -- A key of a partitioned table is marked so by some majors only; it says something of checks alone.
    c.contype in ('c', 'n') and c.connoinherit as no_inherit,
    c.conislocal as local,
    coalesce(o.columns, '{}') as columns,
    case when c.contype = 'f' then far.name end as references,
    coalesce(f.columns, '{}') as reference_columns,
    case
        when c.contype = 'f'
        then case c.confupdtype
            when 'r' then 'restrict' when 'c' then 'cascade' when 'n' then 'set null' when 'd' then 'set default'
            else 'no action'
        end
    end as on_update,
    case
        when c.contype = 'f'
        then case c.confdeltype
            when 'r' then 'restrict' when 'c' then 'cascade' when 'n' then 'set null' when 'd' then 'set default'
            else 'no action'
        end
    end as on_delete,
    case when c.contype = 'f' then case c.confmatchtype when 'f' then 'full' else 'simple' end end as match,
    case when c.contype in ('p', 'u', 'x') then x.name end as index,
    case when c.conparentid <> 0 then above.name || '.' || pg_catalog.quote_ident(coalesce(ip.conname, p.conname)) end as parent
from home h
join pg_catalog.pg_constraint c
    on c.conrelid = h.relation and c.contypid = h.domain
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and d.objoid = c.oid and d.objsubid = 0
left join shadow s on s.oid = c.oid
left join enabling e on e.oid = c.oid
left join own_column o on o.oid = c.oid
left join far_column f on f.oid = c.oid
left join inherited i on i.oid = c.oid
left join relation far on far.oid = c.confrelid and c.contype = 'f'
left join relation x on x.oid = c.conindid and c.contype in ('p', 'u', 'x')
left join pg_catalog.pg_constraint p on p.oid = c.conparentid and c.conparentid <> 0
-- The parent may be such a copy itself.
left join inherited ip on ip.oid = p.oid
left join relation above on above.oid = p.conrelid
where s.oid is null
    and c.contype in ('p', 'u', 'f', 'c', 'x')
order by name;
