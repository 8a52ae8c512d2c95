"""In what two databases, or recorded facts of them, differ, as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..catalog.names import container, covers, split
from ..catalog.values import Catalog
from ..compare import recorded, sentence
from ..compare.restored import noise
from ..compare.values import Change, Comparison
from ..copy.comparing import compare_databases
from ..report.terminal import sample_text
from ..server.base import SCRATCH_PREFIX
from ..server.connection import connect
from ..snapshot.take import take
from ..snapshot.values import RowSample, Snapshot, TableDifference
from .database import ScratchDatabase
from .look import Looked, address_of

#: Lines of a message.
SHOWN = 60
#: Of a database that we made: they are the scratch server's.
_OF_SERVER = frozenset({"owner", "connection_limit", "encoding", "provider", "collate", "ctype", "locale", "icu_rules"})
#: What leads out of a database is made harmless in a copy.
_ISOLATED = frozenset({"foreign server", "foreign-data wrapper", "user mapping", "subscription"})
#: What is held, apart from the objects that hold it.
_CONTENT = frozenset({"rows", "values", "sequence value", "foreign key", "large objects"})


def different(before: Looked, after: Looked, *, ignore: Sequence[str], structure: bool) -> str | None:
    """Return in what two sides differ, or could not be compared; None if they are the same.

    Between a scratch database and one that is none, what no dump carries and what leads out of a database is left out.

    :raises ConfigError: a side is no database.
    """
    comparison = _compared(before, after)
    catalogs = (comparison.before.catalog, comparison.after.catalog)
    scratch = [catalog.database.name.startswith(SCRATCH_PREFIX) for catalog in catalogs]
    counted = [
        change
        for change in comparison.changes
        if (structure or _is_content(change))
        and not (any(scratch) and not comparison.cloned and _of_server(change))
        and not (scratch[0] != scratch[1] and (change.kind in _ISOLATED or noise(change)))
        and not _ignored(_names(change, catalogs), ignore)
    ]
    lines = list(_lines(comparison, counted))
    gaps = [gap for gap in comparison.not_verified if not _ignored({gap.object}, ignore)]
    lines += [f"{gap.object} could not be compared: {gap.reason}" for gap in gaps]
    if not lines:
        compared = set(comparison.before.tables) & set(comparison.tables)
        return None if compared else "nothing was compared: no table is on both sides"
    shown = [f"  {line}" for line in lines[:SHOWN]]
    shown += [f"  … and {len(lines) - SHOWN:,} more lines"] if len(lines) > SHOWN else []
    return "\n".join([f"{_side(before)} and {_side(after)} are not the same", *shown])


def _compared(before: Looked, after: Looked) -> Comparison:
    if isinstance(before, Snapshot) or isinstance(after, Snapshot):
        return recorded(_facts(before), _facts(after))
    cloned = (
        isinstance(before, ScratchDatabase) and isinstance(after, ScratchDatabase) and before.origin == after.origin
    )
    with connect(address_of(before)) as one, connect(address_of(after), read_only=False) as two:
        facts, now = take(one), take(two)
        if not cloned and not isinstance(after, ScratchDatabase):
            # Rows are looked for by a temporary table: only where we may write.
            return recorded(facts, now)
        return compare_databases(one, two, facts, now, "values", cloned=cloned)


def _facts(side: Looked) -> Snapshot:
    if isinstance(side, Snapshot):
        return side
    with connect(address_of(side)) as connection:
        return take(connection)


def _lines(comparison: Comparison, changes: Sequence[Change]) -> Iterator[str]:
    told: set[tuple[str, str]] = set()
    for change in changes:
        yield sentence(change)
        difference, column = _rows_of(comparison, change)
        if difference is None or (difference.before, column) in told:
            continue
        told.add((difference.before, column))
        samples = difference.changed_samples.get(column, ()) if column else _came_and_went(difference)
        yield from (f"  {sample_text(sample)}" for sample in samples)


def _came_and_went(difference: TableDifference) -> tuple[RowSample, ...]:
    return (*difference.gone_samples, *difference.added_samples)


def _rows_of(comparison: Comparison, change: Change) -> tuple[TableDifference | None, str]:
    """Return where the rows of a change are found, and of which column; empty for whole rows."""
    if change.kind == "rows":
        return comparison.rows.get(change.object), ""
    if change.kind == "values":
        return comparison.rows.get(container(change.object)), split(change.object)[-1]
    return None, ""


def _names(change: Change, catalogs: tuple[Catalog, Catalog]) -> set[str]:
    """Return the names that stand for a change: its object's, and the table's that it is part of."""
    found = {container(change.object)}
    for value in (change.old, change.new):
        table = getattr(value, "table", None) or getattr(value, "object", None)
        found |= {table} if isinstance(table, str) else set[str]()
    for catalog in catalogs:
        sequence = catalog.sequences.get(change.object)
        if sequence is not None and sequence.column is not None:
            found |= {sequence.column, container(sequence.column)}
    # A schema's name stands for itself alone: billing.* is what is in it.
    return {change.object} | {name for name in found if len(split(name)) > 1}


def _of_server(change: Change) -> bool:
    return change.kind == "database" and change.attribute in _OF_SERVER


def _is_content(change: Change) -> bool:
    return change.kind in _CONTENT or (change.kind == "view" and change.attribute in {"rows", "content"})


def _ignored(names: set[str], patterns: Sequence[str]) -> bool:
    return any(covers(name, pattern) for name in names for pattern in patterns)


def _side(side: Looked) -> str:
    if isinstance(side, Snapshot):
        return f"the snapshot of {side.catalog.database.name}"
    return address_of(side).dbname
