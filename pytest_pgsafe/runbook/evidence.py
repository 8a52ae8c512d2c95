"""What the entries of a root show of a period: recovery points and times by database, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from ..backup import manifest, store
from ..errors import ConfigError
from ..records.chain import Chain
from ..records.receipt import moment
from ..records.values import Entry

#: A database in an environment.
Name = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Series:
    """Seconds, each at its moment, in order."""

    points: tuple[tuple[str, float], ...] = ()

    @property
    def seconds(self) -> tuple[float, ...]:
        return tuple(seconds for _, seconds in self.points)

    @property
    def trend(self) -> tuple[float, float] | None:
        """The medians of the earlier and of the later half; None of fewer than four points."""
        half = len(self.points) // 2
        return None if half < 2 else (median(self.seconds[:half]), median(self.seconds[-half:]))


@dataclass(frozen=True, kw_only=True)
class Database:
    """What was done for one database in the period."""

    environment: str
    database: str
    backups: int
    verified: int
    proven: int
    restored: int
    #: Recoveries to a moment, and rows or tables that were put back.
    recovered: int
    #: From one backup to the next, and from the last one to the period's end: what could have been lost at most. Of a
    #: WAL archive what recoveries to its end found missing.
    rpo: Series
    #: Of restores and recoveries, drills among them.
    rto: Series


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The evidence of a period."""

    #: With their numbers in the chain.
    entries: tuple[tuple[int, Entry], ...]
    databases: tuple[Database, ...]
    #: What shows that the evidence, or a backup, is not what it was.
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def show(chain: Chain, root: Path, *, begin: datetime | None, end: datetime) -> Shown:
    """Return what entries show of a period; faults are those of the whole chain.

    :param root: whose backups are held against the entries, where there are any.
    :param begin: None is the first entry's moment.
    """
    numbered = list(enumerate(chain.entries, 1))
    within = tuple((number, entry) for number, entry in numbered if _within(entry, begin, end))
    faults, notes = _held_against(root, chain.entries)
    return Shown(
        entries=within,
        databases=tuple(_databases(chain.entries, begin, end)),
        faults=(*chain.faults, *faults),
        notes=(*chain.notes, *notes),
    )


def _within(entry: Entry, begin: datetime | None, end: datetime) -> bool:
    at = moment(entry.time)
    # What tells no moment is shown always: it is a fault, too.
    return at is None or ((begin is None or at >= begin) and at <= end)


def _databases(entries: Sequence[Entry], begin: datetime | None, end: datetime) -> Iterator[Database]:
    names = _names(entries)
    others = {_name(one) for one in entries if one.kind in {"recovery", "rescue"} or one.facts.get("repository")}
    for name in sorted({*names.values(), *others} - {("", "")}):
        mine = [one for one in entries if names.get(_text(one, "place"), _name(one)) == name]
        inside = [one for one in mine if _within(one, begin, end)]
        backups = [one for one in inside if one.kind == "backup" and one.result == "passed"]
        verified = [one for one in inside if one.kind == "verification"]
        restored = [one for one in inside if one.kind == "restore" and one.result == "passed"]
        recovered = [one for one in inside if one.kind in {"recovery", "rescue"} and one.result == "passed"]
        proven = [one for one in verified if one.facts.get("proven") is True]
        if inside:
            yield Database(
                environment=name[0],
                database=name[1],
                backups=len(backups),
                verified=len(verified),
                proven=len(proven),
                restored=len(restored),
                recovered=len(recovered),
                rpo=Series(points=(*_points(mine, begin, end), *_times(recovered, "rpo_seconds"))),
                rto=Series(points=tuple(_times([*proven, *restored, *recovered], "rto_seconds"))),
            )


def _names(entries: Iterable[Entry]) -> Mapping[str, Name]:
    """Return which database the backup at each place is of."""
    known = [one for one in entries if one.kind in {"backup", "verification", "pull"} and one.facts.get("database")]
    return {_text(one, "place"): _name(one) for one in known if not one.facts.get("repository")}


def _name(entry: Entry) -> Name:
    """Return what an entry is of: a database, or a whole cluster, by its WAL archive or another engine's repository."""
    return _text(entry, "environment"), _text(entry, "database") or _text(entry, "repository")


def _text(entry: Entry, name: str) -> str:
    value = entry.facts.get(name)
    return value if isinstance(value, str) else ""


def _points(entries: Sequence[Entry], begin: datetime | None, end: datetime) -> tuple[tuple[str, float], ...]:
    taken = sorted(
        {
            at
            for one in entries
            if one.kind == "backup" and one.result == "passed" and (at := moment(_text(one, "taken"))) and at <= end
        }
    )
    # Where no backup was taken, there is nothing up to the end either.
    pairs = zip(taken, [*taken[1:], end], strict=False)
    # The backup before the period is the one that its first hours would have been recovered from.
    return tuple(
        (f"{later:%Y-%m-%dT%H:%M:%SZ}", (later - earlier).total_seconds())
        for earlier, later in pairs
        if begin is None or later >= begin
    )


def _times(entries: Iterable[Entry], name: str) -> Iterator[tuple[str, float]]:
    for one in sorted(entries, key=lambda entry: entry.time):
        seconds = one.facts.get("restore_seconds" if one.kind == "verification" else name)
        if isinstance(seconds, (int, float)):
            yield one.time, float(seconds)


def _held_against(root: Path, entries: Sequence[Entry]) -> tuple[list[str], list[str]]:
    """Return what is wrong with the backups that are there, and what is missing, by their entries."""
    recorded = {_text(one, "place"): _text(one, "manifest") for one in entries if one.kind == "backup"}
    digests = set(recorded.values())
    gone = {folder for one in entries if one.kind == "prune" for folder in one.facts.get("removed") or ()}
    try:
        there = {str(one.folder): one for one in store.find(root)}
    except ConfigError:
        there = {}
    faults: list[str] = []
    notes: list[str] = []
    for place, found in there.items():
        digest = "" if found.manifest is None else manifest.sha256(found.folder / manifest.MANIFEST)
        if recorded.get(place, digest) != digest:
            faults.append(f"{place}: the manifest is not the one of its entry")
        elif found.manifest is not None and digest not in digests:
            notes.append(f"{place}: a backup without an entry: taken while no evidence was kept, or its entry is gone")
    notes += [
        f"{place}: there is an entry, and the backup is not there; no entry says that it was removed"
        for place, digest in recorded.items()
        if digest and place not in there and place not in gone and not Path(place).exists()
    ]
    return faults, notes
