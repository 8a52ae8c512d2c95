"""Migration tools, broken off by the loss of their connection and run again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bench import Bench
from interrupted import loaded
from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.config.values import Retry, Settings
from pytest_pgsafe.server.base import Server
from tests.tiers import FULL

#: Each takes as long as its tool takes to start, six times and more.
long = pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1: 5 s")
ERROR, WARNING = Severity.ERROR, Severity.WARNING
Found = set[tuple[str, Severity]]


@pytest.fixture(scope="module")
def shop(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with loaded(server, tmp_path_factory.mktemp("retry")) as bench:
        yield bench


def found(shop: Bench, folder: Path, migration: str, files: Mapping[str, str]) -> tuple[Finding, ...]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    settings = Settings(folder=folder, retry=Retry(budget=120.0), network="open")
    return tuple(one for one in shop.judge(migration, retry=settings) if one.check == "retry")


def shown(findings: tuple[Finding, ...]) -> Found:
    return {(one.code, one.severity) for one in findings}


BATCHES = """
import psycopg
with psycopg.connect() as session:
    for first in range(1, 81, 20):
        session.execute({statement!r}, (first, first + 19))
        session.commit()
"""


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("update sale set price = price * 2 where id between %s and %s", {("PGS583", ERROR)}),
        pytest.param("update sale set state = 'old' where state = 'open' and id between %s and %s", set(), marks=long),
    ],
)
def test_a_script_with_batches(shop: Bench, tmp_path: Path, statement: str, codes: Found) -> None:
    files = {"backfill.py": BATCHES.format(statement=statement)}
    told = found(shop, tmp_path, "cmd:python backfill.py", files)
    assert shown(told) == codes, told


PATIENT = """
import psycopg
with psycopg.connect(autocommit=True) as session:
    session.execute("create table if not exists schema_migrations (version text primary key)")
    if session.execute("select from schema_migrations where version = '1'").fetchone() is None:
        try:
            session.execute("alter table sale add column tag_id integer")
        except psycopg.errors.LockNotAvailable:
            print("not now")
        session.execute("insert into schema_migrations values ('1') on conflict do nothing")
"""


def test_a_lock_that_a_script_does_not_get(shop: Bench, tmp_path: Path) -> None:
    told = found(shop, tmp_path, "cmd:python change.py", {"change.py": PATIENT})
    assert ("PGS584", ERROR) in shown(told), told
    assert any("by its lock_timeout at alter table sale" in one.message for one in told)


LOCKED = """
import os, psycopg
os.close(os.open("lock", os.O_CREAT | os.O_EXCL))
try:
    with psycopg.connect(autocommit=True) as session:
        session.execute("create table if not exists tag (id integer)")
        session.execute("create index if not exists tag_id on tag (id)")
finally:
    os.unlink("lock")
"""


def test_a_script_that_is_killed_cannot_tidy_up(shop: Bench, tmp_path: Path) -> None:
    told = found(shop, tmp_path, "cmd:python change.py", {"change.py": LOCKED})
    assert shown(told) == {("PGS581", WARNING)}, told
    [one] = told
    assert "broken off by SIGKILL of its program after create table if not exists tag" in one.message
    assert "FileExistsError" in one.message
    assert (tmp_path / "lock").exists()


PERSISTENT = """
import psycopg
def run(statement):
    for left in (2, 1, 0):
        try:
            with psycopg.connect(autocommit=True) as session:
                return session.execute(statement).rowcount
        except psycopg.OperationalError:
            if not left:
                raise
if run("select from sale where id = 1 and price = 1"):
    run({statement!r})
run("create index if not exists sale_state on sale (state)")
"""


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("update sale set price = price * 2", {("PGS583", ERROR)}),
        pytest.param("update sale set price = 2 where price = 1", set(), marks=long),
    ],
)
def test_a_script_that_connects_again_at_once(shop: Bench, tmp_path: Path, statement: str, codes: Found) -> None:
    told = found(shop, tmp_path, "cmd:python change.py", {"change.py": PERSISTENT.format(statement=statement)})
    assert shown(told) == codes, told
    assert all("although it may connect again, after update sale" in one.message for one in told)


ENV = """
from alembic import context
from sqlalchemy import engine_from_config, pool
engine = engine_from_config(context.config.get_section('alembic'), poolclass=pool.NullPool)
with engine.connect() as session:
    context.configure(connection=session, transaction_per_migration={each})
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = "from alembic import op\nrevision, down_revision = {name!r}, {down!r}\ndef upgrade():\n{body}"


def alembic(*bodies: str, each: bool) -> dict[str, str]:
    files = {
        "alembic.ini": "[alembic]\nscript_location = a\nsqlalchemy.url = postgresql+psycopg://\n",
        "a/env.py": ENV.format(each=each),
    }
    down = None
    for number, body in enumerate(bodies):
        name = f"r{number}"
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        files[f"a/versions/{name}.py"] = REVISION.format(name=name, down=down, body=lines)
        down = name
    return files


TWO = ("op.execute('create table tag (id integer)')", "op.execute('alter table sale add column tag_id integer')")
INDEX = (
    "with op.get_context().autocommit_block():\n"
    "    op.execute('create index concurrently {there} tagged on sale (state)')"
)


@pytest.mark.parametrize(
    ("bodies", "each", "codes"),
    [
        pytest.param(TWO, False, set(), id="one transaction", marks=long),
        pytest.param(TWO, True, set(), id="each its own"),
        pytest.param(
            (f"{TWO[0]}\n{INDEX.format(there='')}",), True, {("PGS581", ERROR)}, id="a table and an index", marks=long
        ),
        # Its version is recorded, and nothing repairs the index.
        pytest.param((INDEX.format(there="if not exists"),), True, {("PGS584", ERROR)}, id="if it is not there"),
    ],
)
def test_alembic(shop: Bench, tmp_path: Path, bodies: tuple[str, ...], codes: Found, *, each: bool) -> None:
    pytest.importorskip("alembic")
    told = found(shop, tmp_path, "alembic.ini", alembic(*bodies, each=each))
    assert shown(told) == codes, told


MANAGE = """
import os, sys
from django.core.management import execute_from_command_line
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
execute_from_command_line(sys.argv)
"""
DJANGO = {
    "manage.py": MANAGE,
    "settings.py": "INSTALLED_APPS = ['shop']\nSECRET_KEY = 'x'\nUSE_TZ = True\n"
    "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'nothing'}}\n",
    "shop/__init__.py": "",
    "shop/migrations/__init__.py": "",
}
OPERATIONS = """
from django.db import migrations
class Migration(migrations.Migration):
    atomic = {atomic}
    operations = [migrations.RunSQL('create table tag (id integer)'), migrations.RunSQL({second!r})]
"""


@pytest.mark.parametrize(
    ("second", "atomic", "codes"),
    [
        pytest.param("alter table sale add column tag_id integer", True, set(), marks=long),
        ("alter table sale add column tag_id integer", False, {("PGS581", ERROR)}),
    ],
)
def test_django(shop: Bench, tmp_path: Path, second: str, codes: Found, *, atomic: bool) -> None:
    pytest.importorskip("django")
    files = {**DJANGO, "shop/migrations/0001_tags.py": OPERATIONS.format(atomic=atomic, second=second)}
    told = found(shop, tmp_path, "manage.py", files)
    assert shown(told) == codes, told


@pytest.mark.parametrize(
    ("options", "codes"),
    [pytest.param("", set(), marks=long), (" transaction:false", {("PGS581", ERROR), ("PGS581", WARNING)})],
    ids=["transaction", "none"],
)
def test_dbmate(shop: Bench, tmp_path: Path, options: str, codes: Found) -> None:
    first = f"-- migrate:up{options}\nalter table sale add column a integer;\n\n-- migrate:down\nselect 1;\n"
    second = f"-- migrate:up{options}\ncreate index concurrently a on sale (a);\n\n-- migrate:down\nselect 1;\n"
    if not options:
        second = second.replace("concurrently", "")
    told = found(
        shop, tmp_path, "cmd:PGSSLMODE=disable dbmate --url \"$DATABASE_URL?sslmode=disable\" --no-dump-schema up",
        {"db/migrations/20260101_one.sql": first, "db/migrations/20260102_two.sql": second},
    )  # fmt: skip
    assert shown(told) == codes, told
