"""What the relations of a database were called at some moments: names for the OIDs and files that the WAL speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ..catalog.names import means
from ..server.connection import Connection
from .commits import Commit, Scan
from .wal import Lsn

#: Kinds that hold rows of a user's: tables, partitioned tables, materialised views.
ROWS = frozenset("rpm")


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A relation at one moment."""

    oid: int
    #: ``schema.table``, each part as quote_ident writes it.
    name: str
    #: pg_class.relkind.
    kind: str
    #: The number of its file, 0 without one.
    file: int
    #: OIDs of what it is a partition or a child of.
    parents: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class State:
    """The relations of a database at one moment."""

    #: None is now.
    lsn: Lsn | None
    #: OID of the database.
    database: int
    relations: Mapping[int, Relation]


def read(session: Connection, lsn: Lsn | None) -> State:
    """Read the relations of the database of a session."""
    row = session.execute(
        "select oid::int8 from pg_catalog.pg_database where datname = pg_catalog.current_database()"
    ).fetchone()
    assert row is not None
    rows = session.execute(_query()).fetchall()
    relations = {
        oid: Relation(oid=oid, name=name, kind=kind, file=file, parents=tuple(parents))
        for oid, name, kind, file, parents in rows
    }
    return State(lsn=lsn, database=row[0], relations=relations)


@dataclass(kw_only=True)
class Known:
    """All moments that were looked at."""

    scan: Scan
    states: list[State] = field(default_factory=list[State])

    def relation(self, oid: int, commit: Commit) -> Relation | None:
        """Return a relation as it was just before a commit, or as near to it as is known."""
        before = [one for one in self.states if one.lsn is not None and one.lsn <= commit.lsn]
        after = [one for one in self.states if one not in before]
        ordered = sorted(before, key=lambda one: one.lsn or Lsn(0), reverse=True)
        ordered += sorted(after, key=lambda one: (one.lsn is None, one.lsn or Lsn(0)))
        return next((one.relations[oid] for one in ordered if oid in one.relations), None)

    def before(self, oid: int, commit: Commit) -> Relation | None:
        """Return a relation as it was at the last known moment before a commit."""
        states = [one for one in self.states if one.lsn is not None and one.lsn <= commit.lsn and oid in one.relations]
        return max(states, key=lambda one: one.lsn or Lsn(0)).relations[oid] if states else None

    def by_file(self, file: int) -> Relation | None:
        """Return the relation whose file it was at some moment."""
        return next(
            (relation for one in self.states for relation in one.relations.values() if relation.file == file), None
        )

    def later(self, oid: int, commit: Commit) -> bool | None:
        """Tell whether a relation was there after a commit; None if nothing later is known."""
        after = [one for one in self.states if one.lsn is None or one.lsn > commit.lsn]
        return any(oid in one.relations for one in after) if after else None

    def file_after(self, oid: int, commit: Commit) -> int | None:
        """Return the file that a relation had at the first known moment after a commit."""
        after = [one for one in self.states if (one.lsn is None or one.lsn > commit.lsn) and oid in one.relations]
        after.sort(key=lambda one: (one.lsn is None, one.lsn or Lsn(0)))
        return after[0].relations[oid].file if after else None

    def meant(self, wanted: str) -> Iterator[Relation]:
        """Yield the tables that a name may mean, at whichever moment."""
        for state in self.states:
            yield from (one for one in state.relations.values() if one.kind in ROWS and means(one.name, wanted))

    def below(self, oids: set[int]) -> set[int]:
        """Return OIDs of relations with those of their parts, at whichever moment."""
        found, grown = set(oids), True
        while grown:
            more = {
                relation.oid
                for state in self.states
                for relation in state.relations.values()
                if found.intersection(relation.parents)
            }
            grown = not more <= found
            found |= more
        return found


@cache
def _query() -> bytes:
    return (Path(__file__).parent / "sql" / "names.sql").read_bytes()
