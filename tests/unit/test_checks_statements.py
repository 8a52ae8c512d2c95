"""A run that ended well although a statement failed."""

from __future__ import annotations

import pytest

from builders import evidence, snapshot
from pytest_pgsafe.checks import judge
from pytest_pgsafe.migrate.values import Statement, Trace


def found(*statements: Statement) -> list[tuple[str, str]]:
    trace = Trace(seconds=1, sessions=1, observed=True, statements=statements)
    return [(one.code, one.severity.value) for one in judge(evidence(snapshot(), snapshot(), trace=trace))]


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("alter table nosuch add x int", "error"),
        ("update sales set x = 1/0", "error"),
        ("with gone as (delete from t returning *) select * from gone", "error"),
        ("select version from schema_version", "warning"),
        ("SHOW nothing", "warning"),
    ],
)
def test_a_failed_statement_is_told(text: str, severity: str) -> None:
    assert found(Statement(text=text, error="42P01: it is not there")) == [("PGS805", severity)]


def test_what_went_well_later_or_failed_for_it_is_not() -> None:
    again = Statement(text="create index concurrently i on t (x)", error="40P01: deadlock detected")
    assert found(again, Statement(text=again.text)) == []
    assert found(Statement(text="select 1", error="25P02: current transaction is aborted")) == []


@pytest.mark.parametrize(
    ("texts", "severities"),
    [
        (["begin", "create table t ()"], ["error"]),
        (["BEGIN", "create table t ()", "COMMIT"], []),
        (["begin", "select 1"], []),
        (["begin", "insert into t values (1)", "rollback to savepoint s"], ["error"]),
        (["begin", "insert into t values (1)", "rollback"], []),
        (["begin", "begin", "insert into t values (1)", "commit", "end"], []),
        (["begin", "insert into t values (1)", "commit", "start transaction", "delete from t"], ["error"]),
    ],
)
def test_a_transaction_that_was_never_ended(texts: list[str], severities: list[str]) -> None:
    assert found(*(Statement(text=text) for text in texts)) == [("PGS806", severity) for severity in severities]


DUMP = (
    "BEGIN",
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "LOCK TABLE public.t IN ACCESS SHARE MODE",
)
CHANGE = ("begin", "create table t ()", "insert into t values (1)", "commit")


@pytest.mark.parametrize(
    ("sessions", "told"),
    [
        # A tool that dumps the schema afterwards, in a session of its own that never says COMMIT.
        ([CHANGE, DUMP, ("SELECT 1",)], []),
        ([DUMP, CHANGE], []),
        ([CHANGE, ("begin", "copy t from stdin")], ["PGS806"]),
        # One that ended does not end another's transaction.
        ([("begin", "delete from t"), ("begin", "select 1", "commit", "commit")], ["PGS806"]),
    ],
)
def test_each_session_has_transactions_of_its_own(sessions: list[tuple[str, ...]], told: list[str]) -> None:
    sent = [Statement(text=text, session=str(at)) for at, texts in enumerate(sessions) for text in texts]
    assert [code for code, _ in found(*sent)] == told
