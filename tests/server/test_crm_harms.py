"""The CRM: harms are caught with object, check and key; what does no harm raises no alarm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from crm_facts import header
from pytest_pgsafe.catalog.names import means
from pytest_pgsafe.checks.values import Finding, Rules, Severity
from pytest_pgsafe.config import resolve
from pytest_pgsafe.config.values import Options
from pytest_pgsafe.rehearsal.rules import resolve_rules
from pytest_pgsafe.server.base import Server
from tests.tiers import part

CRM = Path(__file__).parents[2] / "fixtures" / "crm"
HARMS = sorted((CRM / "harms").glob("*.sql"))
BENIGN = sorted((CRM / "benign").glob("*.sql"))


@pytest.fixture(scope="module")
def crm(server: Server) -> Iterator[Bench]:
    bench = Bench.load(server, [CRM / "schema.sql", CRM / "data.sql"], role="crm_owner")
    yield bench
    server.drop(bench.before)


def errors(findings: tuple[Finding, ...]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


@pytest.fixture(scope="module")
def rules(crm: Bench) -> Rules:
    """Everything that the CRM's pgsafe.toml says."""
    settings = resolve(Options(source=(str(CRM / "schema.sql"),)), environment={}, rootdir=CRM, invocation_dir=CRM)
    return resolve_rules(settings, crm.facts.catalog)


@pytest.mark.parametrize("file", part(HARMS, 2), ids=lambda file: file.stem)
def test_harm_is_caught(crm: Bench, rules: Rules, file: Path) -> None:
    said = header(file)
    # The copies are declared; no drop is announced.
    declared = Rules(denormalized=rules.denormalized)
    with crm.prepared([CRM / name for name in said.get("needs", [])]) as bench:
        found = errors(bench.judge(file, declared))
    # Several objects: either of them.
    named = [one for one in found if any(means(one.object, name) for name in said["object"])]
    assert {*said["check"]} <= {one.check for one in named}, found
    for line in said.get("key", []):
        name, value = line.split("=")
        keys = [dict(sample.key) for one in found for sample in one.samples]
        assert {name: value} in keys, keys


@pytest.mark.parametrize("file", [*part(BENIGN, 2), CRM / "additive.sql"], ids=lambda file: file.stem)
def test_no_false_alarm(crm: Bench, file: Path) -> None:
    assert errors(crm.judge(file)) == []


def test_phase_4_is_safe_when_announced_and_its_way_back_brings_everything_back(crm: Bench, rules: Rules) -> None:
    assert len({rule.column.rsplit(".", 1)[1] for rule in rules.denormalized}) == 17
    assert len(rules.dropped) == len(rules.denormalized) >= 17
    assert errors(crm.judge(CRM / "phase4.sql", rules, CRM / "phase4.down.sql")) == []


def test_phase_4_unannounced_is_data_loss_in_every_dropped_column(crm: Bench, rules: Rules) -> None:
    found = errors(crm.judge(CRM / "phase4.sql"))
    assert {finding.object for finding in found if finding.check == "values"} == {
        entry.object for entry in rules.dropped
    }
