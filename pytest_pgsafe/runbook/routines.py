"""Functions and procedures that name a table's row type: dropped before it goes aside, and made again afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..server.connection import Connection

# Names are qualified: they mean the live type before, and the restored one after.
_ROUTINES = """
select p.oid, p.prokind::text,
       pg_catalog.format('%%I.%%I(%%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)),
       case when p.prokind <> 'a' then pg_catalog.pg_get_functiondef(p.oid) end,
       pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.proowner)),
       pg_catalog.quote_literal(pg_catalog.obj_description(p.oid, 'pg_proc')),
       array(
           select case when a.grantee = 0 then 'public'
                       else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end
                  || case when a.is_grantable then ' with grant option' else '' end as grantee
           from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
           where a.grantee <> p.proowner order by grantee
       ),
       array(
           select pg_catalog.pg_describe_object(d.classid, d.objid, 0) as user
           from pg_catalog.pg_depend d
           where d.refclassid = 'pg_catalog.pg_proc'::regclass and d.refobjid = p.oid and d.deptype <> 'i'
           order by 1 limit 3
       ),
       exists (
           select from pg_catalog.pg_depend d
           where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
       )
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.oid = any (%s::oid[])
order by 3
"""


@dataclass(frozen=True, kw_only=True)
class Routine:
    oid: int
    #: With its arguments' names and types.
    name: str
    #: Why it cannot be made again; None if it can.
    refused: str | None
    #: Statements that make it again, with owner, privileges and comment.
    made: tuple[str, ...]


def read(session: Connection, oids: Sequence[int]) -> Iterator[Routine]:
    """Read what would make routines again."""
    rows = session.execute(_ROUTINES.encode(), (list(oids),)).fetchall() if oids else []
    for oid, kind, name, definition, owner, comment, grantees, users, extension in rows:
        refused: str | None = None
        if kind == "a" or extension:
            refused = f"{'aggregate' if kind == 'a' else 'an extension has'} {name}: it names the table's row type"
        elif users:
            refused = f"routine {name}: it names the table's row type, and {', '.join(users)} uses it"
        made = [definition, f"alter routine {name} owner to {owner}", f"revoke all on routine {name} from public"]
        made += [f"grant execute on routine {name} to {grantee}" for grantee in grantees]
        made += [f"comment on routine {name} is {comment}"] if comment is not None else []
        yield Routine(oid=oid, name=name, refused=refused, made=() if refused else tuple(made))
