"""How a live table and the restored one differ: rows by their keys, for the person who decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..catalog.values import Catalog
from ..server.connection import Connection
from ..snapshot.session import encoded

#: Keys that are shown of each kind.
SAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Since:
    """Rows of one table, live and as the backup has them."""

    table: str
    live: int
    restored: int
    #: Rows by key, or whole rows where there is none: in the live table alone, in the backup alone.
    live_only: int
    restored_only: int
    #: Same key, other values in columns that both have; None without a key.
    changed: int | None
    #: Bare column names.
    key: tuple[str, ...]
    #: Keys of ``live_only``, as text.
    samples: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in one sentence."""
        if not self.live_only and not self.restored_only and not self.changed:
            return f"{self.table}: the live table has the same {self.live} rows as the backup"
        told = f"{self.table}: the live table has {_rows(self.live_only)} that the backup has not"
        if self.samples:
            told += f" ({', '.join(self.key)}: {', '.join(self.samples)}{' …' * (self.live_only > len(self.samples))})"
        told += f", lacks {_rows(self.restored_only)} that the backup has"
        if self.changed is not None:
            told += f", and has {_rows(self.changed)} with other values"
        return told


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"


def compare(session: Connection, table: str, aside: str, live: Catalog, backup: Catalog) -> Since:
    """Compare a table that was moved aside with the one that was restored.

    :param table: its name, which the restored one has now.
    :param aside: the name of the live one now.
    """
    ours = _columns(live, table)
    both = [column for column in _columns(backup, table) if column in ours]
    key = _key(backup, table)
    if not key or not set(key) <= set(both):
        return _whole(session, table, aside, both)
    # As text: the live column may have another type, and not every type has an operator that is found here.
    keys = [f"{column}::text" for column in key]
    values = f"row({', '.join(f'{column}::text' for column in both)})::text"
    listed = ", ".join(f"{one} as k{number}" for number, one in enumerate(keys))
    on = " and ".join(f"o.k{number} = n.k{number}" for number in range(len(keys)))
    joined = (
        f"(select {listed}, {values} as v, true as here from {aside}) o full join"  # noqa: S608 (the catalog's names)
        f" (select {listed}, {values} as v, true as here from {table}) n on {on}"
    )
    [(in_live, restored, live_only, restored_only, changed)] = _ask(
        session,
        "select count(o.here), count(n.here), count(*) filter (where n.here is null),"  # noqa: S608
        " count(*) filter (where o.here is null), count(*) filter (where o.v <> n.v)"
        f" from {joined}",
    )
    shown: list[tuple[str, ...]] = []
    if live_only:
        names = ", ".join(f"o.k{number}" for number in range(len(keys)))
        text = f"select {names} from {joined} where n.here is null order by {names} limit {SAMPLES}"  # noqa: S608
        shown = _ask(session, text)
    return Since(
        table=table, live=in_live, restored=restored, live_only=live_only, restored_only=restored_only,
        changed=changed, key=tuple(key), samples=tuple(" ".join(map(str, row)) for row in shown),
    )  # fmt: skip


def _whole(session: Connection, table: str, aside: str, both: Sequence[str]) -> Since:
    """Compare whole rows, each as often as it is there."""
    row = f"row({', '.join(f'{column}::text' for column in both)})::text"
    one, two = (f"select {row} from {name}" for name in (aside, table))  # noqa: S608
    [(live, restored, live_only, restored_only)] = _ask(
        session,
        f"select (select count(*) from {aside}), (select count(*) from {table}),"  # noqa: S608
        f" (select count(*) from ({one} except all {two}) x), (select count(*) from ({two} except all {one}) x)",
    )
    return Since(
        table=table, live=live, restored=restored, live_only=live_only, restored_only=restored_only, changed=None,
        key=(), samples=(),
    )  # fmt: skip


def _columns(catalog: Catalog, table: str) -> list[str]:
    found = [one for one in catalog.columns.values() if one.table == table]
    return [one.column for one in sorted(found, key=lambda one: one.number)]


def _key(catalog: Catalog, table: str) -> tuple[str, ...]:
    for one in catalog.constraints.values():
        if one.table == table and one.form == "primary key":
            return one.columns
    return ()


def _ask(session: Connection, text: str) -> list[tuple[Any, ...]]:
    return session.execute(encoded(session, text), prepare=False).fetchall()
