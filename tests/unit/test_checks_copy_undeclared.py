"""PGS404 copy-undeclared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import column, evidence, sales, shown, snapshot, table
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Undeclared
from pytest_pgsafe.snapshot.values import DenormalizedContent, DenormalizedLoss, DenormalizedRule, Proposal

NAME = "public.sales.customer_name"
RULE = DenormalizedRule(column=NAME, source="public.customers.name")
PROPOSAL = Proposal(rule=RULE, rows=100, agreeing=98, sampled=False)
BEFORE = DenormalizedContent(rows=100, drifted=2)


def found(one: Undeclared, *, dropped: bool) -> list[tuple[str, ...]]:
    said = evidence(
        snapshot(table(), column(NAME, "text")), snapshot(table(), *(() if dropped else (column(NAME, "text"),)))
    )
    findings = [two for two in judge(replace(said, undeclared=(one,))) if two.code == "PGS404"]
    return [(two.severity.value, two.message, two.remedy or "") for two in findings]


@pytest.mark.parametrize(
    ("loss", "severity", "words"),
    [
        (DenormalizedLoss(drifted=2, moved=0), "warning", "in 2 rows what it said cannot be read there"),
        (DenormalizedLoss(drifted=0, moved=3), "warning", "in 3 rows what it said cannot be read there"),
        (DenormalizedLoss(drifted=0, moved=0), "note", "98 of 100 rows, and no rule says so"),
        (None, "warning", "in 2 rows it says something else, which is lost"),
    ],
)
def test_a_dropped_column(loss: DenormalizedLoss | None, severity: str, words: str) -> None:
    [(said, message, remedy)] = found(Undeclared(proposal=PROPOSAL, before=BEFORE, loss=loss), dropped=True)
    assert said == severity
    assert message.endswith(words)
    line = f'[[denormalized]] column = "{NAME}", source = "public.customers.name"'
    assert (line in remedy) == (severity == "warning")


@pytest.mark.parametrize(("drifted", "severity"), [(1, "note"), (2, "note"), (3, "warning")])
def test_a_rewritten_column(drifted: int, severity: str) -> None:
    after = DenormalizedContent(rows=100, drifted=drifted)
    [(said, _, _)] = found(Undeclared(proposal=PROPOSAL, before=BEFORE, after=after), dropped=False)
    assert said == severity


def test_nothing_is_said_of_what_seems_no_copy() -> None:
    same = evidence(snapshot(*sales(oid=1)), snapshot(*sales(oid=1)))
    assert [one for one in shown(judge(same)) if one[0] == "PGS404"] == []
