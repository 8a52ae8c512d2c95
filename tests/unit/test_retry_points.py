"""Where it is worth breaking a migration off."""

from __future__ import annotations

import pytest

from pytest_pgsafe.migrate.values import Statement
from pytest_pgsafe.retry.points import points, units
from pytest_pgsafe.retry.values import Point


def sent(*texts: str, session: str = "1") -> list[Statement]:
    return [Statement(text=text, session=session) for text in texts]


def found(*statements: Statement) -> tuple[Point, ...]:
    return points(units(statements, books={"alembic_version"}))


def shown(*statements: Statement) -> list[tuple[str, str]]:
    return [(point.how, point.unit.cited.text) for point in found(*statements)]


INDEX = "create index concurrently i on t (a);"
TABLE, COLUMN, ROW = "create table a (n int);", "alter table t add column b int;", "insert into t values (1);"


@pytest.mark.parametrize(
    "texts",
    [
        [TABLE],
        ["begin;", TABLE, COLUMN, "commit;"],
        ["BEGIN", TABLE, "savepoint s", COLUMN, "rollback to savepoint s", ROW, "COMMIT"],
        # Sent at once, they are one transaction.
        [f"{TABLE} {COLUMN}"],
        ["set lock_timeout = '2s';", TABLE, "select 1;", "show search_path"],
        ["begin", TABLE, "rollback", COLUMN],
        [],
    ],
)
def test_what_stays_whole_or_not_at_all_has_no_point(texts: list[str]) -> None:
    assert shown(*sent(*texts)) == []


def test_a_point_lies_between_two_effects_and_behind_none() -> None:
    assert shown(*sent("set x.y = 1", TABLE, COLUMN, "select 1", ROW)) == [
        ("after", TABLE[:-1]),
        ("after", COLUMN[:-1]),
    ]


def test_a_transaction_is_one_effect_and_known_by_its_last_statement() -> None:
    [point] = found(*sent("begin", TABLE, COLUMN, "commit", ROW))
    assert (point.unit.cited.text, point.unit.end.text, point.done, point.of) == (COLUMN[:-1], "commit", 1, 2)


def test_an_error_has_no_effect() -> None:
    failed = Statement(text=COLUMN, error="42701: there", session="1")
    assert shown(*sent(TABLE), failed) == []


def test_parts_that_are_committed_come_first() -> None:
    assert shown(*sent(TABLE, INDEX)) == [("begun", INDEX[:-1]), ("built", INDEX[:-1]), ("after", TABLE[:-1])]
    assert shown(*sent("drop index concurrently i")) == [("begun", "drop index concurrently i")]
    assert shown(*sent("alter table t detach partition p concurrently")) == [
        ("begun", "alter table t detach partition p concurrently")
    ]


def test_rows_come_before_definitions_and_the_first_effect_before_all() -> None:
    assert shown(*sent(TABLE, COLUMN, ROW, "drop table b")) == [
        ("after", TABLE[:-1]), ("after", ROW[:-1]), ("after", COLUMN[:-1])
    ]  # fmt: skip


def test_of_what_a_tool_has_recorded_one_point_stands_for_all() -> None:
    record = "update alembic_version set version_num = 'b'"
    steps = ["begin", TABLE, record, "commit", "begin", COLUMN, record, "commit", "begin", ROW, record, "commit"]
    [point] = found(*sent(*steps))
    assert point.done == 1


def test_the_gap_before_a_record_is_the_tools_own() -> None:
    [point] = found(*sent("begin", TABLE, "commit", "insert into alembic_version values ('b')"))
    assert point.unrecorded
    [point] = found(*sent("insert into alembic_version values ('b')", TABLE))
    assert not point.unrecorded


def test_sessions_are_followed_apart() -> None:
    one, other = sent("begin", TABLE, "commit"), sent(COLUMN, session="2")
    assert len(found(one[0], *other, *one[1:])) == 1


def test_the_same_text_again_is_told_by_its_number() -> None:
    first, second = found(*sent(ROW, ROW, TABLE))
    assert (first.unit.end.occurrence, second.unit.end.occurrence) == (1, 2)


def test_a_program_is_killed_and_may_connect_again_after_its_last_effect_but_the_record() -> None:
    record = "insert into alembic_version values ('1')"
    sent_all = units(sent(TABLE, ROW, record, COLUMN), books={"alembic_version"})
    told = [(point.how, point.unit.cited.text) for point in points(sent_all, handled=True) if point.how != "lock"]
    assert told[-1] == ("killed", ROW[:-1])
    assert ("let in", ROW[:-1]) in told
    assert [how for how, _ in told].count("killed") == [how for how, _ in told].count("let in") == 1
    assert not {how for how, _ in shown(*sent(TABLE, ROW, COLUMN))} & {"killed", "let in"}
