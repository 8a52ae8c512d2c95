"""What foreign keys hold: rows with a NULL among the key's columns, and rows whose referenced row is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from ..catalog.values import Catalog
from ..server.connection import Connection
from .parallel import share
from .plan import foreign_below
from .session import UNREADABLE, failed, joining, query, reason
from .values import ForeignKeyContent, NotVerified, Snapshot, TableContent

__all__ = ["checked_by_restore", "counted_by_restore", "foreign_keys", "proven"]

_SQL = Path(__file__).with_name("sql") / "foreign_keys.sql"
_BATCH_BYTES = 16 << 20
_BATCH_KEYS = 50


@dataclass(frozen=True, kw_only=True)
class _Join:
    """A foreign key as a join of ``f``, the referencing table, to ``p``, the referenced one."""

    name: str
    referencing: str
    referenced: str
    size: int
    match_full: bool
    #: Of the referencing and the referenced table, each qualified by its alias.
    columns: tuple[str, ...]
    references: tuple[str, ...]
    condition: str

    @property
    def orphan(self) -> str:
        """True for a row of the join without its referenced row. MATCH FULL forbids keys that are NULL in part."""
        nulls = f"pg_catalog.num_nulls({', '.join(self.columns)})"
        some = f"{nulls} < {len(self.columns)}" if self.match_full else f"{nulls} = 0"
        return f"{some} AND pg_catalog.num_nulls({self.references[0]}) = 1"

    @property
    def source(self) -> str:
        # A left join, not an anti-join: one scan counts NULLs and orphans, and each orphan comes out exactly once.
        return f"{self.referencing} f LEFT JOIN {self.referenced} p ON {self.condition}"

    def counts(self, number: int) -> str:
        nulls = f"pg_catalog.num_nulls({', '.join(self.columns)}) > 0"
        return (
            f"SELECT {number} AS n, pg_catalog.count(*) FILTER (WHERE {nulls}),"  # noqa: S608 (quoted by the server)
            f" pg_catalog.count(*) FILTER (WHERE {self.orphan}) FROM {self.source}"
        )

    def samples(self, limit: int) -> str:
        shown = ", ".join(
            f"CASE WHEN pg_catalog.num_nulls({column}) = 0 THEN pg_catalog.concat({column}) END"
            for column in self.columns
        )
        return f"SELECT {shown} FROM {self.source} WHERE {self.orphan} LIMIT {limit}"  # noqa: S608


def foreign_keys(
    connection: Connection, catalog: Catalog, *, samples: int = 5, others: Sequence[Connection] = (),
    known: Mapping[str, ForeignKeyContent] | None = None, left: Collection[str] = (),
) -> tuple[dict[str, ForeignKeyContent], tuple[NotVerified, ...]]:  # fmt: skip
    """Count NULLs and orphans of every foreign key, validated or not, enforced or not.

    :param others: further sessions, which see the same snapshot.
    :param known: those that need not be counted.
    :param left: those of which nothing is said.
    :returns: by constraint name; and the keys that could not be read.
    :raises SnapshotError: the server failed, rather than one key.
    """
    joins, missing = _joins(connection, catalog)
    found: dict[str, ForeignKeyContent] = {} if known is None else dict(known)
    joins = [join for join in joins if join.name not in found and join.name not in left]
    work = share([connection, *others], _batches(joins), lambda session, batch: _attempt(session, batch, samples))
    for join, content in work:
        if isinstance(content, NotVerified):
            missing.append(content)
        else:
            found[join.name] = content
    return dict(sorted(found.items())), tuple(sorted(missing, key=lambda item: item.object))


def checked_by_restore(catalog: Catalog) -> frozenset[str]:
    """Return the keys of a source that are checked when it is restored, and need not be counted before.

    A key that is validated is added behind the rows, and PostgreSQL reads all of them for it: a row without its
    referenced row ends the restore with an error. Only of one column, whose NULLs the table's own scan has counted,
    and where two servers cannot match otherwise.
    """
    return frozenset(
        constraint.name
        for constraint in catalog.constraints.values()
        if constraint.form == "foreign key" and constraint.parent is None and constraint.references is not None
        and constraint.validated and constraint.enforced and len(constraint.columns) == 1
        and _plain(catalog, constraint.table, constraint.columns)
        and _plain(catalog, constraint.references, constraint.reference_columns)
        and all(
            name in catalog.tables and catalog.tables[name].form == "table"
            for name in (constraint.table, constraint.references)
        )
    )  # fmt: skip


def counted_by_restore(
    source: Snapshot, catalog: Catalog, tables: Mapping[str, TableContent]
) -> dict[str, ForeignKeyContent]:
    """Return what the keys hold in a copy that was restored just now, of which nobody has counted it before.

    :param source: what it was restored from.
    :param catalog: of the copy.
    :param tables: what the copy's tables hold.
    """
    found: dict[str, ForeignKeyContent] = {}
    unread = {item.object for item in source.not_verified}
    for name in checked_by_restore(source.catalog) - source.foreign_keys.keys() - unread:
        key, held = catalog.constraints.get(name), tables.get(source.catalog.constraints[name].table)
        column = None if held is None or key is None else held.columns.get(key.columns[0])
        if key == source.catalog.constraints[name] and column is not None:
            found[name] = ForeignKeyContent(nulls=column.nulls, orphans=0)
    return found


def proven(source: Snapshot, catalog: Catalog, tables: Mapping[str, TableContent]) -> dict[str, ForeignKeyContent]:
    """Return what foreign keys hold in a copy whose tables are proven equal to the source's: what they hold there.

    Only where PostgreSQL's own types are compared, by the database's collation: by another one two servers may match
    otherwise.

    :param tables: what the copy's tables hold.
    """

    def same(table: str, columns: Sequence[str]) -> bool:
        ours, theirs = source.tables.get(table), tables.get(table)
        if ours is None or ours != theirs:
            return False
        return all(_plain(one, table, columns) for one in (source.catalog, catalog))

    found: dict[str, ForeignKeyContent] = {}
    for name, content in source.foreign_keys.items():
        one, other = source.catalog.constraints.get(name), catalog.constraints.get(name)
        if one is None or one != other or one.references is None:
            continue
        if same(one.table, one.columns) and same(one.references, one.reference_columns):
            found[name] = content
    return found


def _plain(catalog: Catalog, table: str, columns: Sequence[str]) -> bool:
    """Tell whether columns are of PostgreSQL's own types, and compared by the database's collation."""
    found = [catalog.columns.get(f"{table}.{column}") for column in columns]
    return all(one is not None and one.collation is None and "." not in one.type for one in found)


def _joins(connection: Connection, catalog: Catalog) -> tuple[list[_Join], list[NotVerified]]:
    names: Mapping[int, str] = {
        constraint.oid: constraint.name
        for constraint in catalog.constraints.values()
        if constraint.form == "foreign key" and constraint.parent is None
    }
    foreign = foreign_below(catalog)
    joins: list[_Join] = []
    missing: list[NotVerified] = []
    if not names:
        return joins, missing
    for row in connection.execute(_SQL.read_bytes(), prepare=False).fetchall():
        oid, referencing, referencing_only, referenced, referenced_only, full, period, *lists = row
        if oid not in names:
            continue
        if period or (foreign & {referencing, referenced}):
            why = "temporal foreign key" if period else "foreign table among the partitions"
            missing.append(NotVerified(object=names[oid], reason=why))
            continue
        columns, references, operators, casts, reference_casts, collations = lists
        terms = [
            _value(f"p.{theirs}", their_cast, None) + f" {operator} " + _value(f"f.{ours}", our_cast, collation)
            for ours, theirs, operator, our_cast, their_cast, collation in zip(
                columns, references, operators, casts, reference_casts, collations, strict=True
            )
        ]
        table = catalog.tables.get(referencing)
        joins.append(
            _Join(
                name=names[oid],
                referencing=f"ONLY {referencing}" if referencing_only else referencing,
                referenced=f"ONLY {referenced}" if referenced_only else referenced,
                size=table.size if table else 0,
                match_full=full,
                columns=tuple(f"f.{column}" for column in columns),
                references=tuple(f"p.{column}" for column in references),
                condition=" AND ".join(terms),
            )
        )
    return joins, missing


def _value(column: str, cast: str | None, collation: str | None) -> str:
    value = column if cast is None else f"({column})::{cast}"
    return value if collation is None else f"({value} COLLATE {collation})"


def _batches(joins: Sequence[_Join]) -> Iterator[list[_Join]]:
    batch: list[_Join] = []
    for join in sorted(joins, key=lambda join: -join.size):
        if batch and (len(batch) >= _BATCH_KEYS or sum(each.size for each in [*batch, join]) > _BATCH_BYTES):
            yield batch
            batch = []
        batch.append(join)
    if batch:
        yield batch


def _attempt(
    connection: Connection, batch: list[_Join], samples: int
) -> list[tuple[_Join, ForeignKeyContent | NotVerified]]:
    try:
        return [(join, content) for join, content in _read(connection, batch, samples)]
    except UNREADABLE as error:
        if len(batch) == 1:
            return [(batch[0], NotVerified(object=batch[0].name, reason=reason(error)))]
        middle = len(batch) // 2
        return _attempt(connection, batch[:middle], samples) + _attempt(connection, batch[middle:], samples)
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error as error:
        raise failed(f"foreign key {batch[0].name}", error) from error


def _read(connection: Connection, batch: list[_Join], samples: int) -> Iterator[tuple[_Join, ForeignKeyContent]]:
    with joining(connection):
        for row in query(connection, " UNION ALL ".join(join.counts(number) for number, join in enumerate(batch))):
            join, nulls, orphans = batch[int(row[0])], row[1], row[2]
            shown = query(connection, join.samples(samples)) if orphans and samples else []
            yield join, ForeignKeyContent(nulls=nulls, orphans=orphans, samples=tuple(shown))
