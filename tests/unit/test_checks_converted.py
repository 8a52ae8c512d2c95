"""PGS009 conversion-expected, and what it excuses where it holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import difference, evidence, sales, shown, snapshot
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Finding, Rules
from pytest_pgsafe.config.expectations import Converted
from pytest_pgsafe.snapshot.values import ConvertedContent, RowSample

RULE = Converted(column="public.sales.amount", expression="amount / 100.0", reason="euros")
SAMPLE = RowSample(key={"id": "1"}, before={"amount": "1"}, after={"amount": "100"})
HELD = ConvertedContent(column="public.sales.amount", before="public.sales.amount", reads=(), wrong=0)


def found(content: ConvertedContent | str, changed: int = 3) -> tuple[Finding, ...]:
    rows = [difference("public.sales", changed={"amount": changed})] if changed else []
    side = snapshot(*sales(oid=1))
    gathered = evidence(side, side, *rows, rules=Rules(converted=(RULE,)))
    return judge(replace(gathered, converted={RULE: content}))


def test_what_is_as_it_was_announced_is_a_note() -> None:
    assert shown(found(HELD)) == [("PGS201", "note", "public.sales.amount")]
    [told] = found(HELD)
    assert told.reason == "euros"
    assert told.message.endswith("; each of them is what was announced")


def test_what_is_not_fails_with_both_values() -> None:
    told = found(replace(HELD, wrong=2, samples=(SAMPLE,)))
    assert shown(told) == [("PGS009", "error", "public.sales.amount"), ("PGS201", "error", "public.sales.amount")]
    assert told[0].samples == (SAMPLE,)
    assert "is another value in 2 rows" in told[0].message


@pytest.mark.parametrize("content", ["it is gone", HELD])
def test_what_did_not_happen_fails(content: ConvertedContent | str) -> None:
    assert shown(found(content, changed=0)) == [("PGS009", "error", "public.sales.amount")]


def test_a_new_column_need_not_have_changed() -> None:
    assert found(replace(HELD, before=None), changed=0) == ()


def test_a_rule_without_a_schema_is_told_by_the_name_that_the_report_shows() -> None:
    rule = replace(RULE, column="sales.amount")
    side = snapshot(*sales(oid=1))
    gathered = replace(evidence(side, side, rules=Rules(converted=(rule,))), converted={rule: replace(HELD, wrong=1)})
    [told] = [one for one in judge(gathered) if one.code == "PGS009"]
    assert told.message.startswith(f"{told.object} was announced")
