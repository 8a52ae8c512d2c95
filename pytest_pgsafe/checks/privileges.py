"""Privileges: lost, opened to everybody, handed to another owner; roles that may do more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from ..catalog.names import container
from ..catalog.values import Catalog, Grant
from ..compare.values import Action, Change
from . import sessions
from .evidence import attribute, behaviour, of, say
from .values import Check, Evidence, Finding, Severity

#: Objects that nobody but their owner may use unless somebody says so. Functions, types, languages and databases are
#: open to PUBLIC from the start.
_CLOSED = frozenset({"table", "column", "sequence", "schema", "large object", "foreign server", "foreign-data wrapper"})
#: How the catalog names default privileges.
_DEFAULT = re.compile(r"(?P<owner>.+?)(?: IN SCHEMA (?P<schema>.+))? ON (?P<kind>[A-Z ]+)")
#: What PUBLIC has on new objects of a kind unless default privileges say otherwise.
_OPEN = {"FUNCTIONS": "EXECUTE", "TYPES": "USAGE"}
#: What a role should not come to by a migration.
_POWERS = frozenset({"superuser", "create_role", "create_db", "replication", "bypass_rls"})


def _together(grants: Iterable[Grant]) -> Iterator[tuple[Grant, str]]:
    """Yield one grant for each object and grantee, and all its privileges."""
    found: dict[tuple[str, str, str], list[Grant]] = {}
    for grant in grants:
        found.setdefault((grant.object_kind, grant.object, grant.grantee), []).append(grant)
    for several in found.values():
        yield several[0], ", ".join(sorted(grant.privilege for grant in several))


def _grants(evidence: Evidence, action: Action) -> Iterator[Grant]:
    for change in of(evidence, action, "grant"):
        value = change.old if action is Action.DROPPED else change.new
        assert isinstance(value, Grant)
        yield value


def _lost(evidence: Evidence) -> Iterator[Finding]:
    after = evidence.comparison.after.catalog
    owned = evidence.tried.owned
    dropped = [
        one
        for one in _grants(evidence, Action.DROPPED)
        if not _spelled_out(evidence, one) and (one.object, one.grantee) not in owned
    ]
    wider = {grant.name: _wider(evidence, after, grant) for grant in dropped}
    for grant, privileges in _together(one for one in dropped if wider[one.name] is None):
        told = f"{grant.grantee} lost {privileges} on {_on(grant)}"
        if grant.object_kind != "default privileges":
            told += f": {_effect(grant)}"
        yield GRANT_LOST.finding(grant.object, told, before=grant.name, aspect=f"{privileges} from {grant.grantee}")
    for change in attribute(evidence, "grant", "grantable"):
        old = change.old
        if isinstance(old, Grant) and change.before and not old.to_owner:
            told = f"{old.grantee} may not grant {old.privilege} on {_on(old)} any more"
            aspect = f"{old.privilege} WITH GRANT OPTION from {old.grantee}"
            yield GRANT_LOST.finding(old.object, told, before=old.name, aspect=aspect)


def _spelled_out(evidence: Evidence, lost: Grant) -> bool:
    """Tell whether default privileges of an owner are only not spelled out any more: without an entry he has them."""
    entries = _defaults(evidence.comparison.after.catalog)
    return lost.object_kind == "default privileges" and lost.to_owner and lost.object not in entries


def _defaults(catalog: Catalog) -> Mapping[str, frozenset[str]]:
    """Return the default privileges that are not PostgreSQL's own: by name, what PUBLIC has by them."""
    found: dict[str, set[str]] = {}
    for grant in catalog.grants.values():
        if grant.object_kind == "default privileges":
            found.setdefault(grant.object, set()).update({grant.privilege} if grant.grantee == "PUBLIC" else ())
    return {name: frozenset(privileges) for name, privileges in found.items()}


def _open_again(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield default privileges that PUBLIC has again since the entry that kept them from it is gone."""
    before, after = (_defaults(side.catalog) for side in (evidence.comparison.before, evidence.comparison.after))
    for name, public in before.items():
        privilege = next((one for kind, one in _OPEN.items() if name.endswith(f" ON {kind}")), None)
        # Entries of a schema only add to the others.
        if privilege is not None and privilege not in public and name not in after and " IN SCHEMA " not in name:
            yield name, privilege


def _widened(evidence: Evidence) -> Iterator[Finding]:
    after = evidence.comparison.after.catalog
    for grant in _grants(evidence, Action.DROPPED):
        if _spelled_out(evidence, grant):
            continue
        wider = _wider(evidence, after, grant)
        if wider is not None:
            told = f"{grant.grantee} lost {grant.privilege} on {_on(grant)}, and has it by {wider}"
            aspect = f"{grant.privilege} from {grant.grantee}"
            yield GRANT_WIDENED.finding(
                grant.object, told, severity=behaviour(evidence), before=grant.name, aspect=aspect
            )


def _effect(grant: Grant) -> str:
    who = "each role without a grant of its own" if grant.grantee == "PUBLIC" else f"what connects as {grant.grantee}"
    return f"{who} gets “permission denied”"


def _wider(evidence: Evidence, after: Catalog, lost: Grant) -> str | None:
    """Return a grant that gives the same: to PUBLIC, or on the whole table for a column."""
    comparison = evidence.comparison
    objects = {comparison.tables.get(lost.object, comparison.columns.get(lost.object, lost.object))}
    if lost.object_kind == "column":
        table = container(lost.object)
        objects.add(comparison.tables.get(table, table))
    for name, grant in after.grants.items():
        if grant.object in objects and grant.privilege == lost.privilege and grant.grantee in (lost.grantee, "PUBLIC"):
            return name
    return None


def _on(grant: Grant) -> str:
    if grant.object_kind == "database":
        return "the database"
    if grant.object_kind == "default privileges":
        return _makes(grant.object)
    return grant.object if grant.object_kind in ("table", "column") else f"{grant.object_kind} {grant.object}"


def _makes(name: str) -> str:
    """Say which objects default privileges are about."""
    default = _DEFAULT.fullmatch(name)
    if default is None:
        return f"default privileges {name}"
    where = f" in schema {default['schema']}" if default["schema"] else ""
    return f"the {default['kind'].lower()} that {default['owner']} makes{where} from now on"


def _public(evidence: Evidence) -> Iterator[Finding]:
    for name, privilege in _open_again(evidence):
        told = f"each role gets {privilege} on {_makes(name)}: what kept it from PUBLIC is gone"
        yield PUBLIC_GRANTED.finding(name, told, aspect=privilege)
    added = [one for one in _grants(evidence, Action.ADDED) if one.grantee == "PUBLIC" and not _implied(evidence, one)]
    for grant, privileges in _together(added):
        told = f"each role has {privileges} on {_on(grant)} now: it was granted to PUBLIC"
        if grant.object_kind == "default privileges":
            told = f"each role gets {privileges} on {_on(grant)}: it was granted to PUBLIC"
        yield PUBLIC_GRANTED.finding(grant.object, told, after=grant.name, aspect=privileges)
    # Grants on what is new as a whole are no changes of their own.
    known = {grant.name for grant in added} | set(evidence.comparison.before.catalog.grants)
    known |= set(evidence.comparison.objects.get("grants", {}).values())
    new = (
        grant
        for name, grant in evidence.comparison.after.catalog.grants.items()
        if grant.grantee == "PUBLIC" and grant.object_kind in _CLOSED and name not in known
    )
    for grant, privileges in _together(new):
        told = f"each role has {privileges} on {_on(grant)}, which is new: it was granted to PUBLIC"
        yield PUBLIC_GRANTED.finding(grant.object, told, severity=Severity.WARNING, after=grant.name, aspect=privileges)


def _implied(evidence: Evidence, grant: Grant) -> bool:
    # The first entry for functions or types spells out what PUBLIC had without one.
    return (
        grant.object_kind == "default privileges"
        and " IN SCHEMA " not in grant.object
        and any(grant.object.endswith(f" ON {kind}") and grant.privilege == one for kind, one in _OPEN.items())
        and grant.object not in _defaults(evidence.comparison.before.catalog)
    )


def _owner(evidence: Evidence) -> Iterator[Finding]:
    for change in of(evidence, Action.CHANGED):
        if change.attribute == "owner" and change.kind != "role":
            told = f"the {change.kind} {change.object} belongs to {change.after}, and belonged to {change.before}"
            yield OWNER_CHANGED.finding(
                change.object,
                told,
                severity=behaviour(evidence),
                before=str(change.before),
                after=str(change.after),
                aspect=f"{change.kind} to {change.after}",
            )


def _granted(evidence: Evidence) -> Iterator[Finding]:
    named = (
        grant
        for grant in _grants(evidence, Action.ADDED)
        if not grant.to_owner and (grant.grantee != "PUBLIC" or _implied(evidence, grant))
    )
    for grant, privileges in _together(named):
        yield GRANTED.finding(
            grant.object,
            f"{grant.grantee} was granted {privileges} on {_on(grant)}",
            after=grant.name,
            aspect=f"{privileges} to {grant.grantee}",
        )
    for change in attribute(evidence, "grant", "grantable"):
        old = change.old
        if isinstance(old, Grant) and change.after and not old.to_owner:
            told = f"{old.grantee} may grant {old.privilege} on {_on(old)} to others now"
            aspect = f"{old.privilege} WITH GRANT OPTION to {old.grantee}"
            yield GRANTED.finding(old.object, told, after=old.name, aspect=aspect)


def _roles(evidence: Evidence) -> Iterator[Finding]:
    for change in of(evidence, Action.CHANGED, "role"):
        if sessions.is_judged(change):
            continue
        said = (change.attribute or "").replace("_", " ")
        if change.attribute in _POWERS:
            told = (
                f"the role {change.object} has {said} now" if change.after else f"the role {change.object} lost {said}"
            )
            severity = Severity.ERROR if change.after else behaviour(evidence)
        elif change.attribute == "login" and not change.after:
            told, severity = f"the role {change.object} cannot log in any more", Severity.ERROR
        elif change.attribute == "member_of":
            told, severity = _membership(change, evidence)
        else:
            told = f"the role {change.object} is another: {said} went from {say(change.before)} to {say(change.after)}"
            severity = behaviour(evidence)
        yield ROLE_CHANGED.finding(change.object, told, severity=severity, aspect=change.attribute)


def _membership(change: Change, evidence: Evidence) -> tuple[str, Severity]:
    before = {str(one) for one in change.before} if isinstance(change.before, tuple) else set[str]()
    after = {str(one) for one in change.after} if isinstance(change.after, tuple) else set[str]()
    lost, new = sorted(before - after), sorted(after - before)
    told = f"the role {change.object}"
    if lost:
        told += f" is not a member of {', '.join(lost)} any more: it lost what that role may do"
        return told, Severity.ERROR
    return f"{told} is a member of {', '.join(new)} now", behaviour(evidence)


GRANT_LOST = Check(
    code="PGS701",
    check="privileges",
    name="grant-lost",
    severity=Severity.ERROR,
    condition=(
        "A role is without a privilege that it had, on an object that is still there. Recreating a view or a "
        "function under its name loses its grants."
    ),
    effect="What connects as that role gets “permission denied”.",
    remedy="GRANT it again in the same migration; CREATE OR REPLACE keeps grants.",
    judge=_lost,
)
GRANT_WIDENED = Check(
    code="PGS703",
    check="privileges",
    name="grant-widened",
    severity=Severity.NOTE,
    condition="A role is without a grant, and has the privilege by a wider one: of PUBLIC, or on the whole table.",
    effect="It may do what it did before, and others may too.",
    remedy="Grant it to the role alone.",
    judge=_widened,
)
PUBLIC_GRANTED = Check(
    code="PGS702",
    check="privileges",
    name="public-granted",
    severity=Severity.ERROR,
    condition="A privilege on an object that was there before was granted to PUBLIC. On a new object it is a warning.",
    effect="Each role of the server that can connect may use it, also those made later.",
    remedy="Grant it to the role that needs it.",
    judge=_public,
)
OWNER_CHANGED = Check(
    code="PGS704",
    check="privileges",
    name="owner-changed",
    severity=Severity.NOTE,
    condition="An object belongs to another role.",
    effect=(
        "The new owner may do everything with it, the old one only what was granted; later migrations need the new one."
    ),
    remedy="Run the migration as the role that owns the database's objects ([migration] role).",
    judge=_owner,
)
GRANTED = Check(
    code="PGS705",
    check="privileges",
    name="granted",
    severity=Severity.NOTE,
    condition="A role has a privilege that it had not, on an object that was there before.",
    effect="It may do more than before.",
    remedy="None is needed.",
    judge=_granted,
)
ROLE_CHANGED = Check(
    code="PGS706",
    check="privileges",
    name="role-changed",
    severity=Severity.ERROR,
    condition=(
        "A role became a superuser, may create roles or databases, replicate or pass row security; or it cannot "
        "log in, or left a group. Other attributes are a note."
    ),
    effect="Roles are the cluster's: it concerns each database of the server.",
    remedy="Keep roles out of migrations.",
    judge=_roles,
)
CHECKS = (GRANT_LOST, GRANT_WIDENED, PUBLIC_GRANTED, OWNER_CHANGED, GRANTED, ROLE_CHANGED)
