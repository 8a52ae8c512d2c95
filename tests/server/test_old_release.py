"""What the release that is still running does on the migrated copy, on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench import Bench
from older import BREAKS, FITS, Case, loaded
from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.config.values import OldRelease, Settings
from pytest_pgsafe.server.base import Server
from tests.tiers import part


@pytest.fixture(scope="module")
def shop(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with loaded(server, tmp_path_factory.mktemp("old")) as bench:
        yield bench


def found(shop: Bench, folder: Path, case: Case) -> list[Finding]:
    migration, queries = folder / "change.sql", folder / "queries.sql"
    migration.write_text(case.migration)
    settings = Settings(folder=folder)
    if case.statements:
        queries.write_text(case.statements)
        settings = replace(settings, old_release=OldRelease(statements=queries))
    told = [one for one in shop.judge(migration, release=settings) if one.check == "old_release"]
    # What was not asked, or could not be judged, breaks nothing.
    assert shop.judged is not None
    tried = shop.judged.released
    assert (tried.left_out, tried.statements > 0) == ((), bool(case.statements)), tried
    return told


@pytest.mark.parametrize("name", part(BREAKS, 4))
def test_what_the_release_cannot_do_any_more(shop: Bench, name: str, tmp_path: Path) -> None:
    case = BREAKS[name]
    told = [one for one in found(shop, tmp_path, case) if one.severity is not Severity.NOTE]
    assert {f"{one.code} {one.severity.value}" for one in told} == case.found, told
    assert case.says in "\n".join(one.message for one in told)


@pytest.mark.parametrize("name", part(FITS, 4))
def test_what_the_release_still_can(shop: Bench, name: str, tmp_path: Path) -> None:
    assert {one.severity for one in found(shop, tmp_path, FITS[name])} <= {Severity.NOTE}


def failing(release: str, shop: Bench, folder: Path, migration: str) -> list[str]:
    (folder / "change.sql").write_text(migration)
    (folder / "own.py").write_text(f"import psycopg\nprint(psycopg.connect().execute({release!r}).fetchone())\n")
    settings = Settings(folder=folder, old_release=OldRelease(run="echo password=hunter22 && python own.py"))
    return [one.message for one in shop.judge(folder / "change.sql", release=settings) if one.code == "PGS577"]


def test_its_own_tests_are_run_on_both_copies(shop: Bench, tmp_path: Path) -> None:
    rename = "alter table customer rename column phone to telephone;"
    [told] = failing("select phone from customer", shop, tmp_path, rename)
    assert "python own.py passes on the copy before the migration, and fails on the migrated copy" in told
    assert 'psycopg.errors.UndefinedColumn: column "phone" does not exist' in told
    assert "hunter22" not in told
    # What passes, and what fails before the migration too, is none of its doing.
    assert failing("select name from customer", shop, tmp_path, rename) == []
    assert failing("select street from customer", shop, tmp_path, rename) == []


def test_what_failed_before_is_not_blamed_and_is_said(shop: Bench, tmp_path: Path) -> None:
    (tmp_path / "change.sql").write_text("alter table customer rename column phone to telephone;")
    queries = tmp_path / "queries.sql"
    queries.write_text("select fax from customer;\nselect phone from customer where id = $1;\n")
    settings = Settings(folder=tmp_path, old_release=OldRelease(statements=queries))
    told = [one for one in shop.judge(tmp_path / "change.sql", release=settings) if one.code == "PGS571"]
    assert [one.message.partition(" ")[0] for one in told] == ["queries.sql:2"]
    assert shop.judged is not None
    [left] = shop.judged.released.left_out
    assert left.startswith("queries.sql:1 select fax from customer: it cannot be planned before the migration either")
    assert 'column "fax" does not exist' in left
