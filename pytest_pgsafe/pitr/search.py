"""Back through an archive for the transaction that harmed a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..catalog.names import means
from ..errors import ConfigError
from ..server.version import Version
from . import archive as wal_archive
from . import commits, offered, way
from .commits import FIRST, Commit, Scan
from .harm import Harm, judge
from .moments import Moments
from .relations import ROWS, Known, State
from .target import Target
from .wal import Lsn

#: Recoveries for names alone, in each part of the archive that is searched.
LOOKS = 3
#: Transactions that an error names, at most.
SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is looked for."""

    dbname: str
    #: As a user writes them; empty is every table.
    tables: tuple[str, ...]
    #: Rows that a transaction has deleted or updated at least to be one of those that did harm.
    rows: int
    #: Moments between which it was committed.
    after: datetime | None = None
    before: datetime | None = None
    xid: int | None = None

    def within(self, commit: Commit) -> bool:
        return (self.after is None or commit.time >= self.after) and (self.before is None or commit.time <= self.before)


@dataclass(frozen=True, kw_only=True)
class Found:
    """The transactions that harmed the tables, oldest first, and what else was seen."""

    harms: tuple[Harm, ...]
    #: Others that took something from the database, or changed the definition of these tables.
    others: tuple[Harm, ...]
    #: OIDs of the tables, with their parts.
    oids: frozenset[int]
    known: Known
    #: From where to where was looked, and what could not be.
    looked_at: tuple[str, ...]


def search(wanted: Wanted, moments: Moments, now: State | None) -> Found:
    """Search from the newest base backup back, until there is a transaction that harmed the tables.

    :param moments: of the archive that is searched.
    :param now: the live database, if it is of the same cluster.
    :raises ConfigError: there is none, with what was looked at; or a name means several tables.
    """
    found: Found | None = None
    said: list[str] = []
    archive = wal_archive.read(moments.archive, moments.bases[-1][1].segment_size)
    line = way.follow(archive, moments.bases, Target(kind="end"), way.LATEST)
    bases = [base for _, base in way.along(moments.bases, line)]
    for place in reversed(range(len(bases))):
        base = bases[place]
        following = bases[place + 1] if place + 1 < len(bases) else None
        if (wanted.before is not None and base.ended_at > wanted.before) or (
            following is not None and wanted.after is not None and following.ended_at < wanted.after
        ):
            continue
        moments.progress(f"search from {base.end}")
        scan = commits.read(
            offered.of(archive, base, line),
            moments.programs,
            start=base.start_lsn,
            rows=wanted.rows,
            major=Version.parse(base.server_version).major,
            end=None if following is None else following.end_lsn,
        )
        # Before the base backup ended, nothing can be recovered from it.
        scan.commits = [one for one in scan.commits if one.lsn >= base.end_lsn]
        found = _Search(wanted=wanted, scan=scan, moments=moments, now=now).all()
        said += [_range(scan), *found.looked_at]
        if found.harms:
            return replace(found, looked_at=tuple(said))
    if found is None:
        raise ConfigError(
            "no base backup ended before the time that is searched",
            looked_at=[f"{path}: ended at {base.ended_at.isoformat()}" for path, base in moments.bases],
        )
    raise _nothing(wanted, found, said)


def _range(scan: Scan) -> str:
    if scan.first is None or scan.last is None:
        text = f"WAL {scan.start} to {scan.until}: no transaction was committed"
    else:
        text = f"WAL {scan.start} to {scan.until}: {scan.first.isoformat()} to {scan.last.isoformat()}"
    return text + (f"; {scan.ended}" if scan.ended else "")


def _nothing(wanted: Wanted, found: Found, notes: Sequence[str]) -> ConfigError:
    what = ", ".join(wanted.tables) or "a table"
    where = f"of the database {wanted.dbname}"
    if wanted.xid is not None:
        message = f"the archive has no transaction {wanted.xid} that took something away"
    else:
        message = f"no transaction dropped or emptied {what} {where}, or changed {wanted.rows} of its rows"
    smaller = [judge(one, _database(found), found.known) for one in found.known.scan.smaller]
    hints = [str(harm) for harm in smaller if harm.of(set(found.oids))][:3]
    others = [str(harm) for harm in found.others][-SHOWN:]
    return ConfigError(
        message,
        looked_at=[*notes, *hints, *others],
        remedies=[
            "--rows=N finds transactions that changed fewer rows, --after and --before other times",
            "--xid=N takes a transaction that is named here",
        ],
    )


def _database(found: Found) -> int:
    return found.known.states[0].database if found.known.states else 0


@dataclass(kw_only=True)
class _Search:
    """A search of one part of the archive."""

    wanted: Wanted
    scan: Scan
    moments: Moments
    now: State | None
    notes: list[str] = field(default_factory=list[str])
    #: Moments just after a transaction that were looked at.
    checked: int = 0

    def all(self) -> Found:
        self.known = Known(scan=self.scan, states=[] if self.now is None else [self.now])
        events = [one for one in self.scan.commits if self.wanted.within(one)]
        if self.wanted.xid is not None:
            smaller = [one for one in self.scan.smaller if self.wanted.xid in one.xids]
            events = [one for one in [*events, *smaller] if self.wanted.xid in one.xids]
        self._name(events)
        oids = self._oids() if self.known.states else set[int]()
        database = self.known.states[0].database if self.known.states else 0
        harms, others = list[Harm](), list[Harm]()
        for commit in events:
            harm = self._judge(commit, database, oids)
            acts = harm.of(oids) if self.wanted.tables else harm.acts
            if self.wanted.xid is not None or any(act.kind != "altered" for act in acts):
                harms.append(harm)
            elif acts or any(act.kind in {"dropped", "truncated"} for act in harm.acts):
                others.append(harm)
        return Found(
            harms=tuple(harms), others=tuple(others), oids=frozenset(oids), known=self.known,
            looked_at=tuple(self.notes),
        )  # fmt: skip

    def _judge(self, commit: Commit, database: int, oids: set[int]) -> Harm:
        """Judge a transaction; where only the moment just after it tells a TRUNCATE from a rewrite, look at that."""
        harm = judge(commit, database, self.known)
        acts = harm.of(oids) if self.wanted.tables else harm.acts
        if self.wanted.within(commit) and not all(act.certain for act in acts) and self.checked < LOOKS:
            self.checked += 1
            state = self.moments.state(commit, self.wanted.dbname, after=True)
            if state is not None:
                self.known.states.append(state)
                return judge(commit, database, self.known)
        return harm

    def _oids(self) -> set[int]:
        """Return the OIDs that the tables ever had, with those of their parts."""
        oids: set[int] = set()
        for name in self.wanted.tables:
            meant = list(self.known.meant(name))
            names = {one.name for one in meant}
            if len(names) > 1:
                raise ConfigError(
                    f"--table={name} means several: {', '.join(sorted(names))}", remedies=["write schema.table"]
                )
            oids |= {one.oid for one in meant}
        return self.known.below(oids)

    def _name(self, events: Sequence[Commit]) -> None:
        """Recover to moments at which what the transactions took away has a name: as few as possible.

        What is older than the search is there just before the first of them; what came later is looked for from the
        newest back.
        """
        looked: set[Lsn] = set()
        for _ in range(LOOKS):
            unnamed = {one.lsn: one for one in events if one.lsn not in looked and self._unnamed(one)}
            if not unnamed:
                return
            chosen = self._best(list(unnamed.values()))
            looked.add(chosen.lsn)
            state = self.moments.state(chosen, self.wanted.dbname)
            if state is None:
                self.notes.append(f"there was no database {self.wanted.dbname} at {chosen.time.isoformat()}")
                looked |= {one.lsn for one in events if one.lsn < chosen.lsn}
            else:
                self.known.states.append(state)
        left = [one for one in events if one.lsn not in looked and self._unnamed(one)]
        if left:
            times = ", ".join(f"{one.time.isoformat()} ({one.xid})" for one in left[-5:])
            self.notes.append(
                f"{len(left)} transactions took away what was made after the base backup; nobody looked at its name:"
                f" {times}; --after and --before lead there"
            )

    def _unnamed(self, commit: Commit) -> list[tuple[str, int]]:
        """Return OIDs and files of the database that have no name yet."""
        if not self.known.states:
            every = {base for base, _ in (*commit.dropped, *commit.deleted, *commit.updated)}
            return [("database", base) for base in sorted(every)]
        database = self.known.states[0].database
        found: list[tuple[str, int]] = []
        if not self._lasting():
            found += [("oid", oid) for oid in commit.took(database) if self.known.relation(oid, commit) is None]
        for counts in (commit.deleted, commit.updated):
            found += [
                ("file", file)
                for (base, file), rows in counts.items()
                if base == database and file >= FIRST and rows >= self.wanted.rows and not self.known.by_file(file)
                and (base, file) not in commit.created
            ]  # fmt: skip
        return found

    def _lasting(self) -> bool:
        """Tell whether the tables are there, and older than what is searched: then none of them was ever dropped."""
        if self.now is None or not self.wanted.tables:
            return False
        meant = [[one for one in self.now.relations.values() if one.kind in ROWS and means(one.name, name)]
                 for name in self.wanted.tables]  # fmt: skip
        made = {oid for base, oid in self.scan.created if base == self.now.database}
        return all(len(some) == 1 and some[0].oid not in made and some[0].kind != "p" for some in meant)

    def _best(self, unnamed: Sequence[Commit]) -> Commit:
        """Return the transaction just before which most has a name."""
        made = {one.lsn: [self._made(what) for what in self._unnamed(one)] for one in unnamed}
        old = [one for one in unnamed if None in made[one.lsn]]
        if old:
            return min(old, key=lambda one: one.lsn)
        newest = max(unnamed, key=lambda one: one.lsn)
        since = max(lsn for lsn in made[newest.lsn] if lsn is not None)
        return min((one for one in unnamed if one.lsn > since), key=lambda one: one.lsn)

    def _made(self, what: tuple[str, int]) -> Lsn | None:
        """Return where the WAL says that a relation or file was made, None if it is older."""
        if what[0] == "database":
            return None
        found = self.scan.created.get((self.known.states[0].database, what[1]))
        return None if found is None else found[0]
