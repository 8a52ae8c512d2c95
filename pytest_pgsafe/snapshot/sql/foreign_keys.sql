-- How the rows of every foreign key are joined: the operators of the constraint (equality of the referenced key's
-- index, pg_constraint.conpfeqop), with the casts and the collation that the server's own check uses.
-- A partition's copy of its parent's constraint is left to the parent.
select
    c.oid,
    quote_ident(fn.nspname) || '.' || quote_ident(f.relname) as referencing,
    f.relkind = 'r' as referencing_only,
    quote_ident(pn.nspname) || '.' || quote_ident(p.relname) as referenced,
    p.relkind = 'r' as referenced_only,
    c.confmatchtype = 'f' as match_full,
    -- From 18: the last column is a period, and the operators are not all equalities.
    coalesce((to_jsonb(c) ->> 'conperiod')::boolean, false) as period,
    k.referencing_columns,
    k.referenced_columns,
    k.operators,
    k.referencing_casts,
    k.referenced_casts,
    k.collations
from pg_constraint c
join pg_class f on f.oid = c.conrelid
join pg_namespace fn on fn.oid = f.relnamespace
join pg_class p on p.oid = c.confrelid
join pg_namespace pn on pn.oid = p.relnamespace
cross join lateral (
    select
        array_agg(quote_ident(fa.attname) order by o.place) as referencing_columns,
        array_agg(quote_ident(pa.attname) order by o.place) as referenced_columns,
        array_agg('operator(' || quote_ident(opn.nspname) || '.' || op.oprname || ')' order by o.place) as operators,
        -- A polymorphic operand (anyarray, anyenum, anyrange) takes the column as it is.
        array_agg(
            case when rt.typtype <> 'p' and rt.oid <> fa.atttypid then format_type(rt.oid, null) end order by o.place
        ) as referencing_casts,
        array_agg(
            case when lt.typtype <> 'p' and lt.oid <> pa.atttypid then format_type(lt.oid, null) end order by o.place
        ) as referenced_casts,
        array_agg(
            case when fa.attcollation <> pa.attcollation and pa.attcollation <> 0
                then quote_ident(con.nspname) || '.' || quote_ident(co.collname) end order by o.place
        ) as collations
    from unnest(c.conkey, c.confkey, c.conpfeqop) with ordinality as o (fnum, pnum, operator, place)
    join pg_attribute fa on fa.attrelid = c.conrelid and fa.attnum = o.fnum
    join pg_attribute pa on pa.attrelid = c.confrelid and pa.attnum = o.pnum
    join pg_operator op on op.oid = o.operator
    join pg_namespace opn on opn.oid = op.oprnamespace
    join pg_type lt on lt.oid = op.oprleft
    join pg_type rt on rt.oid = op.oprright
    left join pg_collation co on co.oid = pa.attcollation
    left join pg_namespace con on con.oid = co.collnamespace
) k
where c.contype = 'f' and c.conparentid = 0
order by c.oid
