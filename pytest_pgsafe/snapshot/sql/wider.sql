-- Let names without a schema be found in all schemas, public first. Not where a value's text depends on the path: in a
-- column of regclass, or of its like.
select set_config('search_path', concat_ws(', ', 'pg_catalog', n.names), true)
from (
    select string_agg(quote_ident(nspname), ', ' order by nspname = 'public' desc, nspname) as names
    from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
) n
where not exists (
    select from pg_attribute a
    join pg_type t on t.oid = a.atttypid
    left join pg_type b on b.oid = case when t.typelem <> 0 then t.typelem else t.typbasetype end
    where a.attrelid >= 16384 and not a.attisdropped
        and concat(' ', t.typname, ' ', b.typname)
            ~ ' reg(class|proc|procedure|oper|operator|type|config|dictionary|collation)( |$)'
);
