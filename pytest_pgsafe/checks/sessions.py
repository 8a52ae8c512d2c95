"""What sessions begin with: whether they are let in at all, and the settings of the database and of its roles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

from ..catalog.names import bare, container, unquoted
from ..catalog.values import Catalog, Role
from ..compare.values import Action, Change
from ..server.lists import split_list
from .evidence import behaviour, of
from .values import Check, Evidence, Finding, Severity

_KINDS = ("database", "role")
_SETTINGS = frozenset({"settings", "database_settings"})
#: Where names without a schema are looked for unless a setting says so.
_DEFAULT_PATH = '"$user", public'
#: Settings by which a session can do less, or is protected less: the value, and what comes of it.
_HARMFUL = {
    "default_transaction_read_only": ("on", "its sessions cannot write"),
    "session_replication_role": ("replica", "its sessions check no foreign key and fire no trigger"),
}
_ON = frozenset({"on", "true", "yes", "1"})
#: Statements about the server, which no transaction may hold and no catalog of the database shows.
_SYSTEM = re.compile(r"\s*alter\s+system\s+(?P<what>(?:set|reset)\s+[\w.]+)", re.IGNORECASE)
_DROPPED = re.compile(r"\s*drop\s+(?P<what>database|tablespace)\b", re.IGNORECASE)
_ROLE = re.compile(
    r'\s*(?:create|alter)\s+(?:role|user|group)\s+(?P<name>"(?:[^"]|"")+"|[\w$]+)(?P<rest>.*)',
    re.IGNORECASE | re.DOTALL,
)
_POWER = re.compile(r"\b(superuser|bypassrls|createrole|createdb|replication)\b", re.IGNORECASE)
_PASSWORD = re.compile(r"\bpassword\b", re.IGNORECASE)
_UNTIL = re.compile(r"\bvalid\s+until\b", re.IGNORECASE)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL)


def _changed(evidence: Evidence) -> Iterator[Change]:
    return (one for one in of(evidence, Action.CHANGED, *_KINDS))


def whose(change: Change) -> str:
    """Return what a change is of, for people: a copy of a database has a name that says nothing."""
    return "the database" if change.kind == "database" else f"the role {change.object}"


def is_judged(change: Change) -> bool:
    """Tell whether a change of a database or a role is judged here."""
    return change.attribute in _SETTINGS or (change.attribute == "connection_limit" and change.after == 0)


def _refused(evidence: Evidence) -> Iterator[Finding]:
    for change in _changed(evidence):
        if change.attribute == "connection_limit" and change.after == 0:
            told = f"{whose(change)} lets no session in any more: its connection limit is 0"
            yield SESSIONS_REFUSED.finding(change.object, told, aspect="connection limit 0")


def _settings(evidence: Evidence) -> Iterator[Finding]:
    for change in _changed(evidence):
        if change.attribute not in _SETTINGS:
            continue
        before, after = _read(change.before), _read(change.after)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield _setting(evidence, change, name, before.get(name), after.get(name))


def _read(value: object) -> Mapping[str, str]:
    lines = cast("tuple[str, ...]", value) if isinstance(value, tuple) else ()
    return {name.lower(): text for name, _, text in (line.partition("=") for line in lines)}


def _setting(evidence: Evidence, change: Change, name: str, before: str | None, after: str | None) -> Finding:
    went = f"went from {'none' if before is None else before or '(empty)'} to"
    went += f" {'none' if after is None else after or '(empty)'}"
    told, severity = f"the setting {name} of {whose(change)} {went}", behaviour(evidence)
    harm = _HARMFUL.get(name)
    if harm is not None and _means(after, harm[0]) and not _means(before, harm[0]):
        told, severity = f"{told}: {harm[1]}", Severity.ERROR
    elif name == "search_path" and (lost := _lost(evidence, change, before, after)):
        told += f": names without a schema do not find what is in {', '.join(lost)} any more"
        severity = Severity.ERROR
    return SETTINGS_CHANGED.finding(change.object, told, severity=severity, aspect=f"{name} {after or 'none'}")


def _means(value: str | None, wanted: str) -> bool:
    return value is not None and (value.lower() == wanted or (wanted == "on" and value.lower() in _ON))


def _lost(evidence: Evidence, change: Change, before: str | None, after: str | None) -> list[str]:
    """Return the schemas that are no longer in the path and hold something by whose bare name nothing else is found."""
    old, new = evidence.comparison.before.catalog, evidence.comparison.after.catalog
    was, now = _path(old, change, change.old, before), _path(new, change, change.new, after)
    found = {bare(name) for name in _named(new) if unquoted(container(name)) in now}
    return sorted(
        {
            container(name)
            for name in _named(new)
            if unquoted(container(name)) in was and unquoted(container(name)) not in now and bare(name) not in found
        }
    )


def _named(catalog: Catalog) -> Iterator[str]:
    yield from catalog.tables
    yield from catalog.views


def _path(catalog: Catalog, change: Change, value: object, own: str | None) -> list[str]:
    """Return the schemas that a session looks into, as it is without the others' settings."""
    text = own
    if isinstance(value, Role):
        # What a role has in this database goes before what it has in all.
        text = _read(value.database_settings).get("search_path", _read(value.settings).get("search_path"))
    if text is None:
        text = _read(catalog.database.settings).get("search_path", _DEFAULT_PATH)
    user = unquoted(change.object) if change.kind == "role" else ""
    return [user if name == "$user" else name for name in split_list(text)]


def _server(evidence: Evidence) -> Iterator[Finding]:
    known = evidence.comparison.before.catalog.roles
    for statement in () if evidence.trace is None else evidence.trace.statements:
        if statement.error is not None:
            continue
        text = _QUOTED.sub(" ", statement.text)
        if system := _SYSTEM.match(text):
            told = f"the configuration of the whole server is changed: ALTER SYSTEM {' '.join(system['what'].split())}"
            yield SERVER_CHANGED.finding("server", told, aspect=" ".join(system["what"].lower().split()))
        elif dropped := _DROPPED.match(text):
            what = dropped["what"].lower()
            yield SERVER_CHANGED.finding("server", f"a {what} of the server is dropped", aspect=f"{what} dropped")
        elif role := _ROLE.match(text):
            yield from _role(role["name"], role["rest"], known)


def _role(name: str, rest: str, known: Mapping[str, Role]) -> Iterator[Finding]:
    powers = sorted({found.lower() for found in _POWER.findall(rest)})
    if powers and name not in known:
        # Of a role that was there and may do something here the catalog tells more.
        told = f"the role {name} gets {', '.join(powers)}"
        yield SERVER_CHANGED.finding(name, told, aspect=", ".join(powers))
    if name not in known:
        return
    if _PASSWORD.search(rest):
        told = f"the password of the role {name} is set: what logs in with the one before is refused"
        yield SERVER_CHANGED.finding(name, told, severity=Severity.WARNING, aspect="password")
    if _UNTIL.search(rest):
        told = f"VALID UNTIL of the role {name} is set: after that its password is refused"
        yield SERVER_CHANGED.finding(name, told, severity=Severity.WARNING, aspect="valid until")


SESSIONS_REFUSED = Check(
    code="PGS707",
    check="privileges",
    name="sessions-refused",
    severity=Severity.ERROR,
    condition="The connection limit of the database, or of a role, became 0.",
    effect="Nobody but superusers can connect.",
    remedy="Give it the limit that it had, or -1 for none.",
    judge=_refused,
)
SETTINGS_CHANGED = Check(
    code="PGS708",
    check="privileges",
    name="settings-changed",
    severity=Severity.ERROR,
    condition=(
        "A setting of ALTER DATABASE … SET or ALTER ROLE … SET makes sessions read only or turns triggers and foreign "
        "keys off, or a schema that holds tables is no longer in the search path. Any other setting is a note."
    ),
    effect="Each new session begins with it; those that are open go on without, so it shows hours later.",
    remedy="Leave it as it is, or name schemas in every statement first.",
    judge=_settings,
)
SERVER_CHANGED = Check(
    code="PGS709",
    check="privileges",
    name="server-changed",
    severity=Severity.ERROR,
    condition=(
        "A statement changes the server and not the database: ALTER SYSTEM, a database or tablespace dropped, a role "
        "that becomes a superuser, passes row security, may create roles or databases, or replicate. A password is a "
        "warning. It is seen where the server is pgsafe's own, and not inside of a DO block."
    ),
    effect="It concerns every database of the server, and no transaction takes it back.",
    remedy="Keep the server's configuration and roles out of migrations.",
    judge=_server,
)
CHECKS = (SESSIONS_REFUSED, SETTINGS_CHANGED, SERVER_CHANGED)
