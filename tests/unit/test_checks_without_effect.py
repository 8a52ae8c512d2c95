"""PGS807 statement-without-effect and PGS808 exists-otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import evidence, sales, shown, snapshot
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Rules
from pytest_pgsafe.migrate.values import Statement, Trace
from pytest_pgsafe.works.values import Otherwise, Secluded, Tried

HIDDEN = Secluded(table="public.sales", role="app", statement="update sales set a = 1", visible=0, rows=9)
OTHER = Otherwise(object="public.sales", statement="create table if not exists sales (x int)", differences=("no x",))


def found(*statements: Statement, tried: Tried | None = None, strict: bool = False) -> list[tuple[str, str, str]]:
    trace = Trace(seconds=1, sessions=1, observed=True, statements=statements)
    side = snapshot(*sales(oid=1))
    gathered = evidence(side, side, trace=trace, rules=Rules(strict=strict))
    return shown(judge(replace(gathered, tried=tried or Tried())))


@pytest.mark.parametrize("strict", [False, True])
def test_rows_that_are_hidden_are_told_once(strict: bool) -> None:
    statement = Statement(text="update sales set a = 1;", rows=0)
    told = found(statement, tried=Tried(secluded=(HIDDEN, HIDDEN)), strict=strict)
    assert told == [("PGS807", "error" if strict else "warning", "public.sales")]


def test_what_was_left_out_is_a_note_and_what_is_another_an_error() -> None:
    statement = Statement(text=OTHER.statement, skipped=('relation "sales" already exists, skipping',))
    assert found(statement) == [("PGS807", "note", "migration")]
    assert found(statement, tried=Tried(otherwise=(OTHER,))) == [("PGS808", "error", "public.sales")]


@pytest.mark.parametrize(
    ("text", "rows", "wanted"),
    [
        ("update t set a = 1", 0, [("PGS807", "note", "migration")]),
        ("  MERGE into t using s on true when matched then delete", 0, [("PGS807", "note", "migration")]),
        ("update t set a = 1", 3, []),
        ("update t set a = 1", None, []),
        ("select * from t where false", 0, []),
    ],
)
def test_a_statement_that_wrote_no_row(text: str, rows: int | None, wanted: list[tuple[str, str, str]]) -> None:
    assert found(Statement(text=text, rows=rows)) == wanted
