-- Operator classes. Their operators and functions stand with the family.
select
    pg_catalog.format('%I.%I USING %I', n.nspname, c.opcname, a.amname) collate "C" as name,
    c.oid as oid,
    d.description as comment,
    'operator class' as form,
    pg_catalog.concat_ws(
        ' ',
        case when c.opcdefault then 'DEFAULT' end,
        'FOR TYPE ' || pg_catalog.format_type(c.opcintype, null),
        'FAMILY ' || pg_catalog.format('%I.%I', m.nspname, f.opfname),
        'STORAGE ' || pg_catalog.format_type(nullif(c.opckeytype, 0), null)
    ) as definition,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.opcowner)) as owner,
    null::text as enabled
from pg_catalog.pg_opclass c
join pg_catalog.pg_namespace n on n.oid = c.opcnamespace
join pg_catalog.pg_am a on a.oid = c.opcmethod
join pg_catalog.pg_opfamily f on f.oid = c.opcfamily
join pg_catalog.pg_namespace m on m.oid = f.opfnamespace
left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_opclass'::pg_catalog.regclass and d.objoid = c.oid and d.objsubid = 0
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pgsafe_observer')
    and not exists (
        select from pg_catalog.pg_depend e
        where e.classid = 'pg_catalog.pg_opclass'::pg_catalog.regclass and e.objid = c.oid
            and e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.deptype = 'e'
    )
order by name;
