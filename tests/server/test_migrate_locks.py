"""The locks that statements really take, as the server tells them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.migrate.run import run
from pytest_pgsafe.migrate.values import Lock, Trace
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.migrations import parse

AE, SUE, S, SRE = "AccessExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock"
ROWS = 2000
SETUP = f"""
set search_path = public;
create table parent (id int primary key);
insert into parent values (1);
create table t (id int primary key, n int, short varchar(20), p int not null default 1);
insert into t select g, g, 's' || g, 1 from generate_series(1, {ROWS}) g;
create index t_n on t (n);
alter table t add constraint not_yet check (n > 0) not valid;
create table parted (id int not null) partition by range (id);
create table part_1 partition of parted for values from (0) to (10);
create table loose (id int not null);
create materialized view mat as select id from t;
create unique index mat_id on mat (id);
create view v as select id from t;
create function f() returns trigger language plpgsql as 'begin return new; end';
"""


@pytest.fixture
def copy(database: Address) -> Iterator[Address]:
    with connect(database, read_only=False) as session:
        session.execute(SETUP.encode())
    yield database  # noqa: PT022  the sessions above are closed first


def migrate(server: Server, copy: Address, folder: Path, text: str, **options: bool) -> Trace:
    (folder / "up.sql").write_text(text)
    return run(parse("up.sql", folder), server, copy, role="postgres", folder=folder, **options)


def short(locks: tuple[Lock, ...]) -> set[tuple[str, str]]:
    return {(lock.relation.removeprefix("public."), lock.mode) for lock in locks}


#: Statement, locks, rewritten, scanned rows of t (None: not to be told), seen by an event from which major on.
OBSERVED = [
    ("alter table t add column x int", {("t", AE)}, False, 0),
    ("alter table t add column x int default 5", {("t", AE)}, False, 0),
    ("alter table t add column x float default random()", {("t", AE)}, True, ROWS),
    ("alter table t add column x int generated always as (n + 1) stored", {("t", AE)}, True, ROWS),
    ("alter table t alter n type bigint", {("t", AE)}, True, 2 * ROWS),
    ("alter table t alter short type varchar(40)", {("t", AE)}, False, 0),
    ("alter table t alter short type text", {("t", AE)}, False, 0),
    ("alter table t alter short type varchar(10)", {("t", AE)}, True, ROWS),
    ("alter table t add check (n > 0)", {("t", AE)}, False, ROWS),
    ("alter table t add check (n > 0) not valid", {("t", AE)}, False, 0),
    ("alter table t validate constraint not_yet", {("t", SUE)}, False, ROWS),
    ("alter table t alter n set not null", {("t", AE)}, False, ROWS),
    ("alter table t add foreign key (p) references parent", {("t", SRE), ("parent", SRE)}, False, ROWS),
    ("alter table t add foreign key (p) references parent not valid", {("t", SRE), ("parent", SRE)}, False, 0),
    ("alter table t set unlogged", {("t", AE)}, True, None),
    ("alter table t alter n set statistics 10", {("t", SUE)}, False, 0),
    ("alter table t drop column n", {("t", AE)}, False, 0),
    ("alter table t rename n to m", {("t", AE)}, False, 0),
    ("alter table t rename to tt", {("t", AE)}, False, 0),
    ("create index on t (n)", {("t", S)}, False, ROWS),
    ("drop index t_n", {("t", AE)}, False, 0),
    ("alter index t_n rename to t_m", {("t_n", SUE)}, False, None),
    ("create trigger g before insert on t for each row execute function f()", {("t", SRE)}, False, 0),
    ("create table child () inherits (t)", {("t", SUE)}, False, 0),
    ("drop table loose", {("loose", AE)}, False, None),
    ("create or replace view v as select id from parent", {("v", AE)}, False, None),
    ("refresh materialized view mat", {("mat", AE)}, False, None),
    ("refresh materialized view concurrently mat", {("mat", "ExclusiveLock")}, False, None),
    (
        "alter table parted attach partition loose for values from (10) to (20)",
        {("parted", SUE), ("loose", AE)}, False, None,
    ),
    ("alter table parted detach partition part_1", {("parted", AE), ("part_1", AE)}, False, None),
    ("create policy p on t using (true)", {("t", AE)}, False, 0),
    ("comment on table t is 'x'", {("t", SUE)}, False, 0),
]  # fmt: skip
DERIVED = [
    ("truncate loose", {("loose", AE)}, False),
    ("begin; lock table t in share mode; commit", {("t", S)}, False),
    ("cluster t using t_n", {("t", AE)}, True),
    ("vacuum full t", {("t", AE)}, True),
    ("vacuum t", {("t", SUE)}, False),
    ("analyze t", {("t", SUE)}, False),
    ("create index concurrently ci on t (n)", {("t", SUE)}, False),
    ("drop index concurrently t_n", {("t", SUE)}, False),
    ("reindex table concurrently t", {("t", SUE)}, False),
    ("alter table parted detach partition part_1 concurrently", {("parted", SUE), ("part_1", AE)}, False),
]


@pytest.mark.parametrize(("statement", "expected", "rewritten", "scanned"), OBSERVED, ids=[row[0] for row in OBSERVED])
def test_observed(
    server: Server, copy: Address, tmp_path: Path, statement: str, expected: set[tuple[str, str]], rewritten: bool,
    scanned: int | None,
) -> None:  # fmt: skip
    trace = migrate(server, copy, tmp_path, f"{statement};\n")
    strongest = {name: mode for name, mode in short(trace.locks) if mode != AE} | {
        name: mode for name, mode in short(trace.locks) if mode == AE
    }
    # Some statements take a weaker lock as well (a type change: Share, to build the index anew).
    assert set(strongest.items()) == expected
    assert not any(lock.derived for lock in trace.locks)
    assert {lock.statement for lock in trace.locks} == {statement}
    assert all(lock.held is not None and 0 <= lock.held < 10_000 for lock in trace.locks)
    on_t = [lock for lock in trace.locks if lock.relation == "public.t"]
    assert any(lock.rewritten for lock in trace.locks) == rewritten
    if scanned is not None:
        # A newer major may scan less often; it never scans without need.
        assert {bool(lock.scanned) for lock in on_t if lock.mode == strongest["t"]} == {scanned > 0}


@pytest.mark.parametrize(("statement", "expected", "rewritten"), DERIVED, ids=[row[0] for row in DERIVED])
def test_derived(
    server: Server, copy: Address, tmp_path: Path, statement: str, expected: set[tuple[str, str]], rewritten: bool
) -> None:
    trace = migrate(server, copy, tmp_path, f"{statement};\n")
    assert short(trace.locks) == expected
    assert any(lock.rewritten for lock in trace.locks) == rewritten
    assert len(trace.locks) == len(expected)
    # The last transaction of some has an event (of a REINDEX from 17 on), and is seen.
    if not statement.startswith(("alter", "drop", "reindex")):
        assert all(lock.derived for lock in trace.locks)
    assert all(lock.held is not None and lock.held >= 0 for lock in trace.locks)


def test_reindex(server: Server, copy: Address, tmp_path: Path) -> None:
    locks = migrate(server, copy, tmp_path, "reindex table t;").locks
    assert ("t", S) in short(locks)
    locks = migrate(server, copy, tmp_path, "reindex index t_n;").locks
    assert {("t", S), ("t_n", AE)} <= short(locks)
    assert all(lock.derived is (server.version.major < 17) for lock in locks)


def test_a_lock_is_held_to_the_end_of_its_transaction(server: Server, copy: Address, tmp_path: Path) -> None:
    locks = migrate(
        server, copy, tmp_path,
        "begin;\nalter table t add column x int;\nselect pg_sleep(0.4);\n"
        "alter table parent add column y int;\ncommit;\n"
        "alter table loose add column z int;\nselect pg_sleep(0.4);\n",
    ).locks  # fmt: skip
    held = {lock.relation: lock.held for lock in locks}
    assert [lock.statement for lock in locks] == [
        "alter table t add column x int", "alter table parent add column y int", "alter table loose add column z int"
    ]  # fmt: skip
    assert held["public.t"] is not None
    assert 390 <= held["public.t"] < 3000
    assert held["public.parent"] is not None
    assert held["public.parent"] < 300
    assert held["public.loose"] is not None
    assert held["public.loose"] < 300


def test_a_failed_transaction_held_its_locks_until_it_failed(server: Server, copy: Address, tmp_path: Path) -> None:
    locks = migrate(
        server, copy, tmp_path,
        "\\set ON_ERROR_STOP off\nbegin;\nalter table t add column x int;\nselect pg_sleep(0.2);\nselect 1/0;\n"
        "\\! sleep 0.5\nrollback;\n",
    ).locks  # fmt: skip
    assert [(lock.relation, lock.mode) for lock in locks] == [("public.t", AE)]
    assert locks[0].held is not None
    assert 190 <= locks[0].held < 480


def test_what_was_derived_and_then_seen_is_observed(server: Server, copy: Address, tmp_path: Path) -> None:
    locks = migrate(
        server, copy, tmp_path, "begin; lock table t; truncate loose; alter table parent add x int; commit;"
    ).locks
    assert {(lock.relation, lock.mode, lock.statement, lock.derived) for lock in locks} == {
        ("public.t", AE, "lock table t", False),
        ("public.loose", AE, "truncate loose", False),
        ("public.parent", AE, "alter table parent add x int", False),
    }


def test_statements_inside_of_others_are_named(server: Server, copy: Address, tmp_path: Path) -> None:
    locks = migrate(
        server, copy, tmp_path,
        "do $$ begin perform pg_sleep(0.3); alter table t add x int; alter table parent add y int; end $$;\n"
        "select 1 \\; alter table loose add a int \\; create index on parted (id);\n",
    ).locks  # fmt: skip
    assert [(lock.relation, lock.statement) for lock in locks if lock.mode in {AE, S}] == [
        ("public.t", "alter table t add x int"),
        ("public.parent", "alter table parent add y int"),
        ("public.loose", "alter table loose add a int"),
        ("public.parted", "create index on parted (id)"),
        ("public.part_1", "create index on parted (id)"),
    ]
    # Not from the beginning of the DO block.
    assert locks[0].held is not None
    assert locks[0].held < 250


def test_scans_are_not_taken_for_those_of_statements_before(server: Server, copy: Address, tmp_path: Path) -> None:
    locks = migrate(
        server, copy, tmp_path,
        "create index on t (short);\nalter table t add a int;\nbegin;\nalter table t add check (n > 0);\n"
        "alter table t add b int;\ncommit;\nselect sum(n) from t;\nalter table t add c int;\n",
    ).locks  # fmt: skip
    expected = [ROWS, 0, ROWS, None] if server.version.major >= 15 else [ROWS, None, None, None]
    assert [lock.scanned for lock in locks] == expected


def test_an_event_tells_no_lock_again(server: Server, copy: Address, tmp_path: Path) -> None:
    tables = "".join(f"create table many_{n} (id int);" for n in range(60))
    with connect(copy, read_only=False) as session:
        session.execute(f"set search_path = public; {tables}".encode())
    alters = "".join(f"alter table many_{n} add x int;\n" for n in range(60))
    start = server.log()[1]
    trace = migrate(server, copy, tmp_path, f"begin;\n{alters}commit;\n")
    assert {lock.relation: lock.statement for lock in trace.locks} == {
        f"public.many_{n}": f"alter table many_{n} add x int" for n in range(60)
    }
    told = [str(record.get("message")) for record in server.log(since=start)[0]]
    assert sum(message.count(AE) for message in told if message.startswith("pgsafe observed")) == 60


def test_a_lock_that_went_with_a_savepoint_is_told_when_it_is_taken_again(
    server: Server, copy: Address, tmp_path: Path
) -> None:
    locks = migrate(
        server, copy, tmp_path,
        "begin;\nalter table parent add a int;\nsavepoint s;\nalter table t add check (n > 0);\nrollback to s;\n"
        "alter table loose add b int;\nalter table t add check (n > -1);\ncommit;\n",
    ).locks  # fmt: skip
    assert short(locks) == {("parent", AE), ("t", AE), ("loose", AE)}
    assert all(lock.scanned for lock in locks if lock.relation == "public.t")


def test_new_relations_are_nobodys_concern(server: Server, copy: Address, tmp_path: Path) -> None:
    trace = migrate(
        server, copy, tmp_path,
        "create table fresh (id int); alter table fresh add x int; create index on fresh (id); truncate fresh; "
        "create temp table gone (id int); alter table gone add x int; drop table fresh;",
    )  # fmt: skip
    assert trace.locks == ()
    assert len(trace.statements) == 7


@pytest.mark.parametrize("prefix", ["set session_replication_role = replica;", "set client_min_messages = debug5;"])
def test_nothing_silences_the_observer_and_nobody_hears_it(
    server: Server, copy: Address, tmp_path: Path, prefix: str
) -> None:
    trace = migrate(server, copy, tmp_path, f"{prefix}\nset log_min_error_statement = panic;\nalter table t add x int;")
    assert short(trace.locks) == {("t", AE)}
    assert "pgsafe observed" not in trace.output


def test_without_a_log_nothing_is_claimed(server: Server, copy: Address, tmp_path: Path) -> None:
    trace = migrate(server, copy, tmp_path, "alter table t add x int;", observed=False)
    assert (trace.observed, trace.locks, trace.statements, trace.sessions) == (False, (), (), 1)


def test_a_low_privileged_role_is_observed(server: Server, copy: Address, tmp_path: Path) -> None:
    with connect(copy, read_only=False) as session:
        session.execute("create role migrate_locks_low; alter table public.loose owner to migrate_locks_low")
    try:
        (tmp_path / "up.sql").write_text("alter table loose add x int;")
        trace = run(parse("up.sql", tmp_path), server, copy, role="migrate_locks_low", folder=tmp_path)
        assert short(trace.locks) == {("loose", AE)}
    finally:
        with connect(copy, read_only=False) as session:
            session.execute("drop owned by migrate_locks_low")
            session.execute("drop role migrate_locks_low")
