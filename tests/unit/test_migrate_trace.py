"""Statements and locks out of records of the server log, in all the shapes that it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from pytest_pgsafe.migrate.gauge import Gauged, Held
from pytest_pgsafe.migrate.observe import Relation
from pytest_pgsafe.migrate.trace import read_trace
from pytest_pgsafe.migrate.values import Lock, Statement

RELATIONS = {16385: Relation(name="public.t", kind="r"), 16390: Relation(name="public.t_pkey", kind="i", table=16385)}


def record(
    message: str, *, at: float = 0, vxid: str = "3/0", session: str = "a", **more: object
) -> Mapping[str, object]:
    return {
        "timestamp": f"2026-01-01 00:00:{at:06.3f} UTC", "dbname": "copy", "session_id": session, "vxid": vxid,
        "application_name": "psql", "error_severity": "LOG", "message": message, **more,
    }  # fmt: skip


def event(kind: str, **more: object) -> str:
    return "pgsafe observed " + json.dumps({"event": kind, "tag": "ALTER TABLE", **more})


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (["duration: 1.500 ms  statement: select 1"], [("select 1", 1.5)]),
        (
            [f"duration: 2 ms  {step} <unnamed>: q" for step in ("parse", "bind", "execute")],
            [("q", 2.0)],
        ),
        (["duration: 2 ms  execute s1/c1: select ': '\nfrom t"], [("select ': '\nfrom t", 2.0)]),
        (["statement: select 1", "duration: 3 ms"], [("select 1", 3.0)]),
        (["execute s1: select 1", "duration: 3 ms"], [("select 1", 3.0)]),
        (["duration: 3 ms", "checkpoint starting: time"], []),
    ],
)  # fmt: skip
def test_statements(messages: list[str], expected: list[tuple[str, float]]) -> None:
    statements, locks = read_trace([record(message) for message in messages], "copy", {})
    assert [(one.text, one.duration) for one in statements] == expected
    assert locks == ()


def test_errors_have_their_sqlstate_and_passwords_none() -> None:
    failed = record("no", error_severity="ERROR", state_code="42501", statement="alter role a password 'geheim'")
    refused = record("password authentication failed", error_severity="FATAL", state_code="28P01")
    assert read_trace([failed, refused], "copy", {})[0] == (
        Statement(text="alter role a password '********'", error="42501: no"),
    )


def test_other_databases_and_pgsafe_itself_are_left_out() -> None:
    records = [
        record("duration: 1 ms  statement: a", dbname="other"),
        record("duration: 1 ms  statement: b", application_name="pgsafe"),
    ]
    assert read_trace(records, "copy", {}) == ((), ())


def test_sessions_are_told_apart_and_locks_end_with_their_transactions() -> None:
    both = "16390:AccessExclusiveLock:0 16385:AccessExclusiveLock:9"
    records = [
        record("duration: 1 ms  statement: begin", at=1, vxid="3/7"),
        record("duration: 1 ms  statement: begin", at=1, vxid="4/9", session="b"),
        record(event("ddl_command_start"), at=2, vxid="3/7"),
        record(event("table_rewrite", relation=16385), at=2.5, vxid="3/7"),
        record(event("ddl_command_end", locks=both, objects=["table public.t"]), at=3, vxid="3/7"),
        record("duration: 1 ms  statement: alter table t add x int", at=3, vxid="3/7"),
        record("duration: 1 ms  statement: lock table t in share mode", at=4, vxid="4/9", session="b"),
        record("duration: 1 ms  statement: commit", at=5, vxid="3/0"),
        record("duration: 1 ms  statement: rollback", at=6, vxid="4/0", session="b"),
    ]  # fmt: skip
    statements, locks = read_trace(records, "copy", RELATIONS)
    assert [one.objects for one in statements if one.objects] == [("table public.t",)]
    assert locks == (
        Lock(
            relation="public.t", mode="AccessExclusiveLock", statement="alter table t add x int", held=3000.0,
            rewritten=True, scanned=9, own=1000.0,
        ),
        Lock(
            relation="public.t", mode="ShareLock", statement="lock table t in share mode", held=2000.0, derived=True,
            own=0.0,
        ),
    )  # fmt: skip


def plan(query: str, ms: float, rows: int, wal: int = 0, **more: object) -> str:
    below = {"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Actual Rows": rows, "Actual Loops": 1, **more}
    root = {"Node Type": "ModifyTable", "Actual Rows": 0, "Actual Loops": 1, "WAL Bytes": wal, "Plans": [below]}
    return f"duration: {ms} ms  plan:\n" + json.dumps({"Query Text": query, "Plan": root})


def test_what_a_statement_cost_is_counted_once() -> None:
    records = [
        record(event("ddl_command_start", wal="0/100"), at=1, vxid="3/7"),
        record(event("ddl_command_start", wal="0/110"), at=1, vxid="3/7"),
        # The rows of CREATE TABLE AS are within the command's own positions.
        record(plan("select", 3, 5, wal=64), at=1, vxid="3/7"),
        record(event("ddl_command_end", wal="0/180"), at=1, vxid="3/7"),
        record(event("ddl_command_end", wal="0/200"), at=1, vxid="3/7"),
        record(plan("update t", 3, 7, wal=32, **{"Rows Removed by Filter": 3}), at=1, vxid="3/7"),
        record('temporary file: path "base/pgsql_tmp/1", size 8192', at=1, vxid="3/7"),
        record("duration: 9 ms  statement: create table x as select; update t", at=1, vxid="3/7"),
        record("duration: 1 ms  statement: vacuum t", at=1),
    ]
    first, second = read_trace(records, "copy", RELATIONS)[0]
    assert (first.rows, first.scanned, first.wal, first.temporary) == (7, 15, 0x100 + 32, 8192)
    assert (second.rows, second.scanned, second.wal, second.temporary) == (None, None, None, 0)


def test_what_held_a_lock_on_is_named() -> None:
    records = [
        record(event("ddl_command_start"), at=2, vxid="3/7"),
        record(event("ddl_command_end", locks="16385:AccessExclusiveLock:0"), at=2.001, vxid="3/7"),
        record("duration: 1 ms  statement: alter table t add x int", at=2.001, vxid="3/7"),
        record("duration: 3000 ms  statement: update t set x = 1", at=6, vxid="3/7"),
        record("duration: 500 ms  statement: delete from t", at=7, vxid="3/7"),
        record("duration: 9000 ms  statement: commit", at=7, vxid="3/0"),
    ]
    [lock] = read_trace(records, "copy", RELATIONS)[1]
    assert (lock.own, lock.held, lock.number) == (1.0, 5000.0, 0)
    assert lock.prolonged is not None
    assert lock.prolonged.text == "update t set x = 1"


@pytest.mark.parametrize(
    ("first", "between", "last", "scanned", "reader"),
    [
        # The counter is the transaction's: an UPDATE, and what a DELETE takes along, is in it.
        ("0", "update t set x = 1", "alter table t drop column y", 0, None),
        (None, "delete from parent where id = 7", "alter table t drop column y", None, None),
        ("0", "update t set x = 1", "alter table t add check (x > 0)", None, "alter table t add check (x > 0)"),
        ("0", "update alembic_version set version_num = 'b'", "alter table t add check (x > 0)", 900,
         "alter table t add check (x > 0)"),
        ("0", "select 1", "alter table t add check (x > 0)", 900, "alter table t add check (x > 0)"),
    ],
)  # fmt: skip
def test_rows_that_another_statement_has_scanned_are_not_those_of_the_lock(
    first: str | None, between: str, last: str, scanned: int | None, reader: str | None
) -> None:
    seen = "" if first is None else f"16385:AccessExclusiveLock:{first}"
    records = [
        record(event("ddl_command_end", locks=seen), at=2, vxid="3/7"),
        record("duration: 1 ms  statement: alter table t add x int", at=2, vxid="3/7"),
        record(f"duration: 3 ms  statement: {between}", at=3, vxid="3/7"),
        record(event("ddl_command_end", locks="16385:AccessExclusiveLock:900"), at=4, vxid="3/7"),
        record(f"duration: 1 ms  statement: {last}", at=4, vxid="3/7"),
        record("duration: 1 ms  statement: commit", at=5, vxid="3/0"),
    ]
    [lock] = read_trace(records, "copy", RELATIONS)[1]
    assert (lock.scanned, lock.reader) == (scanned, reader)


def test_what_held_a_lock_on_within_a_block_is_named() -> None:
    records = [
        record(event("ddl_command_start"), at=2, vxid="3/7"),
        record(event("ddl_command_end", locks="16385:AccessExclusiveLock:0"), at=2.001, vxid="3/7"),
        record(plan("update t set x = 1", 999, 7), at=3.001, vxid="3/7"),
        record("duration: 1001 ms  statement: do $$ … $$", at=3.001, vxid="3/0"),
    ]
    [lock] = read_trace(records, "copy", RELATIONS)[1]
    assert (lock.own, lock.held) == (1.0, 1001.0)
    assert lock.prolonged == Statement(text="update t set x = 1", duration=999.0, rows=7, scanned=7, wal=0)


def test_a_wait_for_a_lock_is_the_locks() -> None:
    waited = "process 9 acquired AccessExclusiveLock on relation 16385 of database 5 after 1500.250 ms"
    records = [
        record(waited, at=1, vxid="3/7"),
        record(event("ddl_command_end", locks="16385:AccessExclusiveLock:0"), at=1, vxid="3/7"),
        record("duration: 1501 ms  statement: alter table t add x int", at=1, vxid="3/0"),
    ]
    assert [lock.waited for lock in read_trace(records, "copy", RELATIONS)[1]] == [1500.25]


def moment(seconds: float) -> datetime:
    return datetime(2026, 1, 1) + timedelta(seconds=seconds)


def held(transaction: str, first: float, last: float, mode: str = "AccessExclusiveLock", relation: int = 16385) -> Held:
    return Held(
        pid=10, transaction=transaction, relation=relation, mode=mode, first=moment(first), last=moment(last)
    )  # fmt: skip


def gauge(*locks: Held) -> Gauged:
    return Gauged(locks={(one.pid, one.transaction, one.relation, one.mode): one for one in locks})


def test_a_lock_that_no_event_tells_of_is_told_as_it_was_seen() -> None:
    records = [
        record("duration: 2000 ms  statement: do $$ begin lock table t; end $$", at=3, session="65.a"),
        record(event("ddl_command_end", locks="16385:AccessExclusiveLock:0"), at=4, vxid="3/9", session="65.a"),
        record("duration: 1 ms  statement: alter table t add x int", at=4, session="65.a"),
        record("duration: 900 ms  statement: truncate t", at=6, session="65.a"),
    ]
    seen = gauge(
        held("3/8", 1.5, 2.9), held("3/9", 4, 4), held("3/10", 5.5, 5.9), held("3/11", 9, 9.5),
        held("3/8", 1.5, 2.9, relation=16390), held("3/8", 1.5, 2.9, relation=99),
    )  # fmt: skip
    locks = read_trace(records, "copy", RELATIONS, gauge=seen)[1]
    assert [(lock.number, lock.held, lock.own, lock.derived) for lock in locks] == [
        (1, 0.0, 0.0, False), (2, 900.0, 900.0, True), (0, 1500.0, 1500.0, False),
    ]  # fmt: skip


def test_wal_of_a_statement_that_does_not_tell_it_is_that_of_its_time() -> None:
    records = [
        record("duration: 1000 ms  statement: vacuum full t", at=3),
        record("duration: 20 ms  statement: vacuum full t", at=4),
    ]
    seen = Gauged(wal=[(moment(at), 1000 * at) for at in (1, 2, 3, 4)])
    first, second = read_trace(records, "copy", RELATIONS, gauge=seen)[0]
    assert first.wal is not None
    assert 1000 <= first.wal <= 1002
    assert second.wal is None


def test_a_session_that_ends_without_a_word_leaves_the_time_open() -> None:
    records = [
        record(event("ddl_command_end", locks="16385:ShareLock:0"), at=1, vxid="3/7"),
        record("duration: 1 ms  statement: create index on t (a)", at=1, vxid="3/7"),
    ]
    assert [lock.held for lock in read_trace(records, "copy", RELATIONS)[1]] == [None]


def test_a_problem_of_the_observer_breaks_nothing() -> None:
    records = [
        record(event("ddl_command_end", problem="no such schema"), vxid="3/7"),
        record(event("table_rewrite", problem="no such schema"), vxid="3/7"),
        record("duration: 1 ms  statement: alter table t add x int"),
    ]
    assert read_trace(records, "copy", RELATIONS)[1] == ()


def test_what_a_statement_left_out_comes_with_it() -> None:
    notice = record("there", error_severity="NOTICE", state_code="42P07")
    other = record("anything", error_severity="NOTICE", state_code="00000")
    ended = record("duration: 1 ms  statement: create table if not exists t ()")
    said, _ = read_trace([notice, notice, other, ended, record("duration: 1 ms  statement: select 1")], "copy", {})
    assert [one.skipped for one in said] == [("there",), ()]
