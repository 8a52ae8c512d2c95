"""The safer form of each statement."""

from __future__ import annotations

import pytest

from pytest_pgsafe.checks.safer import brief, safer


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("create index i on t (a);", "create index CONCURRENTLY i on t (a), outside of a transaction."),
        ("CREATE UNIQUE INDEX ON t (a)", "CREATE UNIQUE INDEX CONCURRENTLY ON t (a), outside of a transaction."),
        ("drop index if exists i", "drop index CONCURRENTLY if exists i, outside of a transaction."),
        (
            "refresh materialized view m",
            "refresh materialized view CONCURRENTLY m, outside of a transaction "
            "(it needs a unique index over all rows).",
        ),
        ("reindex (verbose) table t", "REINDEX table CONCURRENTLY t, outside of a transaction."),
        (
            "alter table only s.t add constraint k check (a > 0)",
            "ALTER TABLE s.t ADD CONSTRAINT k check (a > 0) NOT VALID; then, in a transaction of its own, "
            "ALTER TABLE s.t VALIDATE CONSTRAINT k.",
        ),
        (
            "alter table t\n  add foreign key (a) references p",
            "ALTER TABLE t ADD CONSTRAINT NAME foreign key (a) references p NOT VALID; "
            "then, in a transaction of its own, ALTER TABLE t VALIDATE CONSTRAINT NAME.",
        ),
        (
            "alter table t add constraint k unique (a)",
            "CREATE UNIQUE INDEX CONCURRENTLY k ON t (a); then ALTER TABLE t ADD CONSTRAINT k unique USING INDEX k.",
        ),
    ],
)
def test_safer(text: str, told: str) -> None:
    assert safer(text) == told


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        (
            "alter table t alter a set not null",
            "ALTER TABLE t ADD CONSTRAINT a_not_null CHECK (a IS NOT NULL) NOT VALID",
        ),
        ("alter table t alter column a type bigint using a::bigint", "ALTER TABLE t ADD COLUMN a_new bigint; keep"),
        ('alter table "T" alter column "A" type bigint', 'ALTER TABLE "T" ADD COLUMN "A_new" bigint; keep'),
        ("alter table t add column a uuid default gen_random_uuid() not null", "ALTER TABLE t ADD COLUMN a uuid; then"),
        ("alter table t detach partition p", "alter table t detach partition p CONCURRENTLY"),
        ("alter table t attach partition p for values in (1)", "First add a CHECK constraint to p"),
        ("vacuum (full, verbose) t", "pg_repack"),
        ("cluster t using i", "pg_repack"),
    ],
)
def test_safer_begins(text: str, begins: str) -> None:
    assert (safer(text) or "").startswith(begins)


@pytest.mark.parametrize(
    "text",
    [
        "create index concurrently i on t (a)", "drop index concurrently i", "reindex table concurrently t",
        "alter table t add constraint k check (a > 0) not valid", "alter table t add column a int",
        "alter table t detach partition p concurrently", "alter table t detach partition p finalize", "truncate t",
        "refresh materialized view concurrently m", "vacuum t", "alter table t add constraint k unique using index i",
    ],
)  # fmt: skip
def test_nothing_is_safer(text: str) -> None:
    assert safer(text) is None


def test_what_keeps_a_lock_brief() -> None:
    assert brief().startswith("SET lock_timeout = '2s'")
    assert brief(held_on="update t set a = 1").startswith(
        "COMMIT right behind it, and run update t set a = 1 afterwards"
    )
