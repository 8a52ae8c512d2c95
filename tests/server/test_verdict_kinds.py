"""Kinds of harm that were green once, each by its smallest input: what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from pytest_pgsafe.checks.values import Finding
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
        ("create schema if not exists public", {("PGS807", "note", "migration")}),
    ],
)  # fmt: skip
def test_a_statement_without_effect(bench: Bench, tmp_path: Path, text: str, wanted: set[tuple[str, str, str]]) -> None:
    found = judged(bench, tmp_path, text)
    assert told(found, "PGS807", "PGS808") == wanted, found
