"""New objects held beside their siblings: what every table of the schema has, and the new one has not (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ..catalog.names import split
from ..catalog.values import Catalog, Role, Table
from ..compare.values import Action
from .bookkeeping import is_bookkeeping
from .evidence import of, unproven
from .values import Check, Evidence, Finding, Severity

#: So many tables have to agree before a new one is expected to be like them.
AGREE = 2
_ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_PUBLIC = "PUBLIC"


def _different(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    catalog = comparison.after.catalog
    old = [catalog.tables[name] for name in sorted({*comparison.tables.values()}) if name in catalog.tables]
    privileges = _privileges(catalog)
    published = _published(catalog)
    for change in of(evidence, Action.ADDED, "table"):
        table = catalog.tables.get(change.object)
        # What is a partition or an heir is reached by way of its parent.
        if table is None or table.parents or is_bookkeeping(evidence, table.name):
            continue
        siblings = [
            one
            for one in old
            if split(one.name)[0] == split(table.name)[0]
            and one.form == table.form
            and not one.parents
            and not is_bookkeeping(evidence, one.name)
        ]
        if len(siblings) >= AGREE:
            for told, aspect in _missing(table, siblings, privileges, published):
                yield SIBLING_DIFFERS.finding(table.name, told, severity=unproven(evidence), aspect=aspect)
    yield from _sequences(evidence, catalog, privileges)


def _missing(
    table: Table, siblings: Sequence[Table], privileges: Mapping[str, frozenset[tuple[str, str]]],
    published: Mapping[str, str],
) -> Iterator[tuple[str, str]]:  # fmt: skip
    first = siblings[0].name
    rest = f"as {first} and {len(siblings) - 1} more"

    def all_have(has: Callable[[Table], bool]) -> bool:
        return all(has(one) for one in siblings)

    if not table.row_security and all_have(lambda one: one.row_security):
        yield f"the new table {table.name} has no row security, {rest} have: whoever may read it sees every row", "rls"
    if all_have(lambda one: one.owner == siblings[0].owner) and table.owner != siblings[0].owner:
        yield f"the new table {table.name} belongs to {table.owner}, not to {siblings[0].owner} {rest}", "owner"
    publication = published.get(first)
    if publication is not None and table.name not in published and all_have(lambda one: one.name in published):
        yield f"the new table {table.name} is not published, {rest} are, by {publication}", "publication"
    own = privileges.get(table.name, frozenset[tuple[str, str]]())
    common = privileges.get(first, frozenset[tuple[str, str]]())
    for one in siblings:
        common &= privileges.get(one.name, frozenset[tuple[str, str]]())
    lacking: dict[str, list[str]] = {}
    for role, privilege in sorted(common - own, key=lambda one: (one[0], _ROWS.index(one[1]))):
        if role != table.owner and (_PUBLIC, privilege) not in own:
            lacking.setdefault(role, []).append(privilege)
    for role, some in lacking.items():
        yield f"{role} may not {', '.join(some)} the new table {table.name}, {rest}", f"privileges of {role}"


def _privileges(catalog: Catalog) -> Mapping[str, frozenset[tuple[str, str]]]:
    """Return who may do what with the rows of each table, by grants on the whole table."""
    found: dict[str, set[tuple[str, str]]] = {}
    for grant in catalog.grants.values():
        if grant.object_kind == "table" and grant.privilege in _ROWS and not grant.to_owner:
            found.setdefault(grant.object, set()).add((grant.grantee, grant.privilege))
    return {table: frozenset(some) for table, some in found.items()}


def _published(catalog: Catalog) -> Mapping[str, str]:
    """Return a publication of each table that one names; those of all tables take a new one by themselves."""
    found: dict[str, str] = {}
    for value in catalog.definitions.values():
        if value.form == "publication":
            for table in catalog.tables:
                if table in value.definition:
                    found.setdefault(table, value.name)
    return found


def _sequences(
    evidence: Evidence, catalog: Catalog, privileges: Mapping[str, frozenset[tuple[str, str]]]
) -> Iterator[Finding]:
    """Yield the sequences of new serial columns that a role may not draw from, which may insert rows."""
    # One that comes with its column is no change of its own.
    known = {*evidence.comparison.objects.get("sequences", {}).values()}
    for sequence in (catalog.sequences[name] for name in sorted(catalog.sequences.keys() - known)):
        column = catalog.columns.get(sequence.column or "")
        if column is None or column.identity is not None or "nextval(" not in (column.default or ""):
            continue
        drawing = {
            grant.grantee
            for grant in catalog.grants.values()
            if (grant.object_kind, grant.object) == ("sequence", sequence.name) and grant.privilege != "SELECT"
        }
        inserting = {role for role, privilege in privileges.get(column.table, ()) if privilege == "INSERT"}
        for role in sorted(inserting - drawing):
            if not _may(catalog, role, drawing):
                told = f"{role} may INSERT into {column.table}, and not draw from {sequence.name}, its column's default"
                yield SIBLING_DIFFERS.finding(
                    sequence.name, told, severity=unproven(evidence), aspect=f"privileges of {role}"
                )


def _may(catalog: Catalog, name: str, allowed: Iterable[str]) -> bool:
    """Tell whether a role has what is granted to others: to everybody, or to a role that it is a member of."""
    wanted, seen, waiting = {*allowed}, set[str](), [name]
    if _PUBLIC in wanted:
        return True
    while waiting:
        one = waiting.pop()
        role: Role | None = catalog.roles.get(one)
        if one in wanted or (role is not None and role.superuser):
            return True
        if one not in seen:
            seen.add(one)
            waiting += [] if role is None else [member.split(",")[0] for member in role.member_of]
    return False


SIBLING_DIFFERS = Check(
    code="PGS557",
    check="works",
    name="sibling-differs",
    severity=Severity.WARNING,
    excused_by=frozenset({"table", "sequence"}),
    condition=(
        "A new table lacks what all other tables of its schema have, at least two: privileges of a role, row security, "
        "the owner, a publication. Or a role may insert into a new table and not draw from the sequence of its column. "
        "Under strict it is an error."
    ),
    effect="The application is refused, or everybody reads what only some were to read, once the table is used.",
    remedy="GRANT, ENABLE ROW LEVEL SECURITY, ALTER PUBLICATION as for the sibling; or announce: [expect] changed.",
    judge=_different,
)
CHECKS = (SIBLING_DIFFERS,)
