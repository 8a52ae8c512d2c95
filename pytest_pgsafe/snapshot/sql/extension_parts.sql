-- What belongs to extensions, and what stands on their relations: a dump carries none of it, and CREATE EXTENSION makes
-- again what the extension's script says. Whatever else there is, somebody added.
with member as (
    select d.classid, d.objid, x.extname, x.extowner
    from pg_depend d
    join pg_extension x on x.oid = d.refobjid
    where d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
        -- What every database has.
        and x.extname <> 'plpgsql'
),
relation as (
    select m.extname, m.extowner, c.*, format('%I.%I', n.nspname, c.relname) as called
    from member m
    join pg_class c on c.oid = m.objid and m.classid = 'pg_class'::regclass
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not like 'pg\_temp\_%'
),
part as (
    select extname, pg_describe_object(classid, objid, 0) as what, '' as definition
    from member
    where classid not in ('pg_class'::regclass, 'pg_proc'::regclass)
        -- Arrays, multiranges and rows of relations come with what they are made of: members by themselves from 17 on.
        and not exists (
            select
            from pg_type t
            where classid = 'pg_type'::regclass and t.oid = objid and (
                t.typtype = 'm'
                or exists (select from pg_type e where e.typarray = t.oid)
                or exists (select from pg_class c where c.oid = t.typrelid and c.relkind <> 'c')
            )
        )
    union all
    -- ALTER FUNCTION … SET, and a body that was replaced.
    select m.extname, pg_describe_object(m.classid, m.objid, 0),
        concat_ws(' ', md5(concat(p.prosrc, p.probin)), p.proconfig::text, p.provolatile, p.proparallel, p.prosecdef)
    from member m
    join pg_proc p on p.oid = m.objid and m.classid = 'pg_proc'::regclass
    union all
    select extname, 'relation ' || called,
        concat_ws(
            ' ', relkind, relpersistence, relrowsecurity, relforcerowsecurity, reloptions::text,
            case when relowner not in (extowner, 10) then 'owner ' || pg_get_userbyid(relowner) end,
            case when relkind in ('v', 'm') then md5(pg_get_viewdef(oid)) end
        )
    from relation
    union all
    select r.extname, format('column %s.%I', r.called, a.attname),
        concat_ws(
            ' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
            pg_get_expr(d.adbin, d.adrelid)
        )
    from relation r
    join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped and r.relkind in ('r', 'p', 'f')
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    union all
    select r.extname, format('index %s on %s', i.indexrelid::regclass, r.called),
        pg_get_indexdef(i.indexrelid)
    from relation r
    join pg_index i on i.indrelid = r.oid
    union all
    select r.extname, format('constraint %I on %s', o.conname, r.called), pg_get_constraintdef(o.oid)
    from relation r
    join pg_constraint o on o.conrelid = r.oid
    -- From 18 on NOT NULL is one, which the column says.
    where o.contype <> 'n'
    union all
    select r.extname, format('trigger %I on %s', t.tgname, r.called),
        concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
    from relation r
    join pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
    union all
    select r.extname, format('rule %I on %s', u.rulename, r.called), pg_get_ruledef(u.oid)
    from relation r
    join pg_rewrite u on u.ev_class = r.oid and u.rulename <> '_RETURN'
    union all
    select r.extname, format('policy %I on %s', p.polname, r.called),
        concat_ws(
            ' ', p.polcmd, p.polpermissive, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
        )
    from relation r
    join pg_policy p on p.polrelid = r.oid
    union all
    select r.extname, format('statistics %I on %s', s.stxname, r.called), pg_get_statisticsobjdef(s.oid)
    from relation r
    join pg_statistic_ext s on s.stxrelid = r.oid
    union all
    select m.extname, 'comment on ' || pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
    from member m
    join pg_description d on d.classoid = m.classid and d.objoid = m.objid
)
select what collate "C" as name, quote_ident(extname) as extension, definition
from part
order by name
