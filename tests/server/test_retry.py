"""The migration broken off and run again, on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench import Bench
from interrupted import SAFE, UNSAFE, loaded
from pytest_pgsafe.checks.values import Finding
from pytest_pgsafe.config.values import Retry, Settings
from pytest_pgsafe.server.base import Server
from tests.tiers import part

SETTINGS = Settings(folder=Path(), retry=Retry(budget=120.0))
#: All of it is there, or nothing.
WHOLE = frozenset({"one statement", "one transaction", "one block", "settings and looks"})


@pytest.fixture(scope="module")
def shop(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with loaded(server, tmp_path_factory.mktemp("retry")) as bench:
        yield bench


def found(shop: Bench, folder: Path, text: str, settings: Settings = SETTINGS) -> list[Finding]:
    file = folder / "change.sql"
    file.write_text(text)
    return [one for one in shop.judge(file, retry=settings) if one.check == "retry"]


def test_the_way_back_is_broken_off_too(shop: Bench, tmp_path: Path) -> None:
    (tmp_path / "up.sql").write_text("alter table sale add column tag integer, add column kind integer")
    down = tmp_path / "down.sql"
    down.write_text("alter table sale drop column tag; alter table sale drop column kind;")
    settings = replace(SETTINGS, retry=replace(SETTINGS.retry, back=True))
    [told] = [one for one in shop.judge(tmp_path / "up.sql", rollback=down, retry=settings) if one.check == "retry"]
    assert told.code == "PGS581"
    assert told.message.startswith("the way back, broken off after down.sql:1 alter table sale drop column tag (1 of 2")


@pytest.mark.parametrize("name", part(UNSAFE, 3))
def test_what_cannot_be_repeated(shop: Bench, name: str, tmp_path: Path) -> None:
    text, codes = UNSAFE[name]
    told = found(shop, tmp_path, text)
    assert {one.code for one in told} <= codes, told
    assert told
    for one in told:
        assert one.statement is not None
        assert (one.statement.file, one.statement.line is not None) == ("change.sql", True)


@pytest.mark.parametrize("name", part(SAFE, 3))
def test_what_can_be_repeated(shop: Bench, name: str, tmp_path: Path) -> None:
    assert found(shop, tmp_path, SAFE[name]) == []
    assert shop.judged is not None
    tried = shop.judged.retried
    assert (bool(tried.attempts), tried.left_out) == (name not in WHOLE, ()), tried
