"""Fixtures that need a real server."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.discovery import WHEELS
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find

#: Kinds of server, a major where it matters: ``local``, ``local:15``, ``local:wheel``.
SERVERS = [name.strip() for name in os.environ.get("PGSAFE_TEST_SERVERS", "local").split(",") if name.strip()]


def start(name: str) -> Server:
    """Start a server by its name in PGSAFE_TEST_SERVERS.

    :raises ServerError: it cannot be had.
    """
    kind, _, which = name.partition(":")
    if kind == "local" and which == "wheel":
        return LocalServer.start(find(path="", usual=(), wheels=WHEELS), reason=name)
    if kind == "local":
        programs = find(int(which) if which else None)
        if which and programs.version.major != int(which):
            raise ServerError(f"no PostgreSQL {which} programs", looked_at=[f"{programs.origin}: {programs.version}"])
        return LocalServer.start(programs, reason=name)
    raise ServerError(f"PGSAFE_TEST_SERVERS names no kind of server: {name!r}")


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


@pytest.fixture
def database(server: Server) -> Iterator[Address]:
    """A new, empty scratch database, as its superuser."""
    address = server.create("test")
    yield address
    server.drop(address)
