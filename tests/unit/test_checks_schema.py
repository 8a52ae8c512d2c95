"""Protection: constraints, indexes, NOT NULL, row security, triggers; and what is no loss."""

from __future__ import annotations

import pytest

from builders import (
    catalog,
    changed,
    column,
    constraint,
    content,
    definition,
    evidence,
    foreign_key,
    function,
    index,
    policy,
    sales,
    shown,
    snapshot,
    table,
    trigger,
    type_,
    view,
    without,
)
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Rules
from pytest_pgsafe.config.expectations import Dropped

T = "public.sales"
CHECK = constraint(f"{T}.positive", "check", "CHECK ((total > 0))", columns=("total",))
UNIQUE = constraint(f"{T}.named", "unique", "UNIQUE (name)", columns=("name",), index="public.named")
BEHIND = index("public.named", T, ["name"], unique=True, constraint=f"{T}.named")
KEY = foreign_key(f"{T}.fk", "customer_id", "public.customers")


def judged(before: list, after: list, **rules) -> list[tuple[str, str, str]]:
    return shown(judge(evidence(snapshot(*before), snapshot(*after), rules=Rules(**rules))))


def test_a_dropped_constraint_is_an_error_and_an_announced_one_a_note() -> None:
    assert judged([*sales(), CHECK], sales()) == [("PGS501", "error", CHECK.name)]
    announced = (Dropped(object="sales.positive", kind="constraint", reason="refunds"),)
    assert judged([*sales(), CHECK], sales(), dropped=announced) == [("PGS501", "note", CHECK.name)]


def test_a_constraint_under_another_name_is_no_loss() -> None:
    other = constraint(f"{T}.above_zero", "check", "CHECK ((total > 0))", columns=("total",))
    found = judged([*sales(), CHECK], [*sales(), other])
    assert found == [("PGS535", "note", other.name), ("PGS536", "note", CHECK.name)]


def test_a_constraint_recreated_not_valid_under_another_name_is_a_loss() -> None:
    other = constraint(f"{T}.above_zero", "check", "CHECK ((total > 0))", columns=("total",), validated=False)
    assert ("PGS501", "error", CHECK.name) in judged([*sales(), CHECK], [*sales(), other])


def test_a_unique_index_does_what_a_unique_constraint_did() -> None:
    plain = index("public.named", T, ["name"], unique=True)
    found = judged([*sales(), UNIQUE, BEHIND], [*sales(), plain])
    assert not [one for one in found if one[1] == "error"]
    assert ("PGS536", "note", UNIQUE.name) in found


@pytest.mark.parametrize(
    "flaw", [{"valid": False}, {"predicate": "(total > 0)"}, {"immediate": False}, {"unique": False}]
)
def test_a_lesser_index_does_not(flaw: dict) -> None:
    plain = index("public.other", T, ["name"], **{"unique": True, **flaw})
    assert ("PGS501", "error", UNIQUE.name) in judged([*sales(), UNIQUE, BEHIND], [*sales(), plain])


def test_a_primary_key_replaced_by_an_equal_unique_constraint() -> None:
    rest = without(sales(), f"{T}.sales_pkey", "public.sales_pkey")
    unique = index("public.sales_id", T, ["id"], unique=True)
    found = judged(sales(), [*rest, unique])
    assert [one for one in found if one[1] == "error"] == []
    assert ("PGS501", "error", f"{T}.sales_pkey") in judged(sales(), rest)


def test_a_new_primary_key_under_the_old_name() -> None:
    key = {"columns": ("name",), "definition": "PRIMARY KEY (name)"}
    after = changed(sales(), f"{T}.sales_pkey", **key)
    assert ("PGS502", "error", f"{T}.sales_pkey") in judged(sales(), without(after, "public.sales_pkey"))
    found = judged(sales(), [*after, index("public.sales_id", T, ["id"], unique=True)])
    assert not [one for one in found if one[1] == "error"]


def test_partitions_follow_their_parent_without_a_word() -> None:
    def side(type_: str):
        return snapshot(
            table("public.p", form="partitioned table", partition_key="LIST (x)"),
            table("public.p1", partition_bound="FOR VALUES IN (1)", parents=("public.p",)),
            column("public.p.x", type_),
            column("public.p1.x", type_, local=False),
            tables={"public.p": content(key=(), x=1), "public.p1": content(key=(), x=1)},
        )

    assert shown(judge(evidence(side("integer"), side("bigint")))) == [("PGS204", "note", "public.p.x")]


def test_not_null_does_what_its_check_did() -> None:
    waiting = constraint(f"{T}.c", "check", "CHECK ((name IS NOT NULL))", columns=("name",))
    found = judged([*sales(), waiting], changed(sales(), f"{T}.name", not_null=True))
    assert ("PGS536", "note", waiting.name) in found
    assert not [one for one in found if one[1] == "error"]


def test_what_went_with_a_column_is_not_told_again() -> None:
    before = [*sales(), CHECK, index("public.totals", T, ["total"], unique=True)]
    objects = [snapshot(*side, tables={T: content(id=1, total=3)}) for side in (before, without(sales(), f"{T}.total"))]
    assert shown(judge(evidence(*objects))) == [("PGS203", "error", f"{T}.total")]


def test_a_key_to_a_dropped_table_is_not_told_again_but_a_view_is() -> None:
    customers = [table("public.customers"), column("public.customers.name"), view("public.v", "SELECT name")]
    found = judged([*sales(), KEY, *customers], sales())
    assert found == [("PGS103", "error", "public.customers"), ("PGS531", "error", "public.v")]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"validated": False}, "PGS502"),
        ({}, {"enforced": False}, "PGS502"),
        ({}, {"deferrable": True}, "PGS502"),
        ({}, {"initially_deferred": True}, "PGS502"),
        ({}, {"on_delete": "cascade"}, "PGS502"),
        ({"on_delete": "cascade"}, {"on_delete": "set null"}, "PGS502"),
        ({}, {"on_update": "cascade"}, "PGS502"),
        ({"match": "full"}, {"match": "simple"}, "PGS502"),
        ({}, {"references": "public.people"}, "PGS502"),
        ({}, {"enabled": "check disabled, action origin"}, "PGS502"),
    ],
)
def test_a_weakened_key_is_an_error(before: dict, after: dict, expected: str) -> None:
    from dataclasses import replace

    found = judged([*sales(), replace(KEY, **before)], [*sales(), replace(KEY, **{**before, **after})])
    assert (expected, "error", KEY.name) in found
    stronger = judged([*sales(), replace(KEY, **{**before, **after})], [*sales(), replace(KEY, **before)])
    if not {"on_delete", "on_update", "references"} & set(after):
        assert not [one for one in stronger if one[1] == "error"]


def test_no_action_and_restrict_protect_alike() -> None:
    from dataclasses import replace

    found = judged([*sales(), KEY], [*sales(), replace(KEY, on_delete="restrict", definition="other")])
    assert found == [("PGS503", "note", KEY.name)]


def test_another_check_under_the_name_is_a_warning() -> None:
    other = constraint(f"{T}.positive", "check", "CHECK ((total > '-1'))", columns=("total",))
    assert judged([*sales(), CHECK], [*sales(), other]) == [("PGS503", "warning", CHECK.name)]


def test_what_was_not_valid_before_is_a_warning() -> None:
    from dataclasses import replace

    loose = replace(CHECK, validated=False)
    assert judged([*sales(), loose], [*sales(), loose]) == [("PGS504", "warning", CHECK.name)]
    assert judged([*sales(), loose], [*sales(), CHECK]) == [("PGS526", "note", CHECK.name)]


def test_a_unique_constraint_over_more_columns_is_weaker() -> None:
    from dataclasses import replace

    more = replace(UNIQUE, columns=("name", "total"), definition="UNIQUE (name, total)")
    assert judged([*sales(), UNIQUE], [*sales(), more]) == [("PGS502", "error", UNIQUE.name)]
    assert judged([*sales(), more], [*sales(), UNIQUE]) == [("PGS526", "note", UNIQUE.name)]


def test_copies_of_a_constraint_on_partitions_are_not_told() -> None:
    parts = [
        table("public.p", form="partitioned table", partition_key="LIST (x)"),
        table("public.p1", partition_bound="FOR VALUES IN (1)", parents=("public.p",)),
        column("public.p.x"),
        column("public.p1.x", local=False),
    ]
    own = constraint("public.p.c", "check", "CHECK (x > 0)", columns=("x",))
    copy = constraint("public.p1.c", "check", "CHECK (x > 0)", columns=("x",), parent="public.p.c", local=False)
    assert judged([*parts, own, copy], parts) == [("PGS501", "error", "public.p.c")]


U = index("public.u", T, ["name"], unique=True)


def test_a_dropped_unique_index() -> None:
    assert judged([*sales(), U], sales()) == [("PGS511", "error", "public.u")]
    other = index("public.w", T, ["name"], unique=True)
    assert judged([*sales(), U], [*sales(), other]) == [("PGS535", "note", "public.w"), ("PGS536", "note", "public.u")]


@pytest.mark.parametrize(
    ("attributes", "severity"),
    [
        ({"unique": False, "definition": "CREATE INDEX u ON public.sales USING btree (name)"}, "error"),
        ({"predicate": "(total > 0)"}, "error"),
        ({"columns": ("name", "total"), "definition": "CREATE UNIQUE INDEX u USING btree (name, total)"}, "error"),
        ({"columns": ("total",), "definition": "CREATE UNIQUE INDEX u USING btree (total)"}, "error"),
        ({"immediate": False}, "error"),
        (
            {"definition": "CREATE UNIQUE INDEX u ON public.sales USING btree (lower(name))", "columns": (None,)},
            "error",
        ),
    ],
)
def test_a_weaker_unique_index(attributes: dict, severity: str) -> None:
    found = judged([*sales(), U], [*sales(), *changed([U], "public.u", **attributes)])
    assert set(found) == {("PGS511", severity, "public.u")}


@pytest.mark.parametrize(("before", "after", "severity"), [(True, False, "error"), (False, False, "warning")])
def test_an_invalid_index(before: bool, after: bool, severity: str) -> None:
    sides = [[*sales(), *changed([U], "public.u", valid=valid)] for valid in (before, after)]
    assert judged(*sides) == [("PGS512", severity, "public.u")]


def test_a_new_invalid_index_is_a_warning() -> None:
    assert judged(sales(), [*sales(), *changed([U], "public.u", valid=False)]) == [("PGS512", "warning", "public.u")]


def test_a_plain_index() -> None:
    plain = index("public.i", T, ["name"])
    assert judged([*sales(), plain], sales()) == [("PGS513", "note", "public.i")]
    assert judged([*sales(), plain], sales(), strict=True) == [("PGS513", "error", "public.i")]


def test_not_null() -> None:
    strict = changed(sales(), f"{T}.name", not_null=True)
    assert judged(strict, sales()) == [("PGS521", "error", f"{T}.name")]
    assert judged(sales(), strict) == [("PGS526", "note", f"{T}.name")]
    domain = [type_("public.d", "domain", definition="text NOT NULL")]
    assert ("PGS521", "error", "public.d") in judged(domain, [type_("public.d", "domain", definition="text")])


def test_not_null_of_18_is_told_once() -> None:
    own = constraint(f"{T}.n", "not null", "NOT NULL name", columns=("name",))
    strict = changed(sales(), f"{T}.name", not_null=True)
    assert judged([*strict, own], sales()) == [("PGS521", "error", f"{T}.name")]


@pytest.mark.parametrize("attribute", ["row_security", "force_row_security"])
def test_row_security(attribute: str) -> None:
    on, off = [changed(sales(), T, **{attribute: value}) for value in (True, False)]
    assert judged(on, off) == [("PGS522", "error", T)]
    assert judged(off, on) == [("PGS526", "note", T)]


def test_a_view_without_its_guard() -> None:
    guarded = [view("public.v", "SELECT 1", options=("security_barrier=true", "security_invoker=on"))]
    bare = [view("public.v", "SELECT 1", options=("security_barrier=true", "security_invoker=off"))]
    assert judged(guarded, bare) == [("PGS522", "error", "public.v")]


def test_policies() -> None:
    own = policy(f"{T}.p")
    assert judged([*sales(), own], sales()) == [("PGS523", "error", own.name)]
    assert judged([*sales(), own], [*sales(), policy(own.name, using="true")]) == [("PGS523", "error", own.name)]
    protected = changed(sales(), T, row_security=True)
    found = judged([*protected, own], [*protected, own, policy(f"{T}.all", using="true")])
    assert ("PGS523", "warning", f"{T}.all") in found


@pytest.mark.parametrize(("state", "severity"), [("disabled", "error"), ("replica", "error"), ("always", "note")])
def test_triggers_that_do_not_fire(state: str, severity: str) -> None:
    own = trigger(f"{T}.t")
    found = judged([*sales(), own], [*sales(), *changed([own], own.name, enabled=state)])
    assert [(one[1], one[2]) for one in found] == [(severity, own.name)]


def test_an_event_trigger_that_is_disabled() -> None:
    found = judged(
        [definition("event trigger", "e", enabled="origin")], [definition("event trigger", "e", enabled="disabled")]
    )
    assert found == [("PGS524", "error", "e")]


def test_an_unlogged_table() -> None:
    assert judged(sales(), changed(sales(), T, persistence="unlogged")) == [("PGS525", "error", T)]


def test_enum_labels() -> None:
    def enum(*labels: str) -> list:
        return [type_("public.e", labels=labels)]

    assert judged(enum("a", "b"), enum("a")) == [("PGS532", "error", "public.e")]
    assert judged(enum("a", "b"), enum("a", "c")) == [("PGS532", "error", "public.e")]
    assert judged(enum("a"), enum("a", "b"), strict=True) == [("PGS532", "note", "public.e")]
    assert judged(enum("a", "b"), enum("b", "a")) == [("PGS532", "note", "public.e")]


def test_a_function_with_other_arguments_is_another_function() -> None:
    found = evidence(snapshot(function("public.f(integer)")), snapshot(function("public.f(bigint)")))
    told = judge(found)
    assert shown(told) == [("PGS531", "error", "public.f(integer)"), ("PGS535", "note", "public.f(bigint)")]
    assert "which takes other arguments" in told[0].message


def test_a_view_in_the_place_of_a_renamed_table_was_not_compared() -> None:
    before = snapshot(table(oid=5), column(f"{T}.id", oid=5))
    after = snapshot(table("public.data", 5), column("public.data.id", oid=5), view(T, "SELECT id FROM public.data"))
    found = judge(evidence(before, after))
    assert ("PGS534", "warning", T) in shown(found)


def test_the_swap_of_tables_is_judged_by_what_readers_find() -> None:
    def side(now: int, *, old: bool, name: int = 3):
        objects = [table(oid=now), column(f"{T}.name", "text", 1, now)]
        tables = {T: content(key=(), digest=name, name=name)}
        if old:
            objects += [table("public.sales_old", 10), column("public.sales_old.name", "text", 1, 10)]
            tables["public.sales_old"] = content(key=(), digest=3, name=3)
        return snapshot(*objects, tables=tables)

    kept = judge(evidence(side(10, old=False), side(20, old=True)))
    assert shown(kept) == [("PGS535", "note", "public.sales_old")]
    assert "it is what public.sales was before" in kept[0].message
    lost = judge(evidence(side(10, old=False), side(20, old=True, name=4)))
    assert ("PGS106", "error", T) in shown(lost)


def test_a_catalog_without_anything_is_fine() -> None:
    assert catalog().tables == {}
    assert judged([], []) == []
