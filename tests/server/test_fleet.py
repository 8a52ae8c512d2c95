"""A fleet of tenants on a real server: each judged by itself, by whatever workers, and never too many at once."""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_pgsafe.config.fleet import Entry, Fleet
from pytest_pgsafe.errors import SourceError, UsageError
from pytest_pgsafe.fleet.members import find
from pytest_pgsafe.server.base import Server
from tests.server.fleets import TABLES, Run, Tenants, hosts, run
from tests.tiers import FULL

NUMBER = 200 if FULL else 6
DRIFTED = 20 if FULL else 2
HARMED = 5 if FULL else 1
#: Of three places that see nothing of each other each has two; of one place all, which is fewer than two workers want.
SESSIONS, FEW = 6, 3
SHOWN = ("-v", "--pgsafe-report=out.json")


@pytest.fixture(scope="module")
def tenants(server: Server) -> Iterator[Tenants]:
    made = Tenants.make(server, NUMBER, drifted=DRIFTED, harmed=HARMED)
    yield made
    made.drop()


@pytest.fixture
def folder(tmp_path: Path, tenants: Tenants) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    tenants.write(made, f"[fleet]\nsource_sessions = {SESSIONS}\n")
    return made


class Watch:
    """Counts the sessions that the tenants' server has, as its own statistics tell it."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        query = "select pid from pg_stat_activity where datname ~ '^tenant_[0-9]+$'"
        before: set[int] = set()
        with psycopg.connect(self._tenants.catalog.url(), autocommit=True) as session:
            while not self._stop.wait(0.02):
                now = {pid for (pid,) in session.execute(query)}
                # One that was closed is there until its process has gone.
                self.most = max(self.most, len(now & before))
                before = now


def told(folder: Path) -> list[tuple[Any, ...]]:
    """Return what the report tells of each member."""
    members = json.loads((folder / "out.json").read_text())["fleet"]["members"]
    return [(one["name"], one["result"], one.get("rows"), one.get("differences")) for one in members]


def judged(tenants: Tenants, done: Run) -> None:
    """Hold a run against what the tenants are."""
    assert done.status == 1, done.text
    harmed = {f"pgsafe.toml[{name}]::rows" for name in tenants.harmed}
    assert done.failed() == {*harmed, f"pgsafe.toml[{tenants.unreachable}]::backup"}, done.text
    assert 'database "tenant_gone" does not exist' in done.text
    passed = {one for one, outcome in done.outcomes().items() if outcome == "PASSED"}
    for name in tenants.names:
        assert {f"pgsafe.toml[{name}]::{check}" for check in ("backup", "restore", "migrate", "schema")} <= passed


def test_the_same_verdicts_by_whatever_workers(tenants: Tenants, folder: Path) -> None:
    arguments = hosts(folder.parent, 3)
    tenants.write(folder, f"[fleet]\nsource_sessions = {FEW}\n")
    with Watch(tenants) as watch:
        here = run(folder, "-n", "2", *SHOWN)
    judged(tenants, here)
    assert 1 < watch.most <= FEW
    members = told(folder)
    rows = {name: rows for name, _, rows, _ in members}
    assert {rows[name] for name in tenants.names} == {20 * TABLES, 20 * TABLES + 1}
    assert {name for name, _, _, differences in members if differences} == set(tenants.drifted)
    assert all(len(workers) == 1 for workers in here.workers().values())
    if not arguments:
        pytest.skip("no namespace can be made here, so that there are no other hosts")
    tenants.write(folder, f"[fleet]\nsource_sessions = {SESSIONS}\n")
    # A short path: servers have their sockets there.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as temporary, Watch(tenants) as watch:
        elsewhere = run(folder, *arguments, *SHOWN, environment={"TMPDIR": temporary})
    judged(tenants, elsewhere)
    assert elsewhere.outcomes() == here.outcomes()
    assert told(folder) == members
    assert all(len(workers) == 1 for workers in elsewhere.workers().values())
    assert len({worker for workers in elsewhere.workers().values() for worker in workers}) == 3
    assert 1 < watch.most <= SESSIONS
    if FULL:
        alone = run(folder, *SHOWN)
        assert alone.outcomes() == here.outcomes()
        assert told(folder) == members


def test_ids_select_a_member_and_nothing_of_others_is_judged(tenants: Tenants, folder: Path) -> None:
    [harmed] = sorted(tenants.harmed)[:1]
    done = run(folder, f"pgsafe.toml[{harmed}]::rows", "pgsafe.toml[0]::backup")
    assert done.outcomes() == {f"pgsafe.toml[{harmed}]::rows": "FAILED", "pgsafe.toml[0]::backup": "PASSED"}
    refused = run(folder, "pgsafe.toml[nobody]::rows")
    assert refused.status == 4
    assert "the fleet has no member 'nobody'" in refused.text


def test_nothing_is_asked_where_no_test_is_run(tenants: Tenants, folder: Path) -> None:
    tenants.write(folder)
    config = (folder / "pgsafe.toml").read_text()
    (folder / "pgsafe.toml").write_text(re.sub(r"@[\w.]+:\d+/", "@127.0.0.1:1/", config))
    done = run(folder, "--collect-only")
    assert done.status == 0, done.text
    assert "nothing is asked here" in done.text
    assert "pgsafe.toml[*]" in done.text


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("select null::text", "row 1 of the query has NULL"),
        ("select slug from tenant where false", "no member was found"),
        ("select slug, number from tenant", "returns 2 columns"),
        ("select slug from nowhere", "does not exist"),
        ("values ('a'), ('a')", "two members are called a"),
        # Neither of both writes.
        ("with gone as (delete from tenant returning slug) select slug from gone", "read-only transaction"),
        ("(select 'a'); delete from tenant", "cannot insert multiple commands"),
    ],
)
def test_names_that_cannot_be_had(tenants: Tenants, names: str, said: str) -> None:
    entry = Entry(origin="here", dsn="postgresql://h/{name}", query=names, catalog=tenants.catalog.url())
    with pytest.raises(UsageError) as error:
        find(Fleet(entries=(entry,)))
    assert said in str(error.value)
    assert tenants.catalog.parameters["password"] not in str(error.value)


def test_names_and_addresses_that_a_query_returns(tenants: Tenants) -> None:
    query = "select 'dbname=one host=a' union all select 'postgresql://b/two' order by 1"
    entry = Entry(origin="here", query=query, catalog=tenants.catalog.url())
    assert [one.name for one in find(Fleet(entries=(entry,)))] == ["one", "two"]
    named = replace(entry, query="select 'first', 'dbname=x host=a'")
    assert [(one.name, one.database) for one in find(Fleet(entries=(named,)))] == [("first", "x")]
    nobody = replace(entry, catalog=tenants.catalog.with_(dbname="nobody").url())
    with pytest.raises(SourceError, match=r"here names: the source .* cannot be read"):
        find(Fleet(entries=(nobody,)))


def test_a_pattern_of_names_and_a_sample(tenants: Tenants, folder: Path) -> None:
    source = tenants.of("0").with_(dbname="tenant_*").url()
    more = '[fleet]\nsample = "1 largest, 1 at random (seed 7)"\ndeadline = "1ms"\n'
    tenants.write(folder, more)
    with psycopg.connect(tenants.of("3").url(), autocommit=True) as session:
        session.execute("create table if not exists public.large as select g from generate_series(1, 20000) g")
    done = run(folder, f"--pgsafe-source={source.replace('%2A', '*')}")
    session_members = {one.partition("::")[0] for one in done.outcomes()}
    assert "sample: 1 largest, 1 at random (seed 7)" in done.text
    assert len(session_members) == 2
    assert "pgsafe.toml[tenant_3]" in session_members
    # Nobody was begun in time: that is said of each, and is not green.
    assert done.status == 1
    assert done.failed() == {f"{one}::backup" for one in session_members}
    assert "deadline was over before it was begun" in done.text


def test_no_further_member_is_begun_after_one_that_failed(tenants: Tenants, folder: Path) -> None:
    tenants.write(folder, "[fleet]\nfail_fast = true\n")
    [harmed] = sorted(tenants.harmed)[:1]
    done = run(folder, f"pgsafe.toml[{harmed}]", "pgsafe.toml[2]", "pgsafe.toml[3]")
    assert done.failed() == {f"pgsafe.toml[{harmed}]::rows", "pgsafe.toml[2]::backup", "pgsafe.toml[3]::backup"}
    assert f"not judged: {harmed} failed" in done.text


@pytest.mark.skipif(not FULL, reason="the full tier alone")
def test_a_worker_that_dies_loses_its_member_alone(tenants: Tenants, folder: Path) -> None:
    marker = folder / "pid"
    (folder / "pgsafe.toml").write_text(
        (folder / "pgsafe.toml").read_text().replace('sql = "migration.sql"', 'run = "sh migration.sh"')
    )
    # The first one that comes here stays; its worker, two processes above or more, is ended by the test.
    (folder / "migration.sh").write_text(
        f'if mkdir "{marker}.first" 2>/dev/null; then touch "{marker}"; sleep 60; fi\n'
        'psql -q -d "$DATABASE_URL" -c "alter table public.t3 add column age int"\n'
    )

    def kill() -> None:
        while not marker.exists():
            time.sleep(0.05)
        for path in Path(tempfile.gettempdir()).glob("pgsafe-run-*/worker-*"):
            steps = [one for one in path.parent.glob("member-*steps") if "migrate" in one.read_text()]
            if steps and not (path.parent / "killed").exists():
                (path.parent / "killed").touch()
                os.kill(int(path.name.removeprefix("worker-")), signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    done = run(folder, "-n", "1", "pgsafe.toml[0]", "pgsafe.toml[2]")
    assert done.status == 1, done.text
    failed = {one.partition("::")[0] for one in done.failed()}
    assert len(failed) == 1, done.text
    assert "the process that rehearsed is gone" in done.text
    assert "1 without a verdict, 1 safe" in done.text
    passed = {one.partition("::")[0] for one, outcome in done.outcomes().items() if outcome == "PASSED"}
    assert {"pgsafe.toml[0]", "pgsafe.toml[2]"} - failed <= passed
