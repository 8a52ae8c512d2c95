"""What the database itself writes, and rows that predicates select: as before, or told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from pytest_pgsafe.checks.values import Finding
from pytest_pgsafe.server.base import Server

BASE = """
create table audit (id bigserial primary key, said text);
create function audited() returns trigger language plpgsql as
    $$ begin insert into public.audit (said) values (tg_op); return new; end $$;
create table acc (id int primary key, bal numeric not null);
create trigger acc_audit after insert or update on acc for each row execute function audited();
insert into acc select i, i * 10 from generate_series(1, 9) i;
create table counted (id int primary key, n int not null default 0);
insert into counted values (1);
create function count_up() returns trigger language plpgsql as
    $$ begin update public.counted set n = n + 1; return null; end $$;
create table item (id int primary key, name text);
insert into item values (1, 'a'), (2, 'b');
create trigger item_counted after delete on item for each row execute function count_up();
create type mood as enum ('low', 'mid', 'high');
create table m (id int primary key, mood mood, a int);
insert into m select i, (array['low', 'mid', 'high'])[1 + i % 3]::mood, i from generate_series(1, 30) i;
create unique index m_partial on m (a) where mood > 'low';
create function fits(n int) returns boolean language sql immutable as 'select n > 0';
create table checked (id int primary key, n int check (fits(n)));
insert into checked select i, i from generate_series(1, 10) i;
"""


@pytest.fixture(scope="module")
def bench(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    file = tmp_path_factory.mktemp("effects") / "base.sql"
    file.write_text(BASE)
    made = Bench.load(server, [file], role=server.address().user)
    yield made
    server.drop(made.before)


def told(bench: Bench, folder: Path, text: str) -> tuple[Finding, ...]:
    file = folder / "up.sql"
    file.write_text(text)
    return tuple(one for one in bench.explained(file).findings if one.check == "works")


AUDITED = "create or replace function audited() returns trigger language plpgsql as "
COUNT_UP = "create or replace function count_up() returns trigger language plpgsql as "
MOOD = (
    "alter type mood rename to old; create type mood as enum ({}); drop index m_partial;"
    "alter table m alter mood type mood using mood::text::mood; drop type old;"
    "create unique index m_partial on m (a) where mood > 'low'"
)


@pytest.mark.parametrize(
    ("migration", "wanted"),
    [
        (AUDITED + "$$ begin return new; end $$", {("PGS564", "error", "public.acc")}),
        (
            AUDITED + "$$ begin if new.bal < 0 then insert into public.audit (said) values ('x'); end if; return new;"
            " end $$",
            {("PGS564", "error", "public.acc")},
        ),
        (COUNT_UP + "$$ begin return null; end $$", {("PGS564", "error", "public.item")}),
        (
            "create table audit2 (said text);"
            + AUDITED
            + "$$ begin insert into public.audit2 values (tg_op); return new; end $$",
            {("PGS564", "warning", "public.acc")},
        ),
        (AUDITED + "$$ begin insert into public.audit (said) values (tg_op || '!'); return new; end $$", set()),
        (
            "alter table audit rename to audits;"
            + AUDITED
            + "$$ begin insert into public.audits (said) values (tg_op); return new; end $$",
            set(),
        ),
        # PGS524 tells of the trigger itself.
        ("drop trigger acc_audit on acc", set()),
        ("alter table acc disable trigger acc_audit", set()),
        (MOOD.format("'high', 'mid', 'low'"), {("PGS565", "error", "public.m_partial")}),
        (MOOD.format("'low', 'mid', 'high', 'top'"), set()),
        ("alter type mood add value 'lowest' before 'low'", set()),
        (
            "create or replace function fits(n int) returns boolean language sql immutable as 'select n > 5'",
            {("PGS565", "error", "public.checked.checked_n_check")},
        ),
        ("create or replace function fits(n int) returns boolean language sql immutable as 'select 0 < n'", set()),
        (
            "alter table acc add who text not null default 'x'; alter table acc alter who drop default",
            {("PGS553", "warning", "public.acc.who")},
        ),
        ("alter table acc add who text not null default 'x'", set()),
    ],
)
def test_what_the_database_does_by_itself(
    bench: Bench, tmp_path: Path, migration: str, wanted: set[tuple[str, str, str]]
) -> None:
    found = told(bench, tmp_path, migration)
    assert {(one.code, one.severity.value, one.object) for one in found} == wanted, found
