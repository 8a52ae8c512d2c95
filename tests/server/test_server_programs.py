"""Programs of this machine, run for real; the template and the copy that root's server needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.server import cache, cluster, serverlog
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.keeper import sign
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms, find
from pytest_pgsafe.server.user import server_user


@pytest.fixture
def wheel() -> LocalPrograms:
    try:
        return find(path="", usual=())
    except ServerError as error:
        pytest.skip(str(error))


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache for one test, where the server's user can read it."""
    place = cache.folder() / f"test-{os.getpid()}"
    place.mkdir(mode=0o755)
    monkeypatch.setattr(cache, "folder", lambda: place)
    yield place
    shutil.rmtree(place)


def test_programs_that_the_servers_user_cannot_read_are_copied(
    wheel: LocalPrograms, tmp_path: Path, own_cache: Path
) -> None:
    user = server_user()
    if user is None:
        pytest.skip("only root's server runs as another user")
    private = tmp_path / "private"
    shutil.copytree(wheel.folder.parent, private / "pginstall", symlinks=True)
    private.chmod(0o700)
    programs = LocalPrograms(private / "pginstall" / "bin", wheel.version, found_by="test")
    readable = programs.readable_by(user)
    assert readable.is_relative_to(own_cache)
    assert programs.readable_by(user) == readable
    with LocalServer.start(programs) as server, connect(server.address(), read_only=False) as session:
        # Extensions are found beside the copy.
        session.execute("create extension pgcrypto schema public")
        assert session.info.server_version == wheel.version.number
    # Changed programs are copied anew.
    (private / "pginstall" / "share" / "new").write_text("x")
    assert programs.readable_by(user) != readable
    # No rights of the tree itself were touched.
    assert private.stat().st_mode & 0o777 == 0o700


def test_system_programs_are_run_where_they_are(programs: LocalPrograms) -> None:
    if not programs.folder.is_relative_to("/usr"):
        pytest.skip("no system programs")
    assert programs.readable_by(server_user()) == programs.folder


def test_system_tree_that_cannot_be_read_is_not_copied(tmp_path: Path) -> None:
    user = server_user()
    if user is None:
        pytest.skip("only root's server runs as another user")
    (tmp_path / "bin").mkdir()
    for name in ("postgres", "initdb"):
        (tmp_path / "bin" / name).touch()
    lone = LocalPrograms(tmp_path / "bin", find().version, found_by="test")
    with pytest.raises(ServerError, match="cannot read PostgreSQL's programs"):
        lone.readable_by(user)


def test_template_is_made_once_however_many_ask(
    programs: LocalPrograms, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = server_user()
    made: list[Path] = []
    inner = cluster._initialise

    def counted(fresh: Path, *rest: object) -> None:
        made.append(fresh)
        inner(fresh, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(cluster, "_initialise", counted)
    templates: list[cluster.Template] = []
    folder = programs.readable_by(user)
    threads = [
        threading.Thread(target=lambda: templates.append(cluster.template(programs, folder, user))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(set(templates)) == 1
    data = templates[0].data
    assert (data / "PG_VERSION").read_text().strip() == str(programs.version.major)
    assert data.parent.stat().st_mode & 0o777 == 0o700
    assert (data.parent / "password").stat().st_mode & 0o777 == 0o600
    assert templates[0].password not in repr(templates[0])
    if user is not None:
        assert data.stat().st_uid == user.uid


def test_template_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(fresh: Path) -> None:
        (fresh / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.entry(tmp_path / "entry", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["entry.lock"]
    (tmp_path / ".entry.killed").mkdir()
    os.close(sign(tmp_path / ".entry.killed", cache.MARK))
    assert cache.entry(tmp_path / "entry", lambda fresh: (fresh / "whole").touch()) == tmp_path / "entry"
    assert (tmp_path / "entry" / "whole").exists()
    assert not (tmp_path / ".entry.killed").exists()


def test_cache_that_belongs_to_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache.os, "geteuid", lambda: 12345)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    with pytest.raises(ServerError, match="no folder for the cache") as raised:
        cache.folder()
    assert all("belongs to somebody else" in place for place in raised.value.looked_at)


def test_csvlog_says_the_same_as_jsonlog(programs: LocalPrograms) -> None:
    if programs.version.major < 15:
        pytest.skip("jsonlog came with 15")
    settings = {"log_destination": "csvlog,jsonlog", "log_statement": "all", "log_connections": "on"}
    with LocalServer.start(programs, settings=settings) as server:
        with connect(server.address()) as session:
            session.execute("select 'a \"quoted\"\r\nline; ä'")
            for wrong in ("select 1/0", "select nonsense from pg_class", "do $$ begin perform 1/0; end $$"):
                with pytest.raises(psycopg.Error):
                    session.execute(wrong)
        log = server.data / "log"
        json_records, _ = serverlog.read(log / "pgsafe.json", 0)
        csv_records, _ = serverlog.read(log / "pgsafe.csv", 0)
    by_line = {(r["session_id"], r["line_num"]): r for r in json_records}
    compared = 0
    for record in csv_records:
        other = by_line.get((record["session_id"], record["line_num"]))
        if other is not None:
            # An empty ps is left out of csvlog.
            assert record == {name: value for name, value in other.items() if value != ""}
            compared += 1
    assert compared > 15


def test_interrupt_ends_the_program(programs: LocalPrograms, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = tmp_path / "psql"
    script.write_text(f"#!/bin/sh\necho $$ >{pid}\nexec sleep 60\n")
    script.chmod(0o755)
    code = (
        "import sys; from pathlib import Path\n"
        "from pytest_pgsafe.server.programs import LocalPrograms\n"
        "from pytest_pgsafe.server.version import Version\n"
        f"LocalPrograms(Path({str(tmp_path)!r}), Version(160000), found_by='x').run('psql', [])\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
        while not pid.exists() or not pid.read_text().strip():
            assert process.poll() is None
        # Past the start of the program, in which an interrupt would lose it.
        time.sleep(0.5)
        process.send_signal(2)
        _, said = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_program_that_ignores_the_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_pgsafe.server import programs as module
    from pytest_pgsafe.server.version import Version

    monkeypatch.setattr(module, "GRACE", 0.3)
    script = tmp_path / "pg_dump"
    script.write_text("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 0.1; done\n")
    script.chmod(0o755)
    with pytest.raises(TimeoutError, match=r"pg_dump was ended: it had not finished after 0\.2 s"):
        LocalPrograms(tmp_path, Version(160000), found_by="x").run("pg_dump", [], deadline=0.2)
