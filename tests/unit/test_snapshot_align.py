"""Which tables and columns are read side by side, and what need not be read again."""

from __future__ import annotations

from typing import Any

from pytest_pgsafe.catalog.values import Catalog, Column, Database, Index, Table, Type
from pytest_pgsafe.snapshot.align import Aligned, align, as_text

DATABASE = Database(name="d", owner="o", encoding="UTF8", provider="libc", collate="C", ctype="C")


def table(name: str = "public.t", **changes: Any) -> Table:
    plain: dict[str, Any] = {
        "form": "table", "owner": "o", "persistence": "permanent", "replica_identity": "default",
        "row_security": False, "force_row_security": False,
    }  # fmt: skip
    return Table(name=name, **{**plain, **changes})


def catalog(
    columns: dict[str, str], *, key: tuple[str, ...] = (), tables: tuple[Table, ...] = (), types: tuple[Type, ...] = ()
) -> Catalog:
    """Make a catalog of ``columns`` (``schema.table.column`` to type), whose first table has the key."""
    made: list[Column] = []
    for at, (name, type_) in enumerate(columns.items(), start=1):
        owner, _, bare = name.rpartition(".")
        made.append(Column(name=name, table=owner, column=bare, number=at, type=type_, not_null=True))
    named = tables or tuple(table(name) for name in dict.fromkeys(column.table for column in made))
    first = named[0].name
    index = Index(
        name="public.key", table=first, definition="", unique=True, primary=True, valid=True, ready=True, columns=key
    )
    return Catalog(
        database=DATABASE,
        tables={each.name: each for each in named},
        columns={column.name: column for column in made},
        indexes={index.name: index} if key else {},
        types={each.name: each for each in types},
    )


T = {"public.t.id": "integer", "public.t.a": "text", "public.t.b": "numeric(10,2)"}


def aligned(before: Catalog, after: Catalog, **columns: str) -> tuple[Aligned, ...]:
    """Align ``public.t`` with itself; ``columns`` are names after by names before."""
    pairs = {f"public.t.{old}": f"public.t.{new}" for old, new in columns.items()}
    return align(before, after, tables={"public.t": "public.t"}, columns=pairs)


def names(found: Aligned) -> list[tuple[str, str]]:
    return [(old.name, new.name) for old, new in zip(found.before.columns, found.after.columns, strict=True)]


SAME = {"id": "id", "a": "a", "b": "b"}


def test_nothing_changed_nothing_to_read() -> None:
    for key in ((), ("id",)):
        (found,) = aligned(catalog(T, key=key), catalog(T, key=key), **SAME)
        assert found.before == found.after
        assert found.before.key == key
        assert (found.reuse_before, found.reuse_after) == (True, True)


def test_columns_that_came_and_went() -> None:
    after = {"public.t.id": "integer", "public.t.b": "numeric(10,2)", "public.t.new": "text"}
    (found,) = aligned(catalog(T, key=("id",)), catalog(after, key=("id",)), id="id", b="b")
    assert names(found) == [("b", "b"), ("id", "id")]
    assert (found.reuse_before, found.reuse_after) == (True, True)
    (found,) = aligned(catalog(T), catalog(after), id="id", b="b")
    # Whole rows are not the same rows without one of their columns.
    assert (found.reuse_before, found.reuse_after) == (False, False)


def test_renamed_columns_keep_their_place() -> None:
    after = {"public.t.key": "integer", "public.t.z": "text", "public.t.b": "numeric(10,2)"}
    (found,) = aligned(catalog(T, key=("id",)), catalog(after, key=("key",)), id="key", a="z", b="b")
    assert names(found) == [("a", "z"), ("b", "b"), ("id", "key")]
    assert (found.before.key, found.after.key) == (("id",), ("key",))
    assert (found.reuse_before, found.reuse_after) == (True, True)
    (found,) = aligned(catalog(T), catalog(after), id="key", a="z", b="b")
    assert (found.reuse_before, found.reuse_after) == (True, False)


def test_wider_types_need_no_reading_and_others_do() -> None:
    wider = {"public.t.id": "bigint", "public.t.a": "character varying(9)", "public.t.b": "numeric"}
    (found,) = aligned(catalog(T, key=("id",)), catalog(wider, key=("id",)), **SAME)
    assert (found.reuse_before, found.reuse_after) == (True, True)
    other = {"public.t.id": "integer", "public.t.a": "text", "public.t.b": "double precision"}
    (found,) = aligned(catalog(T, key=("id",)), catalog(other, key=("id",)), **SAME)
    assert found.before.columns[1].form.kind == found.after.columns[1].form.kind == "numeric"
    assert (found.reuse_before, found.reuse_after) == (True, False)


def test_a_key_of_another_type_is_read_again_on_both_sides() -> None:
    other = {**T, "public.t.id": "text"}
    (found,) = aligned(catalog(T, key=("id",)), catalog(other, key=("id",)), **SAME)
    assert {found.before.columns[2].form.kind, found.after.columns[2].form.kind} == {"text"}
    assert (found.reuse_before, found.reuse_after) == (False, True)


def test_another_key_after() -> None:
    (found,) = aligned(catalog(T, key=("id",)), catalog(T, key=("a",)), **SAME)
    assert (found.before.key, found.after.key) == (("id",), ("id",))
    assert (found.reuse_before, found.reuse_after) == (True, False)


def test_a_key_that_is_gone_leaves_whole_rows() -> None:
    after = {"public.t.a": "text", "public.t.b": "numeric(10,2)"}
    (found,) = aligned(catalog(T, key=("id",)), catalog(after), a="a", b="b")
    assert (found.before.key, found.after.key) == ((), ())
    assert (found.reuse_before, found.reuse_after) == (False, True)


def test_two_columns_that_lead_to_one_are_compared_apart() -> None:
    after = {"public.t.id": "integer", "public.t.a": "numeric(10,2)"}
    first, second = aligned(catalog(T, key=("id",)), catalog(after, key=("id",)), id="id", a="a", b="a")
    assert names(first) == [("a", "a"), ("id", "id")]
    assert names(second) == [("b", "a"), ("id", "id")]
    assert first.before.columns[0].form.kind == first.after.columns[0].form.kind == "text"
    assert second.before.columns[0].form.kind == second.after.columns[0].form.kind == "numeric"


def test_domains_meet_in_what_lies_below() -> None:
    domain = Type(name="public.money2", form="domain", owner="o", definition="numeric(10,2) NOT NULL")
    after = {**T, "public.t.b": "public.money2"}
    (found,) = aligned(catalog(T, key=("id",)), catalog(after, key=("id",), types=(domain,)), **SAME)
    assert found.before.columns[1].form == found.after.columns[1].form
    assert (found.reuse_before, found.reuse_after) == (True, True)


def test_foreign_tables_and_tables_that_are_gone_are_left_out() -> None:
    foreign = catalog(T, tables=(table(form="foreign table"),))
    assert aligned(catalog(T), foreign, **SAME) == ()
    assert aligned(foreign, catalog(T), **SAME) == ()
    assert align(catalog(T), catalog(T), tables={"public.gone": "public.t"}, columns={}) == ()
    parted = catalog(
        T,
        tables=(
            table(form="partitioned table"),
            table("public.far", form="foreign table", parents=("public.t",), partition_bound="DEFAULT"),
        ),
    )
    assert aligned(parted, parted, **SAME) == ()


def test_a_partition_is_read_by_itself() -> None:
    leaf = table(parents=("public.root",), partition_bound="DEFAULT")
    after = catalog(T, tables=(leaf, table("public.root", form="partitioned table")))
    (found,) = aligned(catalog(T), after, **SAME)
    assert (found.before.table, found.after.only) == ("public.t", True)


def test_text_is_the_form_that_always_is_there() -> None:
    (found,) = aligned(catalog(T), catalog(T), **SAME)
    assert {column.form.kind for column in as_text(found.before).columns} == {"text"}
