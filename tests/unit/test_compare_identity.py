"""Which object before is which object after."""

from __future__ import annotations

from builders import (
    catalog,
    column,
    comparison,
    constraint,
    content,
    index,
    sales,
    schema,
    sequence,
    snapshot,
    table,
    view,
)
from pytest_pgsafe.compare import match
from pytest_pgsafe.compare.structure import structure


def shown(found):
    return [(one.kind, one.action.value, one.object, one.attribute, one.after) for one in found.changes]


def test_a_renamed_table_takes_its_columns_along() -> None:
    before = catalog(table("public.a", 10), column("public.a.x", oid=10))
    after = catalog(table("public.b", 10), column("public.b.x", oid=10))
    found = match(before, after, cloned=True)
    assert found.tables == {"public.a": "public.b"}
    assert found.columns == {"public.a.x": "public.b.x"}


def test_without_a_clone_a_name_is_all_there_is() -> None:
    before = catalog(table("public.a", 10), column("public.a.x", oid=10))
    after = catalog(table("public.b", 10), column("public.b.x", oid=10))
    assert match(before, after, cloned=False).tables == {}


def test_a_table_that_took_the_name_is_what_readers_find() -> None:
    before = catalog(table("public.a", 10), column("public.a.x", oid=10))
    after = catalog(
        table("public.a", 20),
        table("public.a_old", 10),
        column("public.a.x", oid=20),
        column("public.a_old.x", oid=10),
    )
    found = match(before, after, cloned=True)
    assert found.tables == {"public.a": "public.a"}
    assert found.columns == {"public.a.x": "public.a.x"}


def test_a_name_that_is_gone_is_explained_even_if_its_new_name_was_taken() -> None:
    before = catalog(table("public.a", 10), table("public.b", 20))
    after = catalog(table("public.a", 20))
    assert match(before, after, cloned=True).tables == {"public.a": "public.a", "public.b": "public.a"}


def test_a_column_number_means_nothing_in_a_recreated_table() -> None:
    before = catalog(table("public.a", 10), column("public.a.x", number=1, oid=10))
    after = catalog(table("public.a", 20), column("public.a.y", number=1, oid=20))
    assert match(before, after, cloned=True).columns == {}


def test_swapped_columns_keep_their_names() -> None:
    before = catalog(table("public.a", 1), column("public.a.x", number=1, oid=1), column("public.a.y", number=2, oid=1))
    after = catalog(table("public.a", 1), column("public.a.x", number=2, oid=1), column("public.a.y", number=1, oid=1))
    assert match(before, after, cloned=True).columns == {"public.a.x": "public.a.x", "public.a.y": "public.a.y"}


def test_renaming_a_table_and_a_column_is_two_changes() -> None:
    def objects(name: str, own: str) -> list:
        return [
            table(f"public.{name}", 10),
            column(f"public.{name}.id", oid=10, number=1, default="nextval('public.s'::regclass)"),
            column(f"public.{name}.{own}", oid=10, number=2),
            constraint(f"public.{name}.c", "check", f"CHECK (({own} > 0))", columns=(own,), oid=5),
            index("public.i", f"public.{name}", [own], oid=6),
            view("public.v", f" SELECT {name}.id,\n    {name}.{own} AS total\n   FROM public.{name};", oid=7),
        ]

    before = snapshot(*objects("sales", "total"), tables={"public.sales": content(id=1, total=2)})
    after = snapshot(*objects("orders", "amount"), tables={"public.orders": content(id=1, amount=2)})
    assert shown(comparison(before, after)) == [
        ("column", "renamed", "public.sales.total", None, "public.orders.amount"),
        ("table", "renamed", "public.sales", None, "public.orders"),
    ]


def test_a_renamed_schema_is_one_change() -> None:
    before = catalog(
        schema("old", oid=1), table("old.a", 10), column("old.a.x", oid=10), index("old.i", "old.a", ["x"], oid=3)
    )
    after = catalog(
        schema("new", oid=1), table("new.a", 10), column("new.a.x", oid=10), index("new.i", "new.a", ["x"], oid=3)
    )
    found = structure(before, after, match(before, after, cloned=True), cloned=True)
    assert [(one.kind, one.action.value, one.object, one.after) for one in found] == [
        ("schema", "renamed", "old", "new")
    ]


def test_indexes_and_sequences_go_with_their_table_into_another_schema() -> None:
    def objects(home: str, sequence_home: str) -> list:
        return [
            table(f"{home}.a", 10),
            column(f"{home}.a.x", oid=10),
            index(f"{home}.i", f"{home}.a", ["x"], oid=3),
            sequence(f"{sequence_home}.s", f"{home}.a.x", oid=4),
        ]

    before = catalog(*objects("public", "public"))
    for sequence_home in ("shop", "public"):
        after = catalog(*objects("shop", sequence_home))
        found = structure(before, after, match(before, after, cloned=True), cloned=True)
        # A sequence that only feeds the column stays where it is, which is nothing to tell.
        assert [(one.kind, one.action.value) for one in found] == [("table", "renamed")]


def test_a_definition_that_differs_by_more_than_a_rename_is_a_change() -> None:
    before = snapshot(*sales(oid=10), view("public.v", "SELECT sales.name FROM public.sales"))
    after = snapshot(*sales(oid=10), view("public.v", "SELECT sales.total FROM public.sales"))
    assert shown(comparison(before, after)) == [
        ("view", "changed", "public.v", "definition", "SELECT sales.total FROM public.sales")
    ]


def test_what_lies_within_a_dropped_table_is_not_told_again() -> None:
    found = comparison(snapshot(*sales()), snapshot())
    assert shown(found) == [("table", "dropped", "public.sales", None, None)]
    assert shown(comparison(snapshot(), snapshot(*sales()))) == [
        ("table", "added", "public.sales", None, "public.sales")
    ]
