"""How types are hashed, as far as it can be told without a server."""

from __future__ import annotations

import pytest

from pytest_pgsafe.catalog.values import Type
from pytest_pgsafe.snapshot.expressions import base_type, common_forms, form, textual, underlying, xor


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("smallint", "integer"),
        ("bigint", "integer"),
        ("numeric(10,2)", "numeric"),
        ("numeric(4,-2)", "numeric"),
        ("timestamp(3) without time zone", "timestamp"),
        ("timestamp with time zone", "text"),
        ("character varying(20)", "text"),
        ("character(3)", "text"),
        ("cidr", "inet"),
        ('"char"', "char"),
        ("integer[]", "text"),
        ("public.integer", "text"),
        ('public."numeric(1,2)"', "text"),
        ('"odd.one".integer', "text"),
        ("interval day to second(2)", "text"),
        ("jsonb", "text"),
        ("regclass", "text"),
    ],
)
def test_form_of_a_type(type_: str, kind: str) -> None:
    assert form(type_).kind == kind


def test_modifiers_are_not_the_type() -> None:
    assert base_type("timestamp(3) with time zone") == "timestamp with time zone"
    assert base_type('public."t(1)"') == 'public."t(1)"'


def test_names_with_braces_stay_as_they_are() -> None:
    quoted = 'r."{s}{v}\\1"'
    assert form("integer").hash(quoted, "0").count(quoted) == 2
    assert form("text").hash(quoted, "0").count(quoted) == 1


def test_domains_are_what_lies_below() -> None:
    def domain(name: str, definition: str) -> Type:
        return Type(name=name, form="domain", owner="o", definition=definition)

    types = {
        each.name: each
        for each in (
            domain("public.a", "numeric(10,2) DEFAULT 1 NOT NULL"),
            domain("public.b", "public.a"),
            domain("public.c", 'text COLLATE pg_catalog."C"'),
            Type(name="public.e", form="enum", owner="o", labels=("x",)),
        )
    }
    assert underlying(types, "public.b") == "numeric(10,2)"
    assert underlying(types, "public.c") == "text"
    assert underlying(types, "public.e") == "public.e"
    assert underlying(types, "public.unknown") == "public.unknown"


TYPES = [
    "smallint", "integer", "bigint", "numeric", "numeric(10,2)", "real", "double precision", "money", "boolean", "oid",
    "text", "character varying", "character(5)", "name", '"char"', "date", "timestamp without time zone",
    "timestamp(0) without time zone", "timestamp with time zone", "time without time zone", "interval", "uuid", "bytea",
    "inet", "cidr", "macaddr", "json", "jsonb", "xml", "integer[]", "public.citext", "public.mood", "int4range",
]  # fmt: skip


@pytest.mark.parametrize("before", TYPES)
def test_two_types_always_meet_in_one_kind(before: str) -> None:
    for after in TYPES:
        first, second = common_forms(before, after)
        assert first.kind == second.kind, after
        assert (second, first) == common_forms(after, before), after
    assert common_forms(before, before) == (form(before), form(before))


def test_text_is_the_last_resort() -> None:
    assert common_forms("uuid", "bytea") == (textual("uuid"), textual("bytea"))


def test_xor_is_as_shallow_as_can_be() -> None:
    text = xor([f"h{at}" for at in range(1600)])
    depth = deepest = 0
    for character in text.replace("OPERATOR(pg_catalog.#)", "#"):
        depth += {"(": 1, ")": -1}.get(character, 0)
        deepest = max(deepest, depth)
    assert deepest == 11
    assert all(f"h{at}" in text for at in range(1600))
