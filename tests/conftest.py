"""Fixtures that need a real server."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import psycopg
import pytest

from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.server import engine
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.container import ContainerServer
from pytest_pgsafe.server.existing import ExistingServer
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms, find

#: Kinds of server, a major where it matters: ``local``, ``local:15``, ``local:wheel``, ``container``, ``container:17``
#: (the official image, or PGSAFE_TEST_IMAGE), ``existing`` (or PGSAFE_TEST_EXISTING, the URI of one for tests).
SERVERS = [name.strip() for name in os.environ.get("PGSAFE_TEST_SERVERS", "local").split(",") if name.strip()]

# readline, which pytest imports, tells processes below it a terminal's width, which no log has: workers would have it.
for _name in ("COLUMNS", "LINES"):
    os.environ.pop(_name, None)
# A test that keeps bases says so: those of all others would only fill the disk.
os.environ.setdefault("PGSAFE_SERVER_CACHE", "off")


def start(name: str) -> Server:
    """Start a server by its name in PGSAFE_TEST_SERVERS.

    :raises ServerError: it cannot be had, or it would be of another major.
    """
    kind, _, which = name.partition(":")
    if kind == "local" and which == "wheel":
        return LocalServer.start(find(path="", usual=()), reason=name)
    major = int(which) if which else None
    if kind == "local":
        programs = find(major)
        if major not in {None, programs.version.major}:
            raise ServerError(f"no PostgreSQL {major} programs", looked_at=[f"{programs.origin}: {programs.version}"])
        return LocalServer.start(programs, reason=name)
    if kind == "container":
        found = engine.find()
        image = os.environ.get("PGSAFE_TEST_IMAGE") or f"postgres:{major or 17}"
        if major is None and "PGSAFE_TEST_IMAGE" not in os.environ:
            image = built_image(found) or image
        return ContainerServer.start(found, image, reason=name)
    if kind == "existing":
        return ExistingServerAndItsHost.begin(major)
    raise ServerError(f"PGSAFE_TEST_SERVERS names no kind of server: {name!r}")


def built_image(found: engine.Engine) -> str | None:
    """Return the image that .ci/docker-image builds where no registry can be reached, None if it was not."""
    name = "pgsafe-test/postgres:latest"
    try:
        return name if engine.image_state(found, name) == "present" else None
    except ServerError:
        return None


class ExistingServerAndItsHost(ExistingServer):
    """An existing server for tests: a local one that is started for them, unless PGSAFE_TEST_EXISTING names one."""

    host: LocalServer | None = None

    @classmethod
    def begin(cls, major: int | None = None) -> ExistingServerAndItsHost:
        if uri := os.environ.get("PGSAFE_TEST_EXISTING"):
            started = cls.start(Address.parse(uri))
            assert isinstance(started, cls)
            return started
        host = LocalServer.start(find(major))
        started = cls.start(host.address())
        assert isinstance(started, cls)
        started.host = host
        return started

    def close(self) -> None:
        super().close()
        if self.host is not None:
            self.host.close()


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A running scratch server of each kind in PGSAFE_TEST_SERVERS."""
    try:
        started = start(request.param)
    except ServerError as error:
        if os.environ.get("PGSAFE_TEST_REQUIRE_SERVER") == "1":
            raise
        pytest.skip(f"no server {request.param}: {error}")
    with started:
        yield started


@pytest.fixture(scope="session")
def programs() -> LocalPrograms:
    """PostgreSQL programs of this machine, whatever the kind of server that the run is about."""
    try:
        return find()
    except ServerError as error:
        if os.environ.get("PGSAFE_TEST_REQUIRE_SERVER") == "1":
            raise
        pytest.skip(str(error))


@pytest.fixture
def database(server: Server) -> Iterator[Address]:
    """A new, empty scratch database, as its superuser."""
    address = server.create("test")
    yield address
    server.drop(address)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Skip what needs a library that the programs bring along broken: postgres_fdw of some wheels does not load."""
    try:
        return (yield)
    except psycopg.errors.UndefinedFile as error:
        if "postgres_fdw" not in str(error):
            raise
        pytest.skip(str(error).splitlines()[0][:100])
