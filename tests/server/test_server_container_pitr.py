"""Recovery in a container: the same as on this machine, without a network, and nothing is left of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_pgsafe.config.values import Pitr, Server, Settings
from pytest_pgsafe.pitr.bases import find
from pytest_pgsafe.pitr.place import place_for
from pytest_pgsafe.pitr.recover import recover
from pytest_pgsafe.pitr.target import Target
from pytest_pgsafe.rehearsal.recoverable import prove
from pytest_pgsafe.server import engine
from pytest_pgsafe.server.base import Server as AnyServer
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.container import LABEL, ContainerServer
from pytest_pgsafe.server.container_place import ContainerPlace
from pytest_pgsafe.server.programs import find as find_programs
from pytest_pgsafe.server.recovered_container import RecoveredContainer
from tests.server.archived import Archived, archived
from tests.tiers import FULL

SOON = 30.0


@pytest.fixture(scope="module")
def container(server: AnyServer) -> ContainerServer:
    if not isinstance(server, ContainerServer):
        pytest.skip("only for PGSAFE_TEST_SERVERS=container")
    return server


@pytest.fixture(scope="module")
def cluster(container: ContainerServer) -> Iterator[Archived]:
    """A cluster on this machine of the image's major: what is recovered is a copy of its files."""
    programs = find_programs(container.version.major)
    if programs.version.major != container.version.major:
        pytest.skip(f"no programs of PostgreSQL {container.version.major} on this machine")
    with archived(programs) as made:
        yield made


@pytest.fixture
def place(container: ContainerServer, cluster: Archived) -> ContainerPlace:
    base = find(cluster.place / "base")[0][1]
    found = place_for(base, "container", container.image)
    assert isinstance(found, ContainerPlace)
    return found


def left(label: str = LABEL) -> set[str]:
    with engine.find().client() as client:
        return {found.id for found in client.containers.list(all=True, filters={"label": label})}


def written(cluster: Archived) -> dict[str, int]:
    names = [path for path in (cluster.place / "archive").iterdir() if path.suffix != ".part"]
    return {path.name: path.stat().st_mtime_ns for path in names}


def test_a_recovery_that_reaches_nobody_and_leaves_nothing(cluster: Archived, place: ContainerPlace) -> None:
    before = left()
    bases = find(cluster.place / "base")
    moment = cluster.write(10)
    cluster.write(11)
    cluster.archive_all()
    archive = written(cluster)
    target = Target.time(moment.isoformat())
    with recover(bases, cluster.place / "archive", target, place, wait=120) as (server, recovered):
        assert isinstance(server, RecoveredContainer)
        with connect(server.address("shop")) as session:
            assert session.execute("select array_agg(id order by id) from public.log").fetchone() == ([1, 2, 3, 10],)
            assert session.execute("show archive_mode").fetchone() == ("off",)
            backends = session.execute("select backend_type from pg_stat_activity").fetchall()
            assert "logical replication launcher" not in {kind for (kind,) in backends}
        [inside] = left() - before
        with engine.find().client() as client:
            found: Any = client.containers.get(inside)
            assert list(found.attrs["NetworkSettings"]["Networks"]) == ["none"]
            # The archive is a copy: nothing of the source's is mounted.
            mounts = [mount["Source"] for mount in found.attrs["Mounts"] if mount["Type"] == "bind"]
            assert all(str(cluster.place) not in source for source in mounts)
        dumped = server.programs.run("pg_dump", ["--schema-only"], address=server.address("shop"))
        assert "CREATE TABLE public.item" in dumped.stdout
    assert recovered.last_transaction == moment
    assert left() == before
    # What was there is as it was; the cluster goes on archiving.
    assert archive.items() <= written(cluster).items()


def test_a_port_where_no_folder_is_shared(
    cluster: Archived, place: ContainerPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecoveredContainer, "_share", lambda _: False)
    bases = find(cluster.place / "base")
    with recover(bases, cluster.place / "archive", Target(kind="end"), place, wait=120) as (server, _):
        address = server.address("shop")
        assert address.parameters["host"] != ""
        assert "password" in address.parameters
        with connect(address) as session:
            assert session.execute("select count(*) from public.item").fetchone() == (100,)
        with pytest.raises(Exception, match="password authentication failed"):
            connect(address.with_(password="guessed"))


def test_the_items(cluster: Archived, container: ContainerServer) -> None:
    before = left()
    settings = Settings(
        folder=cluster.place,
        pitr=Pitr(base=cluster.place / "base", archive=cluster.place / "archive", window=900),
        server=Server(use="container", image=container.image),
    )
    result = prove(settings)
    assert result.verdict == "passed", (result.steps, result.findings)
    assert result.server["kind"] == "container"
    assert result.pitr is not None
    assert result.pitr.reached is not None
    assert {one.name for one in result.pitr.reached.databases} >= {"shop", "postgres"}
    assert left() == before


@pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1: local recoveries show each part of this")
def test_a_missing_segment_is_named(cluster: Archived, container: ContainerServer) -> None:
    before = left()
    with tempfile.TemporaryDirectory(prefix="pitr-", dir="/tmp") as name:
        cluster.copied(Path(name))
        segments = sorted(path for path in (Path(name) / "archive").iterdir() if len(path.name) == 24)
        segments[-2].unlink()
        broken = Settings(
            folder=cluster.place,
            pitr=Pitr(base=Path(name) / "base", archive=Path(name) / "archive"),
            server=Server(use="container", image=container.image),
        )
        found = prove(broken)
    assert found.verdict == "failed"
    assert segments[-2].name in str(found.steps)
    assert left() == before


OWNER = """
import json, sys, time
from pathlib import Path
from pytest_pgsafe.pitr.bases import find
from pytest_pgsafe.pitr.place import place_for
from pytest_pgsafe.pitr.recover import recover
from pytest_pgsafe.pitr.target import Target
bases = find(Path(sys.argv[1]) / "base")
place = place_for(bases[0][1], "container", sys.argv[2])
with recover(bases, Path(sys.argv[1]) / "archive", Target(kind="end"), place) as (server, _):
    print(json.dumps(server._label), flush=True)
    time.sleep(120)
"""


def test_killed_owner_leaves_no_container(cluster: Archived, container: ContainerServer) -> None:
    command = [sys.executable, "-c", OWNER, str(cluster.place), container.image]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        label = json.loads(process.stdout.readline())
        assert len(left(label)) == 1
        process.kill()
    until = time.monotonic() + SOON
    while left(label):
        assert time.monotonic() < until
        time.sleep(0.2)
