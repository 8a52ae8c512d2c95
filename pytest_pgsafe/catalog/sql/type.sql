-- Types of their own: not the row types of tables, arrays, or the multiranges that come with ranges.
with label as (
    select e.enumtypid as oid, pg_catalog.array_agg(e.enumlabel::text order by e.enumsortorder) as labels
    from pg_catalog.pg_enum e
    group by e.enumtypid
),
attribute as (
    select
        c.reltype as oid,
        pg_catalog.array_agg(
            pg_catalog.concat_ws(
                ' ',
                pg_catalog.quote_ident(a.attname),
                pg_catalog.format_type(a.atttypid, a.atttypmod),
                'COLLATE ' || case
                    when a.attcollation <> t.typcollation then pg_catalog.format('%I.%I', m.nspname, l.collname)
                end
            )
            order by a.attnum
        ) as attributes
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_catalog.pg_type t on t.oid = a.atttypid
    left join pg_catalog.pg_collation l on l.oid = a.attcollation
    left join pg_catalog.pg_namespace m on m.oid = l.collnamespace
    where c.relkind = 'c' and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    group by c.reltype
)
select
    pg_catalog.format('%I.%I', n.nspname, t.typname) collate "C" as name,
    t.oid,
    d.description as comment,
    case t.typtype
        when 'e' then 'enum' when 'd' then 'domain' when 'c' then 'composite' when 'r' then 'range' else 'base'
    end as form,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(t.typowner)) as owner,
    coalesce(l.labels, '{}') as labels,
    coalesce(a.attributes, '{}') as attributes,
    case
        when not t.typisdefined then 'shell'
        when t.typtype = 'd' then pg_catalog.concat_ws(
            ' ',
            pg_catalog.format_type(t.typbasetype, t.typtypmod),
            'COLLATE ' || case
                when t.typcollation <> b.typcollation then pg_catalog.format('%I.%I', cn.nspname, c.collname)
            end,
            'DEFAULT ' || coalesce(pg_catalog.pg_get_expr(t.typdefaultbin, 0), t.typdefault),
            case when t.typnotnull then 'NOT NULL' end
        )
        when t.typtype = 'r' then pg_catalog.concat_ws(
            ', ',
            'subtype ' || pg_catalog.format_type(r.rngsubtype, null),
            'subtype_opclass ' || pg_catalog.format('%I.%I', pn.nspname, p.opcname),
            'collation ' || pg_catalog.quote_ident(rcn.nspname) || '.' || pg_catalog.quote_ident(rc.collname),
            'canonical ' || nullif(r.rngcanonical, 0)::pg_catalog.regprocedure,
            'subtype_diff ' || nullif(r.rngsubdiff, 0)::pg_catalog.regprocedure,
            'multirange_type_name ' || pg_catalog.format_type(r.rngmultitypid, null)
        )
        when t.typtype = 'b' then pg_catalog.concat_ws(
            ', ',
            'input ' || t.typinput::pg_catalog.regprocedure,
            'output ' || t.typoutput::pg_catalog.regprocedure,
            'receive ' || nullif(t.typreceive::pg_catalog.oid, 0)::pg_catalog.regprocedure,
            'send ' || nullif(t.typsend::pg_catalog.oid, 0)::pg_catalog.regprocedure,
            'typmod_in ' || nullif(t.typmodin::pg_catalog.oid, 0)::pg_catalog.regprocedure,
            'typmod_out ' || nullif(t.typmodout::pg_catalog.oid, 0)::pg_catalog.regprocedure,
            'analyze ' || nullif(t.typanalyze::pg_catalog.oid, 0)::pg_catalog.regprocedure,
            'subscript ' || nullif(t.typsubscript::pg_catalog.oid, 0)::pg_catalog.regprocedure,
            'internallength ' || t.typlen,
            'passedbyvalue ' || t.typbyval,
            pg_catalog.concat('alignment ', t.typalign),
            pg_catalog.concat('storage ', t.typstorage),
            pg_catalog.concat('category ', t.typcategory),
            'preferred ' || t.typispreferred,
            'default ' || pg_catalog.quote_literal(t.typdefault),
            'element ' || pg_catalog.format_type(nullif(t.typelem, 0), null),
            'delimiter ' || pg_catalog.quote_literal(t.typdelim::text),
            'collatable ' || (t.typcollation <> 0)
        )
        else ''
    end as definition
from pg_catalog.pg_type t
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_class rel on rel.oid = t.typrelid and t.typrelid <> 0
left join label l on l.oid = t.oid
left join attribute a on a.oid = t.oid
left join pg_catalog.pg_type b on b.oid = t.typbasetype
left join pg_catalog.pg_collation c on c.oid = t.typcollation and t.typtype = 'd'
left join pg_catalog.pg_namespace cn on cn.oid = c.collnamespace
left join pg_catalog.pg_range r on r.rngtypid = t.oid
left join pg_catalog.pg_opclass p on p.oid = r.rngsubopc
left join pg_catalog.pg_namespace pn on pn.oid = p.opcnamespace
left join pg_catalog.pg_collation rc on rc.oid = r.rngcollation
left join pg_catalog.pg_namespace rcn on rcn.oid = rc.collnamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objoid = t.oid and d.objsubid = 0
where t.typtype in ('b', 'c', 'd', 'e', 'p', 'r')
    and (t.typtype <> 'c' or rel.relkind = 'c')
    -- typcategory A is open to base types of users too: an array is what another type calls its array.
    and not (t.typtype = 'b' and exists (select from pg_catalog.pg_type o where o.typarray = t.oid and o.oid = t.typelem))
    and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and e.objid = t.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
