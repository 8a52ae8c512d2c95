"""What roles see and write of a table, where code that decides about it was changed: tried as each of them."""

# ruff: noqa: S608 (names that quote_ident wrote)

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from ..catalog.names import bare, container
from ..compare.values import Comparison
from ..snapshot.expressions import literal
from ..snapshot.plan import foreign_below
from ..snapshot.values import NotVerified
from .reach import reaching_out
from .reads import Reads
from .side import STATEMENT, Side, answer
from .values import Answer, Attempt, Seen
from .writes import Write

#: Roles that are asked about one table: those that its policies name come first.
ROLES = 3
_MAY = """
SELECT pg_catalog.quote_ident(r.rolname), p.privilege
FROM pg_catalog.pg_roles r CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) p (privilege)
WHERE NOT r.rolsuper AND NOT r.rolbypassrls AND r.rolname !~ '^pg_' AND pg_catalog.quote_ident(r.rolname) <> {owner}
    AND pg_catalog.has_schema_privilege(r.oid, {schema}::pg_catalog.regnamespace, 'USAGE')
    AND pg_catalog.has_table_privilege(r.oid, {table}::pg_catalog.regclass, p.privilege)
"""


@dataclass(frozen=True, kw_only=True)
class Used:
    """A table, and what each role may do with it before and after."""

    #: Its names before and after.
    before: str
    after: str
    #: Privileges by role.
    roles: Mapping[str, frozenset[str]]
    #: What was changed of all that decides about it.
    through: tuple[str, ...]
    guarded: bool


def choose(
    comparison: Comparison, through: Mapping[str, tuple[str, ...]], before: Side, after: Side
) -> tuple[tuple[Used, ...], tuple[NotVerified, ...]]:
    """Return what roles do with the tables about which code decides otherwise; see :func:`.reached.reached`."""
    if not (before.superuser and after.superuser):
        return (), ()
    found = tuple(_chosen(comparison, through, before, after))
    return (
        tuple(one for one in found if isinstance(one, Used)),
        tuple(one for one in found if isinstance(one, NotVerified)),
    )


def _chosen(
    comparison: Comparison, through: Mapping[str, tuple[str, ...]], before: Side, after: Side
) -> Iterator[Used | NotVerified]:
    foreign = foreign_below(after.catalog)
    for old, changed in through.items():
        new = comparison.tables[old]
        table = after.catalog.tables[new]
        if table.partition_bound is not None or new in foreign:
            continue
        near = Reads(after.catalog).near(new)
        way = reaching_out(after.catalog, near)
        if way is not None:
            yield NotVerified(object=old, reason=f"what roles see and write of it was not tried: {way}")
            continue
        roles = _roles(before, after, old, new)
        guarded = table.row_security and before.catalog.tables[old].row_security
        if roles:
            yield Used(before=old, after=new, roles=roles, through=changed, guarded=guarded)


def writes(used: Used) -> Iterator[Write]:
    """Yield what each role is to write of a table."""
    for role, may in used.roles.items():
        # A row is looked for as the role: without SELECT none is found.
        events = tuple(event for event in ("INSERT", "UPDATE", "DELETE") if {event, "SELECT"} <= may)
        if events:
            yield Write(before=used.before, after=used.after, events=events, role=role)


def tried(
    used: Used, before: Side, after: Side, comparison: Comparison
) -> Iterator[Attempt | Seen | NotVerified | None]:
    """Read a table under row security as each role on both sides."""
    if not used.guarded:
        return
    content = comparison.before.tables.get(used.before)
    names = () if content is None else content.key
    theirs = [comparison.columns.get(f"{used.before}.{name}") for name in names]
    key = [(name, bare(there)) for name, there in zip(names, theirs, strict=True) if there is not None]
    same = not _moved(comparison, used.before)
    for role, may in used.roles.items():
        if "SELECT" not in may:
            continue
        was = _seen(before, used.before, role, [name for name, _ in key])
        now = _seen(after, used.after, role, [there for _, there in key])
        if any(isinstance(one, Answer) and one.unknown for one in (was, now)):
            reason = f"the rows that {role} sees were not counted: {STATEMENT / 1000:g} s did not suffice"
            yield NotVerified(object=used.before, reason=reason)
        elif isinstance(was, Answer):
            yield None
        elif isinstance(now, Answer):
            yield Attempt(
                kind="access", object=used.before, statement=f"SELECT count(*) FROM {used.after}", role=role,
                before=Answer(), after=now,
            )  # fmt: skip
        elif was == now or not (same or (was[0] and not now[0])):
            yield None
        else:
            yield Seen(object=used.before, role=role, before=was[0], after=now[0], through=used.through)


def _roles(before: Side, after: Side, old: str, new: str) -> dict[str, frozenset[str]]:
    was, now = _may(before, old), _may(after, new)
    named = {role for one in before.catalog.policies.values() if one.table == old for role in one.roles}
    named |= {role for one in after.catalog.policies.values() if one.table == new for role in one.roles}
    granted = {one.grantee for one in before.catalog.grants.values() if one.object == old}
    chosen = sorted(was.keys() & now.keys(), key=lambda role: (role not in named, role not in granted, role))
    both = {role: was[role] & now[role] for role in chosen[:ROLES]}
    return {role: may for role, may in both.items() if may}


def _may(side: Side, table: str) -> dict[str, frozenset[str]]:
    text = _MAY.format(
        owner=literal(side.catalog.tables[table].owner), schema=literal(container(table)), table=literal(table)
    )
    found: dict[str, set[str]] = {}
    with side.trying():
        for role, privilege in side.rows(text):
            found.setdefault(str(role), set()).add(str(privilege))
    return {role: frozenset(some) for role, some in found.items()}


def _moved(comparison: Comparison, table: str) -> bool:
    """Tell whether a table holds other rows or values: that is told where it is."""
    return table in comparison.rows or any(
        change.kind in {"rows", "values"} for change in comparison.by_object.get(table, ())
    )


def _seen(side: Side, table: str, role: str, key: Sequence[str]) -> tuple[int, str] | Answer:
    """Return how many rows a role sees and a sum of their keys, or what the server said."""
    names = ", ".join(f"t.{name}" for name in key)
    sum_ = f"pg_catalog.sum(pg_catalog.hashtextextended(ROW({names})::pg_catalog.text, 0)::pg_catalog.numeric)"
    try:
        with side.trying():
            side.become(role)
            [(rows, told)] = side.rows(f"SELECT pg_catalog.count(*), {sum_ if key else 'NULL'} FROM {table} t")
            return int(str(rows)), str(told)
    except psycopg.Error as error:
        return answer(error)
