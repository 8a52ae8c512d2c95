"""Names in the bodies of PL/pgSQL functions that led to something before and lead nowhere now (pure).

PostgreSQL checks the syntax of such a body alone: a name in it is looked up when its statement runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..catalog.names import bare, container, split, unquoted
from ..catalog.values import Catalog, Function, setting
from ..compare.values import Comparison

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_QUALIFIED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_BODY = re.compile(r"^AS (?P<tag>\$\w*\$)(?P<body>.*)(?P=tag)", re.MULTILINE | re.DOTALL)
#: Comments and strings: no names, or none that can be told.
_SKIPPED = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", re.DOTALL)
#: Where a relation is named.
_RELATION = re.compile(
    rf"\b(?:from|join|insert\s+into|(?<!for )update|delete\s+from|truncate(?:\s+table)?|merge\s+into)\s+"
    rf"(?:only\s+)?(?P<name>{_QUALIFIED})(?P<call>\s*\()?",
    re.IGNORECASE,
)
_MADE = re.compile(
    rf"\bcreate\s+[\w\s]*?\b(?:table|view)\s+(?:if\s+not\s+exists\s+)?(?P<name>{_QUALIFIED})", re.IGNORECASE
)
_CTE = re.compile(rf"(?P<name>{_NAME})\s*(?:\([^()]*\)\s*)?as\s+(?:not\s+)?(?:materialized\s*)?\(", re.IGNORECASE)
_TYPE = re.compile(rf"(?P<name>{_QUALIFIED})\s*%\s*(?P<what>type|rowtype)\b", re.IGNORECASE)
_ROW = re.compile(rf"\b(?:new|old)\s*\.\s*(?P<name>{_NAME})", re.IGNORECASE)
_PATH = re.compile(r"^ SET search_path TO (?P<path>.+)$", re.MULTILINE)
_DECLARED = re.compile(r"\bdeclare\b(.*?)\bbegin\b", re.IGNORECASE | re.DOTALL)
#: A name that may be a column's: no type, no function, no name that is given.
_WORD = re.compile(
    rf"(?:(?P<as>\bas\s+|::\s*)|(?P<of>{_NAME})\s*\.\s*)?(?<![\w$\"])(?P<name>{_NAME})(?![\w$\"]|\s*[(.])",
    re.IGNORECASE,
)
#: Whoever looks before may know both worlds.
_LOOKS = re.compile(r"\b(?:information_schema|pg_catalog|to_regclass|pg_class|pg_attribute|exception)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Stale:
    """A name in a function's body that leads nowhere."""

    #: The function, by its name before and after.
    before: str
    after: str
    #: What is named and gone, by its name before.
    object: str
    #: As the body writes it.
    written: str
    #: It may find out by itself whether it is there.
    looks: bool


def stale(comparison: Comparison) -> Iterator[Stale]:
    """Yield the names in functions' bodies that led to a relation or a column before, and lead nowhere now."""
    worlds = _Worlds(
        before=_World(comparison.before.catalog), after=_World(comparison.after.catalog), comparison=comparison
    )
    tables: dict[str, set[str]] = {}
    for trigger in comparison.after.catalog.triggers.values():
        tables.setdefault(trigger.function, set()).add(trigger.table)
    names = {new: old for old, new in comparison.tables.items()}
    for old, new in comparison.objects.get("functions", {}).items():
        function = comparison.after.catalog.functions.get(new)
        body = None if function is None else _body(function)
        if function is None or body is None:
            continue
        looks = _LOOKS.search(body) is not None
        fired = [names[table] for table in sorted(tables.get(new, ())) if table in names]
        seen: set[str] = set()
        for gone, written in (
            *_relations(function, body, worlds),
            *_columns(function, body, fired, worlds),
        ):
            if gone not in seen:
                seen.add(gone)
                yield Stale(before=old, after=new, object=gone, written=written, looks=looks)


def _body(function: Function) -> str | None:
    if not re.search(r"^ LANGUAGE plpgsql\b", function.definition, re.MULTILINE):
        return None
    found = _BODY.search(function.definition)
    return None if found is None else _SKIPPED.sub(" ", found["body"])


@dataclass(frozen=True, kw_only=True)
class _Worlds:
    """Both sides."""

    before: _World
    after: _World
    comparison: Comparison


class _World:
    """The relations of one side, and what a name means there."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        database = setting(catalog, "search_path") or '"$user", public'
        self._path = _schemas(database)

    @cached_property
    def relations(self) -> frozenset[str]:
        catalog = self.catalog
        return frozenset(name for some in (catalog.tables, catalog.views, catalog.sequences) for name in some)

    @cached_property
    def columns(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for column in self.catalog.columns.values():
            found.setdefault(column.table, set()).add(column.column)
        return {table: frozenset(columns) for table, columns in found.items()}

    def meant(self, written: str, path: tuple[str, ...] | None) -> str | None:
        parts = tuple(_plain(part) for part in split(re.sub(r"\s*\.\s*", ".", written)))
        if len(parts) == 2:
            name = ".".join(parts)
            return name if name in self.relations else None
        if len(parts) != 1:
            return None
        for schema in path or self._path:
            name = f"{schema}.{parts[0]}"
            if name in self.relations:
                return name
        return None


def _plain(part: str) -> str:
    """Return a name as the catalog writes it."""
    if not part.startswith('"'):
        return part.lower()
    inner = unquoted(part)
    return inner if re.fullmatch(r"[a-z_][a-z0-9_$]*", inner) else part


def _schemas(path: str) -> tuple[str, ...]:
    found = [part.strip().strip("'") for part in path.split(",")]
    return tuple(_plain(part) for part in found if part and part.strip('"') != "$user")


def _relations(function: Function, body: str, worlds: _Worlds) -> Iterator[tuple[str, str]]:
    own = _PATH.search(function.definition)
    path = None if own is None else _schemas(own["path"])
    made = {_plain(bare(found["name"])) for found in (*_MADE.finditer(body), *_CTE.finditer(body))}
    for found in _RELATION.finditer(body):
        written = found["name"]
        if found["call"] is not None and not found[0].lower().lstrip().startswith("insert"):
            continue
        if _plain(bare(written)) in made and "." not in written:
            continue
        was = worlds.before.meant(written, path)
        if was is not None and worlds.after.meant(written, path) is None:
            yield was, written


def _columns(function: Function, body: str, fired: list[str], worlds: _Worlds) -> Iterator[tuple[str, str]]:
    before, after, tables = worlds.before, worlds.after, worlds.comparison.tables
    for found in _TYPE.finditer(body):
        if found["what"].lower() != "type" or not container(found["name"]):
            continue
        table, there = (world.meant(container(found["name"]), None) for world in (before, after))
        column = _plain(bare(found["name"]))
        if (
            table is not None
            and column in before.columns.get(table, ())
            and column not in after.columns.get(there or "", ())
        ):
            yield f"{table}.{column}", found[0]
    # A function of several tables may name what only some of them have.
    known = {column for table in fired for column in after.columns.get(tables[table], ())}
    for found in _ROW.finditer(body):
        column = _plain(found["name"])
        for table in fired:
            if column in before.columns.get(table, ()) and column not in known:
                yield f"{table}.{column}", found[0]
    yield from _bare(function, body, worlds)


def _bare(function: Function, body: str, worlds: _Worlds) -> Iterator[tuple[str, str]]:
    """Yield columns by their bare names: in a statement over one relation alone each can be told."""
    before, after = worlds.before, worlds.after
    head = _BODY.split(function.definition)[0]
    known = {_plain(word) for text in (head, *_DECLARED.findall(body)) for word in re.findall(_NAME, text)}
    for statement in body.split(";"):
        named = [before.meant(found["name"], None) for found in _RELATION.finditer(statement)]
        if len(set(named)) != 1 or named[0] is None:
            continue
        table = named[0]
        gone = before.columns.get(table, frozenset[str]()) - after.columns.get(table, frozenset[str]())
        if worlds.comparison.tables.get(table) != table or not gone:
            continue
        for found in _WORD.finditer(statement):
            column, of = _plain(found["name"]), _plain(found["of"] or "")
            if column in gone and column not in known and of not in {*known, "new", "old"} and not found["as"]:
                yield f"{table}.{column}", column
