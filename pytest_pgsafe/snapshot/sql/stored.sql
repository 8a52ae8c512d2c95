-- What each relation's rows depend on beside its blocks, told so that equal means equal: for two copies of one database,
-- which have the same OIDs. The large objects' two catalogs are among them.
with recursive relation as materialized (
    select c.*
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm')
        and (
            n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
            or c.oid in ('pg_catalog.pg_largeobject'::pg_catalog.regclass, 'pg_catalog.pg_largeobject_metadata'::pg_catalog.regclass)
        )
),
held as materialized (
    select a.*
    from relation r
    join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0
),
-- What a type is made of.
made (type, part) as (
    select oid, typelem from pg_catalog.pg_type where typelem <> 0
    union all
    select oid, typbasetype from pg_catalog.pg_type where typbasetype <> 0
    union all
    select rngtypid, rngsubtype from pg_catalog.pg_range
    union all
    select rngmultitypid, rngtypid from pg_catalog.pg_range
    union all
    select t.oid, a.atttypid
    from pg_catalog.pg_type t
    join pg_catalog.pg_attribute a on a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    where t.typtype = 'c'
),
used (type, part) as (
    select distinct h.atttypid, h.atttypid from held h where not h.attisdropped
    union
    select u.type, m.part from used u join made m on m.type = u.part
),
part as (
    select
        t.oid,
        pg_catalog.concat_ws(
            '|', t.oid, n.nspname, t.typname, t.typlen, t.typbyval, t.typtype, t.typisdefined, t.typdelim, t.typrelid,
            t.typelem, t.typinput::pg_catalog.oid, t.typoutput::pg_catalog.oid, t.typalign, t.typstorage, t.typbasetype,
            t.typtypmod, t.typndims, t.typcollation,
            (
                select pg_catalog.string_agg(
                    pg_catalog.concat_ws(' ', e.oid, e.enumsortorder, pg_catalog.quote_literal(e.enumlabel::text)), ',' order by e.oid
                )
                from pg_catalog.pg_enum e where e.enumtypid = t.oid
            ),
            (select r::text from pg_catalog.pg_range r where r.rngtypid = t.oid),
            (
                select pg_catalog.string_agg(
                    pg_catalog.concat_ws(
                        ' ', a.attnum, pg_catalog.quote_ident(a.attname), a.atttypid, a.atttypmod, a.attisdropped, a.attcollation
                    ),
                    ',' order by a.attnum
                )
                from pg_catalog.pg_attribute a where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0
            ),
            (
                select pg_catalog.concat_ws(' ', p.oid, p.prolang, p.provolatile, p.prosrc, p.probin, p.proconfig::text)
                from pg_catalog.pg_proc p where p.oid = t.typoutput
            ),
            -- What an extension's library prints may be another text in another release.
            case when t.oid >= 16384 then (
                select pg_catalog.string_agg(pg_catalog.concat_ws(' ', x.extname, x.extversion), ',' order by x.oid)
                from pg_catalog.pg_extension x
            ) end
        ) as told,
        -- The texts of others hang on the names of objects and roles, or on whatever a function looks at.
        t.typname in (
            'regproc', 'regprocedure', 'regoper', 'regoperator', 'regclass', 'regtype', 'regrole', 'regnamespace',
            'regconfig', 'regdictionary', 'regcollation', 'regdatabase', 'aclitem', 'pg_ddl_command', 'refcursor'
        )
        or t.typtype = 'p'
        or t.typtype = 'b' and t.oid >= 16384 and t.typelem = 0
            and not exists (select from pg_catalog.pg_proc p where p.oid = t.typoutput and p.provolatile = 'i') as moves
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    where t.oid in (select u.part from used u)
),
type as materialized (
    select
        u.type as oid,
        pg_catalog.md5(pg_catalog.string_agg(p.told, E'\n' order by p.oid)) as told,
        pg_catalog.bool_or(p.moves) as moves
    from used u
    join part p on p.oid = u.part
    group by u.type
),
columns as materialized (
    select
        h.attrelid as oid,
        pg_catalog.array_agg(h.attnum order by h.attnum) as numbers,
        pg_catalog.array_agg(
            pg_catalog.md5(pg_catalog.concat_ws(
                '|', h.attnum, pg_catalog.quote_ident(h.attname), h.atttypid, h.atttypmod, h.attlen, h.attbyval, h.attalign,
                h.attisdropped, h.atthasmissing, h.attmissingval::text, h.attgenerated, h.attcollation,
                (select c::text from pg_catalog.pg_collation c where c.oid = h.attcollation),
                t.told
            )) order by h.attnum
        ) as told,
        pg_catalog.bool_or(h.attgenerated = 'v' or coalesce(t.moves, false)) as moves
    from held h
    left join type t on t.oid = h.atttypid and not h.attisdropped
    group by h.attrelid
)
select
    r.oid::pg_catalog.int8,
    array(
        select file::pg_catalog.int8
        from (
            values (pg_catalog.pg_relation_filenode(r.oid)), (pg_catalog.pg_relation_filenode(nullif(r.reltoastrelid, 0)))
        ) as f (file)
        where file is not null
    ) as files,
    pg_catalog.concat_ws(
        '|', r.relkind, r.relam, r.reltablespace, r.reltoastrelid, r.relispopulated, r.reloftype
    ) as told,
    coalesce(c.numbers, '{}') as numbers,
    coalesce(c.told, '{}') as columns,
    -- Heap (OID 2), and permanent: the WAL tells of each of its blocks.
    r.relpersistence = 'p' and (r.relkind = 'p' or r.relam = 2) and not coalesce(c.moves, false) as steady,
    array(
        select i.inhrelid::pg_catalog.int8 from pg_catalog.pg_inherits i where i.inhparent = r.oid order by i.inhrelid
    ) as below,
    r.relkind = 'p' as parted
from relation r
left join columns c on c.oid = r.oid;
