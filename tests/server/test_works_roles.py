"""What roles could do, and functions that could be called: tried on both copies, and told where it ends otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.copy.comparing import compare_databases
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take
from pytest_pgsafe.works import tries

BASE = """
do $$ begin
    if not exists (select from pg_roles where rolname = 'roles_app') then
        create role roles_app;
        create role roles_idle;
    end if;
end $$;
create table audit (id bigserial primary key, said text);
create function audited() returns trigger language plpgsql as
    $$ begin insert into public.audit (said) values (tg_op); return new; end $$;
create table acc (id int primary key, bal numeric not null, note text);
create trigger acc_audit after insert or update on acc for each row execute function audited();
insert into acc select i, i * 10 from generate_series(1, 20) i;
create table plain (id int primary key, email text not null unique, n int);
insert into plain select i, 'a' || i, i from generate_series(1, 60) i;
create function is_mine(t text) returns boolean language plpgsql stable as $$ begin return t = 'u1'; end $$;
create table owned (id int primary key, tenant text not null);
insert into owned select i, 'u' || i % 5 from generate_series(1, 50) i;
alter table owned enable row level security;
create policy own on owned to roles_app using (is_mine(tenant));
create table member (who text primary key);
insert into member values ('u2');
create table shared (id int primary key, tenant text not null);
insert into shared select i, 'u' || i % 5 from generate_series(1, 50) i;
alter table shared enable row level security;
create policy by_member on shared to roles_app using (tenant in (select who from member));
grant select, insert, update, delete on owned, acc, shared to roles_app;
grant select on member to roles_app, roles_idle;
grant insert on audit to roles_app;
grant usage on sequence audit_id_seq to roles_app;
create function add_one(a int) returns int language plpgsql stable as
    $$ begin return a + (select count(*) from public.plain)::int; end $$;
create function find_mail(m text default 'a1') returns setof plain language plpgsql stable as
    $$ begin return query execute 'select * from public.plain where email = $1' using m; end $$;
create function plain_name(plain_id int) returns text language plpgsql as
    $$ begin return (select email from public.plain where id = plain_id); end $$;
create function whole(p plain) returns text language plpgsql stable as $$ begin return p.email; end $$;
create function factor() returns numeric language sql immutable as 'select 2';
create function bal_of(p_id int) returns numeric language plpgsql as
    $$ begin return (select bal * public.factor() from public.acc where id = p_id); end $$;
create function writes(p_id int) returns int language plpgsql as
    $$ begin update public.acc set bal = bal where id = p_id; return public.factor(); end $$;
create view low as select id, n from plain where n < 50;
create function top() returns int language sql immutable as 'select 50';
create view lower as select id from plain where n < top();
"""


@pytest.fixture(scope="module")
def bench(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    file = tmp_path_factory.mktemp("roles") / "base.sql"
    file.write_text(BASE)
    made = Bench.load(server, [file], role=server.address().user)
    yield made
    server.drop(made.before)


def told(bench: Bench, folder: Path, text: str) -> tuple[Finding, ...]:
    file = folder / "up.sql"
    file.write_text(text)
    return tuple(one for one in bench.explained(file).findings if one.check == "works")


IS_MINE = "create or replace function is_mine(t text) returns boolean language plpgsql stable as "
HISTORY = (
    "create table hist (id int generated always as identity, x text); create function h() returns trigger {}"
    " language plpgsql as $$ begin insert into public.hist (x) values ('a'); return new; end $$;"
    " create trigger acc_h after update on acc for each row execute function h();"
)


@pytest.mark.parametrize(
    ("migration", "wanted"),
    [
        (IS_MINE + "$$ begin raise exception 'boom'; end $$", {("PGS556", "public.owned")}),
        (IS_MINE + "$$ begin return false; end $$", {("PGS563", "public.owned")}),
        (IS_MINE + "$$ begin return true; end $$", {("PGS563", "public.owned")}),
        (IS_MINE + "$$ begin return t = 'u2'; end $$", {("PGS563", "public.owned")}),
        (IS_MINE + "$$ begin return coalesce('u1' = t, false); end $$", set()),
        ("revoke select on member from roles_app", set()),  # PGS701 tells of it.
        ("alter table member enable row level security", {("PGS563", "public.shared")}),
        # A policy that was changed itself is told of where it is.
        ("alter policy own on owned using (tenant = 'u3')", set()),
        ("create policy tight on owned as restrictive using (tenant = 'nobody')", set()),
        (HISTORY.format(""), {("PGS556", "public.acc")}),
        (HISTORY.format("security definer"), set()),
        (HISTORY.format("") + "grant insert on hist to roles_app", set()),
        ("create rule r as on update to acc where current_user = 'roles_app' do instead nothing",
         {("PGS556", "public.acc")}),
        ("create rule r as on update to acc where current_user = 'roles_idle' do instead nothing", set()),
    ],
)  # fmt: skip
def test_what_a_role_could(bench: Bench, tmp_path: Path, migration: str, wanted: set[tuple[str, str]]) -> None:
    if not bench.server.owns_cluster:
        pytest.skip("roles are not made on an existing server")
    found = told(bench, tmp_path, migration)
    assert {(one.code, one.object) for one in found if one.severity is Severity.ERROR} == wanted, found


def test_the_function_that_a_policy_asks_is_named(bench: Bench, tmp_path: Path) -> None:
    if not bench.server.owns_cluster:
        pytest.skip("roles are not made on an existing server")
    [one] = told(bench, tmp_path, IS_MINE + "$$ begin return true; end $$")
    assert one.message.startswith("roles_app sees 50 rows of public.owned, and saw 10")
    assert "public.is_mine(text) was changed" in one.message
    assert str(one.statement).startswith("up.sql:1 create or replace function is_mine")


ADD_ONE = "create or replace function add_one(a int) returns int language plpgsql stable as "


@pytest.mark.parametrize(
    ("migration", "wanted"),
    [
        (ADD_ONE + "$$ begin return a / 0; end $$", {("PGS552", "error", "public.add_one(integer)")}),
        (ADD_ONE + "$$ begin raise 'not any more'; end $$", {("PGS552", "warning", "public.add_one(integer)")}),
        (ADD_ONE + "$$ begin return a; end $$", set()),
        # Nothing but the call shows what a body that is text in a text names.
        ("alter table plain rename column email to mail",
         {("PGS552", "error", "public.find_mail(text)"), ("PGS552", "error", "public.plain_name(integer)"),
          ("PGS552", "error", "public.whole(public.plain)")}),
        ("create or replace function factor() returns numeric language sql immutable as 'select 3'",
         {("PGS558", "warning", "public.bal_of(integer)")}),
        ("create or replace function factor() returns numeric language sql immutable as 'select 4 / 2'", set()),
    ],
)  # fmt: skip
def test_a_function_that_could_be_called(
    bench: Bench, tmp_path: Path, migration: str, wanted: set[tuple[str, str, str]]
) -> None:
    found = told(bench, tmp_path, migration)
    assert {(one.code, one.severity.value, one.object) for one in found} == wanted, found


def test_nothing_that_a_function_writes_stays(bench: Bench, tmp_path: Path) -> None:
    def held() -> list[tuple[object, ...]]:
        with connect(bench.before) as session:
            text = "select (select count(*) from public.audit), last_value, is_called from public.audit_id_seq"
            return session.execute(text).fetchall()

    was = held()
    told(bench, tmp_path, "create or replace function factor() returns numeric language sql immutable as 'select 5'")
    assert held() == was


DATA = "update plain set n = 1 where n = 55;"


@pytest.mark.parametrize(
    ("migration", "wanted"),
    [
        # Both definitions, over the rows as they are now.
        (DATA + "create or replace view low as select id, n from plain where n < 30", {"public.low"}),
        (DATA + "create or replace view low as select id, n from plain where false", {"public.low"}),
        (DATA + "create or replace view low as select id, n from plain where not n >= 50", set()),
        (DATA + "create or replace view low as select id, n, email from plain where n < 50", set()),
    ],
)
def test_a_view_whose_rows_changed_as_well(bench: Bench, tmp_path: Path, migration: str, wanted: set[str]) -> None:
    found = told(bench, tmp_path, migration)
    assert {one.object for one in found if one.code == "PGS558"} == wanted, found


@pytest.mark.parametrize(
    ("migration", "object_", "reason"),
    [
        (DATA + "create or replace function top() returns int language sql immutable as 'select 5'",
         "public.lower", "public.plain holds other rows or values"),
        ("create or replace view low as select id, n from plain where n < 50 and now() > 'epoch'",
         "public.low", "public.low asks now"),
        ("create function same(p int) returns int language sql as 'select p';"
         "create or replace view low as select id, public.same(n) as n from plain where n < 50", "", ""),
    ],
)  # fmt: skip
def test_what_is_not_compared_is_said(bench: Bench, migration: str, object_: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "up.sql").write_text(migration)
    after = bench.server.clone(bench.before, "after")
    try:
        with connect(after, read_only=False) as session:
            session.execute("set search_path to public")
            session.execute(migration.encode())
        with connect(bench.before) as one, connect(after, read_only=False) as two:
            comparison = compare_databases(one, two, bench.facts, take(two), "values")
            said = {gap.object: gap.reason for gap in tries.gather(comparison, one, two).untried}
    finally:
        bench.server.drop(after)
    assert reason in said.get(object_, ""), said
    assert bool(said) is bool(object_), said
