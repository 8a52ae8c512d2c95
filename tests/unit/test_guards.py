"""The second half of conditions: each guard was written for a case that somebody met, and each case stands here.

Named after what would go unseen, or be told falsely, without the guard.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import (
    catalog,
    changed,
    column,
    comparison,
    content,
    difference,
    evidence,
    foreign_key,
    grant,
    index,
    sales,
    sales_content,
    schema,
    sequence,
    shown,
    snapshot,
    table,
    view,
    without,
)
from pytest_pgsafe.catalog.values import Constraint, Extension, Index
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.bookkeeping import is_bookkeeping
from pytest_pgsafe.checks.equivalents import constraint_after, index_after
from pytest_pgsafe.checks.restored import computed_again
from pytest_pgsafe.checks.values import Rules
from pytest_pgsafe.compare import recorded, restored_equals_source
from pytest_pgsafe.compare.content import differing_extensions, differing_views, unexplained
from pytest_pgsafe.compare.identity import match
from pytest_pgsafe.compare.values import Comparison
from pytest_pgsafe.config.expectations import Changed, Dropped, RowsRule, ValuesRule
from pytest_pgsafe.migrate.values import Lock, Trace
from pytest_pgsafe.snapshot.values import (
    DenormalizedContent,
    DenormalizedLoss,
    DenormalizedRule,
    ExtensionContent,
    ForeignKeyContent,
    SequenceValue,
    Snapshot,
)

T = "public.sales"
HEAP = "public.log"


def heap(*more: str) -> list[Any]:
    """A table without a key, of two columns and more."""
    return [
        table(HEAP, 7),
        *(column(f"{HEAP}.{name}", number=number, oid=7) for number, name in enumerate(("a", "b", *more), 1)),
    ]


def one(before: Snapshot, after: Snapshot, name: str = T) -> bool:
    """Whether the digests differ without a row that does."""
    found = comparison(before, after, difference(name, key=before.tables[name].key))
    identity = match(before.catalog, after.catalog, cloned=True)
    return unexplained(name, before, after, identity, found.rows[name])


# --- compare/content.py


def test_a_materialised_view_with_other_rows_of_the_same_number_differs() -> None:
    name = "public.totals"
    before = replace(snapshot(view(name, "…", materialized=True)), materialized_views={name: content(3, digest=1)})
    after = replace(before, materialized_views={name: content(3, digest=2)})
    assert differing_views(before, after, views={name: name}) == {name: name}
    assert differing_views(before, before, views={name: name}) == {}
    [note] = computed_again(before, after)
    assert "other values in the copy than in the source, in as many rows (3)" in note.message
    [note] = computed_again(before, replace(before, materialized_views={name: content(4, digest=2)}))
    assert "4 rows in the copy, not the 3 that it shows in the source" in note.message


def test_rows_of_an_extension_that_is_gone_are_told_with_it_and_not_again() -> None:
    extension = Extension(name="postgis", schema="public", version="3.3", owner="postgres")
    rows = ExtensionContent(extension="postgis", rows=content(2), configuration=content(2))
    before = replace(snapshot(extension), extension_tables={"public.spatial_ref_sys": rows})
    assert differing_extensions(before, snapshot()) == ()
    assert differing_extensions(before, snapshot(extension)) == ("public.spatial_ref_sys",)


def test_a_key_of_another_type_gives_digests_that_say_nothing() -> None:
    before = snapshot(*sales(oid=1), tables={T: sales_content()})
    other = changed(sales(oid=1), f"{T}.id", type="bigint")
    assert not one(before, snapshot(*other, tables={T: replace(sales_content(id=9), digest=2)}))
    assert one(before, snapshot(*sales(oid=1), tables={T: replace(sales_content(), digest=2)}))


def test_a_new_column_of_a_table_without_key_gives_another_digest() -> None:
    before = snapshot(*heap(), tables={HEAP: content(key=(), a=1, b=2)})
    wider = snapshot(*heap("c"), tables={HEAP: content(key=(), digest=2, a=1, b=2, c=3)})
    assert not one(before, wider, HEAP)
    assert one(before, snapshot(*heap(), tables={HEAP: content(key=(), digest=2, a=1, b=2)}), HEAP)


def test_sums_by_column_of_a_table_without_key_say_nothing_of_its_rows() -> None:
    before = snapshot(*heap(), tables={HEAP: content(key=(), a=1, b=2)})
    assert not one(before, snapshot(*heap("c"), tables={HEAP: content(key=(), digest=2, a=5, b=2, c=3)}), HEAP)


# --- compare/identity.py


def test_a_column_of_a_table_made_anew_is_not_looked_for_in_the_table_that_has_its_oid() -> None:
    before = catalog(table("public.a", 1), column("public.a.x", oid=1))
    after = catalog(
        table("public.a", 2), column("public.a.y", oid=2), table("public.b", 1), column("public.b.z", oid=1)
    )
    assert match(before, after, cloned=True).columns == {}
    renamed = catalog(table("public.a", 1), column("public.a.z", oid=1))
    assert match(before, renamed, cloned=True).columns == {"public.a.x": "public.a.z"}


def test_a_grant_on_a_renamed_table_is_not_that_on_what_bears_its_name_now() -> None:
    before = catalog(table("public.a", 1), grant("public.a", "SELECT", "bob"))
    after = catalog(table("public.c", 1), view("public.a", "…", oid=2), grant("public.a", "SELECT", "bob"))
    assert match(before, after, cloned=True).of("grants") == {}


# --- compare/recorded.py


def test_a_new_column_of_a_table_without_key_makes_no_other_content() -> None:
    before = snapshot(*heap(), tables={HEAP: content(key=(), a=1, b=2)})
    after = snapshot(*heap("c"), tables={HEAP: content(key=(), digest=2, a=1, b=2, c=3)})
    assert [change.object for change in recorded(before, after).changes if change.kind == "rows"] == []


# --- compare/restored.py


@pytest.mark.parametrize(("versions", "told"), [(("17.5", "18.1"), False), (("18.1", "19.0"), True)])
def test_a_named_not_null_is_the_business_of_18_alone(versions: tuple[str, str], told: bool) -> None:
    rule = Constraint(name=f"{T}.sales_id_not_null", table=T, form="not null", definition="NOT NULL id")
    source = snapshot(*sales(), rule, version=versions[0])
    restored = snapshot(*sales(), version=versions[1])
    assert bool(restored_equals_source(source, restored)) is told


@pytest.mark.parametrize(("versions", "told"), [(("14.12", "15.8"), False), (("15.8", "16.4"), True)])
def test_the_owner_of_the_schema_public_is_the_business_of_15_alone(versions: tuple[str, str], told: bool) -> None:
    source = replace(snapshot(version=versions[0]), catalog=catalog(schema(owner="postgres")))
    restored = replace(snapshot(version=versions[1]), catalog=catalog(schema(owner="pg_database_owner")))
    assert bool(restored_equals_source(source, restored)) is told


def test_rows_of_an_extensions_configuration_that_are_missing_are_told() -> None:
    extension = Extension(name="postgis", schema="public", version="3.3", owner="postgres")

    def holding(rows: int) -> Snapshot:
        configuration = ExtensionContent(extension="postgis", rows=None, configuration=content(rows))
        return replace(snapshot(extension), extension_tables={"public.spatial_ref_sys": configuration})

    [change] = restored_equals_source(holding(3), holding(2))
    assert (change.object, change.before, change.after) == ("public.spatial_ref_sys", 3, 2)


# --- checks


def test_the_longest_lock_of_a_relation_is_told() -> None:
    def lock(held: float) -> Lock:
        return Lock(relation=T, mode="AccessExclusiveLock", statement="ALTER TABLE sales …", held=held, scanned=9)

    same = snapshot(*sales(), tables={T: sales_content(200_000)})
    for locks in ((lock(500), lock(9_000), lock(700)), (lock(9_000), lock(500))):
        trace = Trace(seconds=1.0, sessions=1, locks=locks, observed=True)
        [finding] = judge(evidence(same, same, trace=trace))
        assert "9.00 s" in finding.message


def unread(*objects: Any, gone: str) -> Snapshot:
    """A snapshot in which one table was not read."""
    found = snapshot(*objects)
    return replace(found, tables={name: rows for name, rows in found.tables.items() if name != gone})


def test_a_dropped_table_that_inherits_and_was_not_read_is_no_partition() -> None:
    parent = table("public.parent", 1)
    child = table("public.child", 2, parents=("public.parent",))
    findings = judge(evidence(unread(parent, child, gone="public.child"), snapshot(parent)))
    assert ("PGS103", "error", "public.child") in shown(findings)
    partition = replace(child, partition_bound="FOR VALUES IN (1)")
    findings = judge(evidence(unread(parent, partition, gone="public.child"), snapshot(parent)))
    assert ("PGS103", "note", "public.child") in shown(findings)


def test_the_values_of_a_partition_that_was_detached_and_altered_were_not_compared() -> None:
    parent = [table("public.parent", 1, form="partitioned table"), column("public.parent.x", "integer", oid=1)]
    child = table("public.child", 2, parents=("public.parent",), partition_bound="FOR VALUES IN (1)")
    attached = [child, column("public.child.x", "integer", oid=2)]
    detached = [replace(child, parents=(), partition_bound=None), column("public.child.x", "bigint", oid=2)]
    before = unread(*parent, *attached, gone="public.child")
    findings = judge(evidence(before, snapshot(*parent, *detached), difference("public.parent", key=())))
    [told] = [finding for finding in findings if finding.object == "public.child.x"]
    assert told.severity.value == "warning"
    assert "could not be compared" in told.message


def ended(*, cycle: bool) -> list[tuple[str, str, str]]:
    rule = sequence("public.numbers", maximum=100, cycle=cycle)
    before = snapshot(rule, sequences={"public.numbers": SequenceValue(value=50, is_called=True)})
    after = snapshot(rule, sequences={"public.numbers": SequenceValue(value=100, is_called=True)})
    return shown(judge(evidence(before, after)))


def test_a_sequence_that_cycles_is_never_exhausted() -> None:
    exhausted = [found for found in ended(cycle=False) if found[1] == "error"]
    assert exhausted
    assert not set(exhausted) & set(ended(cycle=True))


def test_an_owner_may_always_grant_what_is_his() -> None:
    def granted(grantable: bool, **more: Any) -> Snapshot:
        return snapshot(*sales(oid=1), grant(T, "SELECT", "bob", grantable=grantable, **more))

    assert shown(judge(evidence(granted(True), granted(False))))
    assert not shown(judge(evidence(granted(True, to_owner=True), granted(False, to_owner=True))))


def indexes(old: Index, *new: Index) -> tuple[Comparison, Index]:
    return comparison(snapshot(*sales(oid=1), old), snapshot(*sales(oid=1), *new)), old


def test_a_unique_index_that_lets_nulls_in_does_not_replace_one_that_does_not() -> None:
    old = index("public.u", T, ["name", "total"], unique=True, nulls_not_distinct=True)
    loose = index("public.v", T, ["name"], unique=True)
    assert index_after(*indexes(old, loose)) is None
    strict = replace(loose, nulls_not_distinct=True)
    assert index_after(*indexes(old, strict)) == strict


def test_a_foreign_key_that_is_switched_off_does_not_replace_one_that_works() -> None:
    old = foreign_key(f"{T}.old", "customer_id", "public.customers")
    new = replace(old, name=f"{T}.new")

    def found(key: Constraint) -> str | None:
        return constraint_after(comparison(snapshot(*sales(oid=1), old), snapshot(*sales(oid=1), key)), old)

    assert found(new) == new.name
    assert found(replace(new, enabled="disabled")) is None


def test_an_announced_table_is_no_schema_of_that_name() -> None:
    before = snapshot(view("archive.v", "…"), schema("archive"))
    after = snapshot(schema("archive"))

    def severity(kind: str) -> str:
        rules = Rules(dropped=(Dropped(object="archive", kind=kind, reason="phase 4"),))
        [finding] = [found for found in judge(evidence(before, after, rules=rules)) if found.object == "archive.v"]
        return finding.severity.value

    assert severity("table") == "error"
    assert severity("schema") == "note"


def versions(rows: int) -> Snapshot:
    name = "public.alembic_version"
    return snapshot(table(name, 3), column(f"{name}.version_num", oid=3), tables={name: content(rows, version_num=1)})


def test_a_bookkeeping_table_that_was_empty_forgot_nothing() -> None:
    assert is_bookkeeping(evidence(versions(0), versions(0)), "public.alembic_version")
    assert is_bookkeeping(evidence(versions(1), versions(1)), "public.alembic_version")
    assert not is_bookkeeping(evidence(versions(1), versions(0)), "public.alembic_version")


@pytest.mark.parametrize(("kind", "severity"), [("copy", "note"), ("sql", "error")])
def test_a_rule_in_sql_is_excused_by_no_announcement(kind: Any, severity: str) -> None:
    rule = DenormalizedRule(column=f"{T}.name", source="public.customers.name", kind=kind)
    before = snapshot(*sales(oid=1), tables={T: sales_content()})
    after = snapshot(*without(sales(oid=1), f"{T}.name"), tables={T: content(id=1, customer_id=2, total=4)})
    rules = Rules(denormalized=(rule,), values=(ValuesRule(column="public.customers.name", reason="new spelling"),))
    found = evidence(
        before,
        after,
        rules=rules,
        denormalized={rule: (DenormalizedContent(rows=10, drifted=0), None)},
        losses={rule: DenormalizedLoss(drifted=0, moved=2)},
    )
    assert ("PGS401", severity, f"{T}.name") in shown(judge(found))


@pytest.mark.parametrize(
    ("increment", "value", "told"), [(-1, -9, False), (-1, -1, True), (1, 9, True), (1, 19, False)]
)
def test_a_sequence_that_went_on_did_not_go_back(increment: int, value: int, told: bool) -> None:
    start = -5 if increment < 0 else 10
    rule = sequence("public.numbers", increment=increment, minimum=-100, maximum=100)

    def at(number: int) -> Snapshot:
        return snapshot(rule, sequences={"public.numbers": SequenceValue(value=number, is_called=True)})

    same = at(start)
    found = judge(evidence(same, same, rollback=comparison(at(start), at(value))))
    assert [finding.severity.value for finding in found] == ["error" if told else "note"]


def test_a_view_that_became_a_table_is_still_there() -> None:
    before = snapshot(view("public.totals", "SELECT 1"))
    findings = judge(evidence(before, snapshot(table("public.totals", 4))))
    assert ("PGS531", "note", "public.totals") in shown(findings)
    assert ("PGS531", "error", "public.totals") in shown(judge(evidence(before, snapshot())))


def test_an_announced_change_excuses_nothing_that_stood_before() -> None:
    name = f"{T}.sales_customer_fkey"
    key = foreign_key(name, "customer_id", "public.customers", validated=False)
    rules = Rules(changed=(Changed(object=name, kind="constraint", reason="later"),))
    orphans = {name: ForeignKeyContent(nulls=0, orphans=2)}
    same = snapshot(*sales(oid=1), key, foreign_keys=orphans)
    standing = [found for found in judge(evidence(same, same)) if found.object == name and found.standing]
    assert standing
    kept = [found for found in judge(evidence(same, same, rules=rules)) if found.object == name and found.standing]
    assert [found.severity for found in kept] == [found.severity for found in standing]


@pytest.mark.parametrize(("rule", "told"), [("public.*", False), (T, True)])
def test_a_pattern_over_empty_tables_is_no_rule_that_says_nothing(rule: str, told: bool) -> None:
    same = snapshot(*sales(oid=1), tables={T: sales_content(0)})
    findings = judge(evidence(same, same, rules=Rules(rows=(RowsRule(table=rule, rule="unchanged"),))))
    assert bool(findings) is told
