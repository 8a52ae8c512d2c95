"""Locks of statements of which no event tells."""

from __future__ import annotations

import pytest

from pytest_pgsafe.migrate.derive import Index, derive
from pytest_pgsafe.migrate.observe import Relation

RELATIONS = {
    1: Relation(name="public.t", kind="r"),
    2: Relation(name="public.u", kind="r"),
    3: Relation(name='app."T x"', kind="r"),
    4: Relation(name="app.only_here", kind="m"),
    5: Relation(name="public.t_i", kind="i", table=1),
    6: Relation(name="app.t", kind="r"),
}
AE, SUE, S = "AccessExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("TRUNCATE t", {(1, AE)}),
        ('truncate table only t, u * , app."T x" restart identity cascade', {(1, AE), (2, AE), (3, AE)}),
        ("TRUNCATE only_here", {(4, AE)}),
        ("TRUNCATE app.t CASCADE", {(6, AE)}),
        ("TRUNCATE created_since", set()),
        ("LOCK t", {(1, AE)}),
        (
            "LOCK TABLE ONLY t, u IN SHARE ROW EXCLUSIVE MODE NOWAIT",
            {(1, "ShareRowExclusiveLock"), (2, "ShareRowExclusiveLock")},
        ),
        ("lock table t in exclusive mode", {(1, "ExclusiveLock")}),
        ("LOCK TABLE t IN ROW EXCLUSIVE MODE", set()),
        ("LOCK TABLE t IN ACCESS SHARE MODE", set()),
        ("CLUSTER t USING t_i", {(1, AE)}),
        ("CLUSTER VERBOSE t", {(1, AE)}),
        ("CLUSTER", set()),
        ("VACUUM FULL", {(1, AE), (2, AE), (3, AE), (4, AE), (6, AE)}),
        ("VACUUM FULL t", {(1, AE)}),
        ("VACUUM (FULL, ANALYZE) t (a, b), u", {(1, AE), (2, AE)}),
        ("VACUUM (FULL false) t", {(1, SUE)}),
        ("VACUUM ANALYZE t", {(1, SUE)}),
        ("VACUUM t", {(1, SUE)}),
        ("ANALYZE t (a)", {(1, SUE)}),
        ("ANALYZE", {(1, SUE), (2, SUE), (3, SUE), (4, SUE), (6, SUE)}),
        ("REINDEX TABLE t", {(1, S)}),
        ("REINDEX (VERBOSE) INDEX t_i", {(1, S), (5, AE)}),
        ("REINDEX INDEX CONCURRENTLY public.t_i", {(1, SUE)}),
        ("REINDEX (CONCURRENTLY) TABLE t", {(1, SUE)}),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS x ON ONLY t (a) WHERE b > 1", {(1, SUE)}),
        ("CREATE INDEX x ON t (a)", set()),
        ("DROP INDEX CONCURRENTLY IF EXISTS t_i", {(1, SUE)}),
        ("ALTER TABLE t DETACH PARTITION u CONCURRENTLY", {(1, SUE), (2, AE)}),
        ("ALTER TABLE t ADD COLUMN x int", set()),
        ("INSERT INTO t SELECT 'TRUNCATE u'", set()),
        ("UPDATE t SET a = 1", set()),
    ],
)
def test_derive(statement: str, expected: set[tuple[int, str]]) -> None:
    found = list(derive(statement, Index(RELATIONS)))
    assert {(oid, lock.mode) for oid, lock in found} == expected
    assert all(lock.derived and lock.statement == statement for _, lock in found)


@pytest.mark.parametrize("statement", ["CLUSTER t USING t_i", "VACUUM FULL t"])
def test_rewrites(statement: str) -> None:
    assert [lock.rewritten for _, lock in derive(statement, Index(RELATIONS))] == [True]


def test_a_truncate_is_no_rewrite() -> None:
    assert [lock.rewritten for _, lock in derive("TRUNCATE t", Index(RELATIONS))] == [False]


def test_a_name_in_two_schemas_is_publics_or_nobodys() -> None:
    two = Index({1: Relation(name="a.t", kind="r"), 2: Relation(name="b.t", kind="r")})
    assert list(derive("TRUNCATE t", two)) == []
    assert [oid for oid, _ in derive("TRUNCATE b.t", two)] == [2]
