"""Facts of which only what was touched is read again equal those of a whole reading, whatever a migration does.

A part of the catalogue runs by default, all of it with PGSAFE_TEST_FULL=1. Then what only a whole reading finds where a
rule of the proof is left out: each is planted with the rule, and is equal; and without it, and is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_pgsafe.catalog.read import read as read_catalog
from pytest_pgsafe.migrate.run import FailedRun, run
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.capabilities import WAL_FUNCTIONS
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot import since
from pytest_pgsafe.snapshot.since import begin, take_since
from pytest_pgsafe.snapshot.take import take
from pytest_pgsafe.snapshot.untouched import Stored
from pytest_pgsafe.snapshot.values import Reread, Snapshot
from pytest_pgsafe.snapshot.written import Unknown
from tests.catalogue.headers import HERE, asked_for
from tests.migrations import parse
from tests.server.bench import Bench
from tests.tiers import part

PART = 9
FILES = [*sorted((HERE / "harms").glob("*.sql")), *sorted((HERE / "benign").glob("*.sql"))]
#: Beside the catalogue's own: values that hang on something else than their row.
MORE = """
create table shop.named (id integer primary key, what regclass, who regrole);
insert into shop.named values (1, 'shop.product', 'catalogue_other'), (2, null, null);
create table shop.held (id integer primary key, line shop.pair, lines shop.pair[]);
insert into shop.held values (1, (1, 2, 'x'), array[(3, 4, 'y')::shop.pair]), (2, null, null);
create table shop.wide (id integer primary key, line text);
alter table shop.wide alter line set storage external;
insert into shop.wide select n, repeat(n::text, 9000) from generate_series(1, 3) n;
create table shop.late (id integer primary key);
insert into shop.late values (1), (2);
alter table shop.late add answer integer not null default 42;
create table shop.later (id integer primary key);
alter table shop.later add answer integer not null default 43;
create table shop.apart (id integer not null, at date not null, kind text not null, amount numeric(10, 2));
insert into shop.apart values (1, '2025-02-01', 'view', 1);
"""


def execute(copy: Address, *statements: str) -> None:
    with connect(copy, read_only=False) as session:
        for statement in statements:
            session.execute(statement.encode())


@pytest.fixture(scope="module")
def shop(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    if not (server.owns_cluster and WAL_FUNCTIONS.known_to(server.version)):
        pytest.skip("this server's WAL is not read: everything is read again")
    more = tmp_path_factory.mktemp("touched") / "more.sql"
    more.write_text(MORE)
    bench = Bench.load(server, [HERE / "schema.sql", more], role="catalogue_owner")
    yield bench
    server.drop(bench.before)


def both(bench: Bench, work: Callable[[Address], object]) -> tuple[Snapshot, Snapshot, Reread]:
    """Do something on a copy, and return its facts, those of a whole reading, and what was read for the first."""
    after = bench.server.clone(bench.before, "touched")
    try:
        moment = begin(after, bench.facts, ours=True, worth=0)
        assert not isinstance(moment.mark, Unknown), moment.mark
        work(after)
        with connect(after, read_only=False) as session:
            now, reread = take_since(session, moment)
            return now, take(session), reread
    finally:
        bench.server.drop(after)


def all_of(facts: Snapshot) -> tuple[object, ...]:
    """Return all facts, those that do not count in a comparison of snapshots among them."""
    return (
        facts, facts.materialized_views, facts.extension_parts, facts.not_verified, list(facts.tables),
        list(facts.foreign_keys), list(facts.sequence_bounds), facts.large_objects.each,
    )  # fmt: skip


@pytest.mark.parametrize("file", [pytest.param(one, id=one.stem) for one in part(FILES, PART)])
def test_both_ways_of_reading_find_the_same(shop: Bench, file: Path) -> None:
    def migrate(after: Address) -> None:
        # Of one that fails, too, what it left is the same.
        with suppress(FailedRun):
            run(parse(str(file), Path()), bench.server, after, role=bench.role, folder=Path(), observed=False)

    with asked_for(shop, file) as bench:
        now, whole, reread = both(bench, migrate)
    assert reread.why is None
    assert all_of(now) == all_of(whole)
    assert reread.untouched, "nothing was left alone: nothing is tried here"
    assert reread.touched | reread.untouched == set(whole.tables)


Break = Callable[[Mapping[int, Stored]], Mapping[int, Stored]]


def each(**changes: object) -> Break:
    return lambda found: {oid: replace(one, **changes) for oid, one in found.items()}  # type: ignore[arg-type]


#: What changes facts, what is read again for it, and the rule without which it would not be.
PLANTS: dict[str, tuple[tuple[str, ...], str, Break | None]] = {
    "rows": (("update shop.sale set quantity = 9 where id = 3",), "shop.sale", None),
    "toast": (("update shop.wide set line = repeat('z', 9000) where id = 2",), "shop.wide", None),
    "prepared": (
        ("begin", "delete from shop.pair", "prepare transaction 'p'", "commit prepared 'p'"), "shop.pair", None,
    ),
    "partition": (("update shop.event set kind = 'other' where id = 3",), "shop.event", each(below=())),
    "truncate": (("truncate shop.log",), "shop.log", each(told="", columns=(), files=())),
    "unlogged": (("update shop.cache set value = 'other'",), "shop.cache", each(steady=True)),
    "label": (("alter type shop.mood rename value 'ok' to 'well'",), "shop.customer", each(columns=())),
    "attach": (
        (
            "alter table shop.event detach partition shop.event_rest",
            "alter table shop.event attach partition shop.apart for values from ('2025-01-01') to ('2026-01-01')",
        ),
        "shop.event",
        each(below=()),
    ),
    "name of an object": (("alter table shop.product rename to ware",), "shop.named", each(steady=True)),
    "row type": (("alter table shop.pair add more integer",), "shop.held", each(columns=())),
    "missing value": (
        (
            "set allow_system_table_mods = on",
            "update pg_catalog.pg_attribute set attmissingval = (select attmissingval from pg_catalog.pg_attribute"
            " where attrelid = 'shop.later'::regclass and attname = 'answer')"
            " where attrelid = 'shop.late'::regclass and attname = 'answer'",
        ),
        "shop.late",
        each(columns=()),
    ),
    "two tables change names": (
        (
            "alter table shop.nothing rename to x", "alter table shop.empty rename to nothing",
            "alter table shop.x rename to empty",
        ),
        "",
        None,
    ),
    "another table of the name": (
        ("drop table shop.nothing", "create table shop.nothing (id integer primary key, never text)"), "shop.nothing",
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTS)
def test_what_is_touched_is_read_again(shop: Bench, name: str) -> None:
    statements, table, _ = PLANTS[name]
    now, whole, reread = both(shop, lambda after: execute(after, *statements))
    assert reread.why is None
    assert all_of(now) == all_of(whole)
    assert not table or table in reread.touched
    assert len(reread.untouched) > 15, reread


@pytest.mark.parametrize("name", [name for name, (_, _, break_) in PLANTS.items() if break_ is not None])
def test_without_its_rule_a_change_is_missed(shop: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the rule would be of no use, or the test above of none."""
    statements, _, break_ = PLANTS[name]
    assert break_ is not None
    true = since.stored
    monkeypatch.setattr(since, "stored", lambda session: break_(true(session)))
    if name != "unlogged":
        monkeypatch.setattr(since, "written", lambda *_, **__: frozenset[int]())
    now, whole, _ = both(shop, lambda after: execute(after, *statements))
    assert all_of(now) != all_of(whole)


@pytest.mark.parametrize("name", ["rows", "toast", "prepared"])
def test_without_the_wal_a_change_is_missed(shop: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(since, "written", lambda *_, **__: frozenset[int]())
    now, whole, _ = both(shop, lambda after: execute(after, *PLANTS[name][0]))
    assert all_of(now) != all_of(whole)


#: Facts that are not of rows of one table.
OTHERS: dict[str, tuple[str, ...]] = {
    "sequence": ("select nextval('shop.invoice_number')",),
    "sequence within its cache": (
        "alter sequence shop.invoice_number cache 50", "select nextval('shop.invoice_number')",
    ),
    "bound of a sequence": ("insert into shop.audit values (9000, now(), 'x')",),
    "large object": ("select lo_put(880001, 1, '\\x09')",),
    "new large object": ("select lo_create(0)",),
    "materialised view": ("insert into shop.sale (customer_id, quantity, unit) values (1, 1, 5)",
                          "refresh materialized view shop.sale_by_month"),
    "orphans": ("set session_replication_role = replica", "delete from shop.sale where id = 2"),
    "orphans by the referenced": ("set session_replication_role = replica", "delete from shop.customer where id = 2"),
    "rolled back": ("begin", "delete from shop.pair", "rollback"),
    "inherited": ("insert into shop.vehicle values (99, 'x', 1, 3)",),
    "collation": ("alter collation shop.bytes rename to octets",),
    "rewritten": ("vacuum full shop.sale", "cluster shop.customer using customer_pkey"),
    "no longer logged": ("alter table shop.reading set unlogged", "delete from shop.reading"),
    "logged again": ("alter table shop.cache set logged",),
    "key": ("alter table shop.account drop constraint account_pkey",),
    "function": (
        "create or replace function shop.vat(amount numeric) returns numeric language sql immutable as 'select 1.0'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_facts_beside_rows_are_the_same_both_ways(shop: Bench, name: str) -> None:
    now, whole, reread = both(shop, lambda after: execute(after, *OTHERS[name]))
    assert reread.why is None
    assert all_of(now) == all_of(whole)


def test_a_column_more_touches_no_foreign_key(shop: Bench) -> None:
    """Else all rows that refer to a table would be joined again for it. What the key compares by is a column of it."""
    after = shop.server.clone(shop.before, "touched")
    try:
        moment = begin(after, shop.facts, ours=True, worth=0)
        keys = "shop.sale.sale_customer", "shop.sale.sale_product"
        for statement, held in (
            ("alter table shop.customer add nickname text", keys),
            ('alter table shop.product alter sku type varchar(90) collate "C"', keys[:1]),
            ("update shop.customer set name = 'x' where id = 1", ()),
        ):
            execute(after, statement)
            with connect(after) as session:
                found = since.found(moment, session, read_catalog(session))
            assert not isinstance(found, Unknown)
            assert tuple(key for key in keys if key in found.foreign_keys) == held, statement
            assert "shop.customer" not in found.tables
    finally:
        shop.server.drop(after)


def test_values_that_are_computed_when_they_are_read_are_read_again(shop: Bench) -> None:
    """By whatever a function says today: from 18 on a column may be virtual."""
    if shop.server.version.major < 18:
        pytest.skip("virtual columns are new in PostgreSQL 18")
    now, whole, reread = both(shop, lambda _: None)
    assert "shop.newest" in reread.touched
    assert all_of(now) == all_of(whole)


def test_what_is_not_proven_is_read(shop: Bench) -> None:
    """WAL that is gone, another database of the name, no moment: all is read, and that is said."""
    after = shop.server.clone(shop.before, "touched")
    try:
        moment = begin(after, shop.facts, ours=True, worth=0)
        mark = moment.mark
        assert not isinstance(mark, Unknown)
        wrong = {
            "not there as a whole": replace(moment, mark=replace(mark, word="0123456789abcdef")),
            "another one": replace(moment, mark=replace(mark, database=mark.database + 1)),
            "WAL": replace(moment, mark=replace(mark, lsn="0/28")),
            "no moment": None,
        }
        for said, one in wrong.items():
            with connect(after, read_only=False) as session:
                now, reread = take_since(session, one)
                assert reread.untouched == frozenset()
                assert reread.why is not None
                assert said in reread.why
                assert all_of(now) == all_of(take(session))
    finally:
        shop.server.drop(after)


def test_more_wal_than_it_is_worth_is_not_read(shop: Bench) -> None:
    now, whole, reread = both(
        shop, lambda after: execute(after, "select pg_logical_emit_message(true, 'x', repeat('x', 3000000))")
    )
    assert reread.why == "to read 2 MiB of WAL takes longer"
    assert all_of(now) == all_of(whole)


def test_a_message_of_somebody_else_is_no_end(shop: Bench) -> None:
    """The words are random: a migration cannot write what would pass for them."""
    now, whole, reread = both(
        shop,
        lambda after: execute(after, "select pg_logical_emit_message(true, 'pgsafe', 'last')", "delete from shop.pair"),
    )
    assert reread.why is None
    assert "shop.pair" in reread.touched
    assert all_of(now) == all_of(whole)


def test_nothing_of_the_reading_stays(shop: Bench) -> None:
    both(shop, lambda _: None)
    with connect(shop.server.address()) as session:
        left = session.execute(
            "select extname from pg_extension where extname <> 'plpgsql'"
            " union all select nspname from pg_namespace where nspname ~ '^pgsafe_'"
        ).fetchall()
    assert left == []


def test_of_a_server_of_others_and_of_little_everything_is_read(shop: Bench) -> None:
    assert isinstance(begin(shop.before, shop.facts, ours=False, worth=0).mark, Unknown)
    assert isinstance(begin(shop.before, shop.facts, ours=True).mark, Unknown)
