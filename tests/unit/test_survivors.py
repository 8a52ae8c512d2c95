"""What a run of mutants showed that no other test of this folder notices (``tests/mutants.py``)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from builders import (
    catalog,
    changed,
    column,
    comparison,
    definition,
    difference,
    evidence,
    foreign_key,
    function,
    grant,
    index,
    role,
    sales,
    sales_content,
    snapshot,
    table,
    type_,
    view,
    without,
)  # fmt: skip
from pytest_pgsafe.catalog.values import Object, Unknown
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.announced import values_rules
from pytest_pgsafe.checks.restored import NOT_RESTORED, not_restored
from pytest_pgsafe.checks.values import Rules, Severity
from pytest_pgsafe.compare import not_carried, restored_equals_source, unknown
from pytest_pgsafe.compare.explain import WIDTH, explain
from pytest_pgsafe.compare.recorded import recorded
from pytest_pgsafe.compare.renames import Renames
from pytest_pgsafe.compare.restored import refuse
from pytest_pgsafe.compare.values import Action, Change
from pytest_pgsafe.config.expectations import Dropped, ValuesRule
from pytest_pgsafe.errors import RestoreError
from pytest_pgsafe.snapshot.align import align
from pytest_pgsafe.snapshot.expressions import literal, underlying
from pytest_pgsafe.snapshot.values import ForeignKeyContent, LargeObjects, NotVerified, Snapshot

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


@pytest.mark.parametrize(("ours", "theirs", "differ"), [(1, 2, True), (2, 1, True), (1, 1, False)])
def test_content_of_a_keyed_table_is_recorded_otherwise_whichever_digest_is_greater(
    ours: int, theirs: int, differ: bool
) -> None:
    before, after = (
        snapshot(*sales(), tables={T: replace(sales_content(), digest=digest)}) for digest in (ours, theirs)
    )
    assert [change.attribute for change in recorded(before, after).changes] == ["content"] * differ


@pytest.mark.parametrize(("count", "attribute"), [(2, "count"), (3, "content"), (4, "count")])
def test_what_differs_of_large_objects_is_their_number_or_their_content(count: int, attribute: str) -> None:
    before, after = (
        snapshot(large_objects=LargeObjects(count=each, digest=digest)) for each, digest in ((3, 1), (count, 2))
    )
    assert [change.attribute for change in comparison(before, after).changes] == [attribute]


def test_large_objects_that_are_gone_and_altered_are_both_named() -> None:
    def side(**each: int) -> Snapshot:
        return snapshot(large_objects=LargeObjects(count=len(each), digest=sum(each.values()), each=each))

    def message(after: Snapshot) -> str:
        [finding] = judge(evidence(side(a=1, b=2), after))
        return finding.message

    assert message(side(a=1)) == "1 large object of 2 are gone: b"
    assert message(side(a=9)) == "1 large object of 2 are gone: b; the content of a is another"
    assert message(side(a=9, b=2)) == "the content of 1 large object is not what it was: a"


@pytest.mark.parametrize(("length", "cut"), [(WIDTH - 1, False), (WIDTH, False), (WIDTH + 1, True)])
def test_a_definition_is_cut_beyond_a_line_s_width(length: int, cut: bool) -> None:
    told = explain(*(view("public.v", letter * length) for letter in "ab"))
    assert ("…" in told) is cut
    assert max(len(part) for part in told.removeprefix("definition: ").split(" → ")) == min(length, WIDTH)


@pytest.mark.parametrize(("readers", "whom"), [(["ann"], "it"), (["ann", "bob"], "them")])
def test_row_security_without_a_policy_is_told_of_one_role_or_of_several(readers: list[str], whom: str) -> None:
    rest = [*(role(name) for name in readers), *(grant(T, "SELECT", name) for name in readers)]
    before = snapshot(*sales(), *rest)
    after = snapshot(*changed(sales(), T, row_security=True), *rest)
    [message] = [one.message for one in judge(evidence(before, after)) if "sees no row" in one.message]
    assert message.endswith(f"without a policy for {whom}")


def test_only_a_table_is_said_to_be_a_view_now() -> None:
    named = index("public.seen", T, ["id"], oid=7)
    after = [replace(named, name="public.seen_id"), view("public.seen", "SELECT 1")]
    found = judge(evidence(snapshot(*sales(oid=1), named), snapshot(*sales(oid=1), *after)))
    assert "the index public.seen is called public.seen_id now" in [one.message for one in found]


@pytest.mark.parametrize("kind", ["collation", "text search dictionary"])
def test_of_two_definitions_of_one_name_that_of_the_kind_is_announced(kind: str) -> None:
    both = [definition(form, "public.german") for form in ("collation", "text search dictionary")]
    announced = Dropped(kind=cast("Any", kind), object="public.german", reason="old")
    found = judge(evidence(snapshot(*both), snapshot(), rules=Rules(dropped=(announced,))))
    assert not [one for one in found if one.code == "PGS002"]


def test_a_path_of_a_role_counts_from_the_database_s_own_and_not_from_a_database_s() -> None:
    beside = [table("other.t", 50), table("public.s", 51)]
    before = snapshot(*beside, role("app", settings=("search_path=other",)))
    after = snapshot(*beside, role("app", settings=()))
    [finding] = judge(evidence(before, after))
    assert (finding.severity, "what is in other any more" in finding.message) == (Severity.ERROR, True)


def test_a_database_s_path_hides_nothing_that_a_role_has_in_its_own() -> None:
    own = role("app", settings=("search_path=other",), database_settings=("search_path=public",))
    beside = [table("other.t", 50), table("public.s", 51)]
    before, after = (snapshot(*beside, replace(own, settings=path)) for path in (("search_path=other",), ()))
    # What it has in this database goes before: nothing is lost.
    assert [one.severity for one in judge(evidence(before, after))] == [Severity.NOTE]


def renamed(one: Object) -> Object:
    own = {"table": "public.sold"} if hasattr(one, "table") else {}
    return replace(one, name=one.name.replace(T, "public.sold"), **own)


def test_a_column_of_a_renamed_table_is_not_missed_where_its_table_is() -> None:
    body = f"begin perform name from {T}; end"
    names_it = function("public.f()", f"CREATE FUNCTION public.f()\n LANGUAGE plpgsql\nAS $$ {body} $$")
    before = [*sales(oid=1), names_it]
    found = {
        after: [
            one.message for one in judge(evidence(snapshot(*before), snapshot(*objects))) if one.object == "public.f()"
        ]
        for after, objects in {
            "renamed": [*(renamed(one) for one in sales(oid=1) if one.name != f"{T}.name"), names_it],
            "without its column": without(before, f"{T}.name"),
        }.items()
    }
    assert found == {
        "renamed": [f"the body of public.f() names {T}, and {T} is not there any more"],
        "without its column": [f"the body of public.f() names name, and {T}.name is not there any more"],
    }


def keyed(*, orphans: int | None = None, unread: bool = False, declared: bool = True) -> Snapshot:
    key = foreign_key(f"{T}.sales_customer_fkey", "customer_id", T)
    measured = {} if orphans is None else {key.name: ForeignKeyContent(nulls=0, orphans=orphans)}
    gaps = [NotVerified(object=key.name, reason="no time")] if unread else []
    return snapshot(*sales(), *([key] if declared else []), foreign_keys=measured, not_verified=gaps)


@pytest.mark.parametrize(
    ("source", "restored", "told"),
    [
        (keyed(), keyed(orphans=2), True),
        (keyed(unread=True), keyed(orphans=2), False),
        (keyed(), keyed(orphans=2, unread=True), False),
        (keyed(orphans=2), keyed(orphans=2), False),
    ],
)
def test_a_key_that_was_measured_in_the_copy_alone_differs(source: Snapshot, restored: Snapshot, told: bool) -> None:
    found = [change.object for change in restored_equals_source(source, restored) if change.kind == "foreign key"]
    assert found == [f"{T}.sales_customer_fkey"] * told


@pytest.mark.parametrize(
    ("text", "quoted"), [("plain", "'plain'"), ("it's", "'it''s'"), ("a\\b", "E'a\\\\b'"), ("a\\'b", "E'a\\\\''b'")]
)
def test_a_literal_says_the_same_whatever_a_backslash_means(text: str, quoted: str) -> None:
    assert literal(text) == quoted


@pytest.mark.parametrize(
    ("definition_", "below"),
    [('text COLLATE pg_catalog."C" NOT NULL', "text"), ("text DEFAULT 'a NOT NULL b'::text", "text")],
)
def test_a_domain_s_type_comes_before_all_that_it_says_besides(definition_: str, below: str) -> None:
    assert underlying({"public.d": type_("public.d", "domain", definition=definition_)}, "public.d") == below


@pytest.mark.parametrize("form", ["table", "partitioned table"])
def test_of_what_has_foreign_heirs_a_plain_table_is_read_and_a_partitioned_is_not(form: str) -> None:
    both = [table("public.p", 1, form=form), table("public.f", 2, form="foreign table", parents=("public.p",))]
    side = catalog(*both, column("public.p.id"), column("public.f.id"))
    found = align(
        side, side, tables={name: name for name in side.tables}, columns={name: name for name in side.columns}
    )
    assert [one.before.table for one in found] == ["public.p"] * (form == "table")


@pytest.mark.parametrize(
    ("after", "grown"), [(("a integer", "b text"), True), (("b text",), False), (("a integer",), False)]
)
def test_only_a_composite_type_that_grew_is_read_by_the_attributes_that_it_had(
    after: tuple[str, ...], grown: bool
) -> None:
    sides = [
        catalog(table(T), column(f"{T}.pair", "public.pair"), type_("public.pair", "composite", attributes=attributes))
        for attributes in (("a integer",), after)
    ]
    [found] = align(*sides, tables={T: T}, columns={f"{T}.pair": f"{T}.pair"})
    plain = align(sides[0], sides[0], tables={T: T}, columns={f"{T}.pair": f"{T}.pair"})[0]
    assert (found.before.columns[0].form != plain.before.columns[0].form) is grown


@pytest.mark.parametrize("number", [50, 51])
def test_of_many_differences_of_a_restore_fifty_are_findings(number: int) -> None:
    found = not_restored([replace(CHANGE, object=f"public.t{at}") for at in range(number)])
    assert len(found) == 50
