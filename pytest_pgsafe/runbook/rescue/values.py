"""What a rescue is asked for, and what it did or would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ...pitr.wal import Lsn


@dataclass(frozen=True, kw_only=True)
class Order:
    """What was asked for."""

    tables: tuple[str, ...]
    #: Every table that the transaction harmed.
    every: bool = False
    #: Write it; else only say what would be written.
    apply: bool = False
    after: datetime | None = None
    before: datetime | None = None
    xid: int | None = None
    #: Rows that a transaction changed at least to be looked at.
    rows: int = 100
    #: The database's name in the archive; None is that of the live one.
    dbname: str | None = None
    #: Restore owners and privileges too.
    owners: bool = True
    #: Keep the backup of the recovered database here.
    save: Path | None = None
    #: For each lock on the live database, in PostgreSQL's notation.
    lock_timeout: str = "10s"
    #: Seconds for each recovery.
    wait: float = 3600.0


@dataclass(frozen=True, kw_only=True)
class TableOutcome:
    """What is put back of one table."""

    table: str
    #: ``restored``, with all that belongs to it, or ``rows`` of a table that is there.
    way: str
    #: Rows put back, or that would be.
    rows: int
    #: Rows that are there already with the same values.
    there: int = 0
    #: Rows that are there with other values, and stay as they are.
    changed: int = 0
    #: Rows whose values of a unique index another row has now, and that stay out.
    taken: int = 0
    #: Rows whose referenced row is not there, and that stay out.
    orphans: int = 0
    #: Rows that are there and are not touched.
    live: int = 0
    #: A few rows of each of these, by its name.
    samples: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    notes: tuple[str, ...] = ()

    @property
    def left_out(self) -> int:
        return self.taken + self.orphans


@dataclass(frozen=True, kw_only=True)
class Rescue:
    """What was found and done."""

    applied: bool
    database: str
    #: The transaction, by its commit record.
    time: datetime
    xid: int
    lsn: Lsn
    #: What it did in the database, each in a few words.
    did: tuple[str, ...]
    #: From where to where was searched.
    looked_at: tuple[str, ...]
    #: The last transaction that was recovered, and the last position; None if there was none after the base backup.
    recovered_until: datetime | None
    position: Lsn
    tables: tuple[TableOutcome, ...]
    #: What else is made again, as pg_restore calls it.
    objects: tuple[str, ...]
    #: Orphans of each foreign key of these tables or to them, by its name; empty for a dry run.
    foreign_keys: Mapping[str, int]
    notes: tuple[str, ...]
    #: Seconds of each step, in order; their sum is the recovery time.
    steps: tuple[tuple[str, float], ...]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def left_out(self) -> int:
        return sum(table.left_out for table in self.tables)
