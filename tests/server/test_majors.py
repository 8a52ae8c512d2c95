"""A copy on another major than its source, and the majors that SQL files are given: real servers of two majors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_pgsafe.backup.restore import run_sql
from pytest_pgsafe.backup.take import take
from pytest_pgsafe.checks.majors import ANOTHER_MAJOR
from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.rehearsal.preflight import preflight
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.choose import probe
from pytest_pgsafe.server.fitting import Fitting
from pytest_pgsafe.server.programs import LocalPrograms, find

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "checks"
FUNCTION = r"""
create function marked(text) returns text language plpgsql as $$begin return $1 || E'\v'; end$$;
"""


@pytest.fixture(scope="module")
def newer(server: Server) -> LocalPrograms:
    """Programs of a newer major than the server's, for its copies."""
    if server.kind != "local":
        pytest.skip("the copies are on local servers")
    found = find(fitting=Fitting())
    if found.version.major == server.version.major:
        pytest.skip(f"no programs newer than PostgreSQL {server.version.major}")
    return found


@pytest.fixture(scope="module")
def backup(server: Server, newer: LocalPrograms, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("majors")
    more = folder / "more.sql"
    more.write_text(FUNCTION)
    source = server.create("source")
    run_sql([EXAMPLES / "base.sql", more], source, server.programs)
    # By programs that both can read.
    take(source, folder / "backup", server.programs)
    yield folder / "backup"
    server.drop(source)


def rehearsed(
    backup: Path, folder: Path, migration: str | None, major: int, *, strict: bool = False
) -> tuple[Result, list[Finding]]:
    path = folder / "migration.sql"
    path.write_text(migration or "")
    settings = Settings(
        folder=folder,
        source=Source(backup=backup),
        migration=None if migration is None else Way(kind="sql", path=path),
        server=ServerSettings(use="local"),
        strict=strict,
    )
    plan = replace(preflight(settings), choice=probe("local", major=major))
    result = rehearse(settings, plan=plan)
    return result, [finding for finding in result.findings if finding.code == ANOTHER_MAJOR.code]


@pytest.mark.parametrize("example", ["unsafe", "safe"])
def test_example(server: Server, newer: LocalPrograms, backup: Path, tmp_path: Path, example: str) -> None:
    [folder] = EXAMPLES.glob(f"{ANOTHER_MAJOR.code}-*")
    major = newer.version.major if example == "unsafe" else server.version.major
    result, found = rehearsed(backup, tmp_path, (folder / f"{example}.sql").read_text(), major)
    assert result.verdict == "passed", result
    gaps = [gap for gap in result.not_verified if gap.object == "server version"]
    if example == "safe":
        assert (found, gaps) == ([], [])
        return
    assert len(gaps) == 1
    assert str(server.version) in gaps[0].reason
    assert {finding.severity for finding in found} == {Severity.WARNING}
    assert (found[0].before, found[0].after) == (str(server.version), result.server["version"])
    if server.version.major < 17 <= newer.version.major:
        [of_statement] = [one for one in found if one.statement is not None]
        assert (of_statement.aspect, of_statement.statement and of_statement.statement.line) == ("escape-v", 2)
        # What the migration may run holds it too.
        assert "public.marked(text)" in {finding.object for finding in found}


def test_it_is_an_error_under_strict_and_once(newer: LocalPrograms, backup: Path, tmp_path: Path) -> None:
    result, found = rehearsed(backup, tmp_path, None, newer.version.major, strict=True)
    assert result.verdict == "failed"
    assert found[0].severity is Severity.ERROR
    assert [finding.code for finding in result.findings if finding.object == "server version"] == ["PGS015"]


def test_what_the_source_does_not_know_at_all_is_an_error(
    server: Server, newer: LocalPrograms, backup: Path, tmp_path: Path
) -> None:
    if not server.version.major < 17 <= newer.version.major:
        pytest.skip("wanted: a source before 17 and a copy from 17 on")
    merge = (
        "merge into order_notes n using customers c on n.id = c.id when not matched then insert values (c.id)"
        " returning n.id"
    )
    result, found = rehearsed(backup, tmp_path, f"begin;\n{merge};\ncommit;\n", newer.version.major)
    assert result.verdict == "failed"
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    # Up to 14 MERGE itself is one more.
    assert len(errors) == (1 if server.version.major > 14 else 2)
    [error] = [finding for finding in errors if "MERGE … RETURNING" in finding.message]
    assert error.statement is not None
    assert error.statement.line == 2


def test_what_the_copy_does_not_know_any_more_is_told_where_the_migration_fails(
    server: Server, newer: LocalPrograms, backup: Path, tmp_path: Path
) -> None:
    if not server.version.major < 16 <= newer.version.major:
        pytest.skip("wanted: a source before 16 and a copy from 16 on")
    result, found = rehearsed(backup, tmp_path, "set force_parallel_mode = off;", newer.version.major)
    assert result.verdict in {"failed", "error"}
    assert any("it fails here alone" in finding.message for finding in found), found


def chosen(tmp_path: Path, *texts: str) -> tuple[LocalPrograms | None, str]:
    paths: list[Path] = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / f"{number}.sql")
        paths[-1].write_text(text)
    plan = preflight(Settings(folder=tmp_path, source=Source(sql=tuple(paths)), server=ServerSettings(use="local")))
    version = plan.choice.version
    assert version is not None
    return find(version.major), plan.choice.reason


def test_sql_files_are_given_the_newest_major_that_fits(
    server: Server, newer: LocalPrograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = server.version.major, newer.version.major
    folders = [find(major).folder for major in (old, new)]
    for order in (folders, folders[::-1]):
        # Whichever stands first on PATH.
        monkeypatch.setenv("PATH", ":".join(map(str, order)))
        programs, reason = chosen(tmp_path, "create table t (id int);")
        assert programs is not None
        assert programs.version.major == new
        assert "the newest that fits the source: nothing in it needs another" in reason
        programs, reason = chosen(
            tmp_path, "create table t ();", f"-- PostgreSQL database dump\n\n-- Dumped from database version {old}.1\n"
        )
        assert programs is not None
        assert programs.version.major == old
        if old < 16:
            programs, reason = chosen(tmp_path, "create table t ();\n\nset force_parallel_mode = off;")
            assert programs is not None
            # Others of this machine's may lie between.
            assert old <= programs.version.major < 16
            assert "SET force_parallel_mode at 0.sql:3 is known to PostgreSQL up to 15" in reason
        if old < 17 <= new:
            # A dump of the old server by programs of a newer one.
            programs, reason = chosen(
                tmp_path,
                f"-- PostgreSQL database dump\n-- Dumped from database version {old}.1\n"
                "-- Dumped by pg_dump version 17.1\n\nSET statement_timeout = 0;\nSET transaction_timeout = 0;",
            )  # fmt: skip
            assert programs is not None
            assert programs.version.major >= 17


def test_the_exact_major_is_taken_wherever_it_is(server: Server, newer: LocalPrograms) -> None:
    folders = {major: find(major).folder for major in (server.version.major, newer.version.major)}
    for path in (f"{folders[newer.version.major]}", ""):
        found = find(server.version.major, path=path, usual=[str(folders[server.version.major])], wheels=())
        assert found.version.major == server.version.major
    only = find(server.version.major, path=str(folders[newer.version.major]), usual=(), wheels=())
    assert only.version.major == newer.version.major
    with pytest.raises(ServerError, match="older than"):
        find(newer.version.major, bin_dir=folders[server.version.major])
