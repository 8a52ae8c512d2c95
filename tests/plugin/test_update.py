"""The baseline in whole runs: written when asked for, once, and held against every run after that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

FILE = "pgsafe.baseline"
MIGRATION = "--pgsafe-migration=shout.sql"
SHOUT = "update public.people set name = upper(name);\nalter table public.people add column age integer;\n"


def test_from_the_first_run_to_the_last(project: Project) -> None:
    project.write({"shout.sql": SHOUT})
    assert project.rehearse(MIGRATION).ret == pytest.ExitCode.TESTS_FAILED
    assert not (project.path / FILE).exists()

    # Written once by whichever worker rehearses, whatever is selected, and red until a person says why.
    result = project.rehearse(MIGRATION, "--pgsafe-update", "-n", "2", "-k", "schema or values")
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*pgsafe.baseline has no reason for it",
            f"written: {FILE}: ?shout.sql? has 2 effects, 1 of which needs a reason in place of “reason?”",
        ]
    )
    text = (project.path / FILE).read_text(encoding="utf-8")
    assert text.splitlines()[-3:] == [
        "[shout.sql]",
        "PGS201 values-changed public.people.name  # reason?",
        "PGS535 added public.people.age (column)",
    ]

    reasoned = text.replace("reason?", "agreed with sales")
    project.write({FILE: reasoned})
    result = project.rehearse(MIGRATION, "--pgsafe-update")
    assert result.ret == 0
    assert (project.path / FILE).read_text(encoding="utf-8") == reasoned
    result.stdout.fnmatch_lines(["PGS201 note: *agreed with sales*"])

    # Another effect, and one that does not happen any more.
    project.write({"shout.sql": SHOUT.replace("age integer", "born date")})
    project.write({FILE: f"{reasoned}\n[shouted.sql]\n"})
    result = project.rehearse(MIGRATION, "--pgsafe-report=out.json")
    result.stdout.fnmatch_lines(["pgsafe baseline: ?shout.sql? lists 2 effects; ?shouted.sql?: no such file"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    errors = {(one["code"], one["object"]) for one in project.report()["findings"] if one["severity"] == "error"}
    assert errors == {("PGS003", "public.people.born"), ("PGS004", "public.people.age")}
    assert (project.path / FILE).read_text(encoding="utf-8") == f"{reasoned}\n[shouted.sql]\n"


def test_nothing_is_written_without_a_verdict(project: Project) -> None:
    project.write({"shout.sql": f"{SHOUT}select 1 / 0;"})
    result = project.rehearse(MIGRATION, "--pgsafe-update")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "written:" not in result.stdout.str()
    assert not (project.path / FILE).exists()


def test_a_way_back_that_fails_is_no_verdict(project: Project) -> None:
    project.write({"down.sql": "select 1 / 0;"})
    result = project.rehearse("--pgsafe-migration=additive.sql", "--pgsafe-rollback=down.sql", "--pgsafe-update")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert not (project.path / FILE).exists()


def test_a_baseline_that_cannot_be_read(project: Project) -> None:
    project.write({FILE: "[additive.sql]\nnonsense\n"})
    result = project.run(*project.needed, "--pgsafe-migration=additive.sql")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "pgsafe.baseline:2: 'nonsense' is no effect" in result.stderr.str()


def test_nothing_to_write(project: Project) -> None:
    result = project.run(*project.needed, "--pgsafe-update")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "there is no migration whose effects could be written" in result.stderr.str()


def test_a_baseline_that_cannot_be_written_is_no_success(project: Project) -> None:
    (project.path / f"{FILE}.partial").mkdir()
    result = project.rehearse("--pgsafe-migration=additive.sql", "--pgsafe-update")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*pgsafe.baseline cannot be written*"])


def test_nothing_is_pending(project: Project) -> None:
    books = "create table schema_migrations (version varchar primary key); insert into schema_migrations values ('1');"
    project.write({"schema.sql": f"create table t (id int);\n{books}\n", "m/1_shout.sql": "select 1;\n"})
    result = project.rehearse("--pgsafe-migration=m", "--pgsafe-update")
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines(["written: nothing, since no migration was run"])
    assert not (project.path / FILE).exists()


def test_what_is_of_the_database_has_one_name_in_every_run(project: Project) -> None:
    # Each copy has another name, which a baseline would not find again.
    limit = "do $$ begin execute format('alter database %I connection limit 9', current_database()); end $$;"
    project.write({"shout.sql": limit})
    assert project.rehearse(MIGRATION, "--pgsafe-update").ret == 0
    assert (project.path / FILE).read_text(encoding="utf-8").splitlines()[-1] == (
        "PGS533 object-changed database (connection_limit)"
    )
    assert project.rehearse(MIGRATION).ret == 0
