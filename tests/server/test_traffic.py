"""The migration run once more while others work, on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from crowded import SAFE, UNSAFE, loaded
from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.config.values import Script, Settings, Traffic
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.traffic.scripted import Scripted
from tests.tiers import part

SETTINGS = Settings(folder=Path(), traffic=Traffic(budget=300.0))


@pytest.fixture(scope="module")
def shop(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with loaded(server, tmp_path_factory.mktemp("traffic")) as bench:
        yield bench


def found(shop: Bench, folder: Path, text: str, settings: Settings = SETTINGS) -> list[Finding]:
    file = folder / "change.sql"
    file.write_text(text)
    return [one for one in shop.judge(file, traffic=settings) if one.check == "traffic"]


def test_the_script_of_the_team_dies_of_a_deadlock(shop: Bench, tmp_path: Path) -> None:
    script = tmp_path / "writes.pgbench"
    script.write_text(
        "begin;\nupdate note set line = line;\n\\sleep 100 ms\nupdate setting set value = value;\nrollback;\n"
    )
    settings = Settings(folder=tmp_path, traffic=Traffic(clients=2, scripts=(Script(path=script),)))
    text = (
        "begin; alter table setting add column n integer; select pg_sleep(0.5); alter table note add column n integer;"
    )
    told = [one for one in found(shop, tmp_path, f"{text} commit;", settings) if one.code == "PGS821"]
    assert [one.severity for one in told] == [Severity.ERROR]
    assert "in 2 of 2 runs beside [traffic] script" in told[0].message


def test_a_script_that_cannot_be_run_is_left_out(shop: Bench, tmp_path: Path) -> None:
    script = tmp_path / "reads.pgbench"
    script.write_text("select * from no_such_table;\n")
    copy = shop.server.clone(shop.before, "script")
    scripted = Scripted((Script(path=script),), shop.server, copy, 2)
    try:
        assert "no_such_table" in (scripted.fails() or "")
    finally:
        scripted.close()
        shop.server.drop(copy)


@pytest.mark.parametrize("name", part(UNSAFE, 4))
def test_what_harms_others(shop: Bench, name: str, tmp_path: Path) -> None:
    text, codes = UNSAFE[name]
    told = found(shop, tmp_path, text)
    assert {one.code for one in told} == codes, told
    for one in told:
        assert one.statement is not None
        assert (one.statement.file, one.statement.line is not None) == ("change.sql", True)
    assert {one.code for one in told if one.severity is Severity.ERROR} == codes & {"PGS821"}


@pytest.mark.parametrize("name", part(SAFE, 4))
def test_what_harms_nobody(shop: Bench, name: str, tmp_path: Path) -> None:
    assert found(shop, tmp_path, SAFE[name]) == []
    assert shop.judged is not None
    tried = shop.judged.traffic
    # Who keeps nobody out has nothing that could be tried; of the others all of it was.
    waits = "lock_timeout" in SAFE[name] or "index concurrently" in SAFE[name]
    assert (tried.probes > 0, tried.left_out) == (waits, ()), tried
