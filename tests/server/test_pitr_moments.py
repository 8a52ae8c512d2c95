"""A cluster under constant writes is recovered to random moments: exactly what was committed by then is there.

"By then" is said in the WAL's order, as PostgreSQL replays it: everything before the first commit or rollback whose
time is after the moment (from the moment on, where it is not inclusive). A commit takes its time before it gets its
place in the WAL, so that of two in the same instant the later one in the WAL may bear the earlier time: where the first
of them ends the recovery, the other is not there, though its time is before the moment. What was in flight is not.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_pgsafe.errors import RestoreError
from pytest_pgsafe.pitr import base
from pytest_pgsafe.pitr.base import Base
from pytest_pgsafe.pitr.bases import find as find_bases
from pytest_pgsafe.pitr.recover import Recovered, recover
from pytest_pgsafe.pitr.target import Target
from pytest_pgsafe.pitr.wal import Lsn, Segment
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from tests.server import pitr_writers
from tests.server.pitr_writers import PAGE, SIZE, Entry, Record, State, Writer, session_of
from tests.tiers import FULL

if TYPE_CHECKING:
    import psycopg

#: Two recoveries cost what they cost; the issue's twenty with PGSAFE_TEST_FULL=1.
MOMENTS = 20 if FULL else 2
SEED = int(os.environ.get("PGSAFE_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
SESSIONS = 6
#: Transactions of all writers together, at least, in each of the three parts, between which base backups are taken.
PART = 250
#: Behind the first base backup at least; it may hold one of them itself.
SEGMENTS = 6


@dataclass(frozen=True, kw_only=True)
class History:
    """What was written, as the writers noted it, and as the WAL has it."""

    programs: LocalPrograms
    archive: Path
    bases: tuple[tuple[Path, Base], ...]
    log: dict[int, Entry]
    #: From the first segment that was archived on.
    records: Sequence[Record]

    @property
    def ends(self) -> list[Record]:
        """Return the ends of transactions behind the first base backup, in the WAL's order."""
        begun = self.bases[0][1].end_lsn.bytes
        return [record for record in self.records if record.ends and record.lsn >= begun]

    def before(self, target: Target) -> Sequence[Record]:
        """Return the records that a recovery to a target replays, by the definition above."""
        for place, record in enumerate(self.records):
            if target.kind == "time":
                moment = datetime.fromisoformat(target.value)
                late = record.ends and (record.at > moment or (record.at == moment and not target.inclusive))
                if late:
                    return self.records[:place]
            elif target.kind == "lsn":
                # PostgreSQL: inclusive is the first record that begins there or behind.
                if record.lsn >= Lsn.parse(target.value).bytes:
                    return self.records[: place + target.inclusive]
            elif record.ends and str(record.xid) == target.value:
                return self.records[: place + target.inclusive]
        raise AssertionError(target)

    def recovered(self, target: Target) -> tuple[State, set[str], Recovered]:
        with recover(self.bases, self.archive, target, self.programs, wait=300) as (server, found):
            state, prepared = pitr_writers.state_in(server.address("shop"))
        return state, prepared, found


@pytest.fixture(scope="module")
def history(programs: LocalPrograms) -> Iterator[History]:
    for program in ("pg_basebackup", "pg_verifybackup", "pg_waldump"):
        if not (programs.folder / program).is_file():
            pytest.skip(f"these programs come without {program}: {programs.folder}")
    # Below /tmp: the server's user writes the archive.
    with tempfile.TemporaryDirectory(prefix="pitr-", dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o777)
        archive = place / "archive"
        archive.mkdir()
        archive.chmod(0o777)
        settings = {
            "archive_mode": "on",
            "archive_command": f'cp "%p" "{archive}/.%f" && mv -n "{archive}/.%f" "{archive}/%f"',
            "track_commit_timestamp": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "autovacuum": "on",
            "autovacuum_naptime": "1s",
            "max_prepared_transactions": "20",
        }
        template = pitr_writers.template(programs, place)
        with LocalServer.start(programs, settings=settings, template=template) as primary:
            _write(primary, programs, place)
        bases = find_bases(place)
        names = sorted(path.name for path in archive.iterdir() if len(path.name) == 24)
        yield History(
            programs=programs,
            archive=archive,
            bases=bases,
            log=pitr_writers.entries(place),
            records=pitr_writers.records(programs, archive, names[0], names[-1]),
        )


def _write(primary: LocalServer, programs: LocalPrograms, place: Path) -> None:
    with session_of(primary.address()) as session:
        session.execute("create database shop")
    with session_of(primary.address("shop")) as session:
        session.execute(pitr_writers.SCHEMA)
        with pitr_writers.writing(primary.address("shop"), place, seed=SEED, sessions=SESSIONS) as writers:
            taken = base.take(primary.address(), place / "base1", programs)
            _wait(writers, PART)
            session.execute("checkpoint")
            session.execute("select pg_switch_wal()")
            _wait(writers, PART)
            if FULL:
                base.take(primary.address(), place / "base2", programs)
            _wait(writers, PART)
            _reach(session, taken.end_lsn.bytes + SEGMENTS * SIZE)
        # One more, so that the archive goes on behind the last that was noted.
        session.execute("create table public.later ()")
        found = session.execute("select pg_walfile_name(pg_switch_wal())").fetchone()
        assert found is not None
        until = time.monotonic() + 120
        while not (place / "archive" / found[0]).exists():
            assert time.monotonic() < until, session.execute("table pg_stat_archiver").fetchone()
            time.sleep(0.05)


def _wait(writers: Sequence[Writer], more: int) -> None:
    """Wait until so many more transactions are done: how many there were during a base backup is chance."""
    until, done = time.monotonic() + 300, sum(writer.done for writer in writers) + more
    while sum(writer.done for writer in writers) < done and not any(writer.error for writer in writers):
        assert time.monotonic() < until, [writer.done for writer in writers]
        time.sleep(0.02)


def _reach(session: psycopg.Connection, position: int) -> None:
    until = time.monotonic() + 300
    while True:
        row = session.execute("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
        assert row is not None
        if row[0] >= position:
            return
        assert time.monotonic() < until, row
        time.sleep(0.02)


def targets(history: History) -> list[Target]:
    """Choose moments: any, those at which somebody committed, positions, and transactions."""
    choice = random.Random(SEED)
    ends = history.ends[:-1]
    begun, last = history.bases[0][1].ended_at, max(record.at for record in ends if record.at is not None)
    chosen: list[Target] = []
    for number in range(MOMENTS):
        record = choice.choice([record for record in ends if record.at is not None and record.at > begun])
        inclusive = choice.random() < 0.5
        kind = ("any", "commit", "lsn", "xid", "any")[number % 5]
        if kind == "lsn":
            # Where the record begins, within it, or anywhere near.
            position = Lsn(record.lsn + choice.choice([0, 8, -choice.randrange(2000)]))
            chosen.append(Target.lsn(str(max(position, history.bases[0][1].end_lsn)), inclusive=inclusive))
        elif kind == "xid":
            chosen.append(Target(kind="xid", value=str(record.xid), inclusive=inclusive))
        else:
            moment = record.at if kind == "commit" else begun + (last - begun) * choice.random()
            assert moment is not None
            chosen.append(Target.time(moment.isoformat(), inclusive=inclusive))
    return chosen


def test_what_the_writers_noted_is_what_the_wal_has(history: History) -> None:
    # The two sources of what is expected below agree: every commit, its time, and every rollback.
    found = {record.xid: record for record in history.ends}
    noted = {xid: entry for xid, entry in history.log.items() if xid in found}
    assert len(noted) > 2 * PART
    for xid, entry in noted.items():
        assert found[xid].kind.startswith("COMMIT" if entry.committed else "ABORT"), entry
        assert not entry.committed or found[xid].at == entry.at


@pytest.mark.parametrize("number", range(MOMENTS))
def test_a_random_moment_gives_exactly_what_was_committed_by_then(history: History, number: int) -> None:
    target = targets(history)[number]
    said = f"{target} of seed {SEED} (PGSAFE_TEST_SEED)"
    before = history.before(target)
    state, prepared = pitr_writers.state_of(history.log, before)
    if target.kind == "time":
        _by_the_clock(history, target, before, said)
    rows, open_ones, recovered = history.recovered(target)
    assert {name: rows.get(name) for name in {*rows, *state} if rows.get(name) != state.get(name)} == {}, said
    assert rows == state, said
    assert open_ones == prepared, said
    ended = [record for record in before if record.ends]
    assert recovered.last_transaction == ended[-1].at, said
    # The newest base backup from which it can be had.
    reached = next(record.lsn for record in reversed(before) if record.ends)
    fitting = [path for path, one in history.bases if one.end_lsn.bytes <= reached and target.after(one)]
    assert recovered.base == fitting[-1], said


def _by_the_clock(history: History, target: Target, before: Sequence[Record], said: str) -> None:
    """Only what lies behind a later time in the WAL may be missing, and nothing that was not committed is there."""
    moment = datetime.fromisoformat(target.value)
    there = {record.xid for record in before if record.ends}
    stop = next(record for record in history.records if record not in before[-1:] and record.lsn > before[-1].lsn)
    for entry in history.log.values():
        if entry.at is None:
            continue
        assert entry.at <= moment or entry.xid not in there, said
        if entry.at < moment and entry.xid not in there:
            late = next(record for record in history.records if record.ends and record.xid == entry.xid)
            assert late.lsn > stop.lsn, said
            assert moment - entry.at < timedelta(seconds=1), said


#: What may happen to a segment. What is damaged is one byte.
HARMS = (
    "removed", "cut", "emptied", "zeroed", "first page", "middle record", "last record",
    "exchanged", "another cluster", "another timeline",
)  # fmt: skip


def _numbers(history: History) -> range:
    """Return the segments behind those that the first base backup holds itself: with what was written meanwhile."""
    own = max(path.name for path in (history.bases[0][0] / base.DATA / "pg_wal").iterdir() if len(path.name) == 24)
    first = Segment.parse(own, SIZE)
    assert first is not None
    return range(first.number + 1, history.records[-1].lsn // SIZE + 1)


def _harmed(history: History, place: Path, number: int, harm: str) -> tuple[Path, Path, int]:
    """Make an archive with a segment that is harmed.

    :return: it, the segment that is named, and the number of the first record that is lost.
    """
    folder = place / "archive"
    folder.mkdir()
    for path in history.archive.iterdir():
        os.link(path, folder / path.name)
    other = number + 1 if number + 1 in _numbers(history) else number - 1
    path, neighbour = (folder / Segment(number=each, timeline=1).name(SIZE) for each in (number, other))
    content, records, at = bytearray(path.read_bytes()), history.records, number * SIZE
    # The record that reaches into the segment is lost with it.
    lost = next(place for place, record in enumerate(records) if record.end > at)
    path.unlink()
    if harm == "exchanged":
        neighbour.rename(path)
        neighbour.write_bytes(bytes(content))
        neighbour.chmod(0o644)
        first = min(number, other)
        return (folder, min(path, neighbour), next(n for n, record in enumerate(records) if record.end > first * SIZE))
    if harm == "removed":
        return folder, path, lost
    if harm == "another timeline":
        (folder / Segment(number=number, timeline=2).name(SIZE)).write_bytes(bytes(content))
        return folder, path, lost
    if harm in {"middle record", "last record"}:
        starting = [n for n, record in enumerate(records) if at <= record.lsn < at + SIZE]
        lost = starting[len(starting) // 2 if harm == "middle record" else -1]
        # In the part of it that is on its first page, and so in this segment.
        within = min(records[lost].length, PAGE - records[lost].lsn % PAGE)
        content[records[lost].lsn - at + random.Random(f"{SEED}:{number}").randrange(within)] ^= 1 << number % 8
    else:
        content = {
            "cut": content[: SIZE // 3],
            "emptied": bytearray(),
            "zeroed": bytearray(SIZE),
            "first page": content[:9] + bytes([content[9] ^ 1]) + content[10:],
            "another cluster": content[:24] + bytes([content[24] ^ 1]) + content[25:],
        }[harm]
    path.write_bytes(bytes(content))
    path.chmod(0o644)
    return folder, path, lost


def _cases(history: History) -> list[tuple[int, str]]:
    numbers = _numbers(history)
    if not FULL:
        return [(numbers[len(numbers) // 2], "another timeline"), (numbers[-1], "last record")]
    # Each removed and once damaged in another way, which is another one for each seed. Without its last one an archive
    # ends earlier, and nothing is wrong with that.
    others = {number: HARMS[1 + (number + SEED) % (len(HARMS) - 1)] for number in numbers}
    last = "last record" if others[numbers[-1]] == "another timeline" else others[numbers[-1]]
    cases = [(number, harm) for number in numbers[:-1] for harm in ("removed", others[number])]
    return [*cases, (numbers[-1], last), (numbers[-1], "cut")]


def test_recovery_past_a_segment_is_refused_and_what_lies_before_is_there(history: History) -> None:
    numbers = _numbers(history)
    assert len(numbers) > 3
    late = Target.time(history.ends[-1].at.isoformat(), inclusive=False)
    for number, harm in _cases(history):
        said = f"{harm} {Segment(number=number, timeline=1).name(SIZE)}, seed {SEED} (PGSAFE_TEST_SEED)"
        with tempfile.TemporaryDirectory(prefix="pitr-", dir="/tmp") as name:
            Path(name).chmod(0o755)
            folder, named, lost = _harmed(history, Path(name), number, harm)
            harmed = replace(history, archive=folder, bases=history.bases[:1])
            target = late if number < numbers[-1] else Target(kind="end")
            with pytest.raises(RestoreError) as raised:
                harmed.recovered(target)
            assert named.name in raised.value.message, f"{said}: {raised.value}"
            offered = re.search(r"--lsn=(\S+)( --exclusive)?$", raised.value.remedies[0])
            assert offered is not None, f"{said}: {raised.value}"
            assert offered[1] == str(Lsn(history.records[lost - 1].lsn)), f"{said}: {raised.value}"
            rows, prepared, recovered = harmed.recovered(Target.lsn(offered[1], inclusive=not offered[2]))
            assert (rows, prepared) == pitr_writers.state_of(history.log, history.records[:lost]), said
            assert recovered.last_transaction == [one.at for one in history.records[:lost] if one.ends][-1], said


def test_what_nothing_is_written_in_may_be_damaged(history: History) -> None:
    # Behind a switch to the next segment, between records, and in a gap of the header: nobody reads it, and what is
    # recovered is the same.
    flipped = 0
    with tempfile.TemporaryDirectory(prefix="pitr-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "archive"
        folder.mkdir()
        for path in history.archive.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
            (folder / path.name).chmod(0o644)
        for number in _numbers(history):
            path = folder / Segment(number=number, timeline=1).name(SIZE)
            content, at = bytearray(path.read_bytes()), number * SIZE
            places = [20, 21, 22, 23]
            for record in history.records:
                if record.end > at + SIZE or record.end <= at:
                    continue
                if record.kind == "SWITCH":
                    places += range(record.end - at + 8, SIZE, 501)
                elif record.end % PAGE:
                    places += range(record.end - at, -(-record.end // 8) * 8 - at)
            for place in places:
                content[place] ^= 0xFF
            path.write_bytes(bytes(content))
            flipped += len(places)
        assert flipped > 1000
        rows, prepared, recovered = replace(history, archive=folder).recovered(Target(kind="end"))
    assert (rows, prepared) == pitr_writers.state_of(history.log, history.records)
    assert recovered.last_transaction == history.ends[-1].at
