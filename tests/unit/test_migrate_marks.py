"""Revisions of a command, read from what it writes into its bookkeeping table."""

from __future__ import annotations

import pytest

from pytest_pgsafe.migrate.marks import revisions
from pytest_pgsafe.migrate.values import Revision


def ended(text: str, at: float, ms: float = 1.0, **more: object) -> dict[str, object]:
    """Return the record of a statement's end, at some seconds of a minute."""
    message = f"duration: {ms} ms  statement: {text}"
    time = f"2026-11-22 10:00:{at:06.3f} UTC"
    return {"dbname": "copy", "session_id": "s", "vxid": "3/1", "timestamp": time, "message": message, **more}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("INSERT INTO alembic_version (version_num) VALUES ('a1b2') RETURNING alembic_version.version_num", "a1b2"),
        ("UPDATE alembic_version SET version_num='b2' WHERE alembic_version.version_num = 'a1'", "b2"),
        ("UPDATE alembic_version SET version_num=$1::VARCHAR WHERE version_num = $2::VARCHAR", "number 1"),
        (
            'INSERT INTO "django_migrations" ("app", "name", "applied") VALUES (\'shop\', \'0001_initial\', '
            '\'2026-11-22\'::timestamptz) RETURNING "django_migrations"."id"',
            "shop.0001_initial",
        ),
        ('insert into "migrations" ("name", "run_on") values ($1, $2)', "number 1"),
        ('INSERT INTO "public"."pgmigrations" (name, run_on) VALUES (\'1_x\', NOW());', "1_x"),
        ("insert into schema_migrations (version) values (20260101)", "20260101"),
        ("insert into goose_db_version (version_id, is_applied) values (3, true)", "3"),
        ("insert into schema_migrations values ('it''s')", "it's"),
    ],
)
def test_a_line_in_the_bookkeeping_table_ends_a_revision(text: str, name: str) -> None:
    records = [ended("create table t (id int)", 2, 500), ended(text, 3.25)]
    assert revisions(records, "copy") == (Revision(name=name, seconds=1.75),)


@pytest.mark.parametrize(
    "text",
    [
        "create table schema_migrations (version text)",
        "insert into orders values ('schema_migrations')",
        "select * from alembic_version",
        "delete from alembic_version where version_num = 'a'",
        "insert into migrations_of_birds values ('x')",
    ],
)
def test_others_do_not(text: str) -> None:
    assert revisions([ended(text, 1)], "copy") == ()


def test_each_has_the_time_since_the_one_before() -> None:
    records = [
        ended("insert into schema_migrations values ('1')", 1),
        ended("alter table t add x int", 3),
        ended("insert into schema_migrations values ('2')", 4),
        ended("insert into schema_migrations values ('3')", 4.5, dbname="another"),
        ended("insert into schema_migrations values ('4')", 5, application_name="pgsafe"),
    ]
    assert revisions(records, "copy") == (Revision(name="1", seconds=0.001), Revision(name="2", seconds=3.0))
