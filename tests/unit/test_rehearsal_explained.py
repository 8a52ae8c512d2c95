"""Which statement did what: the last of the best; nothing is claimed that is not known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builders import column, grant, snapshot, table
from pytest_pgsafe.checks.blame.causes import explains, words
from pytest_pgsafe.checks.blame.explained import explain
from pytest_pgsafe.checks.blame.subjects import World
from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.compare.values import Action, Change, Comparison
from pytest_pgsafe.migrate.tools import SqlFiles
from pytest_pgsafe.migrate.values import Statement, Trace
from pytest_pgsafe.reading.read import read

COLUMN = column("public.sales.note")
DROPPED = Change(kind="column", action=Action.DROPPED, object="public.sales.note", old=COLUMN)
ROWS = Change(kind="rows", action=Action.CHANGED, object="public.sales", attribute="rows", before=3, after=2)
VALUES = Change(kind="values", action=Action.CHANGED, object="public.sales.note", attribute="values", after=1)


def compared(*changes: Change, **more: object) -> Comparison:
    before = snapshot(table(), COLUMN)
    return replace(Comparison(before=before, after=before, cloned=True, changes=changes), **more)


def trace(*texts: str | Statement) -> Trace:
    found = tuple(one if isinstance(one, Statement) else Statement(text=one) for one in texts)
    return Trace(seconds=1, sessions=1, statements=found, observed=True)


def of(change: Change, *texts: str | Statement, comparison: Comparison | None = None) -> tuple[str | None, bool | None]:
    found = explain([change], [], comparison or compared(change), trace(*texts), None).changes[0]
    return None if found.statement is None else found.statement.text, found.declared


def test_the_statement_that_names_it() -> None:
    assert of(DROPPED, "drop table x", "alter table sales drop note") == ("alter table sales drop note", True)


def test_the_last_of_several() -> None:
    assert of(ROWS, "delete from sales where a", "delete from sales where b")[0] == "delete from sales where b"


def test_the_one_that_names_the_column() -> None:
    named = "update sales set note = null"
    assert of(VALUES, named, "update sales set other = 1") == (named, True)
    assert of(VALUES, "update sales set other = 1") == ("update sales set other = 1", False)


def test_a_cast_is_blamed_where_nothing_wrote_the_values() -> None:
    cut, cast = "update sales set note = left(note, 5)", "alter table sales alter note type varchar(5)"
    given = "alter table sales alter column note type varchar(5) using left(note, 5)"
    assert of(VALUES, cut, cast) == (cut, True)
    assert of(VALUES, cast, cut) == (cut, True)
    assert of(VALUES, cast) == (cast, True)
    assert of(VALUES, cut, given) == (given, True)
    assert of(VALUES, "update sales set other = 1", cast) == (cast, True)


def test_a_lock_is_cited_by_the_statement_that_its_message_names() -> None:
    texts = ("alter table sales add a int", "alter table sales add a int default 5", "alter table sales drop note")
    told = Finding(
        code="PGS801", check="locks", severity=Severity.WARNING, object="public.sales", after="AccessExclusiveLock",
        message=f"public.sales was held in AccessExclusiveLock by {texts[1]}",
    )  # fmt: skip
    other = replace(told, message="held by a function")
    found = explain([], [told, other], compared(), trace(*texts), None).findings
    assert [one.statement and one.statement.text for one in found] == [texts[1], texts[2]]


def test_none_that_names_it() -> None:
    assert of(DROPPED, "alter table other drop note") == (None, False)
    assert of(ROWS, "select 1") == (None, False)


@pytest.mark.parametrize("text", ["do $$ begin end $$", "select mine()", "alter table frobnicate"])
def test_nothing_is_claimed_beside_what_is_unread(text: str) -> None:
    assert of(DROPPED, text) == (None, None)


def test_nothing_is_claimed_of_what_was_not_observed() -> None:
    unseen = replace(trace("alter table sales drop note"), observed=False)
    assert explain([DROPPED], [], compared(DROPPED), unseen, None).changes == (DROPPED,)


def test_what_event_triggers_saw_inside_of_a_function() -> None:
    text = "do $$ begin execute 'alter table sales drop note'; end $$"
    seen = Statement(text=text, objects=("table public.sales", "table column public.sales.note"))
    assert of(DROPPED, seen) == (text, True)


@pytest.mark.parametrize(
    "texts",
    [
        ("begin", "alter table sales drop note", "rollback"),
        ("begin", "savepoint a", "alter table sales drop note", "rollback to savepoint a", "commit"),
        (Statement(text="alter table sales drop note", error="42P01: no"),),
    ],
)
def test_what_was_undone_did_nothing(texts: tuple[str | Statement, ...]) -> None:
    assert of(DROPPED, *texts, "select 1")[0] is None


def test_what_was_released_or_committed_did() -> None:
    texts = ("begin", "savepoint a", "alter table sales drop note", "release a", "commit", "begin", "rollback")
    assert of(DROPPED, *texts) == ("alter table sales drop note", True)


def test_the_only_cascade_is_named_as_the_cause() -> None:
    view = Change(kind="view", action=Action.DROPPED, object="public.overview")
    assert of(view, "alter table x drop y cascade") == ("alter table x drop y cascade", False)
    assert of(view, "alter table x drop y cascade", "drop type z cascade") == (None, False)


def test_a_name_without_schema_that_may_mean_two() -> None:
    before = snapshot(table("billing.sales"), table("shop.sales"))
    comparison = compared(before=before, after=before)
    there = replace(ROWS, object="shop.sales")
    assert of(there, "delete from sales", comparison=comparison) == (None, False)
    assert of(there, "delete from shop.sales", comparison=comparison) == ("delete from shop.sales", True)


def test_several_statements_sent_at_once() -> None:
    assert of(ROWS, "select 1; delete from sales; select 2") == ("delete from sales", True)


def test_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "m.sql"
    file.write_text(
        "-- why\nselect 1;\n\nALTER TABLE sales -- note\n  DROP note;\ndelete from sales;\ndelete from sales;\n"
    )
    migration = SqlFiles(files=(file,), text="m.sql")
    logged = ["select 1", "ALTER TABLE sales   DROP note", "delete from sales", "delete from sales"]
    found = explain([DROPPED, ROWS], [], compared(DROPPED, ROWS), trace(*logged), migration).changes
    assert [str(one.statement) for one in found] == ["m.sql:4 ALTER TABLE sales DROP note", "m.sql:7 delete from sales"]


def test_findings() -> None:
    finding = Finding(
        code="PGS101", check="rows", severity=Severity.ERROR, object="public.sales", message="1 row is gone"
    )
    other = replace(finding, check="rollback")
    lock = replace(finding, check="locks", after="AccessExclusiveLock")
    logged = trace("delete from sales", "truncate sales", "insert into sales values (1)")
    found = explain([ROWS], [finding, other, lock], compared(ROWS), logged, None).findings
    texts = [None if one.statement is None else one.statement.text for one in found]
    # What the way back does not undo was done by a statement of the migration.
    assert texts == ["insert into sales values (1)", "insert into sales values (1)", "truncate sales"]
    assert [one.declared for one in found] == [True, None, None]


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("alter table sales drop note", DROPPED),
        ("drop table public.sales", DROPPED),
        ("drop schema public cascade", DROPPED),
        ("delete from sales", ROWS),
        ("update sales set note = 1", VALUES),
        ("alter table sales alter note type int", VALUES),
        ("alter table sales rename other to note", VALUES),
        ("alter table sales disable trigger all",
         Change(kind="trigger", action=Action.CHANGED, object="public.sales.x")),
        ("drop index i", Change(kind="index", action=Action.DROPPED, object="public.i")),
        ("drop function f(int)", Change(kind="function", action=Action.DROPPED, object="public.f(integer)")),
        ("select lo_unlink(1)", Change(kind="large objects", action=Action.CHANGED, object="large objects")),
        ("grant select on all tables in schema public to app", Change(kind="grant", action=Action.ADDED,
         object="x", new=grant("public.sales", "SELECT", "app"))),
        ("grant select (note) on sales to app", Change(kind="grant", action=Action.ADDED,
         object="x", new=replace(grant("public.sales", "SELECT", "app"), object="public.sales.note"))),
        ("alter default privileges grant select on tables to app", Change(kind="grant", action=Action.ADDED,
         object="x", new=grant("public.sales", "SELECT", "app"))),
    ],
)  # fmt: skip
def test_what_explains_a_change_is_found_by_its_words(text: str, change: Change) -> None:
    world = World(compared(change))
    subject = world.subject(change)
    for effect in read(text).effects:
        assert explains(effect, subject, world)
        assert words(effect) & world.words(subject)
    assert of(change, text)[0] == text
