"""What a ``.sql`` migration announces by itself, in comments: ``-- pgsafe: expect dropped sales.fax: unused``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from ..config.sections import ChangedEntry, DroppedEntry, MovedEntry, RenamedEntry, RowsEntry, ValuesEntry
from ..config.values import Changed, Dropped, Expect, Moved, Renamed, RowsRule, Settings, ValuesRule
from ..config.words import named
from ..errors import ConfigError
from ..migrate.sources import Migration, SqlFiles

_LINE = re.compile(r"[ \t]*--[ \t]*pgsafe:(?P<text>.*)", re.IGNORECASE)
_KINDS = "|".join(
    ("column", "table", "view", "index", "constraint", "function", "type", "sequence", "schema", "trigger", "policy")
)
_NAME = r"(?:\"(?:[^\"]|\"\")+\"|[^\s\":])+(?:\([^)]*\))?"
_FORMS = {
    "dropped": re.compile(rf"(?:(?P<kind>{_KINDS})\s+)?(?P<name>{_NAME})\s*:\s+(?P<reason>.+)"),
    "changed": re.compile(rf"(?:(?P<kind>{_KINDS})\s+)?(?P<name>{_NAME})\s*:\s+(?P<reason>.+)"),
    "values": re.compile(rf"(?P<name>{_NAME})(?:\s+where\s+(?P<where>.+?))?\s*:\s+(?P<reason>.+)", re.IGNORECASE),
    "renamed": re.compile(rf"(?:(?P<kind>{_KINDS})\s+)?(?P<name>{_NAME})\s+to\s+(?P<to>{_NAME})\s*:\s+(?P<reason>.+)"),
    "moved": re.compile(
        rf"(?P<name>{_NAME})\s+to\s+(?P<to>{_NAME})(?:\s+via\s+(?P<via>{_NAME}))?\s*:\s+(?P<reason>.+)"
    ),
    "rows": re.compile(rf"(?P<name>{_NAME})\s+(?P<rule>[^:]+?)\s*:\s+(?P<reason>.+)"),
}
_REMEDIES = (
    "-- pgsafe: expect dropped sales.customer_name: REASON (or: dropped view NAME, dropped table NAME …)",
    "-- pgsafe: expect values customers.email where email <> lower(email): REASON (without where: in all rows)",
    "-- pgsafe: expect renamed sales.name to title: REASON",
    "-- pgsafe: expect moved customer.email to contact.email via contact.customer_id: REASON",
    "-- pgsafe: expect changed sales.amount: REASON (or: changed sequence NAME, changed constraint NAME …)",
    "-- pgsafe: expect rows sessions any: REASON (rules as in [expect] rows)",
)


def told(settings: Settings, migration: Migration | None) -> Settings:
    """Return the settings with what the migration's files announce beside what the configuration does.

    :raises ConfigError: a comment that is none of the forms; with file and line.
    """
    found = expectations(migration.files) if isinstance(migration, SqlFiles) else Expect()
    if found == Expect():
        return settings
    ours = settings.expect
    both = Expect(
        dropped=(*ours.dropped, *found.dropped),
        rows=(*ours.rows, *found.rows),
        values=(*ours.values, *found.values),
        renamed=(*ours.renamed, *found.renamed),
        moved=(*ours.moved, *found.moved),
        changed=(*ours.changed, *found.changed),
    )
    return replace(settings, expect=both)


def expectations(files: Sequence[Path]) -> Expect:
    """Read the comments of files.

    :raises ConfigError: a comment that is none of the forms; with file and line.
    """
    found: list[Dropped | RowsRule | ValuesRule | Renamed | Moved | Changed] = []
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            comment = _LINE.fullmatch(line)
            if comment is None:
                continue
            try:
                found.append(_read(comment["text"].strip()))
            except ValueError as error:
                reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
                raise ConfigError(
                    f"{file.name}:{number}: {line.strip()!r} announces nothing that is known: {reason}",
                    looked_at=[str(file)],
                    remedies=_REMEDIES,
                ) from error
    return Expect(
        dropped=tuple(one for one in found if isinstance(one, Dropped)),
        rows=tuple(one for one in found if isinstance(one, RowsRule)),
        values=tuple(one for one in found if isinstance(one, ValuesRule)),
        renamed=tuple(one for one in found if isinstance(one, Renamed)),
        moved=tuple(one for one in found if isinstance(one, Moved)),
        changed=tuple(one for one in found if isinstance(one, Changed)),
    )


def _read(text: str) -> Dropped | RowsRule | ValuesRule | Renamed | Moved | Changed:
    expect, _, rest = text.partition(" ")
    form, _, said = rest.strip().partition(" ")
    if expect != "expect" or form not in _FORMS:
        raise ValueError(f"wanted expect {', expect '.join(_FORMS)}")
    match = _FORMS[form].fullmatch(said.strip())
    if match is None:
        raise ValueError("wanted a name, and after a colon and a blank the reason")
    given = match.groupdict()
    kind = given.get("kind") or "column"
    name, reason = match["name"], match["reason"]
    # The same words are checked in the same way as in the configuration.
    if form == "dropped":
        DroppedEntry.model_validate({kind: name, "reason": reason})
        return Dropped(kind=kind, object=name, reason=reason.strip())
    if form == "changed":
        ChangedEntry.model_validate({kind: name, "reason": reason})
        return Changed(kind=kind, object=name, reason=reason.strip())
    if form == "renamed":
        RenamedEntry.model_validate({kind: name, "to": match["to"], "reason": reason})
        return Renamed(kind=kind, object=name, to=match["to"], reason=reason.strip())
    if form == "moved":
        MovedEntry.model_validate({"column": name, "to": match["to"], "via": given["via"], "reason": reason})
        return Moved(column=name, to=match["to"], via=given["via"], reason=reason.strip())
    if form == "values":
        ValuesEntry.model_validate({"column": name, "where": given["where"], "reason": reason})
        return ValuesRule(column=name, where=given["where"], reason=reason.strip())
    entry = RowsEntry.model_validate({"rule": match["rule"], "reason": reason})
    return RowsRule(table=named(name), rule=entry.rule, reason=reason.strip())
