"""Changes that were announced: what they excuse, and that they have to happen."""

from __future__ import annotations

import pytest

from builders import changed, column, constraint, evidence, sales, sequence, shown, snapshot, table
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Finding, Rules
from pytest_pgsafe.config.comments import expectations
from pytest_pgsafe.config.expectations import Changed
from pytest_pgsafe.snapshot.values import SequenceValue

OBJECTS = [
    table("public.t", oid=5),
    column("public.t.id", oid=5, not_null=True),
    column("public.t.note", "text", 2, oid=5, not_null=True),
    constraint("public.t.t_check", "check", "CHECK (id > 0)"),
    sequence("public.s"),
]


def found(kind: str, name: str, object_: str, **changes: object) -> tuple[Finding, ...]:
    rules = Rules(changed=(Changed(object=name, kind=kind, reason="on purpose"),))
    after = changed(OBJECTS, object_, **changes) if changes else OBJECTS
    return judge(evidence(snapshot(*OBJECTS), snapshot(*after), rules=rules))


@pytest.mark.parametrize(
    ("kind", "name", "object_", "changes", "code"),
    [
        ("column", "t.note", "public.t.note", {"not_null": False}, "PGS521"),
        ("column", "*.note", "public.t.note", {"not_null": False}, "PGS521"),
        ("table", "t", "public.t", {"persistence": "unlogged"}, "PGS525"),
        ("constraint", "t_check", "public.t.t_check", {"validated": False}, "PGS502"),
    ],
)
def test_an_announced_change_is_a_note_with_its_reason(
    kind: str, name: str, object_: str, changes: dict[str, object], code: str
) -> None:
    [one] = found(kind, name, object_, **changes)
    assert (one.code, one.severity.value, one.object, one.reason) == (code, "note", object_, "on purpose")


def test_it_excuses_nothing_else() -> None:
    told = shown(found("column", "t.id", "public.t.note", not_null=False))
    assert told == [("PGS008", "error", "t.id"), ("PGS521", "error", "public.t.note")]


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("column", "t.note", "it is as it was"),
        ("column", "t.nothing", "there was none before"),
        ("sequence", "s", "it is as it was"),
    ],
)
def test_an_announced_change_has_to_happen(kind: str, name: str, words: str) -> None:
    [one] = found(kind, name, "public.t.note")
    assert (one.code, one.severity.value) == ("PGS008", "error")
    assert words in one.message


def test_a_sequence_that_is_set_back_on_purpose() -> None:
    rules = Rules(changed=(Changed(object="s", kind="sequence", reason="a new year"),))
    before = snapshot(*OBJECTS, sequences={"public.s": SequenceValue(value=500, is_called=True)})
    after = snapshot(*OBJECTS, sequences={"public.s": SequenceValue(value=1, is_called=False)})
    assert shown(judge(evidence(before, after))) == [("PGS602", "error", "public.s")]
    [one] = judge(evidence(before, after, rules=rules))
    assert (one.code, one.severity.value, one.reason) == ("PGS602", "note", "a new year")


def test_what_is_gone_was_not_changed() -> None:
    rules = Rules(changed=(Changed(object="sales.name", kind="column", reason="r"),))
    before = snapshot(*sales())
    after = snapshot(*[one for one in sales() if one.name != "public.sales.name"])
    told = [one for one in judge(evidence(before, after, rules=rules)) if one.code == "PGS008"]
    assert ["it is gone" in one.message for one in told] == [True]


def test_the_migration_itself_announces_it(tmp_path) -> None:
    file = tmp_path / "m.sql"
    file.write_text(
        "-- pgsafe: expect changed sales.amount: whole numbers are enough\n"
        "-- pgsafe: expect changed sequence invoice_numbers: a new year\n"
    )
    told = expectations([file]).changed
    assert [(one.kind, one.object, one.reason) for one in told] == [
        ("column", "sales.amount", "whole numbers are enough"),
        ("sequence", "invoice_numbers", "a new year"),
    ]
