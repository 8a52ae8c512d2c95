"""Drift: what a tenant has of its own is none, everything else is, and it is told by member and by difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_pgsafe.catalog import values
from pytest_pgsafe.catalog.values import Catalog, Object
from pytest_pgsafe.fleet.drift import COMPARED, MOST, drift
from pytest_pgsafe.fleet.own import canonical, fingerprint
from pytest_pgsafe.fleet.schemas import MemberSchema, Schemas
from pytest_pgsafe.fleet.values import Drift, Member
from tests.unit import builders as b
from tests.unit.catalog_examples import other


def tenant(number: int, *more: Object, objects: Sequence[Object] | None = None, **database: Any) -> MemberSchema:
    """A tenant whose own role owns everything, and whose own schema holds a table."""
    role, home = f"tenant_{number}", f"app_{number}"
    own: list[Object] = [
        b.schema(home, owner=role),
        b.table(f"{home}.orders", owner=role),
        b.column(f"{home}.orders.id", default=f"nextval('{home}.orders_id_seq'::regclass)"),
        b.sequence(f"{home}.orders_id_seq", f"{home}.orders.id", owner=role),
        b.view(f"{home}.v", f" SELECT orders.id FROM {home}.orders;", owner=role),
        b.function(f"{home}.f({home}.orders)", f"CREATE FUNCTION f() AS $$ select {home}.orders $$", owner=role),
        b.grant(f"{home}.orders", "SELECT", role, to_owner=True),
        b.grant(f"{home}.orders", "SELECT", f'"ro-{number}"'),
        b.grant(f"tenant_{number} IN SCHEMA {home} ON TABLES", "SELECT", "reader", "default privileges"),
        b.policy(f"{home}.orders.mine", roles=(role,), using=f"(tenant = 'tenant_{number}'::text)"),
        b.definition("large objects", role, f"{number} objects"),
    ]
    changes = {"owner": role, "name": f"tenant_{number}", "size": number, "connection_limit": number, **database}
    found = b.catalog(
        *(b.sales() if objects is None else objects), *own, *more, database=replace(b.DATABASE, **changes)
    )
    member = Member(name=f"tenant_{number}", source=f"host/tenant_{number}", database=f"tenant_{number}")
    # The schema and one of the roles are named after its number alone.
    return MemberSchema(member=replace(member, name=str(number)), major=15, catalog=found)


def told(*schemas: MemberSchema, **unknown: None) -> Drift:
    kept = {fingerprint(canonical(one.catalog, one.member)): one for one in reversed(schemas)}
    members = {one.member.name: fingerprint(canonical(one.catalog, one.member)) for one in schemas}
    return drift({**members, **unknown}, kept.__getitem__)


def texts(found: Drift) -> list[tuple[tuple[str, ...], list[str]]]:
    return [(group.members, [one.text for one in group.differences]) for group in found.groups]


def test_tenants_that_differ_in_names_of_their_own_have_one_schema() -> None:
    found = told(*(tenant(number) for number in (17, 2, 15)))
    assert found == Drift(majority=("17", "2", "15"))


def test_a_missing_an_added_and_another_object_are_told_by_member_and_by_difference() -> None:
    index = b.index("public.i_x", "public.sales", ["total"])
    without = [tenant(number) for number in (4, 9)]
    odd = tenant(
        5, index, b.table("public.hotfix"),
        objects=b.changed(b.sales(), "public.sales.total", type="numeric(8,2)"),
    )  # fmt: skip
    found = told(*(tenant(number, index) for number in (1, 2, 3)), *without, odd)
    assert found.majority == ("1", "2", "3")
    assert not found.tied
    assert texts(found) == [
        (("4", "9"), ["index public.i_x is missing"]),
        (
            ("5",),
            [
                "column public.sales.total has another type: numeric(8,2) instead of numeric(10,2)",
                "table public.hotfix is there besides",
            ],
        ),
    ]
    by = {difference.text: members for difference, members in found.by_difference.items()}
    assert by["index public.i_x is missing"] == ("4", "9")
    assert next(iter(by)) == "index public.i_x is missing"


def test_an_owner_that_is_nobodys_own_is_told() -> None:
    odd = b.changed(b.sales(), "public.sales", owner="postgres")
    found = told(tenant(1), tenant(2), tenant(3, objects=odd))
    assert texts(found) == [(("3",), ["table public.sales has another owner: postgres instead of owner"])]


def test_a_role_that_all_share_is_not_taken_for_that_of_a_member_that_is_called_like_it() -> None:
    objects = [
        *b.sales(),
        b.grant("public.sales", "SELECT", "app_ro"),
        b.column("public.sales.k", default="'app'::text"),
    ]
    apart = [
        MemberSchema(member=Member(name=name, source=name, database=name), major=15, catalog=b.catalog(*objects))
        for name in ("one", "two", "app")
    ]
    found = told(*apart)
    assert found == Drift(majority=("one", "two", "app"))


def test_no_majority_is_no_majority() -> None:
    two = told(tenant(1), tenant(2, b.table("public.hotfix")))
    assert (two.majority, two.tied) == (("1",), True)
    assert texts(two) == [(("2",), ["table public.hotfix is there besides"])]
    assert not told(tenant(1)).tied


def test_members_whose_schema_is_not_known_are_named_and_count_for_nobody() -> None:
    found = told(tenant(1), tenant(2), gone=None, away=None)
    assert found.unknown == ("gone", "away")
    assert found.compared == 2
    assert told(gone=None) == Drift(unknown=("gone",))


def test_what_a_schema_cannot_be_read_of_is_another_one_all_the_same() -> None:
    def read(_: str) -> MemberSchema:
        raise OSError

    found = drift({"a": "x", "b": "x", "c": "y"}, read)
    assert found.majority == ("a", "b")
    assert [(group.members, group.reason) for group in found.groups] == [
        (("c",), "what is known of its schema cannot be read")
    ]


def test_another_major_prints_otherwise_and_means_the_same() -> None:
    named = b.constraint("public.sales.sales_id_not_null", "not null", "NOT NULL id")
    newer = replace(tenant(3, named), major=18)
    assert told(tenant(1), tenant(2), newer).majority == ("1", "2", "3")
    assert told(tenant(1), tenant(2), replace(newer, major=15)).majority == ("1", "2")


def test_many_differences_are_counted() -> None:
    many = [b.table(f"public.t{number}") for number in range(MOST + 7)]
    (group,) = told(tenant(1), tenant(2), tenant(3, *many)).groups
    assert (len(group.differences), group.more) == (MOST, 7)


def test_many_schemas_are_not_all_compared_and_that_is_said() -> None:
    found = told(*(tenant(number, b.table(f"public.t{number}")) for number in range(COMPARED + 3)))
    *compared, one, two = found.groups
    assert all(len(group.differences) == 2 for group in compared)
    assert one.reason == two.reason
    assert str(COMPARED) in (one.reason or "")


def test_long_definitions_are_shown_where_they_begin_to_differ() -> None:
    long = " SELECT " + "a, " * 200
    found = told(
        *(tenant(n, b.view("public.v", f"{long}b")) for n in (1, 2)), tenant(3, b.view("public.v", f"{long}c"))
    )
    (text,) = texts(found)[0][1]
    assert text.endswith("a, a, a, c instead of …, a, a, a, a, a, a, b")
    assert len(text) < 200


#: What is of the day, of the machine or of the operation, and is not compared.
LEFT_OUT = {("Table", "tablespace"), ("Index", "tablespace"), ("View", "tablespace"), ("View", "populated"),
            ("Database", "connection_limit")}  # fmt: skip
KINDS: list[Object] = [
    b.schema("s"), b.table("public.t"), b.column("public.sales.c"), b.index("public.i", "public.sales", ["id"]),
    b.constraint("public.sales.k", "check", "CHECK (true)"), b.view("public.v", "SELECT 1"), b.sequence("public.q"),
    b.trigger("public.sales.g"), b.policy("public.sales.p"), b.function("public.f()"), b.type_("public.y"),
    b.grant("public.sales", "SELECT", "r"), b.definition("publication", "p"),
    values.Rule(name="public.sales.r", table="public.sales", definition="ON INSERT DO NOTHING", enabled="origin"),
    values.Extension(name="citext", version="1.6", schema="public", owner="postgres"),
]  # fmt: skip


@pytest.mark.parametrize("value", KINDS, ids=lambda value: type(value).__name__)
def test_every_field_that_counts_counts(value: Object) -> None:
    member = Member(name="zzz", source="zzz")
    plain = fingerprint(canonical(b.catalog(value), member))
    for field in fields(value):
        if field.compare and field.name != "name":
            there = replace(value, **{field.name: other(type(value), field.name, getattr(value, field.name))})  # type: ignore[arg-type]
            found = fingerprint(canonical(b.catalog(there), member))
            assert (found == plain) == ((type(value).__name__, field.name) in LEFT_OUT), field.name


def test_the_database_counts() -> None:
    member = Member(name="zzz", source="zzz")
    plain = fingerprint(canonical(b.catalog(), member))
    for field in fields(values.Database):
        there = replace(b.DATABASE, **{field.name: other(values.Database, field.name, getattr(b.DATABASE, field.name))})
        found = fingerprint(canonical(b.catalog(database=there), member))
        assert (found != plain) == (field.compare and ("Database", field.name) not in LEFT_OUT), field.name


def test_schemas_are_kept_once_and_go_from_one_folder_to_another(tmp_path: Path) -> None:
    here, there = Schemas(tmp_path / "here"), Schemas(tmp_path / "there")
    here.run.mkdir()
    there.run.mkdir()
    one, two, odd = tenant(1), tenant(2), tenant(3, b.table("public.hotfix"))
    same = here.keep(one)
    assert here.keep(two) == same != here.keep(odd)
    assert here.read(same) == one
    assert here.of("2") == same
    assert here.of("4") is None
    there.tell("1", here.told("1"))
    there.tell("2", here.told("2", known=frozenset({same})))
    assert here.told("2", known=frozenset({same})) == {same: b""}
    assert (there.of("1"), there.of("2"), there.of("3")) == (same, same, None)
    assert there.read(same) == one
    assert here.told("4") == {}
    assert len(list((here.run / "schemas").glob("*.json"))) == 2


def test_catalogs_of_one_fingerprint_are_equal() -> None:
    """What is written for people and what is hashed go by one form."""
    one, two = (canonical(made.catalog, made.member) for made in (tenant(1), tenant(2)))
    assert isinstance(one, Catalog)
    assert one == two


def named(name: str, database: str, *more: Object) -> str:
    catalog = b.catalog(*b.sales(), *more)
    return fingerprint(canonical(catalog, Member(name=name, source=name, database=database)))


def test_a_string_that_is_the_members_name_is_its_own() -> None:
    def check(literal: str) -> Object:
        return b.constraint("public.sales.mine", "check", f"CHECK ((tenant = '{literal}'::text))")

    assert named("acme", "acme", check("acme")) == named("bolt", "bolt", check("bolt"))
    assert named("17", "tenant_17", check("tenant_17")) == named("2", "tenant_2", check("tenant_2"))
    # Not what only holds the name, and no number.
    assert named("acme", "acme", check("acme inc")) != named("bolt", "bolt", check("bolt inc"))
    assert named("17", "tenant_17", check("17")) == named("2", "tenant_2", check("17"))
