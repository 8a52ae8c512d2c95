"""What a run of mutants showed that no other test of this folder notices (``tests/mutants.py``)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import comparison, difference, evidence, foreign_key, sales, sales_content, snapshot, table
from pytest_pgsafe.catalog.values import Unknown
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.announced import values_rules
from pytest_pgsafe.checks.restored import NOT_RESTORED
from pytest_pgsafe.checks.values import Rules, Severity
from pytest_pgsafe.compare import not_carried, unknown
from pytest_pgsafe.compare.renames import Renames
from pytest_pgsafe.compare.restored import refuse
from pytest_pgsafe.compare.values import Action, Change
from pytest_pgsafe.config.expectations import ValuesRule
from pytest_pgsafe.errors import RestoreError
from pytest_pgsafe.snapshot.values import Snapshot

T = "public.sales"
CHANGE = Change(kind="table", action=Action.DROPPED, object=T)


@pytest.mark.parametrize(("number", "said"), [(1, "1 difference"), (2, "2 differences")])
def test_differences_are_counted(number: int, said: str) -> None:
    with pytest.raises(RestoreError) as refused:
        refuse([CHANGE] * number, "it is not equal")
    assert refused.value.message == f"it is not equal: {said}"


def test_of_many_differences_ten_are_shown() -> None:
    with pytest.raises(RestoreError) as refused:
        refuse([CHANGE] * 11, "it is not equal")
    assert len(refused.value.looked_at) == 10


def stored(value: str) -> Snapshot:
    option = Unknown(name=f"table {T} odd", place="table", object=T, option="odd", value=value)
    found = snapshot(*sales(), table("public.other", 99), version="15.20")
    return replace(found, catalog=replace(found.catalog, unknown={option.name: option}))


@pytest.mark.parametrize(("ours", "theirs", "differ"), [("1", "2", True), ("2", "1", True), ("1", "1", False)])
def test_another_value_of_an_unknown_option_is_told_whichever_is_greater(ours: str, theirs: str, differ: bool) -> None:
    told = unknown.of_objects(stored(ours), stored(theirs))
    assert bool(told) is differ
    assert all("15.20" in gap.reason or "odd" in gap.object + gap.reason for gap in told)


def test_a_word_may_be_renamed_at_the_second_place_of_a_text() -> None:
    renames = Renames.of([{"public.a.x": "public.b.y"}])
    assert renames.same("x FROM t", "y AS x FROM t")
    assert not renames.same("FROM t", "AS x FROM t")


def test_rows_that_a_way_back_lost_are_not_said_to_have_been_added() -> None:
    before, after = (snapshot(*sales(), tables={T: sales_content(rows)}) for rows in (10, 8))
    found = judge(replace(evidence(before, before), rollback=comparison(before, after, difference(gone=2))))
    [finding] = [one for one in found if one.code == "PGS901"]
    assert "added" not in finding.message


@pytest.mark.parametrize(("enabled", "told"), [("origin", False), ("disabled", True), ("replica", True)])
def test_a_key_whose_triggers_do_not_fire_is_not_carried(enabled: str, told: bool) -> None:
    key = replace(foreign_key(f"{T}.sales_customer_fkey", "id", T), enabled=enabled)
    assert bool(not_carried(snapshot(*sales(), key).catalog)) is told


def test_a_rule_for_all_rows_of_a_column_says_more_than_those_for_some() -> None:
    whole = ValuesRule(column=f"{T}.name", reason="all")
    some = ValuesRule(column=f"{T}.name", reason="some", where="id = 1")
    one = snapshot(*sales())
    for rules, meant in (((some, whole), (whole,)), ((some,), (some,))):
        assert values_rules(evidence(one, one, rules=Rules(values=rules)), f"{T}.name") == meant


def test_a_note_has_no_remedy_and_what_is_worse_has() -> None:
    remedies = {weight: NOT_RESTORED.finding(T, "it is", severity=weight).remedy for weight in Severity}
    assert {weight for weight, remedy in remedies.items() if remedy is None} == {Severity.NOTE}
