"""Each check's examples on a real server: the unsafe one yields its finding, the safe one does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from pytest_pgsafe.checks import CHECKS
from pytest_pgsafe.checks.values import Check, Rules
from pytest_pgsafe.config import resolve
from pytest_pgsafe.config.values import Options
from pytest_pgsafe.rehearsal.rules import resolve_rules
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "checks"


@pytest.fixture(scope="module")
def base(server: Server) -> Iterator[Bench]:
    bench = Bench.load(server, [EXAMPLES / "base.sql"], role=server.address().user)
    yield bench
    server.drop(bench.before)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
@pytest.mark.parametrize("example", ["unsafe", "safe"])
def test_example(base: Bench, check: Check, example: str) -> None:
    [folder] = EXAMPLES.glob(f"{check.code}-*")
    rules = Rules()
    if (folder / "pgsafe.toml").exists():
        told = Options(source=(str(EXAMPLES / "base.sql"),), config=str(folder / "pgsafe.toml"))
        settings = resolve(told, environment={}, rootdir=folder, invocation_dir=folder)
        rules = resolve_rules(settings, base.facts.catalog)
    # Roles outlive the clones: what the example before did to one is undone.
    with connect(base.server.address(), read_only=False) as connection:
        connection.execute("alter role pgsafe_check_app nosuperuser nocreaterole nocreatedb nobypassrls login")
    back = folder / f"{example}.down.sql"
    found = base.judge(folder / f"{example}.sql", rules, back if back.exists() else None)
    codes = {finding.code for finding in found}
    assert (check.code in codes) == (example == "unsafe"), found
