"""Containers: what is left of them, and what their programs reach. Needs an engine and an image."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_pgsafe.backup import archive as archives
from pytest_pgsafe.backup.restore import restore
from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.server import engine
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.choose import choose, probe
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.container import LABEL, ContainerServer
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms

OWNER = """
import json, sys, time
from pytest_pgsafe.server import engine
from pytest_pgsafe.server.container import ContainerServer
with ContainerServer.start(engine.find(), sys.argv[1]) as server:
    print(json.dumps([server._label, server._reaper.pid]), flush=True)
    try:
        time.sleep(120)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
"""
SOON = 30.0


@pytest.fixture
def container(server: Server) -> ContainerServer:
    if not isinstance(server, ContainerServer):
        pytest.skip("only for PGSAFE_TEST_SERVERS=container")
    return server


def containers(label: str) -> list[Any]:
    with engine.find().client() as client:
        return [found.id for found in client.containers.list(all=True, filters={"label": label})]


@pytest.fixture
def owner(container: ContainerServer) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, container.image], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        label, _ = json.loads(process.stdout.readline())
        assert len(containers(label)) == 1
        yield process, label
        process.kill()


def gone(label: str) -> bool:
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        if not containers(label):
            return True
        time.sleep(0.2)
    return False


def test_killed_owner_leaves_no_container(owner: tuple[subprocess.Popen[str], str]) -> None:
    process, label = owner
    process.kill()
    assert gone(label)


def test_interrupted_owner_leaves_no_container(owner: tuple[subprocess.Popen[str], str]) -> None:
    process, label = owner
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(SOON) == 130
    assert containers(label) == []


def test_port_is_published_on_the_loopback_address_alone(container: ContainerServer) -> None:
    with engine.find().client() as client:
        (found,) = client.containers.list(filters={"label": container._label, "expose": "5432"})[-1:]
        published = found.attrs["NetworkSettings"]["Ports"]["5432/tcp"]
        mounts = found.attrs["Mounts"]
        environment = found.attrs["Config"]["Env"]
        command = found.attrs["Args"]
    assert [place["HostIp"] for place in published] == ["127.0.0.1"]
    # The data do not lie in the volume that the image may declare.
    assert "PGDATA=/pgsafe/data" in environment
    assert all(not "/pgsafe/data".startswith(mount["Destination"]) for mount in mounts)
    # The password that stands in the environment opens nothing.
    password = container.address().parameters["password"]
    assert password not in f"{environment} {command}"


def test_source_on_this_machine_is_dumped_by_the_programs_of_the_image(
    container: ContainerServer, programs: LocalPrograms, tmp_path: Path
) -> None:
    with LocalServer.start(programs) as source:
        if source.version.major > container.version.major:
            pytest.skip("pg_dump cannot dump a newer server")
        address = source.create("source")
        with connect(address, read_only=False) as session:
            session.execute("create table public.t as select 42 as answer")
        archive = tmp_path / "source.dump"
        done = container.programs.run("pg_dump", ["-Fc"], address=address, stdout=archive, deadline=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert archive.stat().st_size > 500
        with pytest.raises(ServerError, match=r"the socket /tmp cannot be reached"):
            container.programs.run("pg_dump", [], address=address.with_(host="/tmp"))
    copy = container.create("restored")
    # The image is often a minor behind: what the source's server stored for itself is taken out.
    restore(archives.recognise(archive), copy, container.programs)
    with connect(copy) as session:
        assert session.execute("select answer from public.t").fetchone() == (42,)
    container.drop(copy)


def test_server_that_does_not_start_shows_its_log(container: ContainerServer) -> None:
    with pytest.raises(ServerError, match="did not start") as raised:
        ContainerServer.start(engine.find(), container.image, settings={"shared_buffers": "enormous"})
    assert any('invalid value for parameter "shared_buffers": "enormous"' in line for line in raised.value.looked_at)
    assert containers(LABEL) == containers(container._label)


def test_container_that_is_killed_while_it_starts_says_so(
    container: ContainerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: ContainerServer, *arguments: Any) -> None:
        self._started[0].get_wrapped_container().kill()
        replaced(self, *arguments)

    replaced = ContainerServer._replace_password
    monkeypatch.setattr(ContainerServer, "_replace_password", killed)
    with pytest.raises(ServerError, match=r"did not start: the container ended with exit status 137; it was killed"):
        ContainerServer.start(engine.find(), container.image)
    assert containers(LABEL) == containers(container._label)


def test_image_that_is_missing_and_cannot_be_pulled(container: ContainerServer) -> None:
    image = "localhost:1/pgsafe/none:15"
    begin = time.monotonic()
    with pytest.raises(ServerError, match=f"the image {image} is not there and cannot be pulled") as raised:
        probe("container", major=15, image=image)
    assert time.monotonic() - begin < 10
    assert any("--pgsafe-image" in remedy for remedy in raised.value.remedies)
    with pytest.raises(ServerError, match="cannot be pulled"):
        ContainerServer.start(engine.find(), image)


def test_auto_takes_the_container(container: ContainerServer) -> None:
    choice = probe("auto", major=container.version.major, image=container.image)
    assert choice.kind == "container"
    assert "the image is present" in choice.reason


def test_auto_takes_local_programs_where_the_image_is_missing(
    container: ContainerServer, programs: LocalPrograms
) -> None:
    with choose("auto", major=programs.version.major, image="localhost:1/pgsafe/none:15") as server:
        assert server.kind == "local"
        assert "cannot be pulled" in server.describe()["reason"]


def test_kept_container_stays_until_it_is_removed(container: ContainerServer) -> None:
    with ContainerServer.start(engine.find(), container.image, keep=True) as server:
        lines = server.keep()
        assert server.address().parameters["password"] not in "\n".join(lines)
    try:
        assert len(containers(server._label)) == 1
        connecting = lines[0].removeprefix("connect: ").replace(" -it ", " -i ").replace("DATABASE", "postgres")
        done = subprocess.run([*connecting.split(), "-XAtc", "select 42"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "42\n")
    finally:
        subprocess.run(lines[1].removeprefix("stop and remove it: ").split(), capture_output=True, check=True)
    assert containers(server._label) == []
