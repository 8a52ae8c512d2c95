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
    return [one for one in shop.judge(migration, release=settings) if one.check == "old_release"]


@pytest.mark.parametrize("name", part(BREAKS, 4))
def test_what_the_release_cannot_do_any_more(shop: Bench, name: str, tmp_path: Path) -> None:
    case = BREAKS[name]
    told = [one for one in found(shop, tmp_path, case) if one.severity is not Severity.NOTE]
    assert {f"{one.code} {one.severity.value}" for one in told} == case.found, told
    assert case.says in "\n".join(one.message for one in told)


@pytest.mark.parametrize("name", part(FITS, 4))
def test_what_the_release_still_can(shop: Bench, name: str, tmp_path: Path) -> None:
    assert {one.severity for one in found(shop, tmp_path, FITS[name])} <= {Severity.NOTE}
