"""Runs on a real server: outcomes, exit status and reports, whatever way the checks are run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import TYPE_CHECKING

import jsonschema
import pytest

from pytest_pgsafe.report.json import schema

if TYPE_CHECKING:
    from pytest_pgsafe.server.address import Address
    from tests.plugin.conftest import Project

SAFE = "--pgsafe-migration=additive.sql"
UNSAFE = "--pgsafe-migration=loss.sql"
REPORT = "--pgsafe-report=out.json"


def test_a_safe_migration(project: Project) -> None:
    result = project.rehearse(
        SAFE, REPORT, "--pgsafe-report=out.md", "--pgsafe-report=out.html", "--junitxml=junit.xml"
    )
    result.assert_outcomes(passed=9, skipped=7)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "pgsafe: source sql schema.sql (--pgsafe-source); migration additive.sql (--pgsafe-migration); *",
            "pgsafe server: local*",
            "pgsafe passed: 1 relation (3 rows) compared, 1 not verified *",
            "not verified: restore: *",
            "migrate *passed",
        ]
    )
    report = project.report()
    jsonschema.validate(report, schema(), cls=jsonschema.Draft202012Validator)
    assert report["result"] == "passed"
    assert report["compared"]["relations"] == 1
    assert {"migrate", "compare"} <= {step["name"] for step in report["steps"]}
    assert "public.people.age" in {change["object"] for change in report["changes"]}
    assert "pgsafe: ✅ safe" in (project.path / "out.md").read_text(encoding="utf-8")
    assert "public.people.age" in (project.path / "out.html").read_text(encoding="utf-8")
    numbers = {
        case.get("name"): {item.get("name"): item.get("value") for item in case.iter("property")}
        for case in ET.parse(project.path / "junit.xml").iter("testcase")
    }
    assert numbers["rows"]["pgsafe_rows"] == "3"
    assert float(numbers["migrate"]["pgsafe_seconds"] or 0) > 0


def test_where_there_is_nothing_to_judge_the_reason_is_given(project: Project) -> None:
    project.write({"schema.sql": "create table public.people (id integer primary key, name text, email text);"})
    result = project.rehearse(SAFE, "-rs")
    result.assert_outcomes(passed=7, skipped=9)
    told = {line for line in result.outlines if line.startswith("SKIPPED")}
    for reason in (
        "every table of the source is empty: no row could be harmed",
        "no rule in [[denormalized]]: pgsafe propose prints those that seem to hold",
        "no foreign key is declared, and [foreign_keys] names none",
        "the database has no sequence",
    ):
        assert any(line.endswith(f": {reason}") for line in told), (reason, told)


def test_an_unsafe_migration(project: Project) -> None:
    result = project.rehearse(UNSAFE, REPORT, "--pgsafe-report=out.md")
    result.assert_outcomes(passed=6, failed=1, skipped=9)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*pgsafe rows*", "*public.people*", "  before: 3", "  after: 2", "*id=2*bea@example.org*"]
    )
    result.stdout.fnmatch_lines(["FAILED pgsafe.toml::rows*", "*1 failed*"])
    assert "Traceback" not in result.stdout.str()
    report = project.report()
    assert report["result"] == "failed"
    (finding,) = (finding for finding in report["findings"] if finding["severity"] == "error")
    assert (finding["check"], finding["object"]) == ("rows", "public.people")
    assert finding["samples"][0]["key"] == {"id": 2}
    assert finding["samples"][0]["after"] is None
    assert "bea@example.org" not in (project.path / "out.md").read_text(encoding="utf-8")


def test_workers_share_one_rehearsal(project: Project) -> None:
    project.write({"run.sh": "echo once >> runs; psql -q -c 'delete from people where id = 2' \"$DATABASE_URL\""})
    result = project.rehearse("--pgsafe-migration=cmd:sh run.sh", REPORT, "-n", "2")
    result.assert_outcomes(passed=6, failed=1, skipped=9)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert (project.path / "runs").read_text() == "once\n"
    result.stdout.fnmatch_lines(["*id=2*"])
    assert result.stdout.str().count("relation (3 rows) compared") == 1
    assert project.report()["result"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "outcomes", "status"),
    [
        (("-k", "rows"), {"failed": 1, "deselected": 15}, 1),
        (("pgsafe.toml::rows",), {"failed": 1}, 1),
        (("-x", "-q"), {"passed": 2, "failed": 1}, 1),
    ],
)
def test_some_of_the_checks(
    project: Project, arguments: tuple[str, ...], outcomes: dict[str, int], status: int
) -> None:
    result = project.rehearse(UNSAFE, REPORT, *arguments)
    result.assert_outcomes(**outcomes)
    assert result.ret == status
    result.stdout.fnmatch_lines(["pgsafe failed: 1 relation (3 rows) compared, *"])
    assert project.report()["result"] == "failed"


def test_what_a_check_that_is_left_out_would_have_told_still_fails_the_run(project: Project) -> None:
    result = project.rehearse(UNSAFE, REPORT, "pgsafe.toml::values", "-q")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["found, but rows was not run:", "*public.people*"])


def test_last_failed(project: Project) -> None:
    project.rehearse(UNSAFE, "-q")
    result = project.rehearse(SAFE, "--lf")
    result.assert_outcomes(passed=1, deselected=15)
    assert result.ret == 0


def test_a_migration_that_fails(project: Project) -> None:
    project.write({"broken.sql": "select nothing_of_this_name from public.people;\n"})
    result = project.rehearse("--pgsafe-migration=broken.sql", REPORT, "-rs")
    result.assert_outcomes(passed=1, failed=1, skipped=14)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["step migrate failed: *", "*nothing_of_this_name*", "SKIPPED*step migrate failed before*"]
    )
    assert project.report()["result"] == "failed"


def test_a_step_that_fails_is_told_by_whatever_is_left(project: Project) -> None:
    project.write({"broken.sql": "select nothing_of_this_name from public.people;\n"})
    result = project.rehearse("--pgsafe-migration=broken.sql", "-k", "locks or schema")
    result.assert_outcomes(failed=1, skipped=1, deselected=14)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_source_that_cannot_be_built(project: Project) -> None:
    project.write({"schema.sql": "create table t (id integer); select 1/0;"})
    result = project.rehearse(REPORT)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["step restore failed: *", "*division by zero*"])
    assert project.report()["result"] == "failed"


def test_a_database_and_its_restore(project: Project, database: Address) -> None:
    import psycopg

    with psycopg.connect(database.url(), autocommit=True) as connection:
        connection.execute((project.path / "schema.sql").read_bytes())
    result = project.run_apart("--pgsafe", f"--pgsafe-source={database.url()}", "--pgsafe-server=local", REPORT)
    result.assert_outcomes(passed=2)
    report = project.report()
    assert report["result"] == "passed"
    assert report["source"]["database"] == database.dbname
    assert report["compared"] == {"relations": 1, "rows": 3, "not_verified": []}
    password = database.parameters.get("password")
    assert password is None or password not in result.stdout.str() + (project.path / "out.json").read_text()


def test_masked_and_keys_only(project: Project) -> None:
    project.write({"pgsafe.toml": '[report]\nmask = ["people.email"]\n'})
    result = project.rehearse(UNSAFE, REPORT)
    assert "bea@example.org" not in result.stdout.str() + (project.path / "out.json").read_text(encoding="utf-8")
    assert project.report()["findings"][0]["samples"][0]["before"]["email"] == "***"


def test_a_report_that_cannot_be_written_is_no_success(project: Project) -> None:
    project.write({"run.sh": "mkdir -p out.json/in_the_way"})
    result = project.rehearse(REPORT, "--pgsafe-migration=cmd:sh run.sh; psql -qc 'select 1' \"$DATABASE_URL\"")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["the report cannot be written: *out.json*"])


def test_steps_are_shown_as_they_begin(project: Project) -> None:
    result = project.rehearse(SAFE, "-v")
    result.stdout.fnmatch_lines(["pgsafe: server", "pgsafe: restore", "pgsafe: migrate"])


def test_a_worker_that_dies_leaves_an_error(project: Project) -> None:
    # With its network cut off, the command's parent is not the worker.
    project.write({"pgsafe.toml": '[migration]\nrun = "kill -9 $(ps -o ppid= -p $PPID); sleep 1"\nnetwork = "open"\n'})
    result = project.rehearse(REPORT, "-n", "1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    report = project.report()
    jsonschema.validate(report, schema(), cls=jsonschema.Draft202012Validator)
    assert report["result"] == "error"
    assert "gone" in report["interrupted"]
    assert report["steps"][-1]["name"] == "migrate"
    result.stdout.fnmatch_lines(["pgsafe error: 0 relations (0 rows) compared, *"])


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_interrupted(project: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]) -> None:
    project.write({"slow.sh": "touch begun; psql -c 'select pg_sleep(120)' \"$DATABASE_URL\""})
    with tempfile.TemporaryDirectory(prefix="i", dir="/tmp") as name:
        scratch = Path(name)
        # The server's own user has to get through.
        scratch.chmod(0o777)
        monkeypatch.setenv("TMPDIR", name)
        command = [sys.executable, "-m", "pytest", *project.needed, "--pgsafe-migration=cmd:sh slow.sh", REPORT]
        with subprocess.Popen(
            [*command, *workers], cwd=project.path, stdout=PIPE, stderr=STDOUT, text=True, start_new_session=True
        ) as process:
            wait_for(lambda: (project.path / "begun").exists() or process.poll() is not None, seconds=60)
            assert any(name in line for line in processes())
            # As a terminal does it: everything of the foreground job is told.
            os.killpg(process.pid, signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        assert process.returncode == pytest.ExitCode.INTERRUPTED, output
        report = project.report()
        assert report["result"] == "error"
        assert report["steps"][-1]["name"] == "migrate"
        wait_for(lambda: not list(scratch.iterdir()), seconds=10)
        assert not list(scratch.iterdir())
        assert not [line for line in processes() if name in line]


def wait_for(happened: Callable[[], bool], *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not happened() and time.monotonic() < end:
        time.sleep(0.2)


def processes() -> list[str]:
    return subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_worker_takes_over_what_the_controller_found_out(project: Project) -> None:
    looked = """
    import os

    import pytest_pgsafe.rehearsal.run as rehearsal

    def again(settings):
        raise AssertionError("looked at once more")

    if "PYTEST_XDIST_WORKER" in os.environ:
        rehearsal.preflight = again
    """
    project.pytester.makeconftest(looked)
    result = project.rehearse("--pgsafe-migration=additive.sql", REPORT, "-n", "1", "-k", "rows")
    assert result.ret == 0
    assert project.report()["result"] == "passed"
