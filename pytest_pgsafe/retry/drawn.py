"""Rows that got their keys from a sequence: they have others where it had moved on, and all else has to be the same."""

from __future__ import annotations

from collections.abc import Collection

from ..server.address import Address
from ..server.connection import connect
from ..snapshot.session import encoded
from ..snapshot.values import Snapshot

#: Of rows as texts, in any order.
_SUM = """
select count(*), sum(pg_catalog.hashtextextended(pg_catalog.row_to_json(pgsafe)::pg_catalog.text, 0)::numeric)
  from (select {columns} from {table}) as pgsafe
"""


def drawn(end: Snapshot, facts: Snapshot) -> frozenset[str]:
    """Return the columns whose sequences stand elsewhere, and what refers to them, as ``schema.table.column``.

    A statement that is rolled back, or finds by ON CONFLICT that its rows are there, has drawn from them all the same.
    """
    found = {
        sequence.column
        for name, sequence in end.catalog.sequences.items()
        if sequence.column is not None and end.sequences.get(name) != facts.sequences.get(name, end.sequences.get(name))
    }
    for one in end.catalog.constraints.values():
        for column, referred in zip(one.columns, one.reference_columns, strict=False):
            if f"{one.references}.{referred}" in found:
                found.add(f"{one.table}.{column}")
    return frozenset(found)


def same_besides(end: Address, copy: Address, facts: Snapshot, table: str, besides: Collection[str]) -> bool:
    """Tell whether a table holds the same rows in two databases, some of its columns left out.

    :param facts: of either.
    :param besides: as ``schema.table.column``.
    """
    columns = [
        column.column
        for column in facts.catalog.columns.values()
        if column.table == table and f"{table}.{column.column}" not in besides
    ]
    if not columns:
        return True
    # Names of the catalog, which are quoted there.
    query = _SUM.format(columns=", ".join(columns), table=table)
    found: list[tuple[object, ...] | None] = []
    for address in (end, copy):
        with connect(address) as session:
            found.append(session.execute(encoded(session, query)).fetchone())
    return found[0] == found[1]
