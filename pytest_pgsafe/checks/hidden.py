"""Rows that a role may read and does not see any more: row security came, and no policy for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..catalog.values import Catalog, Policy, Role, Table
from ..compare.values import Change
from .evidence import attribute
from .values import Check, Evidence, Finding, Severity

_PUBLIC = "PUBLIC"
_READS = frozenset({"all", "select"})


def _hidden(evidence: Evidence) -> Iterator[Finding]:
    catalog = evidence.comparison.after.catalog
    changed: dict[str, Change] = {}
    for change in attribute(evidence, "table", "row_security", "force_row_security"):
        changed.setdefault(change.object, change)
    for change in changed.values():
        table = change.new
        if not isinstance(table, Table) or not table.row_security:
            continue
        policies = _policies(catalog, table)
        blind = [name for name in _readers(catalog, table) if not _sees(catalog, policies, name)]
        if blind:
            who = ", ".join("each role" if name == _PUBLIC else name for name in blind)
            told = f"{who} may read {change.object} and sees no row of it any more: row security is on without a policy"
            yield ROWS_HIDDEN.finding(change.object, f"{told} for {'it' if len(blind) == 1 else 'them'}", aspect=who)


def _readers(catalog: Catalog, table: Table) -> list[str]:
    """Return the roles whose reading row security decides about; its owner only where it is forced."""
    granted = {
        grant.grantee
        for grant in catalog.grants.values()
        if grant.object_kind == "table" and grant.object == table.name and grant.privilege == "SELECT"
    }
    readers = granted - {table.owner}
    if table.force_row_security:
        readers.add(table.owner)
    return sorted(name for name in readers if not _passes(catalog.roles.get(name)))


def _passes(role: Role | None) -> bool:
    return role is not None and (role.superuser or role.bypass_rls)


def _policies(catalog: Catalog, table: Table) -> list[Policy]:
    return [
        policy
        for policy in catalog.policies.values()
        if policy.table == table.name and policy.permissive and policy.command in _READS and policy.using != "false"
    ]


def _sees(catalog: Catalog, policies: Sequence[Policy], reader: str) -> bool:
    """Tell whether a policy may show a role rows; of a group it may be one for a member, who is not known here."""
    role = catalog.roles.get(reader)
    if role is None or not role.login:
        return bool(policies)
    groups = {_PUBLIC, *_groups(catalog.roles, reader)}
    return any(groups & set(policy.roles) for policy in policies)


def _groups(roles: Mapping[str, Role], name: str) -> set[str]:
    """Return a role and all that it is a member of."""
    found, waiting = set[str](), [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [member.split(",")[0] for member in roles[one].member_of] if one in roles else []
    return found


ROWS_HIDDEN = Check(
    code="PGS528",
    check="schema",
    name="rows-hidden",
    severity=Severity.ERROR,
    excused_by=frozenset({"table"}),
    condition=(
        "Row security was enabled, or forced upon the owner, and a role that may read the table has no policy that "
        "shows it a row."
    ),
    effect="What connects as that role reads an empty table, without an error; what it inserts is refused.",
    remedy="CREATE POLICY for the role in the same migration; REVOKE says more plainly that it is to read nothing.",
    judge=_hidden,
)
CHECKS = (ROWS_HIDDEN,)
