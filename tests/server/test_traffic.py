"""The migration run once more while others work, on real servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from crowded import SAFE, UNSAFE, loaded
from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.config.values import Settings, Traffic
from pytest_pgsafe.server.base import Server

#: Each fourth of them; all with the variable.
STEP = 1 if os.environ.get("PGSAFE_TEST_FULL") == "1" else 4
SETTINGS = Settings(folder=Path(), traffic=Traffic(budget=300.0))


@pytest.fixture(scope="module")
def shop(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with loaded(server, tmp_path_factory.mktemp("traffic")) as bench:
        yield bench


def found(shop: Bench, folder: Path, text: str, settings: Settings = SETTINGS) -> list[Finding]:
    file = folder / "change.sql"
    file.write_text(text)
    return [one for one in shop.judge(file, traffic=settings) if one.check == "traffic"]


@pytest.mark.parametrize("name", list(UNSAFE)[::STEP])
def test_what_harms_others(shop: Bench, name: str, tmp_path: Path) -> None:
    text, codes = UNSAFE[name]
    told = found(shop, tmp_path, text)
    assert {one.code for one in told} == codes, told
    for one in told:
        assert one.statement is not None
        assert (one.statement.file, one.statement.line is not None) == ("change.sql", True)
    assert {one.code for one in told if one.severity is Severity.ERROR} == codes & {"PGS821"}


@pytest.mark.parametrize("name", list(SAFE)[::STEP])
def test_what_harms_nobody(shop: Bench, name: str, tmp_path: Path) -> None:
    assert found(shop, tmp_path, SAFE[name]) == []
