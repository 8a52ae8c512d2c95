"""The transactions of an archive that took something away, read by pg_waldump."""

from __future__ import annotations

import heapq
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..server.capabilities import DROPPED_STATISTICS
from ..server.private import private_folder
from ..server.programs import LocalPrograms
from . import offered
from .offered import Offer
from .wal import Lsn, Segment

#: A relation's OID, or the number of its file (relfilenode), with the OID of its database.
Where = tuple[int, int]

#: Transactions below the threshold that are kept, those with the most rows, to be told of.
SMALLER = 20
_RECORD = re.compile(rb"rmgr: (\w+) .*?, tx: +(\d+), lsn: ([0-9A-F]+/[0-9A-F]+), .*?desc: ([A-Z_]+)")
_LOCK = re.compile(rb"xid (\d+) db (\d+) rel (\d+)")
_FILE = re.compile(rb"(?:base|pg_tblspc/\d+/[^/ ]+)/(\d+)/(\d+)")
_BLOCK = re.compile(rb"blkref #0: rel \d+/(\d+)/(\d+) ")
_COMMIT = re.compile(rb"desc: COMMIT(?:_PREPARED (\d+):)? (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC")
_SUBXACTS = re.compile(rb"; subxacts:((?: \d+)+)")
_RELS = re.compile(rb"; rels:([^;]*)")
#: From 15 on a commit names the relations (2) whose statistics go, as ``kind/database/OID``.
_STATS = re.compile(rb"; dropped stats:([^;]*)")
_STAT = re.compile(rb"2/(\d+)/(\d+)")
_ATTRIBUTES = 1249
_CHANGES = {b"DELETE": "deleted", b"UPDATE": "updated", b"HOT_UPDATE": "updated"}
#: The first OID of a user's objects.
FIRST = 16384


@dataclass(kw_only=True)
class Commit:
    """What a transaction did that was committed, by its records in the WAL."""

    xid: int
    #: The commit record's, by the source's clock in UTC, and where it begins.
    time: datetime
    lsn: Lsn
    subxacts: tuple[int, ...] = ()
    #: Relations that were locked in ACCESS EXCLUSIVE MODE.
    locks: set[Where] = field(default_factory=set[Where])
    #: Files that were made, and those that went with the commit.
    created: set[Where] = field(default_factory=set[Where])
    dropped: set[Where] = field(default_factory=set[Where])
    #: OIDs of relations that went; None before 15, whose commits do not say.
    gone: set[Where] | None = None
    #: Rows by file.
    deleted: Counter[Where] = field(default_factory=Counter[Where])
    updated: Counter[Where] = field(default_factory=Counter[Where])
    #: Databases whose columns' definitions were changed.
    altered: set[int] = field(default_factory=set[int])

    @property
    def xids(self) -> tuple[int, ...]:
        return (self.xid, *self.subxacts)

    @property
    def most(self) -> int:
        """Rows of the file of which most were deleted or updated."""
        return max([*self.deleted.values(), *self.updated.values()], default=0)

    def own(self, database: int) -> set[int]:
        """Return OIDs of relations that the transaction made itself: the first file of one has its number."""
        return {oid for base, oid in self.locks & self.created if base == database}

    def took(self, database: int) -> set[int]:
        """Return OIDs of relations that went with it, before 15 of all that it locked: too many of them."""
        if not any(base == database for base, _ in self.dropped):
            # Temporary tables have no files in the WAL.
            return set()
        found = self.locks if self.gone is None else self.gone
        return {oid for base, oid in found if base == database and oid >= FIRST} - self.own(database)


@dataclass(kw_only=True)
class Scan:
    """What was found between two positions."""

    start: Lsn
    until: Lsn
    #: Time of the first and of the last commit.
    first: datetime | None = None
    last: datetime | None = None
    commits: list[Commit] = field(default_factory=list[Commit])
    #: Those that stayed below the threshold, with most rows.
    smaller: list[Commit] = field(default_factory=list[Commit])
    #: Where a file was made, and by which transaction.
    created: dict[Where, tuple[Lsn, int]] = field(default_factory=dict[Where, tuple[Lsn, int]])
    #: Why the search ended before the archive's last segment.
    ended: str | None = None


def read(offer: Offer, programs: LocalPrograms, *, start: Lsn, rows: int, major: int, end: Lsn | None = None) -> Scan:
    """Read the commits of an archive that dropped files or columns, or changed many rows of one file.

    :param offer: what of the archive is on the way from a base backup.
    :param start: where a record begins: the base backup's.
    :param rows: of one file, from which a transaction counts that deleted or updated them.
    :param major: of the cluster.
    :param end: None is the end of the archive.
    """
    size = offer.archive.size
    reader = _Reader(rows=rows, stats=DROPPED_STATISTICS.known_to(major), scan=Scan(start=start, until=start))
    scan = reader.scan
    number, said = offer.first, ""
    with offered.shown(offer) as shown, private_folder("waldump") as folder:
        timeline = offer.line.segment(number, size).timeline
        while (path := shown / offer.line.segment(number, size).name(size)).exists():
            # Under one timeline's name, since pg_waldump follows one; the pages themselves say theirs.
            (folder / Segment(number=number, timeline=timeline).name(size)).symlink_to(path)
            number += 1
        if number > offer.first:
            # Without an end pg_waldump waits five seconds for the segment behind the last.
            until = min(end or Lsn(number * size), Lsn(number * size))
            said = _run(
                programs, [f"--path={folder}", f"--timeline={timeline}", f"--start={start}", f"--end={until}"], reader
            )
    scan.ended = _ended(offer, scan, number, end, said)
    scan.commits.sort(key=lambda commit: commit.lsn)
    scan.smaller = [commit for _, _, commit in sorted(reader.smaller, reverse=True, key=lambda each: each[:2])]
    return scan


def _ended(offer: Offer, scan: Scan, number: int, end: Lsn | None, last_line: str) -> str | None:
    """Say why a search ended before its end.

    :param number: of the first segment that was not read.
    :param last_line: the last that pg_waldump said.
    """
    size = offer.archive.size
    if end is not None and number * size >= end.bytes:
        return None
    if number <= offer.last.number:
        return offer.blocked(Lsn(number * size)) or f"{offer.line.segment(number, size).name(size)} is missing"
    if scan.until.bytes < (number - 1) * size and not offer.begun:
        return f"the record behind {scan.until} is damaged: {last_line}"
    return "; ".join(offer.notes) or None


def _run(programs: LocalPrograms, arguments: Sequence[str], reader: _Reader) -> str:
    """Let pg_waldump write into the reader; return the last it said: where the WAL was cut is an error to it."""
    read_end, write_end = os.pipe()
    with ThreadPoolExecutor(1) as pool:
        with os.fdopen(write_end, "wb") as out:
            reading = pool.submit(_drain, read_end, reader)
            done = programs.run("pg_waldump", arguments, stdout=out, environment={"TZ": "UTC"})
        reading.result()
    return (done.stderr.strip().splitlines() or ["nothing was said"])[-1]


def _drain(handle: int, reader: _Reader) -> None:
    # Closed also after an error: pg_waldump would wait for ever to be read.
    with os.fdopen(handle, "rb") as lines:
        reader.all(lines)


@dataclass(kw_only=True)
class _Reader:
    """Gathers what each transaction does, until it is committed or rolled back."""

    rows: int
    #: Whether a commit names the relations that went with it.
    stats: bool
    scan: Scan
    open: dict[int, Commit] = field(default_factory=dict[int, Commit])
    smaller: list[tuple[int, int, Commit]] = field(default_factory=list[tuple[int, int, Commit]])

    def all(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            # Most are of indexes, which are dropped with their tables.
            if line.startswith((b"rmgr: Heap ", b"rmgr: Transaction", b"rmgr: Standby", b"rmgr: Storage")):
                self._line(line)
            elif line.startswith(b"rmgr: "):
                self._passed(line)

    def _passed(self, line: bytes) -> None:
        at = line.find(b", lsn: ")
        self.scan.until = Lsn.parse(line[at + 7 : line.index(b",", at + 7)].decode())

    def _line(self, line: bytes) -> None:
        found = _RECORD.match(line)
        if found is None:
            return
        manager, xid, position, what = found[1], int(found[2]), Lsn.parse(found[3].decode()), found[4]
        self.scan.until = position
        if manager == b"Heap":
            if (kind := _CHANGES.get(what)) and (block := _BLOCK.search(line)):
                self._changed(xid, kind, (int(block[1]), int(block[2])))
        elif manager == b"Standby":
            if what == b"LOCK":
                for holder, database, oid in _LOCK.findall(line):
                    self._of(int(holder)).locks.add((int(database), int(oid)))
        elif manager == b"Storage":
            if what == b"CREATE" and (file := _FILE.search(line)) and b"_" not in line[file.end() : file.end() + 1]:
                where = int(file[1]), int(file[2])
                self._of(xid).created.add(where)
                self.scan.created[where] = position, xid
        elif what.startswith(b"COMMIT"):
            self._commit(line, xid, position)
        elif what.startswith(b"ABORT"):
            for one in (xid, *_numbers(_SUBXACTS.search(line))):
                self.open.pop(one, None)

    def _of(self, xid: int) -> Commit:
        return self.open.setdefault(xid, Commit(xid=xid, time=datetime.min, lsn=Lsn(0)))

    def _changed(self, xid: int, kind: str, where: Where) -> None:
        if where[1] >= FIRST:
            getattr(self._of(xid), kind)[where] += 1
        elif where[1] == _ATTRIBUTES and kind == "updated":
            self._of(xid).altered.add(where[0])

    def _commit(self, line: bytes, xid: int, position: Lsn) -> None:
        found = _COMMIT.search(line)
        if found is None:
            return
        xid = int(found[1]) if found[1] else xid
        text = found[2].decode()
        text = text if "." in text else f"{text}.000000"
        time = datetime.strptime(f"{text}+0000", "%Y-%m-%d %H:%M:%S.%f%z").astimezone(timezone.utc)
        self.scan.first = self.scan.first or time
        self.scan.last = time
        subxacts = tuple(_numbers(_SUBXACTS.search(line)))
        parts = [part for one in (xid, *subxacts) if (part := self.open.pop(one, None)) is not None]
        rels, stats = _RELS.search(line), _STATS.search(line)
        if not parts and rels is None:
            return
        commit = Commit(xid=xid, time=time, lsn=position, subxacts=subxacts)
        for part in parts:
            commit.locks |= part.locks
            commit.created |= part.created
            commit.deleted += part.deleted
            commit.updated += part.updated
            commit.altered |= part.altered
        if rels is not None:
            commit.dropped = {(int(base), int(number)) for base, number in _FILE.findall(rels[1])}
        if self.stats:
            named = b"" if stats is None else stats[1]
            commit.gone = {(int(base), int(oid)) for base, oid in _STAT.findall(named)}
        self._keep(commit)

    def _keep(self, commit: Commit) -> None:
        if commit.dropped or commit.most >= self.rows or (commit.altered and commit.locks):
            self.scan.commits.append(commit)
        elif commit.most:
            entry = (commit.most, commit.lsn.bytes, commit)
            push = heapq.heappush if len(self.smaller) < SMALLER else heapq.heappushpop
            push(self.smaller, entry)


def _numbers(found: re.Match[bytes] | None) -> list[int]:
    return [] if found is None else [int(word) for word in found[1].split()]
