"""The facts of a database at one moment: its catalog, and what it holds.

Sums of 64-bit hashes are exact integers of any size (PostgreSQL adds bigint to numeric).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ..catalog.values import Catalog


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnContent:
    """One column's content: how many values are NULL, and the sum of its values' hashes seeded by their row's key."""

    nulls: int
    digest: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TableContent:
    """What one scan of a table says. Column names are bare and quoted as in :class:`~..catalog.values.Column`."""

    rows: int
    #: The key that seeds the digests, in order; empty when rows are digested whole, as a multiset.
    key: tuple[str, ...]
    columns: Mapping[str, ColumnContent]
    #: Of whole rows (without key) or of the keys alone (with key): which rows there are.
    digest: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SequenceValue:
    """``last_value`` and ``is_called``; at the source a range, since sequences ignore snapshots."""

    value: int
    is_called: bool
    #: The reading after the dump, where there are two.
    upper: int | None = None

    @property
    def next(self) -> tuple[int, bool]:
        return self.value, self.is_called


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignKeyContent:
    """Rows of the referencing table with a NULL among the key's columns, and rows whose referenced row is missing."""

    nulls: int
    orphans: int
    #: Up to five orphans, each the key columns' values as text.
    samples: tuple[tuple[str | None, ...], ...] = field(default=(), compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class NotVerified:
    """Something that was there and was not compared, and why."""

    object: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LargeObjects:
    count: int
    digest: int
    #: By OID, its digest; empty where they are too many or could not be told apart. The whole digest is their sum.
    each: Mapping[str, int] = field(default_factory=dict[str, int], compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtensionContent:
    """What a table of an extension holds."""

    extension: str
    #: All of it; None where it could not be read.
    rows: TableContent | None
    #: What a dump carries: the rows that the extension marked as configuration; None without such a mark.
    configuration: TableContent | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtensionPart:
    """Something that belongs to an extension, or that stands on a relation that does."""

    extension: str
    #: What of it may be changed without the extension's script.
    definition: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """A database at one moment."""

    server_version: str = field(compare=False)
    taken_at: datetime = field(compare=False)
    catalog: Catalog
    #: By ``schema.table``. A partitioned table stands for its partitions, which are not listed again.
    tables: Mapping[str, TableContent]
    sequences: Mapping[str, SequenceValue]
    #: By constraint name.
    foreign_keys: Mapping[str, ForeignKeyContent]
    #: Sequence name to the largest (or, counting down, smallest) value in its column; None where the column is empty.
    sequence_bounds: Mapping[str, int | None] = field(default_factory=dict[str, "int | None"])
    large_objects: LargeObjects = LargeObjects(count=0, digest=0)
    #: Of the populated ones, by name. Not compared as a whole: a restore refreshes them, so a stale one differs; the
    #: two sides of a physical clone compare exactly.
    materialized_views: Mapping[str, TableContent] = field(default_factory=dict[str, TableContent], compare=False)
    #: Tables of extensions, which are not among ``tables``, by name.
    extension_tables: Mapping[str, ExtensionContent] = field(default_factory=dict[str, ExtensionContent])
    #: What belongs to extensions and what stands on their relations, as ``index public.i on public.t``. Not compared
    #: as a whole: a migration may update an extension, and a restore makes again what its script says.
    extension_parts: Mapping[str, ExtensionPart] = field(default_factory=dict[str, "ExtensionPart"], compare=False)
    not_verified: tuple[NotVerified, ...] = field(default=(), compare=False)

    def holds(self, name: str) -> TableContent | None:
        """Return what a table, a materialised view or a table of an extension holds; None if it was not read."""
        extension = self.extension_tables.get(name)
        found = self.tables.get(name) or self.materialized_views.get(name)
        return extension.rows if found is None and extension is not None else found


@dataclass(frozen=True, kw_only=True, slots=True)
class Reread:
    """How much of a migrated copy was read; of the rest the facts from before hold."""

    #: Tables, by the names of now.
    touched: frozenset[str]
    untouched: frozenset[str]
    #: Why all were read; None where that was not so.
    why: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RowSample:
    """A row as people see it: the key's and the differing columns' values as PostgreSQL prints them.

    ``before`` is None for a row that was added, ``after`` for one that is gone.
    """

    key: Mapping[str, str | None]
    before: Mapping[str, str | None] | None
    after: Mapping[str, str | None] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TableDifference:
    """How the rows of one table differ between two databases that are both alive. Counts are exact."""

    #: The table's name on the before and on the after side.
    before: str
    after: str
    key: tuple[str, ...]
    gone: int
    added: int
    #: By column name of the before side: how many rows that are on both sides have another value.
    changed: Mapping[str, int]
    #: Of those, how many went from a value to NULL.
    nulled: Mapping[str, int]
    #: Of the rows added: how many are, by key or without one as a whole, once more what was there before.
    duplicated: int = 0
    gone_samples: tuple[RowSample, ...] = ()
    added_samples: tuple[RowSample, ...] = ()
    #: By column.
    changed_samples: Mapping[str, tuple[RowSample, ...]] = field(default_factory=dict[str, tuple[RowSample, ...]])
    #: By column for which a predicate was given: how many of ``changed`` did not fulfil it before, and some of them.
    outside: Mapping[str, int] = field(default_factory=dict[str, int])
    outside_samples: Mapping[str, tuple[RowSample, ...]] = field(default_factory=dict[str, tuple[RowSample, ...]])

    @property
    def same(self) -> bool:
        return not (self.gone or self.added or any(self.changed.values()))


@dataclass(frozen=True, kw_only=True, slots=True)
class DenormalizedRule:
    """What a denormalised column has to hold, by full names as the catalog writes them.

    ``kind`` says what ``source`` is: the column that is copied (``copy``), or of which the rows that refer here give
    the ``sum``, ``min``, ``max`` or the ``latest`` value (the one with the greatest ``by``); the table whose rows are
    counted (``count``); the expression over the column's table (``sql``).
    """

    column: str
    source: str
    #: The foreign key column that the way begins with; found when not given.
    via: str | None = None
    kind: Literal["copy", "count", "sum", "min", "max", "latest", "sql"] = "copy"
    #: Of ``latest``: the column by which a row is later than another.
    by: str | None = None
    #: SQL: which rows of the column's table are held to the rule; of an aggregate, which rows it is over.
    where: str | None = None

    @property
    def name(self) -> str:
        return f"{self.column} = {self.expected}"

    @property
    def expected(self) -> str:
        """What the column has to be, for people."""
        if self.kind == "copy":
            return self.source
        if self.kind == "sql":
            words = " ".join(self.source.split())
            return f"({words if len(words) <= 60 else words[:59] + '…'})"
        return f"{self.kind}({self.source}{'' if self.by is None else f' by {self.by}'})"

    @property
    def label(self) -> str:
        """The name under which samples show what was expected; the source's own where it is a column."""
        return self.expected if self.kind in {"count", "sql"} else self.source


@dataclass(frozen=True, kw_only=True, slots=True)
class DenormalizedContent:
    """What was found of one rule on one database."""

    rows: int
    #: Rows whose column is distinct from what it has to be, a missing source counted as NULL.
    drifted: int
    samples: tuple[RowSample, ...] = ()
    #: After a migration: of ``drifted``, those that agreed before or were not there; None where rows could not be
    #: told apart, so that only their numbers can be compared.
    broken: int | None = None
    broken_samples: tuple[RowSample, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DenormalizedLoss:
    """Of a column that was dropped: rows that are still there and whose value cannot be read through its source."""

    #: Those that disagreed before.
    drifted: int
    #: Those that agreed: what they are read through changed.
    moved: int
    drifted_samples: tuple[RowSample, ...] = ()
    moved_samples: tuple[RowSample, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A rule that seems to hold, though nobody wrote it."""

    rule: DenormalizedRule
    #: Rows that were looked at, and those of them that agree.
    rows: int
    agreeing: int
    #: Not all rows of the table were looked at.
    sampled: bool

    @property
    def share(self) -> float:
        return self.agreeing / self.rows


@dataclass(frozen=True, kw_only=True)
class ReferenceRule:
    """A reference that no constraint declares: ``column`` points at ``references``, in the rows that fulfil ``where``.

    Both are ``schema.table.column``.
    """

    column: str
    references: str
    where: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReferenceContent:
    """What was found of an undeclared reference on one database."""

    #: Rows that refer somewhere at all.
    rows: int
    orphans: int
    samples: tuple[RowSample, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ConvertedContent:
    """What was found of values that were announced to equal an expression over the row as it was."""

    #: The column that holds them, by its full name after, and before if it was there.
    column: str
    before: str | None
    #: Columns that the expression names, by their full names before.
    reads: tuple[str, ...]
    #: How many rows hold another value; what was announced stands before it in the samples.
    wrong: int
    samples: tuple[RowSample, ...] = ()
    #: Where the rows come from others: how many that were announced are not there, and how many are there besides.
    missing: int = 0
    besides: int = 0

    @property
    def held(self) -> bool:
        """Tell whether everything is what was announced."""
        return not (self.wrong or self.missing or self.besides)


@dataclass(frozen=True, kw_only=True)
class MovedContent:
    """What was found of a column's values in the column that they were moved to."""

    #: The column that they are read from now, with its full name.
    to: str
    #: How many of the values, each with its row's key, are not there.
    lost: int
    samples: tuple[RowSample, ...] = ()
