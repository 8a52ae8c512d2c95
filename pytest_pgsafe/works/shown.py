"""What views and functions show: rows and values, on the copy before and on the copy after."""

# ruff: noqa: S608 (names that quote_ident or the catalog wrote)

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from ..catalog.names import container
from ..catalog.values import Catalog
from ..compare.values import Action, Comparison
from ..snapshot.expressions import literal
from ..snapshot.values import NotVerified
from .reach import reaching_out
from .reads import Reads
from .side import Side
from .values import Shown

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
_STEADY = re.compile(r"^ (?:.* )?(?:STABLE|IMMUTABLE)\b", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class _Pair:
    before: str
    after: str
    #: What was called so is another kind of object now.
    replaced: bool = False


def tried(comparison: Comparison, before: Side, after: Side) -> Iterator[Shown | NotVerified | None]:
    """Read on both sides what a change may have reached; None for what shows the same."""
    end = time.monotonic() + BUDGET
    pairs = list(_pairs(comparison))
    if not pairs:
        return
    reads = Reads(before.catalog), Reads(after.catalog)
    changed, content = _changed(comparison), _content(comparison)
    for pair in pairs:
        below = reads[0].of(pair.before) | reads[1].of(pair.after)
        near = {pair.before, pair.after} | below
        if not (pair.replaced or near & changed) or near & content or _unsteady(before.catalog, after.catalog, near):
            continue
        if reaching_out(after.catalog, (one for one in near if one in after.catalog.functions)) is not None:
            continue
        if time.monotonic() > end:
            reason = f"its rows were not compared: {BUDGET:g} s did not suffice for all views"
            yield NotVerified(object=pair.before, reason=reason)
            continue
        columns = [name for name in _columns(before, pair.before) if name in set(_columns(after, pair.after))]
        old, new = _read(before, pair.before, columns), _read(after, pair.after, columns)
        if old is None or new is None or old == new:
            yield None
        elif _read(before, pair.before, columns) == old:
            differ = tuple(name for name, one, other in zip(columns, old[1:], new[1:], strict=False) if one != other)
            yield Shown(
                object=pair.before,
                before=int(str(old[0])),
                after=int(str(new[0])),
                columns=differ if old[0] == new[0] else (),
                replaced=pair.replaced,
                own=pair.before in changed or pair.after in changed,
                through=tuple(sorted(below & changed)),
            )


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
        rows = function.returns is not None and function.returns.upper().startswith(("SETOF ", "TABLE"))
        if rows and before.endswith("()") and after.endswith("()") and _STEADY.search(function.definition):
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


def _unsteady(before: Catalog, after: Catalog, names: set[str]) -> bool:
    for catalog in (before, after):
        for name in names:
            value = catalog.views.get(name) or catalog.functions.get(name)
            if value is not None and _UNSTEADY.search(value.definition):
                return True
    return False


def _columns(side: Side, name: str) -> list[str]:
    if name.endswith("()"):
        return []
    with side.trying():
        return [str(row[0]) for row in side.rows(_COLUMNS.format(literal(name)))]


def _read(side: Side, name: str, columns: list[str]) -> tuple[object, ...] | None:
    """Return the number of rows, a sum of each column and one of whole rows; None if it cannot be read."""
    shown = [f"v.{column}" for column in columns] if columns else ["v"]
    sums = [f"coalesce(pg_catalog.hashtextextended({one}::pg_catalog.text, 0), 42)" for one in shown]
    row = f"pg_catalog.hashtextextended(ROW({', '.join(shown)})::pg_catalog.text, 0)"
    parts = ", ".join(f"pg_catalog.sum({one}::pg_catalog.numeric)" for one in [*sums, row])
    owner = _owner(side.catalog, name)
    try:
        with side.trying():
            if side.superuser and owner is not None:
                side.become(owner)
            return side.rows(f"SELECT pg_catalog.count(*), {parts} FROM {name} v")[0]
    except psycopg.Error:
        return None


def _owner(catalog: Catalog, name: str) -> str | None:
    value = catalog.views.get(name) or catalog.functions.get(name) or catalog.tables.get(name)
    return None if value is None else value.owner
