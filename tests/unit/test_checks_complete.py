"""No change goes untold: each field of each kind of object that counts gives a change, and each change a finding."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from builders import (
    DATABASE,
    column,
    constraint,
    definition,
    evidence,
    foreign_key,
    function,
    grant,
    index,
    policy,
    role,
    sales,
    schema,
    sequence,
    shown,
    snapshot,
    table,
    trigger,
    type_,
    view,
)
from pytest_pgsafe.catalog.values import Extension, Object, Rule
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Rules

RULE = Rule(name="public.sales.r", table="public.sales", definition="CREATE RULE", enabled="origin")
OBJECTS: dict[str, Object] = {
    "schema": schema("archive"),
    "table": table("public.t"),
    "column": column("public.sales.extra"),
    "check": constraint("public.sales.c", "check", "CHECK (id > 0)", columns=("id",)),
    "unique": constraint("public.sales.u", "unique", "UNIQUE (name)", columns=("name",)),
    "foreign key": foreign_key("public.sales.f", "customer_id", "public.customers"),
    "index": index("public.i", "public.sales", ["name"]),
    "unique index": index("public.i", "public.sales", ["name"], unique=True),
    "view": view("public.v", "SELECT 1", populated=True),
    "sequence": sequence("public.s"),
    "trigger": trigger("public.sales.t"),
    "rule": RULE,
    "policy": policy("public.sales.p"),
    "function": function("public.f(integer)"),
    "enum": type_("public.e", labels=("a", "b")),
    "domain": type_("public.d", "domain", definition="text NOT NULL"),
    "extension": Extension(name="hstore", version="1.8", schema="public", owner="owner"),
    "grant": grant("public.sales", "SELECT", "reader"),
    "event trigger": definition("event trigger", "watch", enabled="origin"),
    "publication": definition("publication", "feed", enabled="origin"),
    "role": role("reader"),
}
#: They are the object's name, or follow from another.
NAMED = {
    "column": {"table", "column"},
    "check": {"table"},
    "unique": {"table"},
    "foreign key": {"table"},
    "grant": {"object_kind", "object", "privilege", "grantee", "to_owner"},
    "event trigger": {"form"},
    "publication": {"form"},
}


def other(value: object) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, tuple):
        return (*value, "more")
    return "another" if value is None else f"{value}x"


CASES = [
    (kind, field.name)
    for kind, value in OBJECTS.items()
    for field in fields(value)
    if field.compare and field.name not in {"name", "comment"} | NAMED.get(kind, set())
]


@pytest.mark.parametrize(("kind", "field"), CASES)
def test_a_changed_field_is_told(kind: str, field: str) -> None:
    value = OBJECTS[kind]
    before = snapshot(*sales(), value)
    after = snapshot(*sales(), replace(value, **{field: other(getattr(value, field))}))
    found = evidence(before, after)
    assert [change.attribute for change in found.comparison.changes] == [field]
    told = judge(found)
    assert told
    assert {name for _, _, name in shown(told)} <= {value.name, getattr(value, "object", value.name)}


@pytest.mark.parametrize("field", [field.name for field in fields(DATABASE) if field.compare])
def test_a_changed_field_of_the_database_is_told(field: str) -> None:
    after = replace(DATABASE, **{field: other(getattr(DATABASE, field))})
    assert judge(evidence(snapshot(), snapshot(database=after)))


@pytest.mark.parametrize("kind", [kind for kind in OBJECTS if kind != "role"])
def test_what_is_dropped_and_what_is_added_is_told(kind: str) -> None:
    without, with_it = snapshot(*sales()), snapshot(*sales(), OBJECTS[kind])
    gone = judge(evidence(with_it, without))
    assert gone
    assert judge(evidence(without, with_it))
    additions = {"PGS535", "PGS705", "PGS504"}
    assert not additions & {finding.code for finding in gone}


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        ("schema", "error"),
        ("check", "error"),
        ("unique", "error"),
        ("foreign key", "error"),
        ("index", "note"),
        ("unique index", "error"),
        ("view", "error"),
        ("sequence", "error"),
        ("trigger", "error"),
        ("rule", "error"),
        ("policy", "error"),
        ("function", "error"),
        ("enum", "error"),
        ("domain", "error"),
        ("extension", "error"),
        ("grant", "error"),
        ("event trigger", "error"),
        ("publication", "error"),
    ],
)
def test_how_much_a_drop_weighs(kind: str, severity: str) -> None:
    found = judge(evidence(snapshot(*sales(), OBJECTS[kind]), snapshot(*sales())))
    assert [finding.severity.value for finding in found] == [severity]


@pytest.mark.parametrize("kind", [kind for kind in OBJECTS if kind not in ("role", "column", "table")])
def test_additions_are_notes_even_under_strict(kind: str) -> None:
    found = judge(evidence(snapshot(*sales()), snapshot(*sales(), OBJECTS[kind]), rules=Rules(strict=True)))
    assert {finding.severity.value for finding in found} == {"note"}


@pytest.mark.parametrize("kind", list(OBJECTS))
def test_a_comment_is_a_note(kind: str) -> None:
    value = OBJECTS[kind]
    found = judge(evidence(snapshot(*sales(), value), snapshot(*sales(), replace(value, comment="new"))))
    if kind in ("grant", "role"):
        return
    assert [(one.code, one.severity.value) for one in found] == [("PGS533", "note")]


def test_the_order_is_the_same_each_time() -> None:
    before = snapshot(*sales(), *(value for kind, value in OBJECTS.items() if kind != "index"))
    first, second = (judge(evidence(before, snapshot(*sales()))) for _ in range(2))
    assert first == second
    order = [("error", "warning", "note").index(one.severity.value) for one in first]
    assert order == sorted(order)
