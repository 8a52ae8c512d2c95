"""Definitions, names, contents; a restored database against its source."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import (
    DATABASE,
    changed,
    column,
    constraint,
    content,
    definition,
    foreign_key,
    function,
    grant,
    sales,
    sales_content,
    schema,
    sequence,
    snapshot,
    table,
    view,
)
from pytest_pgsafe.catalog.names import bare, container, means, split
from pytest_pgsafe.catalog.values import Extension
from pytest_pgsafe.compare import restored_equals_source
from pytest_pgsafe.compare.explain import explain
from pytest_pgsafe.compare.renames import Renames, tokens
from pytest_pgsafe.snapshot.values import (
    ForeignKeyContent,
    LargeObjects,
    SequenceValue,
)

T = "public.sales"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("public.sales.id", ("public", "sales", "id")),
        ('"A.b"."c""d"', ('"A.b"', '"c""d"')),
        ("public.f(integer, public.t)", ("public", "f(integer, public.t)")),
        ('"S".f(numeric)', ('"S"', "f(numeric)")),
        ('public."f(x)"(text)', ("public", '"f(x)"(text)')),
        ("sales", ("sales",)),
    ],
)
def test_names_are_split_at_their_dots(name: str, parts: tuple[str, ...]) -> None:
    assert split(name) == parts
    assert bare(name) == parts[-1]
    assert container(name) == ".".join(parts[:-1])


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("public.sales", True),
        ("sales", True),
        ('"sales"', True),
        ("other.sales", False),
        ("ales", False),
        ("public.sales.id", False),
    ],
)
def test_a_short_name_means_a_long_one(wanted: str, meant: bool) -> None:
    assert means("public.sales", wanted) is meant


def test_words_of_a_definition() -> None:
    assert tokens("SELECT a.b, 'x''y' AS \"C d\" FROM s.t -- 1.5") == [
        *("SELECT", "a.b", ",", "'x''y'", "AS", '"C d"', "FROM", "s.t", "-", "-", "1.5")
    ]


RENAMES = Renames.of([{"public.a": "public.b", "public.a.x": "public.b.y", "public.s": "archive.s"}])


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("CHECK ((x > 0))", "CHECK ((y > 0))", True),
        ("CHECK ((x > 0))", "CHECK ((y > 1))", False),
        ("CHECK ((x > 0))", "CHECK ((z > 0))", False),
        ("SELECT a.x FROM public.a", "SELECT b.y AS x FROM public.b", True),
        ("SELECT a.x AS y FROM public.a", "SELECT b.y FROM public.b", True),
        ("SELECT a.x FROM public.a", "SELECT b.y AS z FROM public.b", False),
        ("SELECT 'x'", "SELECT 'y'", False),
        ("nextval('public.s'::regclass)", "nextval('archive.s'::regclass)", True),
        ("nextval('public.s'::regclass)", "nextval('archive.t'::regclass)", False),
        ("SELECT 1 FROM public.s", "SELECT 1 FROM archive.s", True),
        ("SELECT 1 FROM public.t", "SELECT 1 FROM archive.t", False),
        ("AS $$ SELECT x $$", "AS $$ SELECT y $$", False),
        ("SELECT a.x, a.x", "SELECT b.y", False),
    ],
)
def test_definitions_modulo_renames(before: str, after: str, same: bool) -> None:
    assert RENAMES.same(before, after) is same


def source(*objects, rows: int = 10, name: int = 3, version: str = "15.18", **more):
    return snapshot(*sales(), *objects, tables={T: sales_content(rows, name=name)}, version=version, **more)


def shown(found) -> list[tuple[str, str, str | None]]:
    return [(one.kind, one.object, one.attribute) for one in found]


def test_a_faithful_restore_is_equal() -> None:
    other = replace(DATABASE, name="scratch", owner="postgres", connection_limit=5)
    assert restored_equals_source(source(), source(database=other)) == ()


def test_a_restore_that_differs_in_content() -> None:
    assert shown(restored_equals_source(source(), source(rows=9))) == [("rows", T, "rows")]
    assert shown(restored_equals_source(source(), source(name=4))) == [("values", f"{T}.name", "digest")]
    missing = replace(source(), tables={})
    assert shown(restored_equals_source(source(), missing)) == [("rows", T, "content")]
    objects = source(large_objects=LargeObjects(count=1, digest=5))
    assert shown(restored_equals_source(objects, source())) == [("large objects", "large objects", "count")]
    key = foreign_key(f"{T}.fk", "customer_id", "public.customers")
    held = [
        source(key, table("public.customers"), foreign_keys={key.name: ForeignKeyContent(nulls=0, orphans=orphans)})
        for orphans in (0, 3)
    ]
    assert shown(restored_equals_source(*held)) == [("foreign key", key.name, "orphans")]


@pytest.mark.parametrize(
    ("value", "upper", "restored", "equal"),
    [
        ((10, True), None, (10, True), True),
        ((10, True), None, (11, True), False),
        ((10, False), None, (10, True), False),
        ((10, True), 12, (11, True), True),
        ((10, True), 12, (13, True), False),
        ((10, True), 12, (9, True), False),
        ((-10, True), -12, (-11, True), True),
        ((1, False), 1, (1, True), True),
    ],
)
def test_a_restored_sequence_lies_between_the_readings(value, upper, restored, equal: bool) -> None:
    ours = SequenceValue(value=value[0], is_called=value[1], upper=upper)
    theirs = SequenceValue(value=restored[0], is_called=restored[1])
    found = restored_equals_source(
        source(sequence("public.s"), sequences={"public.s": ours}),
        source(sequence("public.s"), sequences={"public.s": theirs}),
    )
    assert (found == ()) is equal


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([grant(T, "SELECT", "reader")], []),
        ([view("public.v", "SELECT 1")], []),
        ([], [view("public.v", "SELECT 1")]),
        ([constraint(f"{T}.c", "check", "CHECK (a)")], [constraint(f"{T}.c", "check", "CHECK (b)")]),
        ([constraint(f"{T}.c", "check", "CHECK (a)")], [constraint(f"{T}.c", "check", "CHECK (a)", validated=False)]),
        ([schema("s", comment="kept")], [schema("s")]),
        ([definition("publication", "p")], []),
    ],
)
def test_a_restore_that_differs_in_structure(before: list, after: list) -> None:
    assert restored_equals_source(source(*before), source(*after)) != ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([definition("subscription", "s", enabled="origin")], []),
        ([definition("subscription", "s", enabled="origin")], [definition("subscription", "s", enabled="disabled")]),
        ([table("public.t", tablespace="fast")], [table("public.t")]),
        (
            [Extension(name="hstore", version="1.7", schema="public", owner="app")],
            [Extension(name="hstore", version="1.8", schema="public", owner="postgres")],
        ),
    ],
)
def test_what_no_dump_carries_over_is_no_difference(before: list, after: list) -> None:
    assert restored_equals_source(source(*before), source(*after)) == ()


VIEWS = (view("public.v", "SELECT sales.id FROM public.sales;"), view("public.v", "SELECT id FROM public.sales;"))


def test_another_major_prints_otherwise() -> None:
    ours, theirs = VIEWS
    assert restored_equals_source(source(ours), source(theirs)) != ()
    assert restored_equals_source(source(ours), source(theirs, version="17.2")) == ()
    other = view("public.v", "SELECT total FROM public.sales;")
    assert restored_equals_source(source(ours), source(other, version="17.2")) != ()
    named = constraint(f"{T}.n", "not null", "NOT NULL id", columns=("id",))
    assert restored_equals_source(source(), source(named, version="18.1")) == ()
    lost = snapshot(*changed(sales(), f"{T}.id", not_null=False), tables={T: sales_content()}, version="18.1")
    assert shown(restored_equals_source(source(), lost)) == [("column", f"{T}.id", "not_null")]


def test_a_table_without_content_on_the_source_is_left_to_the_list_of_what_was_not_verified() -> None:
    before, after = source(table("public.far", form="foreign table")), source(table("public.far", form="foreign table"))
    assert restored_equals_source(before, after) == ()


def test_attributes_are_explained() -> None:
    old = column("public.t.x", "numeric(10,2)", not_null=True)
    new = column("public.t.x", "numeric(10,0)")
    assert explain(old, new) == "not_null: True → False\ntype: numeric(10,2) → numeric(10,0)"
    assert explain(old, old) == ""


def test_parts_of_lists_are_explained() -> None:
    old = constraint("public.t.c", "unique", "UNIQUE (a, b)", columns=("a", "b"))
    new = constraint("public.t.c", "unique", "UNIQUE (a)", columns=("a",))
    assert "columns.1: - b" in explain(old, new)


def test_bodies_are_explained_as_a_diff() -> None:
    lines = [f"line {number}" for number in range(40)]
    old, new = (function("public.f()", "\n".join(text)) for text in (lines, [*lines[:20], "other", *lines[21:]]))
    assert explain(old, new) == "definition:\n  @@ -20,3 +20,3 @@\n   line 19\n  -line 20\n  +other\n   line 21"
    longer = function("public.f()", "\n".join(f"other {number}" for number in range(60)))
    assert explain(old, longer).endswith("more lines")


def test_columns_are_compared_by_their_names_and_not_their_places() -> None:
    before = snapshot(table("public.t"), column("public.t.a", number=1), column("public.t.b", number=2))
    after = snapshot(table("public.t"), column("public.t.a", number=2), column("public.t.b", number=1))
    assert restored_equals_source(before, after) == ()
    assert content(1, key=(), a=1, b=2) == content(1, key=(), b=2, a=1)


WORDS = ("16.15", "17.11")


@pytest.mark.parametrize(("versions", "equal"), [(WORDS, True), (("17.11", "18.6"), False)])
def test_a_name_that_one_major_quotes_is_the_same(versions: tuple[str, str], equal: bool) -> None:
    source, restored = (
        snapshot(
            table(), column(f"{T}.{name}", "jsonb"),
            constraint(f"{T}.sales_check", "check", f"CHECK (({name} IS NULL))"),
            tables={T: content(key=(name,), **{name: 7})}, version=version,
        )
        for name, version in zip(("json", '"json"'), versions, strict=True)
    )  # fmt: skip
    assert (not restored_equals_source(source, restored)) is equal
    assert not restored_equals_source(source, source)


def test_values_of_a_column_that_one_major_quotes_are_compared() -> None:
    source, restored = (
        snapshot(table(), column(f"{T}.{name}"), tables={T: content(key=(), **{name: digest})}, version=version)
        for name, digest, version in zip(("json", '"json"'), (7, 8), WORDS, strict=True)
    )
    [found] = restored_equals_source(source, restored)
    assert (found.kind, found.object) == ("values", f"{T}.json")


@pytest.mark.parametrize(("other", "equal"), [(" NO INDENT", True), (" INDENT", False)])
def test_what_xmlserialize_says_from_16_on_is_the_same(other: str, equal: bool) -> None:
    source, restored = (
        snapshot(view("public.v", f"SELECT XMLSERIALIZE(CONTENT x AS text{more}) AS x FROM t"), version=version)
        for more, version in zip(("", other), ("15.19", "16.15"), strict=True)
    )
    assert (not restored_equals_source(source, restored)) is equal


@pytest.mark.parametrize(("versions", "equal"), [(("14.23", "15.19"), True), (("15.19", "16.15"), False)])
def test_the_sequence_of_an_unlogged_table_is_unlogged_from_15_on(versions: tuple[str, str], equal: bool) -> None:
    source, restored = (
        snapshot(sequence("public.s", persistence=how), version=version)
        for how, version in zip(("permanent", "unlogged"), versions, strict=True)
    )
    assert (not restored_equals_source(source, restored)) is equal
