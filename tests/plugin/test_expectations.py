"""Expectations in whole runs: of the configuration and of the migration's own comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

MIGRATION = "--pgsafe-migration=m.sql"
UPPER = "update public.people set name = upper(name)"


def test_values_of_some_rows(project: Project) -> None:
    rule = '[expect]\nvalues = [{ column = "people.name", where = "id < 3", reason = "agreed" }]\n'
    project.write({"pgsafe.toml": rule, "m.sql": f"{UPPER} where id < 3;"})
    result = project.rehearse(MIGRATION)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["PGS201 note: *(agreed)"])
    project.write({"m.sql": f"{UPPER};"})
    result = project.rehearse(MIGRATION)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["PGS201 error: *1 row of which “id < 3” did not hold before", "  row id=3: *"])


def test_comments_of_the_migration(project: Project) -> None:
    text = f"-- pgsafe: expect values people.name: agreed\n{UPPER};\n"
    text += "-- pgsafe: expect dropped people.email: nobody writes\nalter table people drop column email;\n"
    project.write({"m.sql": text})
    result = project.rehearse(MIGRATION)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["PGS201 note: *(agreed)", "PGS203 note: *(nobody writes)"])


def test_a_comment_that_announces_what_does_not_happen(project: Project) -> None:
    project.write({"m.sql": "-- pgsafe: expect values people.email: moved\nselect 1;\n"})
    result = project.rehearse(MIGRATION)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["PGS006 error: *people.email*no row has another one"])


def test_a_comment_of_no_known_form(project: Project) -> None:
    project.write({"m.sql": "select 1;\n-- pgsafe: expect droped people.email: typo\n"})
    result = project.run(*project.needed, MIGRATION)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "m.sql:2: " in result.stderr.str()


def test_a_predicate_that_cannot_be_evaluated(project: Project) -> None:
    rule = '[expect]\nvalues = [{ column = "people.name", where = "idd < 3", reason = "agreed" }]\n'
    project.write({"pgsafe.toml": rule, "m.sql": f"{UPPER};"})
    result = project.rehearse(MIGRATION)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ['*predicate for public.people cannot be evaluated: SQLSTATE 42703: column "idd" does not exist*']
    )


ENV = """
from alembic import context
from sqlalchemy import engine_from_config, pool
engine = engine_from_config(context.config.get_section("alembic"), poolclass=pool.NullPool)
with engine.connect() as c:
    context.configure(connection=c)
    with context.begin_transaction():
        context.run_migrations()
"""


def test_a_predicate_of_a_revision_that_cannot_be_evaluated(project: Project) -> None:
    pytest.importorskip("alembic")
    comment = "# pgsafe: expect values people.name where idd < 3: agreed"
    revision = f"from alembic import op\nrevision, down_revision = 'r1', None\n{comment}\n"
    ini = "[alembic]\nscript_location = a\nsqlalchemy.url = postgresql+psycopg://x@db.invalid/x\n"
    upgrade = f"def upgrade():\n    op.execute({UPPER!r})\n"
    project.write({"a/r0.py": comment.replace("expect", "expekt"), "a/env.py": ENV, "alembic.ini": ini})
    result = project.run(*project.needed, "--pgsafe-migration=alembic.ini")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "r0.py:1: " in result.stderr.str()
    project.write({"a/r0.py": "", "a/versions/r1.py": revision + upgrade})
    result = project.rehearse("--pgsafe-migration=alembic.ini")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(['*predicate for public.people cannot be evaluated: *column "idd" does not exist*'])
