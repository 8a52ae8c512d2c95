"""A column's values before, looked for in another table after: by the key of the row that had each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..catalog.values import Catalog
from ..server.connection import Connection
from .align import align_plans
from .difference import difference
from .plan import Plan, PlanColumn, plan_every
from .values import MovedContent, RowSample

__all__ = ["Path", "read"]


@dataclass(frozen=True, kw_only=True)
class Path:
    """How a value is found again. Column names are bare and quoted; tables and ``to`` have their schema."""

    #: The table that had the column, before.
    table: str
    column: str
    #: Columns that tell its rows apart, and where each stands on the after side: ``f.name``, ``t.name``.
    key: tuple[str, ...]
    key_after: tuple[str, ...]
    #: Where the value stands, ``t.name``, and what it is read from: the table ``t``, with ``f`` where it has the key.
    to: str
    value: str
    source: str


def read(
    before: Connection, after: Connection, catalogs: tuple[Catalog, Catalog], path: Path, types: Sequence[str]
) -> MovedContent:
    """Count the values that cannot be read on the after side, with the keys of some.

    A value that is NULL is none. On the after side there may be several values of a key; one of them has to be it.

    :param types: of ``key_after`` and then ``value``.
    :raises SnapshotError: one side cannot be read.
    """
    ours = plan_every(catalogs[0])[path.table]
    known = {column.name: column for column in ours.columns}
    names = (*path.key, path.column)
    columns = ", ".join(names)
    old = replace(
        ours,
        key=(),
        columns=tuple(known[name] for name in names),
        query=f"SELECT tableoid, ctid, {columns} FROM {ours.source} WHERE {path.column} IS NOT NULL",  # noqa: S608
    )
    shown = ", ".join(
        f"{expression} AS {name}" for expression, name in zip((*path.key_after, path.value), names, strict=True)
    )
    new = Plan(
        table=path.to,
        key=(),
        columns=tuple(PlanColumn.of(catalogs[1], name, type_) for name, type_ in zip(names, types, strict=True)),
        query=f"SELECT t.tableoid, t.ctid, {shown} FROM {path.source}",  # noqa: S608 (quoted by the server)
    )
    pair = align_plans(old, new)
    found = difference(before, after, pair.before, pair.after)
    samples = tuple(
        RowSample(
            key={name: (one.before or {}).get(name) for name in path.key},
            before={path.column: (one.before or {}).get(path.column)},
            after=None,
        )
        for one in found.gone_samples
    )
    return MovedContent(to=path.to, lost=found.gone, samples=samples)
