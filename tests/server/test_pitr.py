"""Recovery to a moment, on a cluster that archives its WAL: what was committed by then, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pytest_pgsafe.cli import run
from pytest_pgsafe.errors import ConfigError, RestoreError
from pytest_pgsafe.pitr import archive, archiver, archiving, base
from pytest_pgsafe.pitr.base import Base
from pytest_pgsafe.pitr.bases import find as find_bases
from pytest_pgsafe.pitr.recover import Recovered, recover
from pytest_pgsafe.pitr.target import Target
from pytest_pgsafe.pitr.wal import Lsn, Segment
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from tests.server.archived import archiving_server
from tests.server.runbook import answer, env_of, uri
from tests.tiers import FULL

#: Rows that are written, each in a transaction of its own; a segment is begun after each third.
ROWS = 9


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster that archived what it wrote, with two base backups."""

    programs: LocalPrograms
    archive: Path
    bases: tuple[tuple[Path, Base], ...]
    #: By row: when its transaction was committed, its number, and a position behind it.
    committed: dict[int, tuple[datetime, str, Lsn]]
    #: The last row before the second base backup, and before the restore point.
    second_base: int
    point: int

    def rows(self, target: Target, *, folder: Path | None = None) -> tuple[list[int], Recovered]:
        with (
            recover(self.bases, folder or self.archive, target, self.programs, wait=120) as (server, recovered),
            connect(server.address("shop")) as session,
        ):
            found = session.execute("select id from public.log order by id").fetchall()
            archives = session.execute("show archive_mode").fetchone()
            assert archives == ("off",)
        assert not server.data.exists()
        return [row[0] for row in found], recovered

    def segments(self) -> list[Segment]:
        """Return the segments that a recovery from the first base backup to the last row reads."""
        found = archive.read(self.archive)
        first = Segment.of(self.bases[0][1].start_lsn, 1, found.size)
        last = Segment.of(self.committed[ROWS][2], 1, found.size)
        return [one for one in found.segments if first.number <= one.number <= last.number]


@pytest.fixture(scope="module")
def cluster(programs: LocalPrograms) -> Iterator[Cluster]:
    settings = {"track_commit_timestamp": "on", "full_page_writes": "on", "max_connections": "150"}
    with archiving_server(programs, settings) as (primary, place):
        yield _written(primary, programs, place)


def _written(primary: LocalServer, programs: LocalPrograms, place: Path) -> Cluster:
    with connect(primary.address(), read_only=False) as session:
        session.execute("create database shop")
    committed: dict[int, tuple[datetime, str, Lsn]] = {}
    address = primary.address("shop")
    with connect(address, read_only=False) as session:
        session.execute("create table public.log (id int primary key)")
        base.take(primary.address(), place / "base1", programs)
        for row in range(1, ROWS + 1):
            committed[row] = _write(session, row)
            if row % 3 == 0:
                session.execute("select pg_switch_wal()")
            if row == 5:
                base.take(primary.address(), place / "base2", programs)
            if row == 7:
                session.execute("select pg_create_restore_point('before the last two')")
        # One more, so that the archive goes on behind the last row.
        session.execute("create table public.later ()")
        last = session.execute("select pg_walfile_name(pg_switch_wal())").fetchone()
        assert last is not None
        _archived(session, last[0])
    return Cluster(
        programs=programs,
        archive=place / "archive",
        bases=find_bases(place),
        committed=committed,
        second_base=5,
        point=7,
    )


def _write(session: Connection, row: int) -> tuple[datetime, str, Lsn]:
    session.execute("insert into public.log values (%s)", (row,))
    found = session.execute(
        "select pg_xact_commit_timestamp(xmin), xmin::text, pg_current_wal_insert_lsn()::text"
        " from public.log where id = %s",
        (row,),
    ).fetchone()
    assert found is not None
    return found[0].astimezone(timezone.utc), found[1], Lsn.parse(found[2])


def _archived(session: Connection, name: str) -> None:
    until = time.monotonic() + 60
    while True:
        found = session.execute("select last_archived_wal, last_failed_wal from pg_stat_archiver").fetchone()
        assert found is not None
        # A .backup file's name begins with its segment's.
        if found[0] is not None and found[0][:24] >= name:
            return
        assert time.monotonic() < until, found
        time.sleep(0.05)


def to_time(cluster: Cluster, row: int, *, inclusive: bool = True) -> Target:
    return Target.time(cluster.committed[row][0].isoformat(), inclusive=inclusive)


@pytest.mark.parametrize("row", range(1, ROWS + 1) if FULL else (6,))
def test_a_time_gives_the_rows_that_were_committed_by_then(cluster: Cluster, row: int) -> None:
    rows, recovered = cluster.rows(to_time(cluster, row))
    assert rows == list(range(1, row + 1))
    assert recovered.last_transaction == cluster.committed[row][0]
    # The newest base backup that ended before it, and no newer one.
    assert recovered.base.name == ("base2" if row > cluster.second_base else "base1")
    assert recovered.stopped is not None
    assert recovered.stopped.startswith("before commit of transaction")


def test_a_time_that_is_not_inclusive_gives_the_rows_before(cluster: Cluster) -> None:
    rows, _ = cluster.rows(to_time(cluster, 8, inclusive=False))
    assert rows == list(range(1, 8))


def test_a_position_a_name_a_transaction_and_the_end(cluster: Cluster) -> None:
    assert cluster.rows(Target.lsn(str(cluster.committed[3][2])))[0] == [1, 2, 3]
    assert cluster.rows(Target(kind="name", value="before the last two"))[0] == list(range(1, cluster.point + 1))
    assert cluster.rows(Target(kind="xid", value=cluster.committed[8][1], inclusive=False))[0] == list(range(1, 8))
    rows, recovered = cluster.rows(Target(kind="end"))
    assert rows == list(range(1, ROWS + 1))
    assert recovered.stopped is None
    assert recovered.position >= cluster.committed[ROWS][2]


def test_a_moment_before_every_base_backup_is_refused(cluster: Cluster) -> None:
    early = cluster.bases[0][1].ended_at - timedelta(seconds=1)
    with (
        pytest.raises(ConfigError, match="no base backup ended before") as raised,
        recover(cluster.bases, cluster.archive, Target.time(early.isoformat()), cluster.programs),
    ):
        pass
    assert cluster.bases[0][1].ended_at.isoformat() in str(raised.value)


def test_a_moment_after_the_archive_names_the_newest(cluster: Cluster) -> None:
    late = Target.time((cluster.committed[ROWS][0] + timedelta(days=1)).isoformat())
    with (
        pytest.raises(RestoreError, match="was not reached: the archive ends with") as raised,
        recover(cluster.bases, cluster.archive, late, cluster.programs, wait=120),
    ):
        pass
    assert any("the newest moment that can be recovered is" in remedy for remedy in raised.value.remedies)


def _copy(cluster: Cluster, place: Path) -> Path:
    # The server's user reads it.
    folder = place / "archive"
    shutil.copytree(cluster.archive, folder)
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


@pytest.fixture
def readable() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pitr-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("harm", ["removed", "damaged", "cut", "swapped"] if FULL else ["removed", "damaged"])
@pytest.mark.parametrize("number", range(1, 4) if FULL else (1,))
def test_recovery_past_a_bad_segment_is_refused_with_its_name(
    cluster: Cluster, readable: Path, number: int, harm: str
) -> None:
    folder = _copy(cluster, readable)
    segment = cluster.segments()[number]
    path = folder / segment.name(16 << 20)
    first = Cluster(**{**vars(cluster), "bases": cluster.bases[:1]})
    before = [row for row, (_, _, lsn) in cluster.committed.items() if lsn <= segment.start(16 << 20)]
    if harm == "removed":
        path.unlink()
    elif harm == "cut":
        os.truncate(path, 5 << 20)
    elif harm == "swapped":
        shutil.copyfile(folder / cluster.segments()[0].name(16 << 20), path)
    else:
        content = bytearray(path.read_bytes())
        # In the first records behind the page's header.
        for offset in range(60, 400, 10):
            content[offset] ^= 0xFF
        path.write_bytes(bytes(content))
    for target in (to_time(cluster, ROWS), Target(kind="end")):
        with pytest.raises(RestoreError) as raised:
            first.rows(target, folder=folder)
        assert path.name in str(raised.value), harm
    if before:
        # Everything before it can be had all the same, as the message says.
        offered = re.search(r"--lsn=(\S+)", str(raised.value))
        assert offered is not None
        rows, recovered = first.rows(Target.lsn(offered[1]), folder=folder)
        assert rows == before
        assert recovered.last_transaction == cluster.committed[before[-1]][0]


def test_what_a_server_says_of_its_archiving(server: LocalServer, cluster: Cluster) -> None:
    with connect(server.address()) as session:
        found = archiving.read(session)
    assert any("archive_mode is off" in problem for problem in archiving.problems(found))
    proposed = archiving.snippet(found, "/archive")
    assert "archive_mode = on" in proposed
    assert 'pgsafe pitr archive "%p" "/archive"' in proposed
    assert "needs a restart: archive_mode" in proposed
    del cluster


class TestStore:
    """The archive_command of our own."""

    def test_whole_once_and_never_over_another(self, tmp_path: Path) -> None:
        wal, folder = tmp_path / "000000010000000000000001", tmp_path / "archive"
        folder.mkdir()
        wal.write_bytes(os.urandom(1 << 20))
        assert archiver.store(wal, folder) is True
        assert (folder / wal.name).read_bytes() == wal.read_bytes()
        # The server asks again after a crash.
        assert archiver.store(wal, folder) is False
        wal.write_bytes(os.urandom(1 << 20))
        with pytest.raises(Exception, match="another 000000010000000000000001 is in the archive"):
            archiver.store(wal, folder)
        assert [path.name for path in folder.iterdir()] == [wal.name]

    def test_folder_that_is_gone_fails(self, tmp_path: Path) -> None:
        wal = tmp_path / "000000010000000000000001"
        wal.write_bytes(b"wal")
        with pytest.raises(Exception, match="cannot be written"):
            archiver.store(wal, tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["2026-11-22 14:30", "yesterday"])
def test_a_time_without_its_offset_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        Target.time(text)


def test_the_commands(
    cluster: Cluster, readable: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = cluster.committed[6][0].isoformat()
    arguments = [
        "pitr",
        "recover",
        f"--base={cluster.bases[0][0].parent}",
        f"--archive={cluster.archive}",
        f"--to={at}",
    ]
    found = answer([*arguments, "--dbname=shop", "--query=select count(*) from public.log", "--json"], capsys)
    assert found["rows"] == [["6"]]
    assert found["last_transaction"] == at
    assert run([*arguments, "--xid=700"]) == 4
    assert "one target" in capsys.readouterr().err
    settings = {"archive_mode": "on", "archive_command": "false"}
    with LocalServer.start(cluster.programs, settings=settings) as other:
        for name, value in env_of(other.address()).items():
            monkeypatch.setenv(name, value)
        told = answer(["pitr", "check", f"--source={uri(other.address())}", "--json"], capsys, 1)
        assert any("full_page_writes is off" in problem for problem in told["problems"])
        folder = _copy(cluster, readable)
        missing = folder / cluster.segments()[1].name(16 << 20)
        missing.unlink()
        arguments = [
            "pitr",
            "check",
            f"--source={uri(other.address())}",
            f"--archive={folder}",
            f"--base={cluster.bases[0][0]}",
        ]
        assert answer([*arguments, "--json"], capsys, 1)["faults"] == [f"{missing.name}: missing"]
        taken = answer(
            ["pitr", "basebackup", f"--source={uri(other.address())}", f"--root={readable}", "--json"], capsys
        )
        assert base.read(Path(taken["folder"])).end == taken["end"]
