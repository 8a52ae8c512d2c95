"""What a migration cost: budgets, what is scaled to the source, and how it is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from builders import evidence, sales, sales_content, shown, snapshot
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.cost_values import Scale, measured, scaled
from pytest_pgsafe.checks.values import Finding, Rules
from pytest_pgsafe.config import resolve
from pytest_pgsafe.config.expectations import Locked
from pytest_pgsafe.config.values import Budget, Options
from pytest_pgsafe.migrate.values import Lock, Statement, Trace
from pytest_pgsafe.rehearsal.measured import measure
from pytest_pgsafe.rehearsal.rules import resolve_rules
from pytest_pgsafe.rehearsal.values import Outcome, Result, Step
from pytest_pgsafe.report import html, markdown
from pytest_pgsafe.report import json as report
from pytest_pgsafe.report.redact import redact
from pytest_pgsafe.report.terminal import summary

T = "public.sales"
UPDATE = Statement(text="update sales set name = 'secret'", duration=900.0, rows=1000, wal=5 << 20, temporary=10)
ALTER = Statement(text="alter table sales add column x int", duration=2.0, wal=100)
BUILD = Statement(text="create index on sales (name)", duration=400.0, wal=1 << 20)
LOCK = Lock(
    relation=T, mode="AccessExclusiveLock", statement=ALTER.text, held=910.0, own=2.0, scanned=0, prolonged=UPDATE,
    number=0,
)  # fmt: skip
INDEX = Lock(relation=T, mode="ShareLock", statement=BUILD.text, held=400.0, own=400.0, number=2)
TRACE = Trace(
    seconds=1.5, sessions=1, statements=(ALTER, UPDATE, BUILD), locks=(LOCK, INDEX), wal=7 << 20, growth=3 << 20,
    peak=4 << 20, observed=True,
)  # fmt: skip
SIDE = snapshot(*sales(), tables={T: sales_content(1000)})


def found(trace: Trace | None = TRACE, **rules: Any) -> list[Finding]:
    return [one for one in judge(evidence(SIDE, SIDE, trace=trace, rules=Rules(**rules))) if one.check == "cost"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"wal_budget": 7 << 20}, []),
        ({"wal_budget": 6 << 20}, [("PGS811", "error", "migration")]),
        ({"growth_budget": 2 << 20}, [("PGS812", "error", "migration")]),
        ({"growth_budget": 3 << 20}, []),
        ({"peak_budget": 3 << 20}, [("PGS813", "error", "migration")]),
        ({"peak_budget": 4 << 20}, []),
        ({"wait_budget": 0.9}, [("PGS814", "error", T)]),
        ({"wait_budget": 1.0}, []),
        ({"migrate_budget": 1.0}, [("PGS804", "error", "migration")]),
        ({"migrate_budget": 2.0}, []),
        # Where the table has a hundred times the rows.
        ({"wal_budget": 7 << 20, "source_rows": {T: 100_000}}, [("PGS811", "error", "migration")]),
        ({"migrate_budget": 100.0, "source_rows": {T: 100_000}}, [("PGS804", "error", "migration")]),
        ({"wait_budget": 80.0, "source_rows": {T: 100_000}}, [("PGS814", "error", T)]),
        ({"wait_budget": 95.0, "source_rows": {T: 100_000}}, []),
        ({"migrate_budget": 2.0, "source_rows": {T: 10}}, []),
    ],
)
def test_budgets(rules: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    assert shown(found(**rules)) == expected


def test_what_is_scaled_is_said_to_be() -> None:
    [told] = found(wal_budget=7 << 20, source_rows={T: 100_000})
    assert "7.0 MB on the copy" in told.message
    assert "(scaled)" in told.message
    [told] = found(wal_budget=1 << 20, source_rows={T: 100_000})
    assert "scaled" not in told.message


@pytest.mark.parametrize("key", ["wal_budget", "growth_budget", "peak_budget", "migrate_budget"])
def test_what_was_not_measured_was_not_kept(key: str) -> None:
    for strict, severity in ((False, "warning"), (True, "error")):
        assert [one.severity.value for one in found(None, **{key: 5}, strict=strict)] == [severity]


def test_a_wait_that_was_not_observed_was_not_kept() -> None:
    unseen = replace(TRACE, observed=False, locks=(), statements=())
    assert shown(found(unseen, wait_budget=5.0)) == [("PGS814", "warning", "migration")]


def test_an_announced_lock_may_be_waited_for() -> None:
    announced = Locked(table=T, mode="AccessExclusiveLock", reason="at night")
    [told] = found(wait_budget=0.1, locks=(announced,))
    assert (told.severity.value, told.reason) == ("note", "at night")


def test_each_statement_is_scaled_by_what_it_works_on() -> None:
    comparison = evidence(SIDE, SIDE).comparison
    scale = Scale(comparison=comparison, trace=TRACE, rows={T: 10_000})
    assert list(scale.statements) == [1.0, 10.0, 10.0]
    assert scale.seconds(LOCK) == pytest.approx(0.910 + 9 * 0.9)
    assert scale.seconds(INDEX) == pytest.approx(4.0)
    larger = scaled(TRACE, scale)
    assert larger is not None
    assert larger.seconds == pytest.approx(1.5 + 9 * 1.3)
    assert larger.wal == (7 << 20) + 9 * (6 << 20)
    assert larger.temporary == 100
    assert scaled(TRACE, replace(scale, rows={"public.other": 10})) is None
    assert measured(TRACE).longest is LOCK


def result() -> Result:
    comparison = evidence(SIDE, SIDE).comparison
    return Result(
        steps=(Step(name="migrate", seconds=1.5, outcome=Outcome.PASSED),), source={}, server={}, trace=TRACE,
        measured=measure(comparison, TRACE, None, {T: 10_000}), time="2026-01-01T00:00:00+00:00",
        migration=("sql", "up.sql"),
    )  # fmt: skip


def test_the_report_holds_what_was_measured() -> None:
    document = report.document(result())
    jsonschema.validate(document, report.schema())
    assert document["time"] == "2026-01-01T00:00:00+00:00"
    assert document["migration"] == {"kind": "sql", "text": "up.sql", "files": [], "revisions": []}
    first, second, third = document["statements"]
    assert (second["rows"], second["wal_bytes"], second["seconds"], second["scaled_seconds"]) == (1000, 5 << 20, 0.9, 9)
    assert first["locks"][0]["prolonged_by"] == UPDATE.text
    assert [lock["mode"] for lock in third["locks"]] == ["ShareLock"]
    assert document["cost"]["peak_bytes"] == 4 << 20
    assert document["cost"]["temporary_bytes"] == 10
    assert document["cost"]["longest_lock"]["relation"] == T
    assert document["cost"]["scaled"]["seconds"] > 10
    [table] = document["tables"]
    assert (table["table"], table["rows"], table["touched"]) == (T, [1000, 1000], True)
    assert {"column": "id", "nulls": [0, 0], "changed": 0} in table["columns"]


def test_no_value_of_a_statement_is_shown_where_none_may_be() -> None:
    hidden = redact(result(), samples="keys")
    assert "secret" not in json.dumps(report.document(hidden)) + html.render(hidden)
    assert "secret" not in markdown.render(result())
    assert "secret" in json.dumps(report.document(result()))


def test_people_are_told_the_costliest_first_and_all_on_demand() -> None:
    short = [line.text for line in summary(result(), short=False)]
    told = [line for line in short if "update sales" in line or "alter table" in line or "create index" in line]
    assert ["update" in line for line in told[:1]] == [True]
    assert any("cost: 1.50 s, WAL 7.0 MB, growth 3.0 MB, peak 4.0 MB" in line for line in short)
    assert any("scaled" in line and line.strip().startswith("cost") for line in short)
    whole = [line.text for line in summary(result(), short=False, whole=True)]
    assert any("AccessExclusiveLock on public.sales 910 ms, held on by update sales" in line for line in whole)
    assert "| statement | time | rows | WAL | locks |" in markdown.render(result())
    assert "What statements cost" in html.render(result())


def test_a_cheap_migration_has_no_table_of_costs() -> None:
    comparison = evidence(SIDE, SIDE).comparison
    cheap = Trace(seconds=0.1, sessions=1, statements=(ALTER,), observed=True)
    told = replace(result(), trace=cheap, measured=measure(comparison, cheap, None, {}))
    assert not [line for line in summary(told, short=False) if line.text.strip().startswith("cost")]
    assert "| statement |" not in markdown.render(told)


def test_rows_of_the_source_are_read_beside_its_address(tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_text("select 1;")
    (tmp_path / "pgsafe.toml").write_text(
        '[source]\nsql = "s.sql"\nrows = { sales = 12_000 }\n'
        '[budget]\nwal = "1GB"\ngrowth = "2MB"\npeak = "3kB"\nwait = "2s"\n'
    )
    settings = resolve(Options(), environment={}, rootdir=tmp_path, invocation_dir=tmp_path)
    assert settings.source is not None
    assert settings.source.rows == {"sales": 12_000}
    assert settings.budget == Budget(wal=1 << 30, growth=2 << 20, peak=3 << 10, wait=2.0)
    assert resolve_rules(settings, SIDE.catalog).source_rows == {T: 12_000}
