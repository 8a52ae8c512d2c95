"""Which checks are collected: of ``pgsafe.toml``, whatever the paths, once, and not when ids select other tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

CHECKS = [
    f"pgsafe.toml::{name}"
    for name in (
        "restore", "migrate", "rows", "values", "foreign_keys", "denormalized", "schema", "sequences", "privileges",
        "locks", "cost", "works", "traffic", "retry", "old_release", "rollback",
    )
]  # fmt: skip
MIGRATION = "--pgsafe-migration=additive.sql"
OTHER = {"tests/test_other.py": "def test_one(): pass\ndef test_two(): pass\n"}
ONE, TWO = "tests/test_other.py::test_one", "tests/test_other.py::test_two"


def test_an_empty_folder(project: Project) -> None:
    assert project.collect(MIGRATION) == CHECKS


def test_a_source_alone_is_backed_up_and_restored(project: Project) -> None:
    assert project.collect() == ["pgsafe.toml::restore"]


def test_a_database_and_a_backup_have_a_backup_to_check(project: Project) -> None:
    project.write({"backup/toc.dat": "PGDMP"})
    for source in ("dbname=nowhere host=/nonexistent", "backup"):
        result = project.run("--pgsafe", f"--pgsafe-source={source}", MIGRATION, "--collect-only", "-q")
        assert [line for line in result.outlines if "::" in line] == ["pgsafe.toml::backup", *CHECKS]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (".",),
        ("tests",),
        (".", "tests"),
        (".", "tests/test_other.py"),
        ("tests/test_other.py", "--keep-duplicates"),
        ("pgsafe.toml", "tests"),
    ],
)
@pytest.mark.parametrize("there", [False, True], ids=["no file", "file"])
def test_whatever_paths_are_given_once(project: Project, arguments: tuple[str, ...], *, there: bool) -> None:
    project.write(OTHER | ({"pgsafe.toml": "strict = false\n"} if there else {}))
    assert sorted(project.collect(MIGRATION, *arguments)) == sorted([ONE, TWO, *CHECKS])


def test_testpaths(project: Project) -> None:
    project.write({**OTHER, "pytest.ini": "[pytest]\ntestpaths = tests\n"})
    assert project.collect(MIGRATION) == [ONE, TWO, *CHECKS]


def test_a_folder_below_rootdir(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write({**OTHER, "pytest.ini": "[pytest]\n", "tests/schema.sql": "", "tests/additive.sql": ""})
    monkeypatch.chdir(project.path / "tests")
    assert project.collect(MIGRATION) == [ONE, TWO, *CHECKS]
    assert project.collect(MIGRATION, "../pgsafe.toml::rows") == ["pgsafe.toml::rows"]


def test_a_folder_elsewhere(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "test_far.py").write_text("def test_far(): pass\n")
    found = project.collect(MIGRATION, str(elsewhere))
    assert found[-len(CHECKS) :] == CHECKS
    assert len(found) == len(CHECKS) + 1


@pytest.mark.parametrize("there", [False, True], ids=["no file", "file"])
def test_ids_of_ours(project: Project, *, there: bool) -> None:
    project.write(OTHER | ({"pgsafe.toml": ""} if there else {}))
    assert project.collect(MIGRATION, "pgsafe.toml::rows") == ["pgsafe.toml::rows"]
    assert project.collect(MIGRATION, "./pgsafe.toml::values", "pgsafe.toml::rows") == [
        "pgsafe.toml::rows",
        "pgsafe.toml::values",
    ]
    assert project.collect(MIGRATION, "pgsafe.toml") == CHECKS
    assert project.collect(MIGRATION, ONE, "pgsafe.toml::rows") == [ONE, "pgsafe.toml::rows"]
    assert project.collect(MIGRATION, "tests", "pgsafe.toml::rows") == [ONE, TWO, "pgsafe.toml::rows"]


def test_ids_of_other_tests(project: Project) -> None:
    project.write(OTHER)
    assert project.collect(MIGRATION, ONE) == [ONE]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("-k", "rows"), ["pgsafe.toml::rows"]),
        (("-k", "not rows and not locks and pgsafe"), [name for name in CHECKS if name[13:] not in {"rows", "locks"}]),
        (("-m", "pgsafe"), CHECKS),
        (("-m", "not pgsafe"), [ONE, TWO]),
        (("--deselect", "pgsafe.toml::rows"), [ONE, TWO, *(name for name in CHECKS if name != "pgsafe.toml::rows")]),
    ],
)
def test_selection(project: Project, arguments: tuple[str, ...], found: list[str]) -> None:
    project.write(OTHER)
    assert sorted(project.collect(MIGRATION, "--strict-markers", *arguments)) == sorted(found)


def test_last_failed_knows_checks_of_a_file_that_does_not_exist(project: Project) -> None:
    project.write(OTHER | {".pytest_cache/v/cache/lastfailed": f'{{"pgsafe.toml::rows": true, "{ONE}": true}}'})
    assert sorted(project.collect(MIGRATION, "--lf")) == ["pgsafe.toml::rows", ONE]


def test_a_conftest_and_its_autouse_fixtures_are_for_the_tests_of_the_project(project: Project) -> None:
    conftest = "import pytest\n@pytest.fixture(autouse=True)\ndef broken(): raise RuntimeError\n"
    project.write({"conftest.py": conftest, "tests/conftest.py": "", **OTHER})
    result = project.run(*project.needed, MIGRATION, "--setup-plan", "-q")
    assert "broken" not in result.stdout.str().replace(ONE, "").split("pgsafe.toml")[-1]


def test_an_error_in_another_module_is_told_and_nothing_is_rehearsed(project: Project) -> None:
    project.write({"tests/test_broken.py": "import nothing_of_this_name\n"})
    result = project.run(*project.needed, MIGRATION, "--collect-only", "-q")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*ModuleNotFoundError*nothing_of_this_name*"])
