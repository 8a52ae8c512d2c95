"""Foreign keys made again around restored tables: looked at by an anti-join before they are believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import psycopg

from ..catalog import read as catalog_of
from ..catalog.names import bare
from ..catalog.values import Catalog, Constraint
from ..errors import RestoreError
from ..server.capabilities import PARTITIONED_NOT_VALID
from ..server.connection import Connection, version
from ..snapshot.foreign_keys import foreign_keys
from ..snapshot.session import encoded


@dataclass(frozen=True, kw_only=True)
class Orphans:
    """Rows of one foreign key whose referenced row is missing."""

    key: str
    count: int
    samples: tuple[str, ...]

    def __str__(self) -> str:
        shown = f", such as {', '.join(self.samples)}" if self.samples else ""
        return f"{self.key}: {self.count} row{'s' * (self.count != 1)} without what the key points to{shown}"


def make(session: Connection, keys: Sequence[Constraint], *, accept: bool) -> tuple[Orphans, ...]:
    """Make foreign keys; return those with orphans, which are NOT VALID then.

    :param accept: go on with orphans.
    :raises RestoreError: some have orphans, and that was not accepted; each is told, with samples.
    """
    there = catalog_of.read(session)
    for key in keys:
        _run(session, _add(key, valid=not _may_wait(session, there, key)))
    now = catalog_of.read(session)
    made = {key.name: now.constraints[key.name] for key in keys}
    found, _ = foreign_keys(session, replace(now, constraints=made))
    wrong = tuple(
        Orphans(key=name, count=content.orphans, samples=tuple(_shown(row) for row in content.samples))
        for name, content in found.items()
        if content.orphans
    )
    known = {key.name for key in keys if not key.validated}
    fresh = [one for one in wrong if one.key not in known]
    if fresh and not accept:
        raise RestoreError(
            f"{sum(one.count for one in fresh)} rows would point to nothing: nothing was swapped",
            looked_at=[str(one) for one in fresh],
            remedies=[
                "restore the other tables of these keys, too: --table may be repeated",
                "or mend the rows first",
                "or take it so with --accept-orphans: these keys become NOT VALID",
            ],
        )
    orphaned = {one.key for one in wrong}
    for key in keys:
        if key.validated and key.enforced and key.name not in orphaned:
            _run(session, f"alter table {key.table} validate constraint {bare(key.name)}")
        if key.comment is not None:
            quoted = "'" + key.comment.replace("'", "''") + "'"
            _run(session, f"comment on constraint {bare(key.name)} on {key.table} is {quoted}")
    return wrong


def _may_wait(session: Connection, there: Catalog, key: Constraint) -> bool:
    """Tell whether a key can be made first and looked at then."""
    if PARTITIONED_NOT_VALID.known_to(version(session)):
        return True
    return there.tables[key.table].form != "partitioned table"


def _add(key: Constraint, *, valid: bool) -> str:
    state = "" if key.enforced else " not enforced"
    if not valid and key.enforced:
        state = " not valid"
    return f"alter table {key.table} add constraint {bare(key.name)} {key.definition}{state}"


def _run(session: Connection, text: str) -> None:
    try:
        session.execute(encoded(session, text), prepare=False)
    except psycopg.errors.ForeignKeyViolation as error:
        raise RestoreError(
            "rows would point to nothing: nothing was swapped",
            looked_at=str(error).strip().splitlines()[:3],
            remedies=["a key of a partitioned table cannot be NOT VALID before PostgreSQL 18: mend the rows first"],
        ) from error


def _shown(row: Sequence[object]) -> str:
    return "(" + ", ".join("NULL" if value is None else str(value) for value in row) + ")"
