"""Each check's examples on a real server: the unsafe one yields its finding, the safe one does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from pytest_pgsafe.backup.restore import run_sql
from pytest_pgsafe.backup.take import take
from pytest_pgsafe.checks import CHECKS, restored
from pytest_pgsafe.checks.values import Check, Rules
from pytest_pgsafe.config import resolve
from pytest_pgsafe.config.values import Options, Retry, Settings, Source, Traffic
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.rehearsal.rules import resolve_rules
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.tiers import FULL

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "checks"
#: One of each check by turns, then the other one.
EXAMPLE = [
    pytest.param(
        check, ("unsafe", "safe")[(number + turn) % 2], id=f"{('unsafe', 'safe')[(number + turn) % 2]}-{check.code}"
    )
    for turn in range(2)
    for number, check in enumerate(CHECKS)
]


@pytest.fixture(scope="module")
def base(server: Server) -> Iterator[Bench]:
    bench = Bench.load(server, [EXAMPLES / "base.sql"], role=server.address().user)
    yield bench
    server.drop(bench.before)


@pytest.mark.parametrize(("check", "example"), EXAMPLE if FULL else EXAMPLE[: len(CHECKS)])
def test_example(base: Bench, check: Check, example: str) -> None:
    [folder] = EXAMPLES.glob(f"{check.code}-*")
    rules, beside = Rules(), Traffic()
    release = Settings(folder=folder) if check.check == "old_release" else None
    if (folder / "pgsafe.toml").exists():
        told = Options(source=(str(EXAMPLES / "base.sql"),), config=str(folder / "pgsafe.toml"))
        settings = resolve(told, environment={}, rootdir=folder, invocation_dir=folder)
        rules, beside = resolve_rules(settings, base.facts.catalog), settings.traffic
        release = None if release is None else settings
    # Roles outlive the clones: what the example before did to one is undone.
    with connect(base.server.address(), read_only=False) as connection:
        connection.execute("alter role pgsafe_check_app nosuperuser nocreaterole nocreatedb nobypassrls login")
    back = folder / f"{example}.down.sql"
    # A run that hangs is to be one soon.
    retry = Settings(folder=Path(), timeout=4.0, retry=Retry(budget=60.0)) if check.check == "retry" else None
    traffic = Settings(folder=Path(), traffic=beside) if check.check == "traffic" else None
    down = back if back.exists() else None
    found = base.judge(folder / f"{example}.sql", rules, down, retry=retry, traffic=traffic, release=release)
    codes = {finding.code for finding in found}
    assert (check.code in codes) == (example == "unsafe"), found


@pytest.mark.parametrize("check", restored.CHECKS, ids=lambda check: check.code)
@pytest.mark.parametrize("example", ["unsafe", "safe"])
def test_example_of_a_restore(server: Server, check: Check, example: str, tmp_path: Path) -> None:
    [folder] = EXAMPLES.glob(f"{check.code}-*")
    source = server.create("source")
    try:
        run_sql([EXAMPLES / "base.sql", folder / f"{example}.sql"], source, server.programs)
        take(source, tmp_path / "backup", server.programs)
    finally:
        server.drop(source)
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    use = server.address().url() if server.kind == "existing" else server.kind
    result = rehearse(
        Settings(
            folder=tmp_path, source=Source(backup=tmp_path / "backup"), server=ServerSettings(use=use, image=image)
        )
    )
    assert (check.code in {finding.code for finding in result.findings}) == (example == "unsafe"), result
