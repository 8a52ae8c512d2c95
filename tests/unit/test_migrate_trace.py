"""Statements and locks out of records of the server log, in all the shapes that it has."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

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
            rewritten=True, scanned=9,
        ),
        Lock(
            relation="public.t", mode="ShareLock", statement="lock table t in share mode", held=2000.0, derived=True
        ),
    )  # fmt: skip


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
