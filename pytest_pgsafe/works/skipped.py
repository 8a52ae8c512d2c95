"""IF NOT EXISTS over something that was there: what the statement would have made, held beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import psycopg

from ..migrate.values import Statement
from ..reading.script import statements as split
from ..snapshot.expressions import literal
from .side import Side
from .values import Otherwise

_PART = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_NAME = rf"{_PART}(?:\.{_PART})?"
_RELATION = re.compile(
    rf"\s*create\s+(?:unlogged\s+|materialized\s+|foreign\s+)?(?P<what>table|view)\s+if\s+not\s+exists\s+"
    rf"(?P<name>{_NAME})",
    re.IGNORECASE,
)
_INDEX = re.compile(
    rf"\s*create\s+(?:unique\s+)?index\s+(?:concurrently\s+)?if\s+not\s+exists\s+(?P<name>{_PART})\s+on\s+"
    rf"(?:only\s+)?(?P<table>{_NAME})",
    re.IGNORECASE,
)
_ALTER = re.compile(
    rf"\s*alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(?P<table>{_NAME})\s", re.IGNORECASE
)  # fmt: skip
_COLUMN = re.compile(rf"\badd\s+(?:column\s+)?if\s+not\s+exists\s+(?P<name>{_PART})", re.IGNORECASE)
#: Where what is there waits until the statement was run.
_ASIDE = "pgsafe_aside"
_FORMS = {"r": "table", "p": "table", "f": "table", "v": "view", "m": "view", "i": "index", "I": "index"}
_FOUND = """
SELECT c.oid::pg_catalog.int8, c.relkind::pg_catalog.text, pg_catalog.quote_ident(n.nspname),
    pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
"""
_COLUMNS = """
SELECT pg_catalog.quote_ident(a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod)
    || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
FROM pg_catalog.pg_attribute a WHERE a.attrelid = {}::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
_RULES = """
SELECT pg_catalog.pg_get_constraintdef(c.oid) FROM pg_catalog.pg_constraint c
WHERE c.conrelid = {}::pg_catalog.regclass AND c.contype IN ('c', 'f', 'p', 'u', 'x') ORDER BY 1
"""
_OF_INDEX = """
SELECT pg_catalog.pg_get_indexdef(i.indexrelid), i.indisvalid, i.indrelid::pg_catalog.int8
FROM pg_catalog.pg_index i WHERE i.indexrelid = {}::pg_catalog.regclass
"""
#: Differences that a message names.
_SHOWN = 5


def tried(statements: Sequence[Statement], before: Side, after: Side) -> Iterator[Otherwise | None]:
    """Run each statement that was skipped once more where nothing is in its way, and compare; None for what is equal.

    What is there may have more than the statement says; what it lacks, or has in another way, is told if that was so
    before the migration too: else the migration changed it later, on purpose. A statement that cannot be run so says
    nothing.
    """
    for text in (part for one in statements if one.skipped and one.error is None for part in split(one.text)):
        then = _differences(text, before)
        for name, differences in _differences(text, after).items():
            left = differences if name not in then else [one for one in differences if one in then[name]]
            shown = tuple(left[:_SHOWN])
            yield Otherwise(object=name, statement=text, differences=shown) if left else None


def _differences(text: str, side: Side) -> dict[str, list[str]]:
    """Return what each object of a statement lacks or has in another way; none of those that are not there."""
    try:
        return dict(_compared(text, side))
    except psycopg.Error:
        # It needs more time, what this role may not do, or what is made only later.
        return {}


def _compared(text: str, side: Side) -> Iterator[tuple[str, list[str]]]:
    if relation := _RELATION.match(text):
        with side.trying():
            yield from _relation(text, relation, side)
    elif index := _INDEX.match(text):
        with side.trying():
            yield from _index(text, index, side)
    elif alter := _ALTER.match(text):
        for column in _COLUMN.finditer(text):
            with side.trying():
                yield from _column(text, alter["table"], column["name"], side)


def _relation(text: str, wanted: re.Match[str], side: Side) -> Iterator[tuple[str, list[str]]]:
    found = _named(wanted["name"], side)
    if found is None:
        return
    oid, form, schema, name = found
    if form != wanted["what"].lower():
        yield f"{schema}.{name}", [f"it is {'an' if form == 'index' else 'a'} {form}"]
        return
    columns, rules = side.rows(_COLUMNS.format(oid)), side.rows(_RULES.format(oid))
    side.run(f"CREATE SCHEMA {_ASIDE}; ALTER TABLE {schema}.{name} SET SCHEMA {_ASIDE}")
    side.run(text)
    new = literal(f"{schema}.{name}")
    lacking = (f"it has no {rule}" for (rule,) in side.rows(_RULES.format(new)) if (rule,) not in rules)
    yield f"{schema}.{name}", [*_apart(columns, side.rows(_COLUMNS.format(new))), *lacking]


def _index(text: str, wanted: re.Match[str], side: Side) -> Iterator[tuple[str, list[str]]]:
    table = _named(wanted["table"], side)
    if table is None:
        return
    oid, _, schema, name = table
    index = f"{schema}.{wanted['name']}"
    found = side.rows(_OF_INDEX.format(f"pg_catalog.to_regclass({literal(index)})"))
    if not found:
        yield index, ["it is no index"]
        return
    [(old, valid, of)] = found
    if of == oid:
        # An empty table like it, so that nothing is built.
        side.run(f"CREATE SCHEMA {_ASIDE}; ALTER TABLE {schema}.{name} SET SCHEMA {_ASIDE}")
        side.run(f"CREATE TABLE {schema}.{name} (LIKE {_ASIDE}.{name})")
        side.run(re.sub(r"(?i)\bindex\s+concurrently\b", "INDEX", text, count=1))
        [(new, _, _)] = side.rows(_OF_INDEX.format(literal(index)))
    else:
        new = None
    yield index, [*([] if old == new else [f"it is {old}"]), *([] if valid else ["it is INVALID"])]


def _column(text: str, table: str, column: str, side: Side) -> Iterator[tuple[str, list[str]]]:
    found = _named(table, side)
    if found is None:
        return
    oid, _, schema, name = found
    side.run(f"CREATE SCHEMA {_ASIDE}; ALTER TABLE {schema}.{name} SET SCHEMA {_ASIDE}")
    side.run(f"CREATE TABLE {schema}.{name} (LIKE {_ASIDE}.{name})")
    side.run(f"ALTER TABLE {schema}.{name} DROP COLUMN {column}")
    side.run(text)
    [own] = side.rows(f"SELECT pg_catalog.quote_ident((pg_catalog.parse_ident({literal(column)}))[1])")
    old = [one for one in side.rows(_COLUMNS.format(oid)) if one[0] == own[0]]
    new = [one for one in side.rows(_COLUMNS.format(literal(f"{schema}.{name}"))) if one[0] == own[0]]
    yield f"{schema}.{name}.{own[0]}", _apart(old, new)


def _named(name: str, side: Side) -> tuple[int, str, str, str] | None:
    found = side.rows(f"{_FOUND} WHERE c.oid = pg_catalog.to_regclass({literal(name)})")
    if not found:
        return None
    oid, kind, schema, own = found[0]
    return int(str(oid)), _FORMS.get(str(kind), "sequence"), str(schema), str(own)


def _apart(old: Sequence[tuple[object, ...]], new: Sequence[tuple[object, ...]]) -> list[str]:
    there = {str(name): str(type_) for name, type_ in old}
    found: list[str] = []
    for name, type_ in new:
        if str(name) not in there:
            found.append(f"it has no column {name}")
        elif there[str(name)] != type_:
            found.append(f"{name} is {there[str(name)]}, not {type_}")
    return found
