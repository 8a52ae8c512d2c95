"""What sequences hold, and how far the columns are that they feed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from ..catalog.values import Catalog
from ..server.connection import Connection
from .expressions import base_type, literal, underlying
from .plan import foreign_below
from .session import UNREADABLE, failed, query, reason
from .values import NotVerified, SequenceValue

__all__ = ["bounds", "names", "values"]

_SQL = Path(__file__).with_name("sql") / "sequences.sql"
#: So many are read by one query, which holds their locks while it runs: of a sequence, or of a table and its indexes.
_SEQUENCES = 500
_TABLES = 200
_NUMBERS = {"smallint", "integer", "bigint", "numeric"}


def names(connection: Connection) -> tuple[str, ...]:
    """Return every sequence of the database, as the catalog names it."""
    return tuple(row[0] for row in connection.execute(_SQL.read_bytes(), prepare=False).fetchall())


def values(connection: Connection, sequences: Iterable[str]) -> tuple[dict[str, SequenceValue], list[NotVerified]]:
    """Read ``last_value`` and ``is_called`` of sequences, now: no snapshot holds them.

    Not from pg_sequences, which shows a sequence that was never called as NULL, and one without privilege too.

    :returns: by name; and the sequences that could not be read.
    :raises SnapshotError: the server failed, rather than one sequence.
    """

    def statement(name: str) -> str:
        return f"SELECT {literal(name)} AS n, last_value, is_called FROM {name}"  # noqa: S608 (quoted by the server)

    rows, missing = _read(connection, list(sequences), statement, batch=_SEQUENCES)
    return {name: SequenceValue(value=value, is_called=called) for name, value, called in rows}, missing


def bounds(
    connection: Connection, catalog: Catalog, *, known: Mapping[str, int | None] | None = None
) -> tuple[dict[str, int | None], list[NotVerified]]:
    """Read the largest (or, counting down, smallest) value in each column that a sequence feeds.

    Columns of types that are no numbers have no bound and are left out.

    :param known: those that need not be read.
    :returns: by sequence; and the sequences whose column could not be read.
    :raises SnapshotError: the server failed, rather than one column.
    """
    foreign = foreign_below(catalog)
    statements: dict[str, str] = {}
    found = {} if known is None else dict(known)
    for name, sequence in catalog.sequences.items():
        if name in found:
            continue
        column = catalog.columns.get(sequence.column or "")
        if column is None or not _is_number(catalog, column.type):
            continue
        function = "max" if sequence.increment > 0 else "min"
        # Inheriting tables draw from the same sequence, unless they are on another server.
        only = "ONLY " if column.table in foreign else ""
        if column.table in foreign and catalog.tables[column.table].form != "table":
            continue
        statements[name] = (
            f"SELECT {literal(name)} AS n, pg_catalog.{function}(t.{column.column})::pg_catalog.numeric,"  # noqa: S608
            f" false FROM {only}{column.table} t"
        )
    rows, missing = _read(connection, list(statements), statements.__getitem__, batch=_TABLES)
    found |= {name: _whole(value) for name, value, _ in rows}
    return {name: found[name] for name in catalog.sequences if name in found}, missing


def _is_number(catalog: Catalog, type_: str) -> bool:
    return base_type(underlying(catalog.types, type_)) in _NUMBERS


def _whole(value: Decimal | None) -> int | None:
    return int(value) if value is not None and value.is_finite() else None


def _read(
    connection: Connection, wanted: Sequence[str], statement: Callable[[str], str], *, batch: int
) -> tuple[list[tuple[Any, ...]], list[NotVerified]]:
    rows: list[tuple[Any, ...]] = []
    missing: list[NotVerified] = []
    pending = [list(wanted[start : start + batch]) for start in range(0, len(wanted), batch)]
    while pending:
        some = pending.pop(0)
        try:
            rows += query(connection, " UNION ALL ".join(map(statement, some)))
        except UNREADABLE as error:
            if len(some) == 1:
                missing.append(NotVerified(object=some[0], reason=reason(error)))
            else:
                middle = len(some) // 2
                pending[:0] = [some[:middle], some[middle:]]
        except psycopg.Error as error:
            raise failed(f"sequence {some[0]}", error, connection) from error
    order = {name: place for place, name in enumerate(wanted)}
    return sorted(rows, key=lambda row: order[row[0]]), missing
