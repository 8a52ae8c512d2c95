"""What worked before and does not after: tried on both copies, and told with the statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
create table public.log (id bigserial primary key, said text);
create table public.t (id int primary key, a int, b text, at date default current_date);
create table public.child (id int primary key, t_id int references public.t on delete cascade);
create function public.stamp() returns trigger language plpgsql as $$ begin new.a := 1; return new; end $$;
create function public.note() returns trigger language plpgsql as
    $$ begin insert into log (said) values (tg_op); return old; end $$;
create trigger t_stamp before update on public.t for each row execute function public.stamp();
create trigger t_note after delete on public.child for each row execute function public.note();
insert into public.t select n, n, 'b' || n from generate_series(1, 9) n;
insert into public.child select n, n from generate_series(1, 9) n;
create table public.pay (id int primary key, amount numeric, who text);
insert into public.pay values (1, 2, 'x');
create function public.total() returns numeric language sql stable as 'select sum(amount) from public.pay';
create function public.close(pay_id int) returns void language plpgsql as
    $$ declare n int; begin update pay set who = 'closed' where id = pay_id; get diagnostics n = row_count; end $$;
create function public.rate(v numeric) returns numeric language sql immutable as 'select v * 2';
create view public.rated as select id, public.rate(amount) as rate from public.pay;
create function public.careful() returns void language plpgsql as
    $$ begin if to_regclass('public.pay') is not null then perform count(*) from pay; end if; end $$;
create function public.typed() returns void language plpgsql as
    $$ declare v public.pay.who%type; begin v := 'x'; end $$;
create table public.plain (id serial primary key, email text not null unique, kind text not null default 'x');
insert into public.plain (email) values ('a'), ('b');
create publication works_feed for table public.plain;
do $$ begin
    if not exists (select from pg_roles where rolname = 'works_app') then create role works_app; end if;
end $$;
create schema apart;
grant usage on schema apart to works_app;
create table apart.one (id int primary key);
create table apart.two (id int primary key);
alter table apart.one enable row level security;
alter table apart.two enable row level security;
grant select, insert on apart.one, apart.two to works_app;
create table apart.own (id int primary key) partition by list (id);
alter table apart.own owner to works_app;
"""
Judge = Callable[[str], tuple[Finding, ...]]


@pytest.fixture(scope="module")
def bench(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    file = tmp_path_factory.mktemp("works") / "base.sql"
    file.write_text(BASE)
    made = Bench.load(server, [file], role=server.address().user)
    yield made
    server.drop(made.before)


@pytest.fixture
def judge(bench: Bench, tmp_path: Path) -> Judge:
    def judged(migration: str, before: str = "") -> tuple[Finding, ...]:
        file, needs = tmp_path / "up.sql", tmp_path / "needs.sql"
        file.write_text(migration)
        needs.write_text(before)
        with bench.prepared([needs] if before else []) as prepared:
            return tuple(one for one in prepared.explained(file).findings if one.check == "works")

    return judged


def told(found: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    return [(one.code, one.severity.value, one.object) for one in found]


@pytest.mark.parametrize(
    ("migration", "object_", "words"),
    [
        ("alter table public.t rename column a to c", "public.t", 'record "new" has no field "a"'),
        ("alter table public.log rename to logs", "public.child", 'relation "log" does not exist'),
        ("create schema s; alter table public.log set schema s", "public.child", 'relation "log" does not exist'),
        ("alter table public.log add column who text not null", "public.child", 'null value in column "who"'),
        (
            "create or replace function public.stamp() returns trigger language plpgsql as"
            " $$ begin raise exception 'no %', new.id; end $$",
            "public.t", "no 1",
        ),
        ("alter table public.t add constraint never check (a < 0) not valid", "public.t", '"never"'),
    ],
)  # fmt: skip
def test_a_write_that_fails(bench: Bench, judge: Judge, migration: str, object_: str, words: str) -> None:
    migration = "delete from public.log; " + migration if "who" in migration else migration
    found = judge(migration)
    assert ("PGS551", "error", object_) in told(found), found
    assert any(words in one.message for one in found), found
    if bench.server.owns_cluster:
        # The migration's last statement did it.
        [statement] = {str(one.statement) for one in found}
        assert statement.endswith(migration.rpartition("; ")[2]), statement


@pytest.mark.parametrize(
    "migration",
    [
        "alter table public.t rename column b to c",
        "alter table public.t alter column b set not null",
        "alter table public.child drop constraint child_t_id_fkey",
        "alter table public.log rename to logs; create view public.log as select * from public.logs",
        "alter table public.t add column n int not null default 1; alter table public.t alter column n drop default",
        "alter table public.t alter column id add generated always as identity (start 100)",
        "delete from public.t",
        "create rule t_first as on update to public.t where old.id = 1 do instead nothing",
        "alter table public.t add column g int generated always as (id * 2) stored",
    ],
)
def test_a_write_that_works_still(judge: Judge, migration: str) -> None:
    assert [one for one in judge(migration) if one.severity is Severity.ERROR] == []


def test_what_failed_before_is_not_blamed(judge: Judge) -> None:
    broken = "alter table public.t rename column a to c;"
    assert judge("alter table public.t add column more text", broken) == ()


def test_a_row_that_is_silently_left_out(judge: Judge) -> None:
    found = judge(
        "create function public.skip() returns trigger language plpgsql as"
        " $$ begin if new.id > 0 then return null; end if; return new; end $$;"
        "create trigger t_skip before insert on public.t for each row execute function public.skip()"
    )
    assert told(found) == [("PGS551", "error", "public.t")]


def test_nothing_of_it_stays(bench: Bench, judge: Judge) -> None:
    with connect(bench.before) as session:
        before = session.execute("select last_value, is_called from public.log_id_seq").fetchall()
    assert judge("alter table public.child add column more text") == ()
    with connect(bench.before) as session:
        assert session.execute("select last_value, is_called from public.log_id_seq").fetchall() == before
        assert session.execute("select count(*) from public.log").fetchone() == (0,)


@pytest.mark.parametrize(
    ("migration", "wanted"),
    [
        ("alter table public.pay rename column amount to sum", {("public.total()", "error")}),
        (
            "alter table public.pay rename column who to whom",
            {("public.close(integer)", "error"), ("public.typed()", "error")},
        ),
        (
            "alter table public.pay rename to payment",
            {
                ("public.total()", "error"), ("public.close(integer)", "error"), ("public.careful()", "warning"),
                ("public.typed()", "error"),
            },
        ),
        (
            "create or replace function public.rate(v numeric) returns numeric language sql as"
            " 'select v * 2 from other'",
            set(),
        ),
        (
            "set check_function_bodies = off; create or replace function public.rate(v numeric) returns numeric"
            " language sql immutable as 'select v * f from public.factor'",
            {("public.rate(numeric)", "error"), ("public.rated", "error")},
        ),
        ("alter table public.pay add column more text", set()),
        (
            "drop function public.typed(); alter table public.pay alter column amount type text",
            {("public.total()", "error")},
        ),
    ],
)  # fmt: skip
def test_code_that_is_not_sound_any_more(judge: Judge, migration: str, wanted: set[tuple[str, str]]) -> None:
    if "from other" in migration:
        migration = "create table public.other ();" + migration
    if "type text" in migration:
        migration = "drop view public.rated;" + migration
    found = judge(migration)
    assert {(one.object, one.severity.value) for one in found if one.code == "PGS552"} == wanted, found


@pytest.mark.parametrize(
    ("migration", "wanted"),
    [
        ("alter table public.plain alter kind drop default", {("PGS553", "error", "public.plain.kind")}),
        ("alter table public.plain alter id drop default", {("PGS553", "error", "public.plain.id")}),
        ("alter table public.plain alter kind drop default, alter kind drop not null", set()),
        (
            "alter table public.plain drop constraint plain_email_key;"
            "create unique index plain_email on public.plain (lower(email))",
            {("PGS554", "warning", "public.plain_email_key")},
        ),
        (
            "alter table public.plain drop constraint plain_pkey",
            {("PGS554", "warning", "public.plain_pkey"), ("PGS555", "error", "public.plain")},
        ),
        ("alter table public.plain replica identity nothing", {("PGS555", "error", "public.plain")}),
        ("alter publication works_feed drop table public.plain", {("PGS555", "warning", "public.plain")}),
        (
            "create table public.new (like public.plain including all);"
            "insert into public.new select * from public.plain;"
            "alter sequence public.plain_id_seq owned by public.new.id; drop table public.plain;"
            "alter table public.new rename to plain",
            {("PGS555", "error", "public.plain")},
        ),
        ("alter table apart.own owner to current_user", {("PGS556", "error", "apart.own")}),
        ("alter table apart.own owner to current_user; grant all on apart.own to works_app", set()),
        ("create table apart.three (id int primary key)", {("PGS557", "warning", "apart.three")}),
        (
            "create table apart.three (id int primary key); alter table apart.three enable row level security;"
            "grant select, insert on apart.three to works_app",
            set(),
        ),
        (
            "create table public.three (id serial primary key); grant insert on public.three to works_app",
            {("PGS557", "warning", "public.three_id_seq")},
        ),
    ],
)  # fmt: skip
def test_what_else_worked(judge: Judge, migration: str, wanted: set[tuple[str, str, str]]) -> None:
    found = judge(migration)
    assert {*told(found)} == wanted, found


def test_a_new_table_is_held_beside_its_siblings(judge: Judge) -> None:
    found = judge("create table apart.three (id int primary key)")
    assert [one.message for one in found] == [
        "the new table apart.three has no row security, as apart.one and 1 more have: whoever may read it sees every"
        " row",
        "works_app may not SELECT, INSERT the new table apart.three, as apart.one and 1 more",
    ]


def test_what_only_a_superuser_can_try_is_named_where_there_is_none(bench: Bench) -> None:
    if not bench.server.owns_cluster:
        pytest.skip("roles are not made on an existing server")
    after = bench.server.clone(bench.before, "after")
    try:
        with connect(after, read_only=False) as session:
            session.execute("create role works_plain; grant works_plain to current_user")
            session.execute("grant all on all tables in schema public to works_plain")
            session.execute("alter table public.t alter b set default 'z'; revoke select on apart.one from works_app")
        with connect(bench.before) as one, connect(after, read_only=False) as two:
            comparison = compare_databases(one, two, bench.facts, take(two), "values")
            assert not [gap for gap in tries.gather(comparison, one, two).untried if "superuser" in gap.reason]
            one.execute("set role works_plain")
            two.execute("set role works_plain")
            found = tries.gather(comparison, one, two).untried
        said = {gap.object: gap.reason for gap in found if "superuser" in gap.reason}
        assert "no row was inserted" in said["public.t"]
        assert "other roles" in said["works"]
    finally:
        with connect(after, read_only=False) as session:
            session.execute("drop owned by works_plain; drop role works_plain")
        bench.server.drop(after)
