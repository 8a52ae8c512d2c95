"""Which statements hold a lock on."""

from __future__ import annotations

import pytest

from pytest_pgsafe.migrate.values import Statement
from pytest_pgsafe.migrate.work import holds_on


@pytest.mark.parametrize(
    ("text", "rows", "expected"),
    [
        ("update t set a = 1", 7, True),
        ("update t set a = 1", None, True),
        ("update t set a = 1 where b", 7, True),
        ("delete from t", 7, True),
        ("insert into t select * from u", 7, True),
        ("create table x as select * from t", 7, True),
        ("copy t from stdin", None, True),
        ("merge into t using u on true when matched then delete", 7, True),
        # What migration tools write into their tables, and rows that are written out.
        ("update alembic_version set version_num = 'a'", 1, False),
        ("insert into django_migrations values (1, 'a')", 1, False),
        ("insert into t values (1), (2), (3)", 3, False),
        ("update t set a = 1", 0, False),
        ("update t set a = 1 where id = 7", 1, False),
        ("update t set a = 1 where id = 7", None, False),
        ("alter table t add a int", None, False),
        ("select 1", 1, False),
        ("truncate t", None, False),
        ("create table x (a int)", None, False),
    ],
)
def test_by_what_it_does(text: str, rows: int | None, expected: bool) -> None:
    assert holds_on(Statement(text=text, duration=1.0, rows=rows)) is expected
    assert holds_on(Statement(text=text, rows=rows)) is False


def test_by_the_time_that_it_took() -> None:
    assert holds_on(Statement(text="select pg_sleep(1)", duration=1000.0, rows=1))
    assert not holds_on(Statement(text="commit", duration=1000.0))
