"""[pitr] as test outcomes: what a real recovery of an archive to its end says, and what it must not say."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_pgsafe.checks.recoverability import CHECKS, RECOVERED_DAMAGED, TOO_OLD
from pytest_pgsafe.checks.values import Check, Severity
from pytest_pgsafe.config.values import Pitr, Server, Settings, Source
from pytest_pgsafe.pitr import asked, reading
from pytest_pgsafe.rehearsal.recoverable import prove
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.report import json as json_report
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from tests.server.archived import Archived, archived
from tests.server.runbook import answer, env_of, uri
from tests.tiers import FULL

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "checks"
#: Nothing is so young.
NO_TIME = 0.001


@pytest.fixture(scope="module")
def cluster(programs: LocalPrograms) -> Iterator[Archived]:
    with archived(programs) as made:
        yield made


@pytest.fixture
def copy(cluster: Archived) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pitr-", dir="/tmp") as name:
        cluster.copied(Path(name))
        yield Path(name)


def settings(place: Path, window: float | None, source: str | None = None, **others: Any) -> Settings:
    return Settings(
        folder=place,
        pitr=Pitr(base=place / "base", archive=place / "archive", window=window),
        source=None if source is None else Source(dsn=source),
        server=Server(use="local"),
        **others,
    )


def codes(result: Result) -> set[str]:
    return {finding.code for finding in result.findings if finding.severity is Severity.ERROR}


def outcomes(result: Result) -> dict[str, str]:
    return {step.name: step.outcome.value for step in result.steps}


def pytest_in(place: Path, toml: str, arguments: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
    (place / "pgsafe.toml").write_text(toml, encoding="utf-8")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--pgsafe", "-p", "no:hypothesispytest", *arguments],
        cwd=place, env={**clean, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


TOML = """
[server]
use = "local"
[pitr]
base = "{place}/base"
archive = "{place}/archive"
window = "{window}"
"""


def test_the_items_and_every_report(cluster: Archived, copy: Path) -> None:
    last = cluster.write(100)
    cluster.archive_all()
    toml = TOML.format(place=cluster.place, window="15min")
    reports = [f"--pgsafe-report=out.{suffix}" for suffix in ("json", "md", "html")]
    status, said = pytest_in(copy, toml, ["-n", "2", "-rA", "--junit-xml=out.xml", *reports], {})
    assert status == 0, said
    assert "4 passed" in said
    found = json.loads((copy / "out.json").read_text())
    jsonschema.validate(found, json_report.schema())
    told = found["pitr"]
    newest = datetime.fromisoformat(told["newest"])
    assert newest == last
    assert told["newest_epoch"] == pytest.approx(newest.timestamp())
    assert 0 < told["rto_seconds"] < 600
    assert told["rpo_seconds"] == pytest.approx(told["age_seconds"])
    assert (told["base"], told["bases"], told["window_seconds"]) == ("first", 1, 900)
    assert told["segments"] == len([one for one in (cluster.place / "archive").iterdir() if len(one.name) == 24])
    assert {one["name"] for one in told["databases"]} == {"postgres", "shop", "template1"}
    assert [step["name"] for step in found["steps"]] == [check.check for check in CHECKS]
    for text in (said, (copy / "out.md").read_text(), (copy / "out.html").read_text()):
        assert "RTO" in text
        assert told["newest"] in text
    assert 'name="pgsafe_newest_epoch"' in (copy / "out.xml").read_text()
    # Nothing is begun for a list of the items, nor for a typing error.
    status, said = pytest_in(copy, toml, ["--collect-only", "-q"], {})
    assert [line for line in said.splitlines() if "::" in line] == [f"pgsafe.toml::{one.check}" for one in CHECKS]
    status, said = pytest_in(copy, toml.replace("/base", "/bse"), [], {})
    assert (status, "there is no folder 'bse'" in said) == (4, True)


PAGE = (Path(__file__).parents[2] / "docs" / "pitr.md").read_text(encoding="utf-8")


def test_a_test_of_ones_own_recovers_to_a_moment(cluster: Archived, copy: Path) -> None:
    [block] = re.findall(r"^File `test_cutover.py`:\n\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (copy / "test_cutover.py").write_text(block, encoding="utf-8")
    # The first row is committed before the base backup, the second behind it: just before that there is one.
    with connect(cluster.shop) as session:
        found = session.execute(
            "select pg_xact_commit_timestamp(xmin) - interval '1 microsecond' from public.log where id = 2"
        ).fetchone()
    assert found is not None
    (copy / "cutover.json").write_text(json.dumps({"before": found[0].isoformat()}), encoding="utf-8")
    toml = TOML.format(place=cluster.place, window="15min")
    (copy / "test_red.py").write_text(
        "def test_red(pgsafe_recovered):\n    with pgsafe_recovered(to='2031-01-01T00:00:00+00:00'):\n        pass\n",
        encoding="utf-8",
    )
    ids = ["test_cutover.py::test_what_was_there_before_the_cutover", "test_red.py::test_red"]
    status, said = pytest_in(copy, toml, [*ids, "-rA"], {})
    assert "1 failed, 1 passed" in said, said
    assert status == 1
    assert "was not reached: the archive ends with" in said
    assert "Traceback" not in said
    # Those two alone were asked for.
    assert "pitr_archive" not in said


def test_the_commands_say_what_was_reached_and_in_what_time(
    cluster: Archived, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    last = cluster.write(400)
    cluster.archive_all()
    monkeypatch.chdir(cluster.place)
    folders = [f"--base={cluster.place / 'base'}", f"--archive={cluster.place / 'archive'}"]
    found = answer(["pitr", "recover", *folders, "--server=local", "--keep", "--json"], capsys)
    assert datetime.fromisoformat(found["newest"]) == last
    assert found["rto_seconds"] == found["seconds"] > 0
    assert found["rpo_seconds"] >= 0
    assert found["server"]["kind"] == "local"
    connecting, removing = found["kept"]
    command = connecting.removeprefix("connect: ").replace("DATABASE", "shop")
    keeper = int(removing.rpartition(" ")[2])
    try:
        query = f"{command} -X -At -c 'select max(id) from public.log'"
        done = subprocess.run(["sh", "-c", query], capture_output=True, text=True, check=False)
        assert done.stdout == "400\n", done.stderr
    finally:
        os.kill(keeper, signal.SIGTERM)
    # [pitr] says where, if nothing else does.
    toml = TOML.format(place=cluster.place, window="15min") + '[evidence]\nroot = "kept"\n'
    (cluster.place / "pgsafe.toml").write_text(toml, encoding="utf-8")
    at = answer(["pitr", "recover", f"--to={last.isoformat()}", "--exclusive", "--json"], capsys, 0)
    assert at["rpo_seconds"] == 0
    answer(["pitr", "recover", "--to=2031-01-01T00:00:00+00:00", "--json"], capsys, 1)
    shown = answer(["evidence", "--json"], capsys)
    kept, failed = shown["entries"]
    assert (kept["kind"], kept["result"], [kept["hash"]]) == ("recovery", "passed", at["evidence"])
    assert (kept["facts"]["rto_seconds"], kept["facts"]["rpo_seconds"]) == (at["rto_seconds"], None)
    assert (failed["kind"], failed["result"]) == ("recovery", "error")
    assert "was not reached" in failed["facts"]["error"]
    [one] = shown["databases"]
    assert (one["database"], one["recovered"]) == (str(cluster.place / "archive"), 1)
    for name, value in env_of(cluster.shop).items():
        monkeypatch.setenv(name, value)
    told = answer(["pitr", "check", f"--source={uri(cluster.shop)}", *folders, "--json"], capsys, 1)
    assert datetime.fromisoformat(told["newest_moment"]) == last
    assert told["newest_epoch"] == pytest.approx(last.timestamp())
    assert told["age_seconds"] > 0


def test_a_quiet_night_is_no_failure_and_a_commit_that_is_not_archived_is(cluster: Archived) -> None:
    cluster.archive_all()
    told = settings(cluster.place, NO_TIME, cluster.shop.url())
    quiet = prove(told)
    assert quiet.verdict == "passed", quiet.findings
    assert quiet.pitr is not None
    assert quiet.pitr.window is not None
    assert quiet.pitr.window.unarchived is False
    assert quiet.pitr.rpo_seconds == 0
    with connect(cluster.shop, read_only=False, autocommit=False) as slow:
        # It is running when the archive ends, and has written there: its number is known to the recovered cluster.
        slow.execute("insert into public.log values (200)")
        cluster.write(201)
        cluster.archive_all()
        assert prove(told).verdict == "passed"
        slow.commit()
    late = prove(told)
    assert codes(late) == {"PGS033"}
    assert "what was committed since is not in the archive" in late.findings[0].message
    assert "archive_timeout is 0" in late.findings[0].message
    assert late.pitr is not None
    assert late.pitr.rpo_seconds == late.pitr.age_seconds


def archive_timeout(cluster: Archived, seconds: int) -> None:
    """Set it, and wait until new sessions have it."""
    with connect(cluster.shop, read_only=False) as session:
        session.execute(f"alter system set archive_timeout = {seconds}".encode())
        session.execute("select pg_reload_conf()")
    until = time.monotonic() + 60
    while asked.ask(cluster.shop).archive_timeout != seconds:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_the_first_change_after_a_quiet_night_has_its_time(cluster: Archived, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.archive_all()
    real, later = asked.ask, iter([timedelta(hours=9)])
    # Only the first time: that the archive's end is new when it is looked at again is what is waited for. Where the
    # clock stays ahead, every transaction of autovacuum that comes after is one more that is missing since hours.
    ahead = lambda address: replace(found := real(address), at=found.at + next(later, timedelta(0)))  # noqa: E731
    monkeypatch.setattr(asked, "ask", ahead)
    archive_timeout(cluster, 1)
    try:
        cluster.write(300)
        result = prove(settings(cluster.place, 60, cluster.shop.url()))
    finally:
        archive_timeout(cluster, 0)
    assert result.verdict == "passed", [finding.message for finding in result.findings]


def test_a_server_that_cannot_speak_for_the_archive_is_not_believed(cluster: Archived, programs: LocalPrograms) -> None:
    with LocalServer.start(programs) as other:
        result = prove(settings(cluster.place, NO_TIME, other.address().url()))
    assert codes(result) == {"PGS033"}
    # It was initialised with the same identifier, as a copy would have.
    assert "[source] dsn stands at" in result.findings[0].message


#: What is wrong before a recovery, and what shows in one: each recovery costs a second.
TOGETHER = [CHECKS[:2], CHECKS[2:]]


@pytest.mark.parametrize("checks", [[one] for one in CHECKS] if FULL else TOGETHER, ids=lambda found: found[0].code)
def test_unsafe_examples(cluster: Archived, copy: Path, programs: LocalPrograms, checks: list[Check]) -> None:
    for check in checks:
        run_example(cluster, copy, programs, check, "unsafe.sh")
        if check == RECOVERED_DAMAGED:
            # It has a base backup of its own, from which the archive has to lead on.
            cluster.write(500)
            cluster.archive_all()
            cluster.brought(copy)
    window = NO_TIME if TOO_OLD in checks else 900
    result = prove(settings(copy, window, cluster.shop.url()))
    assert {check.code for check in checks} <= codes(result), (result.steps, result.findings)
    assert result.verdict == "failed"


@pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1: one more base backup and recovery")
def test_without_amcheck_tables_are_read_to_their_end(
    cluster: Archived, copy: Path, programs: LocalPrograms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_amcheck", lambda _: False)
    run_example(cluster, copy, programs, RECOVERED_DAMAGED, "unsafe.sh")
    cluster.write(600)
    cluster.archive_all()
    cluster.brought(copy)
    result = prove(settings(copy, 900))
    assert codes(result) == {"PGS032"}
    assert "invalid page" in result.findings[0].message
    assert {"indexes of shop", "indexes of postgres"} <= {gap.object for gap in result.not_verified}


def test_what_was_prepared_keeps_nobody_from_reading(programs: LocalPrograms) -> None:
    with LocalServer.start(programs, settings={"max_prepared_transactions": "5"}) as server:
        with connect(server.address("postgres"), read_only=False) as session:
            session.execute("create table public.held (id int)")
            session.execute("begin")
            session.execute("alter table public.held add column more int")
            session.execute("prepare transaction 'nobody''s'")
        with ThreadPoolExecutor(1) as pool:
            try:
                found = pool.submit(reading.read, server).result(timeout=120)
            finally:
                with connect(server.address("template1"), read_only=False) as session:
                    session.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity"
                        " where pid <> pg_backend_pid() and backend_type = 'client backend'"
                    )
        assert [one.name for one in found.databases] == ["postgres", "template1"]
        assert found.damage == ()


def test_safe_examples(cluster: Archived, copy: Path, programs: LocalPrograms) -> None:
    for check in CHECKS:
        run_example(cluster, copy, programs, check, "safe.sh")
    result = prove(settings(copy, 900))
    assert codes(result) == set(), result.findings
    assert set(outcomes(result).values()) == {Outcome.PASSED.value}


def run_example(cluster: Archived, copy: Path, programs: LocalPrograms, check: Check, name: str) -> None:
    [folder] = EXAMPLES.glob(f"{check.code}-*")
    # These very sources, whatever else is installed.
    (copy / "bin").mkdir(exist_ok=True)
    command = f"import sys; sys.path.insert(0, '{EXAMPLES.parents[1]}'); from pytest_pgsafe.cli import main; main()"
    (copy / "bin" / "pgsafe").write_text(f'#!/bin/sh\nexec {sys.executable} -c "{command}" "$@"\n', encoding="utf-8")
    (copy / "bin" / "pgsafe").chmod(0o755)
    with connect(cluster.shop, read_only=False) as session:
        # One that may be damaged on the source itself; what the WAL says of it is sound.
        session.execute("drop table if exists public.worn")
        session.execute("create table public.worn as select 1 as id")
        session.execute("checkpoint")
        table = session.execute("select pg_relation_filepath('public.worn')").fetchone()
        assert table is not None
        path = [str(programs.folder), str(copy / "bin"), os.environ["PATH"]]
        variables = {
            "ARCHIVE": str(copy / "archive"), "BASES": str(copy / "base"), "SOURCE": uri(cluster.shop),
            "PGDATA": str(cluster.primary.data), "TABLE": table[0], "PATH": os.pathsep.join(path),
            **env_of(cluster.shop),
        }  # fmt: skip
        script = ["sh", "-e", str(folder / name)]
        done = subprocess.run(script, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
