"""Incremental base backups, and tablespaces: combined, proven, recovered, and nothing of the source's touched."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_pgsafe.backup.lock import in_use
from pytest_pgsafe.cli import run
from pytest_pgsafe.errors import ConfigError, RestoreError, ServerError
from pytest_pgsafe.pitr import base, chain
from pytest_pgsafe.pitr.bases import find as find_bases
from pytest_pgsafe.pitr.recover import recover
from pytest_pgsafe.pitr.target import Target
from pytest_pgsafe.pitr.wal import Segment
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms, find
from pytest_pgsafe.server.user import server_user
from tests.server.runbook import answer, env_of, uri


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running cluster with a tablespace, a full base backup, and two incremental ones on it."""

    server: LocalServer
    programs: LocalPrograms
    root: Path
    archive: Path
    tablespace: Path

    def rows(self, target: Target, *, root: Path | None = None) -> tuple[list[int], str]:
        bases = find_bases(root or self.root)
        with (
            recover(bases, self.archive, target, self.programs, wait=120) as (server, recovered),
            connect(server.address("shop")) as session,
        ):
            found = session.execute("select id from public.log order by id").fetchall()
            assert session.execute("select count(*) from public.wide").fetchone() == (20000,)
            place = session.execute(
                "select pg_tablespace_location(oid) from pg_tablespace where spcname = 'elsewhere'"
            ).fetchone()
            # Relative, and so within its own folder.
            assert place is not None
            assert place[0].startswith("../")
            # What is written there stays there as well.
            assert (server.data / "pg_tblspc" / place[0]).resolve().is_relative_to(server.data.resolve())
        return [row[0] for row in found], recovered.base.name


@pytest.fixture(scope="module")
def programs() -> LocalPrograms:
    """Programs that know incremental base backups: PostgreSQL 17 or newer."""
    try:
        found = find(17)
        found.path("pg_combinebackup")
    except ServerError as error:
        pytest.skip(str(error))
    return found


@pytest.fixture(scope="module")
def cluster(programs: LocalPrograms) -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="pitr-", dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o755)
        # An equals sign in the tablespace's name has to be escaped for pg_basebackup.
        for folder in ("archive", "space=1"):
            (place / folder).mkdir()
            if (user := server_user()) is not None:
                shutil.chown(place / folder, user.uid, user.gid)
        settings = {
            "archive_mode": "on",
            "archive_command": f'test ! -f "{place}/archive/%f" && cp "%p" "{place}/archive/%f"'
            f' && chmod a+r "{place}/archive/%f"',
            "full_page_writes": "on",
            "summarize_wal": "on",
        }
        with LocalServer.start(programs, settings=settings) as server:
            with connect(server.address(), read_only=False) as session:
                session.execute(f"create tablespace elsewhere location '{place}/space=1'".encode())
                session.execute("create database shop")
            with connect(server.address("shop"), read_only=False) as session:
                session.execute("create table public.log (id int primary key) tablespace elsewhere")
                session.execute(
                    "create table public.wide as select n, repeat('x', 100) from generate_series(1, 20000) n"
                )
                first: Path | None = None
                for number, folder in enumerate(("full", "first", "second"), start=1):
                    session.execute("insert into public.log values (%s)", (number,))
                    base.take(server.address(), place / "bases" / folder, programs, on=first)
                    first = place / "bases" / folder
                session.execute("insert into public.log values (4)")
                session.execute("select pg_switch_wal()")
                session.execute("checkpoint")
            yield Cluster(
                server=server,
                programs=programs,
                root=place / "bases",
                archive=place / "archive",
                tablespace=place / "space=1",
            )


def content(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file()
    }


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "data" / "base").rglob("*"))


def test_a_chain_is_combined_and_recovered_and_the_source_is_not_touched(cluster: Cluster) -> None:
    before = content(cluster.tablespace)
    assert before
    assert size(cluster.root / "second") * 3 < size(cluster.root / "full")
    second = base.read(cluster.root / "second")
    assert second.on is not None
    assert second.on.name == "first"
    # Nothing in a base backup leads out of it.
    assert not [path for path in cluster.root.rglob("*") if path.is_symlink()]
    rows, used = cluster.rows(Target.lsn(second.end))
    assert rows == [1, 2, 3]
    assert used == "second"
    assert content(cluster.tablespace) == before


def test_a_link_that_is_missing_or_damaged_is_named_with_what_would_do(cluster: Cluster, tmp_path: Path) -> None:
    root = tmp_path / "bases"
    shutil.copytree(cluster.root, root)
    target = Target.lsn(base.read(root / "second").end)
    bases = find_bases(root)
    (root / "first").rename(tmp_path / "first")
    assert chain.broken(find_bases(root)) == (
        "second cannot be recovered: the base backup first is missing, on which second is made",
    )
    with pytest.raises(RestoreError, match="the base backup first is missing") as raised:
        cluster.rows(target, root=root)
    assert any(str(root / "full") in remedy for remedy in raised.value.remedies)
    # Under another name it is found all the same.
    (tmp_path / "first").rename(root / "1st")
    assert [path.name for path, _ in chain.links(root / "second", bases[-1][1])] == ["full", "1st", "second"]
    # A byte in a table of the full one: nothing could be built on it.
    victim = max((root / "full" / "data" / "base").rglob("*"), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[100_000] ^= 1
    victim.write_bytes(bytes(data))
    with pytest.raises(RestoreError, match="the base backup full is damaged") as raised:
        cluster.rows(target, root=root)
    assert victim.name in str(raised.value)
    assert raised.value.remedies == ("no other base backup would do: take a full one now",)


def summarize(cluster: Cluster, value: str) -> None:
    """Set it, and wait until a new session sees it."""
    with connect(cluster.server.address(), read_only=False) as session:
        session.execute(f"alter system set summarize_wal = {value}".encode())
        session.execute("select pg_reload_conf()")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with connect(cluster.server.address()) as session:
            if session.execute("show summarize_wal").fetchone() == (value,):
                return
        time.sleep(0.02)
    raise AssertionError("the setting did not arrive")


def test_the_command(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in env_of(cluster.server.address()).items():
        monkeypatch.setenv(name, value)
    arguments = ["pitr", "basebackup", f"--source={uri(cluster.server.address())}", f"--root={tmp_path}"]
    assert run([*arguments, "--incremental"]) == 4
    assert "there is no base backup to build on" in capsys.readouterr().err
    shutil.copytree(cluster.root / "full", tmp_path / "full")
    found = answer([*arguments, "--incremental", "--json"], capsys)
    assert found["incremental_on"] == str(tmp_path / "full")
    summarize(cluster, "off")
    assert run([*arguments, "--incremental=full"]) == 4
    assert "summarize_wal = on" in capsys.readouterr().err
    summarize(cluster, "on")


def test_an_older_server_says_that_it_has_none(cluster: Cluster) -> None:
    older = find()
    if older.version.major >= 17:
        pytest.skip("the first programs of this machine know incremental base backups")
    with LocalServer.start(older) as server, pytest.raises(ConfigError, match="they came with 17"):
        base.take(server.address(), cluster.root.parent / "older", older, on=cluster.root / "full")


def test_what_may_go_is_removed_and_what_stays_is_recovered(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root, kept = tmp_path / "bases", tmp_path / "archive"
    shutil.copytree(cluster.root, root)
    with connect(cluster.server.address("shop"), read_only=False) as session:
        session.execute("insert into public.log values (5)")
    taken = base.take(cluster.server.address(), root / "third", cluster.programs)
    with connect(cluster.server.address("shop"), read_only=False) as session:
        session.execute("insert into public.log values (6)")
        archived(session)
    # Linked, not copied: the cluster's own stays.
    shutil.copytree(cluster.archive, kept, copy_function=lambda source, target: Path(target).symlink_to(source))
    arguments = ["pitr", "prune", f"--base={root}", f"--archive={kept}", "--keep=1", "--json"]
    shown = answer(arguments, capsys)
    assert [Path(path).name for path in shown["removed"]] == ["second", "first", "full"]
    assert shown["wal"]
    assert (root / "full").is_dir()
    with in_use(root / "first"):
        # Somebody recovers from it: it stays, with the one that it is made on, and the WAL.
        done = answer([*arguments, "--apply"], capsys)
        assert [Path(path).name for path in done["in_use"]] == ["first", "full"]
        assert done["wal"] == []
        assert (root / "full").is_dir()
        assert not (root / "second").exists()
    done = answer([*arguments, "--apply"], capsys)
    assert [path.name for path in root.iterdir()] == ["third"]
    assert sorted(path.name for path in kept.iterdir())[0] >= Segment.of(taken.start_lsn, 1, 16 << 20).name(16 << 20)
    own = Cluster(**{**vars(cluster), "archive": kept})
    assert own.rows(Target(kind="end"), root=root) == ([1, 2, 3, 4, 5, 6], "third")


def archived(session: Connection) -> None:
    found = session.execute("select pg_walfile_name(pg_switch_wal())").fetchone()
    assert found is not None
    for _ in range(6000):
        done = session.execute("select last_archived_wal, pg_sleep(0.01) from pg_stat_archiver").fetchone()
        if done is not None and done[0] is not None and done[0][:24] >= found[0]:
            return
    raise AssertionError(f"{found[0]} was not archived")
