"""--pgsafe-static: statements are read; no server, no source."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from pytest_pgsafe.plugin.marker import READ_ONLY

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

STATIC = ("--pgsafe-static", "--pgsafe-migration=m.sql")
DROP = "begin;\nalter table people\n  drop column email;\ncommit;\n"


def test_a_warning_fails_nothing(project: Project) -> None:
    project.write({"m.sql": DROP})
    result = project.run(*STATIC)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*static on: statements are read, nothing is rehearsed (--pgsafe-static)*",
            "pgsafe.toml .*",
            "pgsafe passed: 3 statements, 0 of them not read; nothing was rehearsed * 1 warning",
            "PGS020 warning: the column people.email is dropped with what it holds",
            "  by: m.sql:2 alter table people drop column email",
            "read *passed",
        ]
    )


def test_the_environment_turns_it_on(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write({"m.sql": DROP})
    monkeypatch.setenv("PGSAFE_STATIC", "1")
    result = project.run("--pgsafe-migration=m.sql", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["pgsafe passed: 3 statements*"])
    monkeypatch.setenv("PGSAFE_STATIC", "0")
    assert project.run("--pgsafe-migration=m.sql", "-q").ret == pytest.ExitCode.USAGE_ERROR


def test_strict_makes_it_fail(project: Project) -> None:
    project.write({"m.sql": f"{DROP}do $$ begin end $$;\n"})
    result = project.run(*STATIC, "--pgsafe-strict", "--pgsafe-report=out.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["PGS001 error: m.sql:5 was not verified: *a DO block", "PGS020 error: *people.email*"])
    report = project.report()
    assert report["result"] == "failed"
    assert report["read"] == {"statements": 4, "unread": 1}
    assert [gap["object"] for gap in report["compared"]["not_verified"]] == ["m.sql:5"]
    places = {finding["code"]: finding["statement"] for finding in report["findings"]}
    assert places["PGS020"] == {"file": "m.sql", "line": 2, "text": "alter table people drop column email"}


def test_what_is_announced_is_a_note(project: Project) -> None:
    project.write({"m.sql": f"-- pgsafe: expect dropped people.email: moved\n{DROP}"})
    result = project.run(*STATIC, "--pgsafe-strict")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["PGS020 note: the column people.email is dropped with what it holds (moved)"])


def test_it_wins_over_a_rehearsal(project: Project) -> None:
    """A source that nothing answers at is never asked."""
    project.write({"m.sql": DROP})
    result = project.run(*STATIC, "--pgsafe", "--pgsafe-source=postgresql://nobody@127.0.0.1:1/none")
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 1}


def test_a_test_of_ones_own_is_skipped(project: Project) -> None:
    test = "import pytest\n\n@pytest.mark.pgsafe\ndef test_own():\n    raise AssertionError\n"
    project.write({"m.sql": DROP, "test_mine.py": test})
    result = project.run(*STATIC, "-rs")
    assert result.parseoutcomes() == {"passed": 1, "skipped": 1}
    result.stdout.fnmatch_lines([f"SKIPPED*{READ_ONLY}"])


def test_nothing_is_read_to_collect(project: Project) -> None:
    project.write({"m.sql": "-- pgsafe: expect nonsense\nselect 1;"})
    result = project.run(*STATIC, "--collect-only", "-q")
    assert result.ret == 0
    assert "pgsafe.toml::static" in result.outlines
    assert project.run(*STATIC).ret == pytest.ExitCode.USAGE_ERROR


def test_files_of_a_folder(project: Project) -> None:
    project.write({"steps/1.sql": "drop table one;", "steps/2.sql": "drop table two;"})
    arguments = ("--pgsafe-static", "--pgsafe-migration=steps")
    both = project.run(*arguments)
    both.stdout.fnmatch_lines(["*all 2 files are read; --pgsafe-from=FILE*", "  by: 1.sql:1 *", "  by: 2.sql:1 *"])
    left = project.run(*arguments, "--pgsafe-from=1.sql")
    left.stdout.fnmatch_lines(["pgsafe passed: 1 statement,*"])
    assert "1.sql:1" not in left.stdout.str()


def test_files_among_the_arguments(project: Project) -> None:
    project.write(
        {"a b.sql": "drop table one;", "two.sql": "drop table two;", "test_mine.py": "def test_own(): pass\n"}
    )
    result = project.run("--pgsafe-static", "-q", "a b.sql", "two.sql")
    assert result.parseoutcomes() == {"passed": 1}
    result = project.run("--pgsafe-static", "a b.sql", "two.sql")
    result.stdout.fnmatch_lines(["pgsafe passed: 2 statements,*", "  by: a b.sql:1 *", "  by: two.sql:1 *"])
    assert project.run("--pgsafe-static", "--pgsafe-strict", "a b.sql").ret == 1
    assert project.run("--pgsafe-static", "none.sql").ret == pytest.ExitCode.USAGE_ERROR


def test_the_way_back_in_a_file_or_beside_it_is_not_read(project: Project) -> None:
    back = "drop table one;\n"
    project.write(
        {
            "m/1.sql": f"-- migrate:up\ncreate table one (a int);\n\n-- migrate:down\n{back}",
            "m/2.sql": "-- +goose Up\n-- +goose StatementBegin\nselect 1;\n-- +goose StatementEnd\n-- +goose Down\n"
            + back,
            "m/3.up.sql": "select 1;",
            "m/3.down.sql": back,
            "n.sql": f"-- +goose Down\n{back}-- +goose Up\nalter table t drop c;\n",
            "c.sql": "-- migrate:up\ncreate index concurrently i on t (a);\n",
            "d.sql": "-- migrate:up transaction:false\ncreate index concurrently i on t (a);\n",
        }
    )
    result = project.run("--pgsafe-static", "--pgsafe-migration=m")
    result.stdout.fnmatch_lines(["pgsafe passed: 3 statements, 0 of them not read; *no findings*"])
    project.run("--pgsafe-static", "n.sql").stdout.fnmatch_lines(
        ["PGS020 warning: *", "  by: n.sql:4 alter table t drop c"]
    )
    # dbmate and goose run a file in one transaction.
    assert "PGS023" in project.run("--pgsafe-static", "c.sql").stdout.str()
    assert "PGS023" not in project.run("--pgsafe-static", "d.sql").stdout.str()


def test_the_hook_of_pre_commit(project: Project) -> None:
    """It is valid, and its entry runs as pre-commit runs it: with the names of files behind it."""
    [hook] = yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {"id", "name", "entry", "language", "files"} <= hook.keys()
    assert re.search(hook["files"], "migrations/001.sql")
    project.write({"safe.sql": "create table t (a int);", "unsafe.sql": "drop table t;"})
    program, *arguments = shlex.split(hook["entry"])
    assert program == "pytest"
    assert project.run_apart(*arguments, "safe.sql").ret == 0
    assert project.run_apart(*arguments, "safe.sql", "unsafe.sql").ret == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--pgsafe-static",), "nothing to read: no migration"),
        (("--pgsafe-static", "--pgsafe-migration=cmd:true"), "is run by a tool: true"),
        ((*STATIC, "--pgsafe-update"), "rehearses nothing"),
        ((*STATIC, "--pgsafe-from=1"), "the migration is one file"),
        ((*STATIC, "pgsafe.toml::rows"), "no check 'rows'"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(project: Project, arguments: tuple[str, ...], told: str) -> None:
    project.write({"m.sql": DROP})
    result = project.run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert told in result.stderr.str()


def test_values_are_not_shown_where_nobody_may_see_them(project: Project) -> None:
    configuration = '[report]\nsamples = "keys"\n'
    project.write({"m.sql": "update people set email = 'geheim' where id = 4711;", "pgsafe.toml": configuration})
    result = project.run(*STATIC, "--pgsafe-report=out.json", "--pgsafe-report=out.html")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["  by: m.sql:1 update people set email = '…' where id = …"])
    for text in (result.stdout.str(), *((project.path / name).read_text() for name in ("out.json", "out.html"))):
        assert "geheim" not in text
        assert "4711" not in text


def test_under_xdist(project: Project) -> None:
    project.write({"m.sql": DROP})
    result = project.run_apart(*STATIC, "-n", "1")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["pgsafe passed: 3 statements*", "PGS020 warning: *"])
