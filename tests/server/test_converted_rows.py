"""[expect] converted of rows that come from others: arrays in their order, tables that went into another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from pytest_pgsafe.checks.values import Finding, Rules, Severity
from pytest_pgsafe.config.expectations import Converted
from pytest_pgsafe.errors import SnapshotError
from pytest_pgsafe.server.base import Server

BASE = """
create table post (id int primary key, created_ms bigint not null, tags text[]);
insert into post select i, 1767225600000 + i * 1000, array['a' || i, 'b' || i, 'a'] from generate_series(1, 30) i;
create table customer (id int primary key, mail text, phone text);
insert into customer select i, 'm' || i, 'p' || i from generate_series(1, 20) i;
create table person (id int primary key, name text);
insert into person select i, 'n' || i from generate_series(1, 20) i;
"""


@pytest.fixture(scope="module")
def bench(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    file = tmp_path_factory.mktemp("converted") / "base.sql"
    file.write_text(BASE)
    made = Bench.load(server, [file], role=server.address().user)
    yield made
    server.drop(made.before)


def said(column: str, from_: str, rows: str, **key: str) -> Converted:
    return Converted(column=column, expression=from_, rows=rows, key=tuple(key.items()), reason="said")


def errors(bench: Bench, folder: Path, text: str, *announced: Converted) -> dict[tuple[str, str], Finding]:
    file = folder / "up.sql"
    file.write_text(text)
    found = bench.judge(file, Rules(converted=announced))
    return {(one.code, one.object): one for one in found if one.severity is Severity.ERROR}


TAGS = said("tag.name", "u.t", "post, unnest(tags) with ordinality u (t, n)", post_id="post.id", n="u.n")
TABLE = "create table tag (post_id int references post, n int, name text not null, primary key (post_id, n));"
ROWS = TABLE + "insert into tag select id, n, t from post, unnest(tags) with ordinality u (t, n);"
DROP = "alter table post drop tags;"
MAIL = said("person.mail", "c.mail", "customer c", id="c.id")
PHONE = said("person.phone", "c.phone", "customer c", id="c.id")
COPIED = (
    "alter table person add mail text, add phone text;"
    "update person set mail = c.mail, phone = c.phone from customer c where c.id = person.id;"
)
NAMES = said("person.name", "c.mail", "customer c", id="c.id + 100")
MOMENT = said("moment.at", "to_timestamp(p.created_ms / 1000.0)", "post p", post_id="p.id")
MOMENTS = "create table moment (post_id int primary key, at timestamptz); insert into moment select id, {} from post;"


@pytest.mark.parametrize(
    ("text", "announced", "wanted"),
    [
        (ROWS + DROP, [TAGS], set()),
        # In another order, with one row too few and one too many, with one value that is another.
        (
            TABLE
            + "insert into tag select id, row_number() over (partition by id order by t desc), t"
            + " from post, unnest(tags) t;"
            + DROP,
            [TAGS],
            {("PGS009", "public.tag.name"), ("PGS203", "public.post.tags")},
        ),
        (ROWS + "delete from tag where post_id = 3 and n = 2", [TAGS], {("PGS009", "public.tag.name")}),
        (ROWS + "insert into tag values (3, 9, 'x')", [TAGS], {("PGS009", "public.tag.name")}),
        (ROWS + "update tag set name = 'x' where post_id = 3 and n = 2", [TAGS], {("PGS009", "public.tag.name")}),
        (COPIED + "drop table customer", [MAIL, PHONE], set()),
        # A column that no announcement names would be lost in silence.
        (COPIED + "drop table customer", [MAIL], {("PGS103", "public.customer")}),
        (
            COPIED.replace("c.id = person.id", "c.id = person.id + 1") + "drop table customer",
            [MAIL, PHONE],
            {("PGS009", "public.person.mail"), ("PGS009", "public.person.phone"), ("PGS103", "public.customer")},
        ),
        ("insert into person select id + 100, mail from customer", [NAMES], set()),
        ("insert into person select id + 100, phone from customer", [NAMES], {("PGS009", "public.person.name")}),
        (
            "insert into person select id + 100, mail from customer; update person set name = 'z' where id = 3",
            [NAMES],
            {("PGS009", "public.person.name"), ("PGS201", "public.person.name")},
        ),
        (MOMENTS.format("to_timestamp(created_ms / 1000.0)") + "alter table post drop created_ms", [MOMENT], set()),
        (MOMENTS.format("to_timestamp(created_ms)"), [MOMENT], {("PGS009", "public.moment.at")}),
        # Several rows of one key; a key that is not there.
        (
            "insert into person select id + 100, mail from customer",
            [said("person.name", "c.mail", "customer c", id="7")],
            {("PGS009", "person.name")},
        ),
        (ROWS, [said("tag.name", "u.t", "post, unnest(tags) u (t)", nothing="post.id")], {("PGS009", "tag.name")}),
    ],
)
def test_rows_that_come_from_others(
    bench: Bench, tmp_path: Path, text: str, announced: list[Converted], wanted: set[tuple[str, str]]
) -> None:
    found = errors(bench, tmp_path, text, *announced)
    assert set(found) == wanted, found


def test_what_is_apart_is_told_with_its_rows(bench: Bench, tmp_path: Path) -> None:
    text = ROWS + "delete from tag where post_id = 3 and n = 2; insert into tag values (3, 9, 'x')"
    [told] = errors(bench, tmp_path, text, TAGS).values()
    assert told.message.endswith("1 row that was announced is not there; 1 row is there that nobody announced")
    assert {(one.key["post_id"], one.key["n"]) for one in told.samples} == {("3", "2"), ("3", "9")}


def test_what_cannot_be_evaluated_is_named(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="nosuch"):
        errors(bench, tmp_path, ROWS, said("tag.name", "u.nosuch", "post, unnest(tags) u (t)", post_id="post.id"))
