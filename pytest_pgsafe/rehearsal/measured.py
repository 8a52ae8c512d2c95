"""What a run measured, for reports: its statements one by one, the whole, and the tables before and after (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..catalog.names import split
from ..checks.blame.places import flat, places
from ..checks.cost_values import Cost, Scale, measured, scaled
from ..compare.values import Change, Comparison
from ..migrate.marks import of_statements
from ..migrate.tools import Migration
from ..migrate.values import Lock, Statement, Trace
from ..reading.script import statements
from ..reading.values import Place
from ..snapshot.values import TableContent

#: More statements than these are not listed one by one: the first, and how many there are.
MOST_STATEMENTS = 5_000


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One statement that was run."""

    statement: Statement
    place: Place | None = None
    #: The revision that it is a part of, where that is known.
    revision: str | None = None
    locks: tuple[Lock, ...] = ()
    #: Seconds that it would take where the tables have the rows of the source; None where it would take no longer.
    scaled: float | None = None


@dataclass(frozen=True, kw_only=True)
class ColumnFacts:
    column: str
    nulls: tuple[int | None, int | None]
    #: Rows that are on both sides and hold another value.
    changed: int = 0


@dataclass(frozen=True, kw_only=True)
class TableFacts:
    """A table before and after; None on the side where it is not, or was not read."""

    #: The name before, or of a new one the name after.
    table: str
    rows: tuple[int | None, int | None]
    #: Of the heap and its TOAST table.
    bytes: tuple[int | None, int | None]
    #: The migration wrote to it or changed it, or locked it so that others had to wait.
    touched: bool
    columns: tuple[ColumnFacts, ...] = ()


@dataclass(frozen=True, kw_only=True)
class File:
    name: str
    sha256: str
    #: The revision that is written in it, where it holds one.
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All of it."""

    statements: tuple[Ran, ...] = ()
    #: How many statements there were.
    number: int = 0
    cost: Cost | None = None
    #: The same where the tables have the rows of ``[source] rows``; None where nothing is known of that.
    scaled: Cost | None = None
    tables: tuple[TableFacts, ...] = ()
    files: tuple[File, ...] = field(default=())


def measure(
    comparison: Comparison | None, trace: Trace | None, migration: Migration | None, rows: Mapping[str, int],
    touched: Collection[str] = frozenset(),
) -> Measured:  # fmt: skip
    """Gather what a run measured.

    :param rows: that the source's tables have, where the copy is smaller.
    :param touched: tables after, of which it is not proven that nobody wrote to them; empty where that is not known.
    """
    scale = None
    if comparison is not None and trace is not None:
        scale = Scale(comparison=comparison, trace=trace, rows=rows)
    return Measured(
        statements=() if trace is None else tuple(_statements(trace, migration, scale)),
        number=0 if trace is None else len(trace.statements),
        cost=None if trace is None else measured(trace),
        scaled=None if trace is None or scale is None else scaled(trace, scale),
        tables=() if comparison is None else tuple(_tables(comparison, trace, touched)),
        files=() if migration is None else tuple(_files(migration, trace)),
    )


def _statements(trace: Trace, migration: Migration | None, scale: Scale | None) -> Iterator[Ran]:
    found_at, noted = places(migration, trace), of_statements(trace)
    several = migration is not None and len(migration.files) > 1
    locks: dict[int | None, list[Lock]] = {}
    for lock in trace.locks:
        locks.setdefault(lock.number, []).append(lock)
    factors = [1.0] * len(trace.statements) if scale is None else scale.statements
    for at, statement in enumerate(trace.statements[:MOST_STATEMENTS]):
        first = next(iter(statements(statement.text)), statement.text)
        place = next(found_at.get(flat(first), iter(())), None)
        yield Ran(
            statement=statement,
            place=place,
            revision=place.file if place is not None and several else noted[at],
            locks=tuple(locks.get(at, ())),
            scaled=None if factors[at] <= 1 or statement.duration is None else statement.duration / 1000 * factors[at],
        )


def _tables(comparison: Comparison, trace: Trace | None, written: Collection[str]) -> Iterator[TableFacts]:
    before, after = comparison.before, comparison.after
    locked = {lock.relation for lock in (() if trace is None else trace.locks)}
    changed = {".".join(split(name)[:2]) for name in comparison.by_object}
    new = [name for name in after.catalog.tables if name not in set(comparison.tables.values())]
    for name in [*before.catalog.tables, *(name for name in new if name not in before.catalog.tables)]:
        then = comparison.tables.get(name, name if name not in before.catalog.tables else "")
        one, other = before.catalog.tables.get(name), after.catalog.tables.get(then)
        contents = before.tables.get(name), after.tables.get(then)
        yield TableFacts(
            table=name,
            rows=(_rows(contents[0]), _rows(contents[1])),
            bytes=(None if one is None else one.size, None if other is None else other.size),
            touched=then in written or bool({name, then} & (changed | locked)),
            columns=tuple(_columns(name, contents, comparison.by_object)),
        )


def _rows(content: TableContent | None) -> int | None:
    return None if content is None else content.rows


def _columns(
    table: str, contents: tuple[TableContent | None, TableContent | None], changes: Mapping[str, Sequence[Change]]
) -> Iterator[ColumnFacts]:
    before, after = map(_nulls, contents)
    for column in dict.fromkeys([*before, *after]):
        counted = [
            change.after
            for change in changes.get(f"{table}.{column}", ())
            if change.kind == "values" and isinstance(change.after, int) and not isinstance(change.after, bool)
        ]
        yield ColumnFacts(
            column=column,
            nulls=(before.get(column), after.get(column)),
            changed=max(counted, default=0),
        )


def _nulls(content: TableContent | None) -> Mapping[str, int | None]:
    return {} if content is None else {name: column.nulls for name, column in content.columns.items()}


def _files(migration: Migration, trace: Trace | None) -> Iterator[File]:
    """Yield the files that were run, or in which the revisions that ran are written."""
    several = len(migration.files) > 1
    paths = [(file.name, file, file.name if several else None) for file in migration.files]
    scripts = migration.written([] if trace is None else [revision.name for revision in trace.revisions])
    paths += [(script.name, script.path, revision) for revision, script in scripts.items()]
    for name, path, revision in paths:
        try:
            yield File(name=name, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), revision=revision)
        except OSError:
            # It was there when it was run.
            continue
