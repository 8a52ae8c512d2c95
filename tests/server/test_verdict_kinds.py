"""Kinds of harm that were green once, each by its smallest input: what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from pytest_pgsafe.checks import BY_CODE
from pytest_pgsafe.checks.values import Finding, Rules, Severity
from pytest_pgsafe.config.expectations import Converted, Dropped, ValuesRule
from pytest_pgsafe.errors import SnapshotError
from pytest_pgsafe.server.base import Server

BASE = """
do $$ begin
    if not exists (select from pg_roles where rolname = 'kinds_anon') then
        create role kinds_anon;
        create role kinds_owner;
    end if;
end $$;
create table plain (id serial primary key, email text not null unique, kind text not null default 'x', n int);
insert into plain (email, n) select 'a' || i, i from generate_series(1, 100) i;
create table app_user (id int primary key, name text);
insert into app_user select i, 'u' || i from generate_series(1, 100) i;
alter table app_user enable row level security;
create policy own on app_user for select to kinds_anon using (name = 'u1');
create table app_more (id int primary key, name text);
alter table app_more enable row level security;
grant select on app_user, app_more to kinds_anon;
alter default privileges in schema public grant select on tables to kinds_anon;
create table forced (id int primary key, a text, b text);
insert into forced select i, 'a' from generate_series(1, 50) i;
alter table forced owner to kinds_owner;
alter table forced enable row level security;
alter table forced force row level security;
create table copied (id int);
alter table copied owner to kinds_owner;
create index plain_n on plain (n);
create table author (id int primary key, name text);
insert into author select i, 'author ' || i from generate_series(1, 20) i;
create table post (id int primary key, created_ms bigint not null, author int, kind text);
insert into post select i, 1767225600000 + i * 1000, i % 20 + 1, (array['A', 'B'])[1 + i % 2]
    from generate_series(1, 40) i;
create table part (id int, at date) partition by range (at);
create table part_a partition of part for values from ('2026-01-01') to ('2026-02-01');
create table part_b partition of part for values from ('2026-02-01') to ('2026-03-01');
insert into part values (1, '2026-01-05'), (2, '2026-02-05');
create table sort (id int, kind text) partition by list (kind);
create table sort_a partition of sort for values in ('a', 'b');
create table made (id int primary key, a int, g int generated always as (a * 2) stored not null);
insert into made (id, a) values (1, 1);
create view shown as select id, email, n from plain where n < 50;
create table shelf (id int primary key);
insert into shelf select generate_series(1, 9);
create table kid (id int primary key, p int constraint kid_p references shelf deferrable initially deferred);
insert into kid values (1, 1);
create type mood as enum ('low', 'mid', 'high');
create table m (id int primary key, mood mood);
insert into m select i, (array['low', 'mid', 'high'])[1 + i % 3]::mood from generate_series(1, 30) i;
create view happy as select * from m where mood > 'low';
create function cheap() returns int language sql immutable as 'select 50';
create view cheapest as select id from plain where n < cheap();
create function listed() returns setof int language sql stable as 'select n from public.plain where n < public.cheap()';
create function mine() returns setof app_user language sql as 'select * from public.app_user';
"""


@pytest.fixture(scope="module")
def bench(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    file = tmp_path_factory.mktemp("kinds") / "base.sql"
    file.write_text(BASE)
    made = Bench.load(server, [file], role=server.address().user)
    yield made
    server.drop(made.before)


def judged(bench: Bench, folder: Path, text: str) -> tuple[Finding, ...]:
    file = folder / "up.sql"
    file.write_text(text)
    return bench.judge(file)


def told(found: tuple[Finding, ...], *codes: str) -> set[tuple[str, str, str]]:
    return {(one.code, one.severity.value, one.object) for one in found if one.code in codes}


AS_OWNER = "set role kinds_owner; "


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # Row security hides all rows from the owner itself.
        (AS_OWNER + "update forced set b = a", {("PGS807", "warning", "public.forced")}),
        (AS_OWNER + "delete from forced where a = 'a'", {("PGS807", "warning", "public.forced")}),
        (
            AS_OWNER + "insert into copied select id from forced",
            {("PGS807", "warning", "public.forced")},
        ),
        (AS_OWNER + "reset role; update forced set b = a where id = 1", set()),
        (
            "alter table forced no force row level security;" + AS_OWNER + "update forced set b = a where id = 1;"
            "reset role; alter table forced force row level security",
            set(),
        ),
        ("update plain set kind = 'y' where email = 'nobody'", {("PGS807", "note", "migration")}),
        ("update plain set kind = 'y' where email = 'a1'", set()),
        ("create table if not exists app_more (id int primary key, name text)", {("PGS807", "note", "migration")}),
        ("create table if not exists app_more (id int primary key)", {("PGS807", "note", "migration")}),
        ("create table if not exists app_more (id int primary key, name text, more text)",
         {("PGS808", "error", "public.app_more")}),
        ("create table if not exists app_more (id bigint primary key, name text)",
         {("PGS808", "error", "public.app_more")}),
        ("create table if not exists app_more (id int primary key, name text unique)",
         {("PGS808", "error", "public.app_more")}),
        ("create table if not exists plain_n (id int)", {("PGS808", "error", "public.plain_n")}),
        ("alter table plain add column if not exists n text", {("PGS808", "error", "public.plain.n")}),
        ("alter table plain add column if not exists n int not null default 3",
         {("PGS808", "error", "public.plain.n")}),
        ("alter table plain add column if not exists n int, add if not exists fresh int",
         {("PGS807", "note", "migration")}),
        ("create index concurrently if not exists plain_n on plain (n)", {("PGS807", "note", "migration")}),
        ("create index if not exists plain_n on plain (n, kind)", {("PGS808", "error", "public.plain_n")}),
        ("create unique index concurrently if not exists plain_n on plain (n)",
         {("PGS808", "error", "public.plain_n")}),
        ("create index if not exists plain_n on app_user (name)", {("PGS808", "error", "public.plain_n")}),
        # What the migration changes later, it changes on purpose: the statement had nothing to make when it came.
        ("create table if not exists app_more (id int primary key, name text);"
         " alter table app_more add column fresh int; alter table app_more drop column name",
         {("PGS807", "note", "migration")}),
        ("alter table app_more add column if not exists name text;"
         " alter table app_more alter column name type varchar(50)",
         {("PGS807", "note", "migration")}),
        ("create index if not exists plain_n on plain (n); drop index plain_n; create index plain_n on plain (n, kind)",
         {("PGS807", "note", "migration")}),
        # And what is mended later is no harm.
        ("alter table app_more add column if not exists name varchar(50);"
         " alter table app_more alter column name type varchar(50)",
         {("PGS807", "note", "migration")}),
        # What it made itself it took for granted.
        ("create table fresh_one (n int); create table if not exists fresh_one (n int, m int)",
         {("PGS808", "error", "public.fresh_one")}),
        ("create schema if not exists public", {("PGS807", "note", "migration")}),
    ],
)  # fmt: skip
def test_a_statement_without_effect(bench: Bench, tmp_path: Path, text: str, wanted: set[tuple[str, str, str]]) -> None:
    found = judged(bench, tmp_path, text)
    assert told(found, "PGS807", "PGS808") == wanted, found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("create or replace view shown as select id, email, n from plain where false",
         {("PGS558", "error", "public.shown")}),
        ("create or replace view shown as select id, email, n from plain where n < 40",
         {("PGS558", "warning", "public.shown")}),
        ("create or replace view shown as select id, upper(email) as email, n from plain where n < 50",
         {("PGS558", "warning", "public.shown")}),
        # The same rows, said otherwise; more columns; rows that are told where they are.
        ("create or replace view shown as select id, email, n from plain where not n >= 50", set()),
        ("create or replace view shown as select id, email, n, kind from plain where n < 50", set()),
        ("update plain set n = 1 where n = 2", set()),
        ("alter table plain rename column email to mail", set()),
        ("alter table shelf rename to shelves; create view shelf as select * from shelves where id < 3",
         {("PGS558", "error", "public.shelf")}),
        ("alter table shelf rename to shelves; create view shelf as select * from shelves", set()),
        (
            "alter type mood rename to old; create type mood as enum ('high', 'mid', 'low'); drop view happy;"
            "alter table m alter mood type mood using mood::text::mood; drop type old;"
            "create view happy as select * from m where mood > 'low'",
            {("PGS558", "error", "public.happy")},
        ),
        (
            "create or replace function cheap() returns int language sql immutable as 'select 5'",
            {("PGS558", "warning", "public.cheapest"), ("PGS558", "warning", "public.listed()")},
        ),
        # Row security is passed by, by rights of the owner.
        ("create view every as select * from app_user", {("PGS559", "warning", "public.every")}),
        ("create view some_of as select count(*) as n, name from app_user group by name",
         {("PGS559", "warning", "public.some_of")}),
        ("create materialized view kept as select * from app_user", {("PGS559", "warning", "public.kept")}),
        ("create view every as select * from app_user; revoke all on every from kinds_anon", set()),
        ("create view first as select * from app_user where name = 'u1'", set()),
        ("create view open as select id, email from plain", set()),
        (
            "create function every() returns setof app_user language sql security definer"
            " as 'select * from public.app_user'",
            {("PGS559", "warning", "public.every()")},
        ),
        (
            "alter function mine() security definer", {("PGS559", "warning", "public.mine()")},
        ),
        ("create function every() returns setof app_user language sql as 'select * from public.app_user'", set()),
        # One value in all old rows.
        ("alter table plain add made timestamptz not null default now()", {("PGS560", "warning", "public.plain.made")}),
        ("alter table plain add made date; update plain set made = current_date",
         {("PGS560", "warning", "public.plain.made")}),
        ("alter table plain add tag float8; update plain set tag = (select random())",
         {("PGS560", "warning", "public.plain.tag")}),
        ("alter table plain add made timestamptz; alter table plain alter made set default now()", set()),
        ("alter table plain add made timestamptz default '2020-01-01 10:00'", set()),
        ("alter table plain add token uuid default gen_random_uuid()", set()),
        ("alter table plain add state text not null default 'new'", set()),
    ],
)  # fmt: skip
def test_what_is_shown(bench: Bench, tmp_path: Path, text: str, wanted: set[tuple[str, str, str]]) -> None:
    found = judged(bench, tmp_path, text)
    assert told(found, "PGS558", "PGS559", "PGS560") == wanted, found


def test_a_prepared_transaction_that_is_left(bench: Bench, tmp_path: Path) -> None:
    found = judged(bench, tmp_path, "begin; update plain set n = n; prepare transaction 'left'")
    assert ("PGS806", "error", "migration") in told(found, "PGS806"), found
    done = judged(bench, tmp_path, "begin; update plain set n = n; prepare transaction 'x'; commit prepared 'x'")
    assert told(done, "PGS806") == set(), done


def converted(column: str, expression: str, *dropped: str) -> Rules:
    return Rules(
        converted=(Converted(column=column, expression=expression, reason="said"),),
        dropped=tuple(Dropped(kind="column", object=name, reason="said") for name in dropped),
    )


MOMENT = "to_timestamp(created_ms / 1000.0)"
NAME = "(select a.name from author a where a.id = post.author)"


@pytest.mark.parametrize(
    ("text", "rules", "wanted"),
    [
        ("alter table post alter created_ms type timestamptz using to_timestamp(created_ms / 1000.0)",
         converted("public.post.created_ms", MOMENT), set()),
        # The wrong unit: values alone cannot tell.
        ("alter table post alter created_ms type timestamptz using to_timestamp(created_ms)",
         converted("public.post.created_ms", MOMENT), {("PGS009", "error", "public.post.created_ms")}),
        (
            f"alter table post add created timestamptz; update post set created = {MOMENT};"
            "alter table post drop created_ms; alter table post rename to posts",
            converted("posts.created", MOMENT), set(),
        ),
        (
            f"alter table post add created timestamptz; update post set created = {MOMENT} where id <> 7",
            converted("post.created", MOMENT), {("PGS009", "error", "public.post.created")},
        ),
        (
            "alter table post add author_name text; update post set author_name = author.name from author"
            " where author.id = post.author; alter table post drop author",
            converted("post.author_name", NAME, "public.post.author"), set(),
        ),
        (
            "alter table post add author_name text; update post set author_name = author.name from author"
            " where author.id = post.author + 1",
            converted("post.author_name", NAME), {("PGS009", "error", "public.post.author_name")},
        ),
        (
            "create type kind as enum ('a', 'b'); alter table post alter kind type kind using lower(kind)::kind",
            converted("public.post.kind", "lower(kind)"), set(),
        ),
        (
            "create type kind as enum ('a', 'b'); alter table post alter kind type kind using"
            " (case when kind = 'A' then 'b' else 'a' end)::kind",
            converted("public.post.kind", "lower(kind)"), {("PGS009", "error", "public.post.kind")},
        ),
        ("select 1", converted("public.post.kind", "kind"), {("PGS009", "error", "public.post.kind")}),
        ("select 1", converted("post.nothing", "kind"), {("PGS009", "error", "post.nothing")}),
        ("alter table post drop kind", converted("public.post.kind", "kind", "public.post.kind"),
         {("PGS009", "error", "public.post.kind")}),
    ],
)  # fmt: skip
def test_each_value_is_what_was_announced(
    bench: Bench, tmp_path: Path, text: str, rules: Rules, wanted: set[tuple[str, str, str]]
) -> None:
    file = tmp_path / "up.sql"
    file.write_text(text)
    found = bench.judge(file, rules)
    errors = {one for one in told(found, *BY_CODE) if one[1] == "error"}
    assert {one for one in errors if one[0] == "PGS009"} == wanted, found
    assert wanted or not errors, found


def test_what_was_announced_stands_beside_what_is_there(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "up.sql"
    file.write_text(f"alter table post add created timestamptz; update post set created = {MOMENT} where id <> 7")
    [told] = [one for one in bench.judge(file, converted("post.created", MOMENT)) if one.code == "PGS009"]
    assert "in 1 row" in told.message
    [row] = told.samples
    assert row.key == {"id": "7"}
    assert row.before == {"created": "2026-01-01 00:00:07+00"}
    assert row.after == {"created": None}


def test_an_expression_that_cannot_be_evaluated_is_named(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "up.sql"
    file.write_text("alter table post add created timestamptz")
    with pytest.raises(SnapshotError, match="nosuch"):
        bench.judge(file, converted("post.created", "to_timestamp(nosuch)"))


def test_names_in_a_predicate_are_the_applications(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "up.sql"
    file.write_text("update post set kind = 'C' where author = 3")
    where = "author in (select id from author where id = 3)"
    rules = Rules(values=(ValuesRule(column="public.post.kind", where=where, reason="said"),))
    assert not [one for one in bench.judge(file, rules) if one.severity is Severity.ERROR]


NARROW = "alter table part detach partition part_b; alter table part attach partition part_b for values from "


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (NARROW + "('2026-02-01') to ('2026-02-15')", {("PGS561", "error", "public.part")}),
        (NARROW + "('2026-02-03') to ('2026-03-01')", {("PGS561", "error", "public.part")}),
        (NARROW + "('2026-02-01') to ('2026-02-15'); create table rest partition of part default", set()),
        (
            NARROW + "('2026-02-01') to ('2026-02-15');"
            "create table part_c partition of part for values from ('2026-02-15') to ('2026-04-01')",
            set(),
        ),
        (NARROW + "('2026-02-01') to (maxvalue)", set()),
        (
            "alter table sort detach partition sort_a; alter table sort attach partition sort_a for values in ('a')",
            {("PGS561", "error", "public.sort")},
        ),
        ("drop table sort_a", set()),
        ("alter table kid alter constraint kid_p not deferrable", {("PGS562", "warning", "public.kid.kid_p")}),
        (
            "alter table kid alter constraint kid_p deferrable initially immediate",
            {("PGS562", "warning", "public.kid.kid_p")},
        ),
        ("alter sequence plain_id_seq maxvalue 105", {("PGS604", "warning", "public.plain_id_seq")}),
        ("alter sequence plain_id_seq as smallint", set()),
        # Nobody writes it, and it computes itself no more.
        ("alter table made alter g drop expression", {("PGS553", "error", "public.made.g")}),
    ],
)
def test_what_was_admitted(bench: Bench, tmp_path: Path, text: str, wanted: set[tuple[str, str, str]]) -> None:
    found = judged(bench, tmp_path, text)
    assert told(found, "PGS553", "PGS561", "PGS562", "PGS604") == wanted, found
