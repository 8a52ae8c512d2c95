"""Copies of a stopped cluster: the best way that works here, nothing left behind, the template as it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_pgsafe.server import copies, keeper, private
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.cluster import Template
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from pytest_pgsafe.server.user import may, server_user

OWNER = Path(__file__).with_name("owner.py")
#: Seconds in which everything has to be gone.
SOON = 8.0
#: What a container has that was given no further rights.
WITHOUT_MOUNTS = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]


@pytest.fixture
def programs(server: Server) -> LocalPrograms:
    if not isinstance(server.programs, LocalPrograms):
        pytest.skip("copies of stopped clusters are made of local programs")
    return server.programs


@pytest.fixture(params=["as it is", "ordinary user"])
def user(request: pytest.FixtureRequest) -> list[str]:
    if request.param == "as it is":
        return ["-", "-"]
    unprivileged = server_user()
    if unprivileged is None:
        pytest.skip("not root: 'as it is' is an ordinary user already")
    for candidate in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin:/bin")):
        if candidate and may(unprivileged, [("-x", Path(candidate)), ("-r", Path(keeper.__file__))]):
            return [unprivileged.name, candidate]
    pytest.skip(f"no Python that {unprivileged.name} can run")


@contextmanager
def owning(*arguments: str, through: list[str] | None = None) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [*(through or []), sys.executable, str(OWNER), *arguments, "copy"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def content(top: Path) -> dict[str, tuple[int, int, int]]:
    """What nobody may change: of each file its checksum, and when it was last changed at all."""
    found = {}
    for path in sorted(path for path in top.rglob("*") if path.is_file()):
        state = path.stat()
        found[str(path)] = (zlib.crc32(path.read_bytes()), state.st_mtime_ns, state.st_ctime_ns)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def mounted(folder: str) -> list[str]:
    """Where any process sees something mounted below a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            found += [str(path) for line in path.read_text().splitlines() if f" {folder}/" in line]
        except OSError:
            continue
    return found


def by_layers(told: dict[str, Any]) -> None:
    if told["copy"] != "overlay":
        pytest.skip(f"no overlay on this machine: {told['copy']}")


def test_a_layer_is_left_to_nobody_when_its_owner_is_killed(programs: LocalPrograms, user: list[str]) -> None:
    assert programs
    with owning(*user) as (process, told):
        by_layers(told)
        assert mounted(told["folder"])
        # Neither we nor the keeper are in its namespace.
        assert f" {told['folder']}/" not in Path("/proc/self/mountinfo").read_text()
        assert f" {told['folder']}/" not in Path(f"/proc/{told['keeper']}/mountinfo").read_text()
        # PostgreSQL is nobody's root, in its namespace neither.
        identity = Path(f"/proc/{told['postmaster']}/status").read_text()
        assert "\nUid:\t0\t" not in identity
        assert "CapEff:\t0000000000000000" in identity
        for name in ("data", "layers"):
            assert (Path(told["folder"]) / name).stat().st_mode & 0o777 == 0o700
        process.kill()
        until = time.monotonic() + SOON
        while (alive(told["postmaster"]) or Path(told["folder"]).exists()) and time.monotonic() < until:
            time.sleep(0.05)
    assert not alive(told["postmaster"])
    assert not Path(told["folder"]).exists()
    assert not mounted(told["folder"])


def test_what_a_killed_keeper_leaves_is_swept(programs: LocalPrograms, user: list[str]) -> None:
    assert programs
    with owning(*user) as (process, told):
        by_layers(told)
        os.kill(told["keeper"], signal.SIGKILL)
        until = time.monotonic() + SOON
        while (alive(told["postmaster"]) or mounted(told["folder"])) and time.monotonic() < until:
            time.sleep(0.05)
        assert not alive(told["postmaster"])
        assert not mounted(told["folder"])
        process.kill()
    assert Path(told["folder"]).exists()
    private.sweep()
    assert not Path(told["folder"]).exists()


@pytest.fixture(scope="module")
def sealed(server: Server) -> Iterator[tuple[Template, str]]:
    """A stopped cluster, and the database in it."""
    if not isinstance(server.programs, LocalPrograms):
        pytest.skip("copies of stopped clusters are made of local programs")
    with LocalServer.start(server.programs, enclosed=True) as first:
        address = first.create("sealed")
        with connect(address, read_only=False) as session:
            session.execute("create table public.numbers as select generate_series(1, 10000) as n")
        yield replace(first.seal(), stays=True), address.dbname


def test_the_template_is_as_it_was_whatever_is_done_to_its_copies(
    programs: LocalPrograms, sealed: tuple[Template, str]
) -> None:
    template, dbname = sealed
    before = content(template.data)
    with (
        LocalServer.start(programs, template=template, enclosed=True) as one,
        LocalServer.start(programs, template=template, enclosed=True) as two,
    ):
        assert one.describe()["copy"] == two.describe()["copy"] == LocalServer.probe_copy(programs, template)
        with connect(one.address(dbname), read_only=False) as session:
            session.execute("update public.numbers set n = -n")
            session.execute("alter table public.numbers add primary key (n)")
            session.execute("vacuum full")
            session.execute("checkpoint")
            session.execute("do $$ begin raise log 'of the copy'; end $$")
        with connect(two.address(dbname)) as session:
            assert session.execute("select count(*), sum(n) from public.numbers").fetchone() == (10000, 50005000)
        # What it logs is read from outside of its namespace.
        assert any(record.get("message") == "of the copy" for record in one.log()[0])
    assert content(template.data) == before


def test_a_copy_that_is_sealed_is_all_that_it_shows(programs: LocalPrograms, sealed: tuple[Template, str]) -> None:
    template, dbname = sealed
    with LocalServer.start(programs, template=template, enclosed=True) as one:
        with connect(one.address(dbname), read_only=False) as session:
            session.execute("delete from public.numbers where n > 10")
            session.execute("create table public.more as select 7 as n")
        folder = one.data.parent
        again = one.seal()
        with LocalServer.start(programs, template=again, enclosed=True) as two, connect(two.address(dbname)) as session:
            query = "select (select sum(n) from public.numbers), (select n from public.more)"
            assert session.execute(query).fetchone() == (55, 7)
    assert not folder.exists()


def test_what_does_not_stay_is_no_layer(programs: LocalPrograms, sealed: tuple[Template, str]) -> None:
    template, _ = sealed
    assert not LocalServer.probe_copy(programs, replace(template, stays=False)).startswith("overlay")
    assert copies.ways(stays=True) == copies.WAYS


def test_without_the_right_to_mount_every_byte_is_copied_and_it_is_said_why(programs: LocalPrograms) -> None:
    assert programs
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can give the right up")
    with owning("-", "-", through=WITHOUT_MOUNTS) as (_, told):
        if told["copy"] == "reflink":
            pytest.skip("files share their blocks here")
        assert told["copy"].startswith("plain (reflink: ")
        assert "overlay: unshare: Operation not permitted" in told["copy"]
