"""What goes wrong around a recovery: hostile names, folders and records of others, disks that are full, kills."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from pytest_pgsafe.cli import run
from pytest_pgsafe.errors import BackupError, ConfigError, PgsafeError, RestoreError
from pytest_pgsafe.pitr import archiving, base
from pytest_pgsafe.pitr.bases import find as find_bases
from pytest_pgsafe.pitr.recover import recover
from pytest_pgsafe.pitr.target import Target
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from tests.server import pitr_writers
from tests.server.pitr_writers import session_of
from tests.server.runbook import answer, env_of, uri
from tests.tiers import FULL

#: Everything that a shell, PostgreSQL's configuration or its placeholders could read otherwise.
HOSTILE = "a b'c\"d%f%%$HOME`e`\\n\nf;g"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster whose superuser has another name, and whose archive has a hostile one."""

    programs: LocalPrograms
    address: Address
    place: Path
    archive: Path
    #: Between the commits of the second and the third row.
    second: datetime

    def rows(self, folder: Path, target: Target, archive: Path | None = None) -> list[int]:
        bases = find_bases(folder)
        with (
            recover(bases, archive or self.archive, target, self.programs, wait=120) as (server, _),
            connect(server.address("template1")) as session,
        ):
            return [row[0] for row in session.execute("select id from public.log order by id")]


@pytest.fixture(scope="module")
def cluster(programs: LocalPrograms) -> Iterator[Cluster]:
    for program in ("pg_basebackup", "pg_verifybackup"):
        if not (programs.folder / program).is_file():
            pytest.skip(f"these programs come without {program}: {programs.folder}")
    # Below /tmp: the server's user writes the archive.
    with tempfile.TemporaryDirectory(prefix="pitr-", dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o777)
        archive = place / HOSTILE
        archive.mkdir()
        archive.chmod(0o777)
        archiver = place / "archiver"
        archiver.write_text('#!/bin/sh\ncp "$1" "$2/.part" && mv "$2/.part" "$2/${1##*/}"\n', "utf-8")
        archiver.chmod(0o755)
        settings = {"archive_mode": "on", "full_page_writes": "on", "max_prepared_transactions": "0"}
        template = pitr_writers.template(programs, place)
        with LocalServer.start(programs, settings=settings, template=template) as primary:
            yield _written(primary, programs, archive, archiver)


def _written(primary: LocalServer, programs: LocalPrograms, archive: Path, archiver: Path) -> Cluster:
    place = archive.parent
    with session_of(primary.address()) as session:
        session.execute("create role helper superuser login password 'x'")
    with session_of(primary.address().with_(user="helper", password="x")) as session:
        session.execute("alter role postgres rename to boss")
    address = primary.address().with_(user="boss", dbname="template1")
    # What is proposed has to work as it stands, in a file; only the program is another one.
    with connect(address) as session:
        proposed = archiving.snippet(archiving.read(session), str(archive))
    assert "pgsafe pitr archive" in proposed
    with (primary.data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(proposed.replace("pgsafe pitr archive", str(archiver)))
    with session_of(address) as session:
        session.execute("select pg_reload_conf()")
        session.execute("create table public.log (id int primary key)")
        session.execute("insert into public.log values (1)")
        # What a killed one left, and one that may be just beginning.
        killed, begun = place / "bases" / ".nought.partial-7", place / "bases" / ".two.partial-8"
        for path in (killed, begun):
            (path / "data").mkdir(parents=True)
        os.utime(killed, (0, 0))
        base.take(address, place / "bases" / "one", programs)
        assert (killed.exists(), begun.exists()) == (False, True)
        arguments = [f"--pgdata={place / 'plain'}", "--checkpoint=fast", "--no-sync", "--no-password"]
        done = programs.run("pg_basebackup", arguments, address=address)
        assert done.returncode == 0, done.stderr
        # Its clock has seconds: no moment within the one in which it was written can be had from it.
        begins = find_bases(place / "plain")[0][1].ended_at
        while session.execute("select clock_timestamp() <= %s", (begins,)).fetchone() == (True,):
            time.sleep(0.02)
        session.execute("insert into public.log values (2)")
        found = session.execute("select clock_timestamp()").fetchone()
        assert found is not None
        session.execute("insert into public.log values (3)")
        # What a session of the superuser loads is not there, and the setting is replayed.
        session.execute("alter role boss set session_preload_libraries = 'nowhere'")
        # The database that everybody connects to first is not there any more.
        session.execute("drop database postgres")
        last = session.execute("select pg_walfile_name(pg_switch_wal())").fetchone()
        assert last is not None
        until = time.monotonic() + 60
        while not (archive / last[0]).exists():
            assert time.monotonic() < until, session.execute("table pg_stat_archiver").fetchone()
            time.sleep(0.05)
    address = address.with_(options="-c session_preload_libraries=")
    return Cluster(programs=programs, address=address, place=place, archive=archive, second=found[0])


def test_hostile_names_another_superuser_and_no_database_postgres(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = cluster.place / f"bases {HOSTILE}"
    shutil.copytree(cluster.place / "bases", folder)
    # Kept read only, as backups should be.
    for path in folder.rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    arguments = ["pitr", "recover", f"--base={folder}", f"--archive={cluster.archive}", "--dbname=template1"]
    found = answer([*arguments, "--query=select id from public.log order by id", "--json"], capsys)
    assert found["rows"] == [["1"], ["2"], ["3"]]
    for path in folder.rglob("*"):
        path.chmod(0o700)


def test_a_base_backup_of_pg_basebackup_alone(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    plain = cluster.place / "plain"
    known = find_bases(plain)[0][1]
    ours = find_bases(cluster.place / "bases")[0][1]
    assert (known.system, known.segment_size, known.timeline) == (ours.system, ours.segment_size, ours.timeline)
    arguments = ["pitr", "recover", f"--base={plain}", f"--archive={cluster.archive}", "--superuser=boss"]
    arguments += ["--dbname=template1", "--query=select id from public.log order by id", "--json"]
    assert answer([*arguments, f"--to={cluster.second.isoformat()}"], capsys)["rows"] == [["1"], ["2"]]
    assert answer(arguments, capsys)["rows"] == [["1"], ["2"], ["3"]]
    assert run([*arguments[:-1], "--to=2020-01-01T00:00:00Z"]) == 4
    assert "no base backup ended before" in capsys.readouterr().err


def test_a_record_that_is_not_its_own_is_refused_and_none_is_needed(cluster: Cluster) -> None:
    folder = cluster.place / "edited"
    shutil.copytree(cluster.place / "bases" / "one", folder)
    record = folder / base.RECORD
    said = json.loads(record.read_text("utf-8"))
    for key, value in (("ended_at", "2020-01-01T00:00:00+00:00"), ("end", "0/1"), ("system", 7), ("timeline", 2)):
        record.write_text(json.dumps({**said, key: value}), "utf-8")
        with pytest.raises(PgsafeError) as raised:
            cluster.rows(folder, Target.time("2020-01-02T00:00:00Z") if key == "ended_at" else Target(kind="end"))
        if key in {"ended_at", "end"}:
            assert isinstance(raised.value, BackupError)
            assert key in str(raised.value)
    record.unlink()
    assert find_bases(folder)[0][1].end == said["end"]


def test_folders_that_are_no_base_backup_say_what_they_are(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "base.tar.gz").touch()
    with pytest.raises(ConfigError, match="tar format") as raised:
        find_bases(tmp_path)
    assert "tar -xf base.tar.gz" in str(raised.value)
    with pytest.raises(ConfigError, match="no backup_label"):
        find_bases(cluster.place / "template")
    # One whose taking was killed after all was written, and before it was complete.
    shutil.copytree(cluster.place / "bases" / "one", tmp_path / "killed" / ".one.partial-7")
    with pytest.raises(ConfigError, match="there is no base backup"):
        find_bases(tmp_path / "killed")


def test_an_archive_that_does_not_lead_on_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    segments = sorted(path for path in cluster.archive.iterdir() if re.fullmatch("[0-9A-F]{24}", path.name))
    content = bytearray(segments[0].read_bytes())
    first = find_bases(cluster.place / "bases")[0][1].start_lsn.bytes >> 20
    # Long before the base backup; then of another cluster.
    old = tmp_path / "old"
    old.mkdir()
    (old / f"0000000100000000{first - 2:08X}").write_bytes(bytes(content))
    with pytest.raises(RestoreError, match="does not lead on"):
        cluster.rows(cluster.place / "bases", Target(kind="end"), old)
    content[24] ^= 1
    (old / f"0000000100000000{first - 1:08X}").write_bytes(bytes(content))
    with pytest.raises(RestoreError, match="is of the cluster"):
        cluster.rows(cluster.place / "bases", Target(kind="end"), old)
    with pytest.raises(ConfigError, match="no WAL segment"):
        cluster.rows(cluster.place / "bases", Target(kind="end"), cluster.place / "bases" / "one")


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_full_disk_is_told_of_and_not_the_archive(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = cluster.place / "disk"
    disk.mkdir()
    size = sum(path.lstat().st_size for path in (cluster.place / "bases").rglob("*")) >> 20
    for megabytes, said in ((size // 2, "no room"), (size + 2, "disk is full|could not|No space")):
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "none", str(disk)],
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.decode()}")
        try:
            monkeypatch.setattr(tempfile, "tempdir", str(disk))
            with pytest.raises(PgsafeError) as raised:
                cluster.rows(cluster.place / "bases", Target(kind="end"))
            assert re.search(said, str(raised.value)), str(raised.value)
            assert "damaged" not in raised.value.message
            assert list(disk.iterdir()) == []
        finally:
            subprocess.run(["umount", str(disk)], check=True)


def _running(place: Path) -> list[str]:
    """Return the processes that have a folder in their arguments."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(place) in line and int(path.parent.name) != os.getpid():
            found.append(line)
    return found


KILLS = [(command, number) for command in ("recover", "basebackup") for number in ("SIGKILL", "SIGTERM", "SIGINT")]


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are looked for in /proc")
@pytest.mark.parametrize(("command", "number"), KILLS * 5 if FULL else [KILLS[0], KILLS[3]])
def test_one_that_is_ended_leaves_nothing_that_runs_or_looks_complete(
    cluster: Cluster, command: str, number: str
) -> None:
    with tempfile.TemporaryDirectory(prefix="kill-", dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o777)
        # One that nobody ends would take minutes; or it is verified and forced to disk at the moment.
        rate = random.SystemRandom().choice(["100k", "64M"]) if FULL else "100k"
        arguments = ["pitr", command, f"--source={uri(cluster.address)}", f"--root={place / 'root'}"]
        arguments.append(f"--max-rate={rate}")
        if command == "recover":
            arguments = ["pitr", "recover", f"--base={cluster.place / 'bases'}", f"--archive={cluster.archive}"]
        program = "import sys; from pytest_pgsafe.cli.main import main; sys.argv[0] = 'pgsafe'; main()"
        child = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            env={**os.environ, **env_of(cluster.address), "TMPDIR": str(place)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        # When something of it is there, and then at any moment.
        until = time.monotonic() + 60
        while child.poll() is None and not any(place.iterdir()):
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(random.SystemRandom().random())
        child.send_signal(getattr(signal, number))
        child.wait(60)
        until = time.monotonic() + 60
        while running := _running(place):
            assert time.monotonic() < until, running
            time.sleep(0.05)
        if command == "basebackup" and child.returncode != 0:
            with pytest.raises(ConfigError, match="there is no base backup"):
                find_bases(place / "root")
        if number != "SIGKILL":
            left = [str(path) for path in place.rglob("*") if path.name != "root"]
            assert left == [] or child.returncode == 0, left
