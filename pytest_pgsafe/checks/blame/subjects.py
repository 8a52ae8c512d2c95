"""What is to be explained, and the names by which statements may mean it (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ...catalog.names import bare, container, means, split, unquoted
from ...catalog.values import Column, Constraint, Grant, Index, Sequence
from ...compare.values import Action, Change, Comparison

#: Kinds of changes of rows and values; the others are of definitions.
CONTENT = {"rows", "values", "sequence value", "foreign key", "large objects"}
#: Kinds whose names stand below their table's.
BELOW = {"column", "constraint", "trigger", "policy", "rule", "attribute"}
#: The word of what may mean anything, and what begins that of a schema.
EVERY, SCHEMA = "*", "schema "


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is to be explained: a change, or what a finding is about."""

    kind: str
    #: By all the names that it had.
    names: tuple[str, ...]
    action: Action | None = None
    #: Of a change of one attribute: which, as the catalog calls it.
    attribute: str | None = None
    #: Relations and columns that it hangs on.
    table: str | None = None
    columns: tuple[str, ...] = ()
    #: Tables whose rows lead to it by a foreign key: ON DELETE CASCADE, SET NULL, ON UPDATE CASCADE.
    referenced: frozenset[str] = frozenset()
    #: Of a column's values.
    type: str | None = None

    @property
    def content(self) -> bool:
        return self.kind in CONTENT


@dataclass(frozen=True)
class World:
    """The names on both sides."""

    comparison: Comparison
    _ancestors: dict[str, frozenset[str]] = field(default_factory=dict[str, "frozenset[str]"])

    @cached_property
    def schemas(self) -> Mapping[str, frozenset[str]]:
        """Schemas by the bare names of relations, functions and types."""
        found: dict[str, set[str]] = {}
        for catalog in (self.comparison.before.catalog, self.comparison.after.catalog):
            for names in (catalog.tables, catalog.views, catalog.sequences, catalog.indexes, catalog.types):
                for name in names:
                    found.setdefault(unquoted(bare(name)), set()).add(container(name))
        return {name: frozenset(schemas) for name, schemas in found.items()}

    @cached_property
    def references(self) -> Mapping[str, frozenset[str]]:
        """The tables that a table's foreign keys point to, before."""
        found: dict[str, set[str]] = {}
        for constraint in self.comparison.before.catalog.constraints.values():
            if constraint.references is not None:
                found.setdefault(constraint.table, set()).add(constraint.references)
        return {table: frozenset(tables) for table, tables in found.items()}

    def same(self, name: str, written: str, *, below: bool) -> bool:
        """Tell whether a statement means an object by what it writes.

        Without a schema it is the only object of that name, or the one in ``public``: the search path is not known.
        """
        if not means(name.partition("(")[0], written):
            return False
        if len(split(written)) >= len(split(name.partition("(")[0])):
            return True
        relation = container(written) if below else written
        schemas = self.schemas.get(unquoted(bare(relation)), frozenset())
        return len(schemas) < 2 or split(name)[0] == "public"

    def ancestors(self, table: str) -> frozenset[str]:
        """Return the tables whose rows a table's are, too."""
        if table not in self._ancestors:
            catalog = self.comparison.before.catalog
            parents = catalog.tables[table].parents if table in catalog.tables else ()
            self._ancestors[table] = frozenset(parents).union(*(self.ancestors(parent) for parent in parents))
        return self._ancestors[table]

    def is_of(self, part: str, table: str) -> bool:
        """Tell whether a statement's table is a partition of a table, or inherits from it."""
        return any(self.same(name, part, below=False) for name in self.heirs.get(table, ()))

    @cached_property
    def heirs(self) -> Mapping[str, frozenset[str]]:
        """The partitions of a table and what inherits from it, at any depth."""
        found: dict[str, set[str]] = {}
        for name in self.comparison.before.catalog.tables:
            for parent in self.ancestors(name):
                found.setdefault(parent, set()).add(name)
        return {parent: frozenset(names) for parent, names in found.items()}

    def words(self, subject: Subject) -> frozenset[str]:
        """Return the bare names by which a statement may mean what is to be explained; see :func:`~.causes.words`."""
        # Many tables have a column of one name: what lies below a table is looked for by the table's.
        below = subject.kind in BELOW or subject.kind in {"values", "foreign key"}
        names = {*((container(name) if below else name) for name in subject.names), *subject.referenced}
        names |= {name for name in (subject.table, subject.type) if name is not None}
        if subject.kind == "grant":
            # On a column, given by a statement on its table.
            names |= {container(name) for name in subject.names}
        for table in (subject.table, self.comparison.tables.get(subject.table or "")):
            if table is not None:
                names |= {table, *self.ancestors(table), *self.heirs.get(table, ())}
        found = {unquoted(bare(name.partition("(")[0])) for name in names if name}
        found |= {SCHEMA + split(name)[0] for name in subject.names}
        return frozenset(found | {EVERY})

    def subject(self, change: Change) -> Subject:
        """Return what is to be explained of a change."""
        comparison = self.comparison
        names = {change.object, *_after(comparison, change)}
        value = change.old if change.old is not None else change.new
        kind = change.kind
        table: str | None = None
        columns: tuple[str, ...] = ()
        if isinstance(value, Grant):
            kind = "grant"
            names = {value.object}
        if kind == "sequence value":
            value = comparison.before.catalog.sequences.get(change.object)
        if kind == "foreign key":
            value = comparison.before.catalog.constraints.get(change.object)
        if isinstance(value, (Index, Constraint)):
            table, columns = value.table, tuple(column for column in value.columns if column is not None)
        if isinstance(value, Sequence) and value.column is not None:
            table, columns = container(value.column), (bare(value.column),)
        if isinstance(value, Column) or kind == "values":
            columns = tuple(bare(name) for name in names)
        column = comparison.before.catalog.columns.get(change.object) if kind == "values" else None
        if kind in {"values", *BELOW} and table is None:
            table = container(change.object)
        if kind == "rows":
            table = change.object
        return Subject(
            kind=kind, names=tuple(names), action=change.action, attribute=change.attribute, table=table,
            columns=columns, referenced=self.references.get(table or "", frozenset()),
            type=None if column is None else column.type.removesuffix("[]"),
        )  # fmt: skip


def _after(comparison: Comparison, change: Change) -> Iterator[str]:
    if change.object in comparison.tables:
        yield comparison.tables[change.object]
    if change.object in comparison.columns:
        yield comparison.columns[change.object]
    if change.action is Action.RENAMED and isinstance(change.after, str):
        yield change.after
