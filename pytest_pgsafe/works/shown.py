"""What views and functions show: rows and values, on the copy before and on the copy after."""

# ruff: noqa: S608 (names that quote_ident or the catalog wrote)

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Set
from dataclasses import dataclass

import psycopg

from ..catalog.names import container
from ..catalog.values import Catalog, Function
from ..compare.values import Action, Comparison
from ..snapshot.expressions import literal
from ..snapshot.values import NotVerified
from .arguments import arguments
from .reach import reaching_out
from .reads import Reads
from .side import Side, answer
from .values import Answer, Attempt, Shown

#: Seconds for all of them.
BUDGET = 5.0
_COLUMNS = """
SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_attribute a
WHERE a.attrelid = {}::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
#: What it gives hangs on the moment, on chance, or on who asks.
_UNSTEADY = re.compile(
    r"\b(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|age|random\w*|setseed|nextval|currval"
    r"|lastval|gen_random_uuid|uuid_generate\w*|uuidv7|current_setting|pg_backend_pid|txid_\w+|pg_current_\w+"
    r"|current_(?:date|time|timestamp)|local(?:time|timestamp)|tablesample)\b",
    re.IGNORECASE,
)
#: Of tables and columns, what a query over them may tell; of other objects everything but this may be told.
_TELL = frozenset({"type", "collation", "row_security", "force_row_security", "form"})
_ASIDE = frozenset({"comment", "access_method", "tablespace", "owner"})
#: Functions that give these are called by nobody, or give nothing that could be read.
_NOT_CALLED = frozenset({"trigger", "event_trigger", "internal", "cstring", "record", "language_handler"})


@dataclass(frozen=True, kw_only=True)
class _Pair:
    before: str
    after: str
    #: What was called so is another kind of object now.
    replaced: bool = False


def tried(comparison: Comparison, before: Side, after: Side) -> Iterator[Shown | Attempt | NotVerified | None]:
    """Read on both sides what a change may have reached; None for what shows the same."""
    end = time.monotonic() + BUDGET
    pairs = list(_pairs(comparison))
    if not pairs:
        return
    reads = Reads(before.catalog), Reads(after.catalog)
    changed, content = _changed(comparison), _content(comparison)
    reached = changed | _moved(comparison)
    for pair in pairs:
        below = reads[0].of(pair.before) | reads[1].of(pair.after)
        near = {pair.before, pair.after} | below
        # A body names what it reads: what was renamed or dropped is not there for it.
        if not (pair.replaced or near & (reached if pair.before in before.catalog.functions else changed)):
            continue
        why = _unread(before.catalog, after.catalog, near)
        if why is None and time.monotonic() > end:
            why = f"{BUDGET:g} s did not suffice for all views and functions"
        told = {pair.before, pair.after} & changed, tuple(sorted(below & changed))
        if why is not None:
            yield _skipped(pair, why)
        elif pair.before in before.catalog.functions:
            yield from _called(pair, before, after, told, reads=reads[0].of(pair.before), content=near & content)
        elif near & content:
            yield _redefined(pair, before.catalog, after, told, near & content)
        else:
            yield _compared(pair, before, after, told)


_Told = tuple[Set[str], tuple[str, ...]]


def _skipped(pair: _Pair, why: str) -> NotVerified:
    return NotVerified(object=pair.before, reason=f"what it shows was not compared: {why}")


def _others(told: Set[str]) -> str:
    return f"{', '.join(sorted(told)[:3])} {'holds' if len(told) == 1 else 'hold'} other rows or values"


def _compared(pair: _Pair, before: Side, after: Side, told: _Told) -> Shown | None:
    """Compare what a view shows on both sides."""
    columns = [name for name in _columns(before, pair.before) if name in set(_columns(after, pair.after))]
    old = _read(before, pair.before, pair.before, columns)
    new = _read(after, pair.after, pair.after, columns)
    if isinstance(old, Answer) or isinstance(new, Answer) or old == new:
        return None
    return _shown(pair, old, new, columns, told) if _read(before, pair.before, pair.before, columns) == old else None


def _redefined(pair: _Pair, old: Catalog, after: Side, told: _Told, content: Set[str]) -> Shown | NotVerified | None:
    """Hold a view beside its old definition, both over the rows as they are now: the rows were changed as well."""
    if pair.replaced or not told[0]:
        return _skipped(pair, _others(content))
    columns = _columns(after, pair.after)
    was = f"({old.views[pair.before].definition.rstrip().rstrip(';')})"
    there = _named(after, was)
    columns = [name for name in columns if name in there]
    first = _read(after, was, pair.after, columns) if there else Answer(unknown=True)
    if isinstance(first, Answer):
        return _skipped(pair, _others(content))
    now = _read(after, pair.after, pair.after, columns)
    return None if isinstance(now, Answer) or first == now else _shown(pair, first, now, columns, told)


def _called(
    pair: _Pair, before: Side, after: Side, told: _Told, *, reads: Set[str], content: Set[str]
) -> Iterator[Shown | Attempt | NotVerified | None]:
    """Call a function on both sides, with values of rows that there are."""
    given = arguments(before, pair.before, [one for one in reads if one in before.catalog.tables])
    if not given:
        if "()" not in pair.before and not told[0]:
            yield _skipped(pair, "no row holds a value for each of its parameters")
        return
    failed: Attempt | None = None
    for one in given:
        old, new = (
            _read(side, f"{name.partition('(')[0]}({', '.join(one.values)})", name, [])
            for side, name in ((before, pair.before), (after, pair.after))
        )
        if isinstance(old, Answer):
            continue
        if isinstance(new, Answer):
            statement = f"SELECT {pair.after.partition('(')[0]}({', '.join(one.shown)})"
            failed = Attempt(
                kind="call", object=pair.before, statement=statement, before=Answer(), after=new,
                about=told[1] if not told[0] else (),
            )  # fmt: skip
            continue
        # It can still be called; a value that it refuses now may be one that it was to refuse.
        failed = None
        if old != new and not content and _is_compared(after.catalog.functions[pair.after], told):
            yield _shown(pair, old, new, [], told)
            return
        break
    yield failed


def _is_compared(function: Function, told: _Told) -> bool:
    """Tell whether other results are told: one value of a function that was written anew is what was wanted."""
    return not told[0] or (function.returns or "").upper().startswith(("SETOF ", "TABLE"))


def _shown(pair: _Pair, old: tuple[object, ...], new: tuple[object, ...], columns: list[str], told: _Told) -> Shown:
    differ = tuple(name for name, one, other in zip(columns, old[1:], new[1:], strict=False) if one != other)
    return Shown(
        object=pair.before, before=int(str(old[0])), after=int(str(new[0])),
        columns=differ if old[0] == new[0] else (), replaced=pair.replaced, own=bool(told[0]), through=told[1],
    )  # fmt: skip


def _pairs(comparison: Comparison) -> Iterator[_Pair]:
    old, new = comparison.before.catalog, comparison.after.catalog
    for before, after in comparison.objects.get("views", {}).items():
        if before in old.views and after in new.views and not old.views[before].materialized:
            yield _Pair(before=before, after=after)
    for name in old.tables:
        if name in new.views and comparison.tables.get(name) != name:
            yield _Pair(before=name, after=name, replaced=True)
    for before, after in comparison.objects.get("functions", {}).items():
        function = new.functions[after]
        if function.form == "function" and function.returns is not None and function.returns not in _NOT_CALLED:
            yield _Pair(before=before, after=after)


def _changed(comparison: Comparison) -> frozenset[str]:
    """Return what was changed of which a query may tell, by its names before and after."""
    found: set[str] = set()
    for change in comparison.changes:
        if change.action in {Action.ADDED, Action.RENAMED}:
            continue
        defined = change.kind in {"view", "function", "type"} and change.attribute not in _ASIDE
        if defined or (change.kind == "table" and change.attribute in _TELL):
            found.add(change.object)
        elif change.kind == "policy" or (change.kind == "column" and change.attribute in _TELL):
            found.add(container(change.object))
    names = {old: new for some in comparison.objects.values() for old, new in some.items()}
    return frozenset(found | {names[name] for name in found if name in names})


def _moved(comparison: Comparison) -> frozenset[str]:
    """Return the tables and views that were renamed or dropped, or columns of which were, by their names before."""
    found = [one for one in comparison.changes if one.action in {Action.RENAMED, Action.DROPPED}]
    return frozenset(
        container(one.object) if one.kind == "column" else one.object
        for one in found
        if one.kind in {"table", "view", "column", "function", "type"}
    )


def _content(comparison: Comparison) -> frozenset[str]:
    """Return the tables whose rows or values are others: that is told where it is."""
    found = {change.object for change in comparison.changes if change.kind == "rows"} | set(comparison.rows)
    found |= {container(change.object) for change in comparison.changes if change.kind == "values"}
    retyped = {
        container(change.object)
        for change in comparison.changes
        if change.kind == "column" and change.attribute == "type" and not _same_labels(comparison, change.object)
    }
    return frozenset(found | retyped)


def _same_labels(comparison: Comparison, column: str) -> bool:
    """Tell whether a column is of an enum before and after: its values are the same words."""
    there = comparison.columns.get(column)
    old = comparison.before.catalog.columns.get(column)
    new = comparison.after.catalog.columns.get(there or "")
    types = comparison.before.catalog.types, comparison.after.catalog.types
    if old is None or new is None or old.type not in types[0] or new.type not in types[1]:
        return False
    return types[0][old.type].form == types[1][new.type].form == "enum"


def _unread(before: Catalog, after: Catalog, names: Set[str]) -> str | None:
    """Return why what something shows is not compared; None if it is."""
    for catalog in (before, after):
        for name in sorted(names):
            value = catalog.views.get(name) or catalog.functions.get(name)
            found = None if value is None else _UNSTEADY.search(value.definition)
            if found is not None:
                return f"{name} asks {found.group()}, which the moment, chance or who asks decides"
        way = reaching_out(catalog, (one for one in names if one in catalog.functions))
        if way is not None:
            return way
    return None


def _columns(side: Side, name: str) -> list[str]:
    with side.trying():
        return [str(row[0]) for row in side.rows(_COLUMNS.format(literal(name)))]


def _named(side: Side, query: str) -> list[str]:
    """Return the columns of a query in brackets; none where it cannot be run."""
    try:
        with side.trying():
            side.run(f"CREATE TEMPORARY VIEW pgsafe_v AS SELECT * FROM {query} v")
            return [str(row[0]) for row in side.rows(_COLUMNS.format("'pg_temp.pgsafe_v'"))]
    except psycopg.Error:
        return []


def _read(side: Side, source: str, name: str, columns: list[str]) -> tuple[object, ...] | Answer:
    """Return the number of rows, a sum of each column and one of whole rows, or what the server said.

    :param name: the object whose owner reads.
    """
    shown = [f"v.{column}" for column in columns] if columns else ["v"]
    sums = [f"coalesce(pg_catalog.hashtextextended({one}::pg_catalog.text, 0), 42)" for one in shown]
    row = f"pg_catalog.hashtextextended(ROW({', '.join(shown)})::pg_catalog.text, 0)"
    parts = ", ".join(f"pg_catalog.sum({one}::pg_catalog.numeric)" for one in [*sums, row])
    owner = _owner(side.catalog, name)
    try:
        with side.trying():
            # What a function would write is refused on both sides alike.
            side.run("SET LOCAL transaction_read_only = on")
            if side.superuser and owner is not None:
                side.become(owner)
            return side.rows(f"SELECT pg_catalog.count(*), {parts} FROM {source} v")[0]
    except psycopg.Error as error:
        return answer(error)


def _owner(catalog: Catalog, name: str) -> str | None:
    value = catalog.views.get(name) or catalog.functions.get(name) or catalog.tables.get(name)
    return None if value is None else value.owner
