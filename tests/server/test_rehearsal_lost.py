"""The way to the source is lost at each session by which a rehearsal reads it: it ends, says so, and judges nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy import Proxy
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.errors import PgsafeError
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome
from pytest_pgsafe.server import lost
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.tiers import FULL

SCHEMA = b"""
create table public.people (id int primary key, name text);
insert into public.people select g, repeat(md5(g::text), 30) from generate_series(1, 5000) g;
"""
#: Seconds after which nobody believes any more that it ends by itself.
NEVER = 240.0
#: Where among the sessions, from the first one to the last: all of them with PGSAFE_TEST_FULL=1.
PLACES = [number / 10 for number in range(11)] if FULL else [0.0, 0.5, 1.0]
#: Words that nobody is to read.
FOREIGN = ("Traceback", "OperationalError", "PGSAFE_TRACEBACK", "error ignored")


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[Address]:
    if server.kind != "local":
        pytest.skip("the proxy stands before a server of local programs")
    database = server.create("lost")
    with connect(database, read_only=False) as session:
        session.execute(SCHEMA)
    yield database
    server.drop(database)


def settings(folder: Path, source: Address, proxy: Proxy) -> Settings:
    migration = folder / "migration.sql"
    migration.write_text("alter table public.people add note text;")
    through = source.with_(port=str(proxy.port), connect_timeout="2")
    return Settings(
        folder=folder, source=Source(dsn=through.url()), migration=Way(kind="sql", path=migration),
        server=ServerSettings(use="local"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def sessions(source: Address, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many sessions a rehearsal opens that nobody disturbs."""
    with Proxy(int(source.parameters["port"])) as proxy:
        assert rehearse(settings(tmp_path_factory.mktemp("whole"), source, proxy)).verdict == "passed"
        return proxy.connections


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", ["stall", "cut"])
def test_a_rehearsal_ends_and_says_so(
    source: Address, sessions: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, place: float
) -> None:
    for name, seconds in {"SILENCE": 1.0, "GONE": 2.0, "DONE": 1.0, "PATIENCE": 1.0}.items():
        monkeypatch.setattr(lost, name, seconds)
    with Proxy(int(source.parameters["port"])) as proxy:
        proxy.at(1 + round(place * (sessions - 1)), getattr(proxy, how))
        waited = threading.Timer(NEVER, proxy.cut)
        waited.start()
        try:
            result = rehearse(settings(tmp_path, source, proxy))
        except PgsafeError as error:
            said = str(error)
        else:
            [said] = [str(step.reason) for step in result.steps if step.outcome is Outcome.FAILED]
            assert result.verdict != "passed"
            assert not result.findings
        assert waited.is_alive(), "it would have waited for ever"
        waited.cancel()
        waited.join()
    assert "remedy" in said
    assert not [word for word in FOREIGN if word in said], said
