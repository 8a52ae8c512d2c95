"""Every database of a Django project: the copy, or none; never the one that its settings name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.migrate.run import FailedRun, run
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.migrations import parse

MANAGE = (
    "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'project_settings')\n"
    "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
)


@pytest.fixture
def source(server: Server) -> Iterator[Address]:
    """What the settings of the project name: full privileges, and a password that is right."""
    address = server.create("django_source")
    with connect(address, read_only=False) as session:
        session.execute(b"create table public.t (id int); insert into public.t values (1)")
    yield address
    server.drop(address)


def project(folder: Path, source: Address, body: str) -> None:
    """Write a project with several databases, whose one migration is the function ``go``."""
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    here = {key: source.parameters.get(name, "") for key, name in names.items()}
    engine = {"ENGINE": "django.db.backends.postgresql"}
    databases = {
        "default": {**engine, **here},
        # Another machine, or a pooler: the database is called so there too.
        "replica": {**engine, **here, "HOST": "replica.invalid", "OPTIONS": {"sslmode": "verify-full"}},
        "sneaky": {**engine, **here, "OPTIONS": {"host": here["HOST"], "dbname": here["NAME"]}},
        "other": {**engine, **here, "NAME": "postgres"},
        "other_by_options": {**engine, "OPTIONS": {"service": "production", "hostaddr": "127.0.0.1"}},
        "own_engine": {"ENGINE": "engine_of_ours", **here, "NAME": "postgres"},
        "files": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    }
    (folder / "engine_of_ours").mkdir()
    (folder / "engine_of_ours" / "__init__.py").touch()
    (folder / "engine_of_ours" / "base.py").write_text(
        "from django.db.backends.postgresql.base import DatabaseWrapper  # noqa: F401\n"
    )
    (folder / "project_settings.py").write_text(
        f"SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\nUSE_TZ = True\nDATABASES = {databases!r}\n"
    )
    (folder / "manage.py").write_text(MANAGE)
    migrations = folder / "shop" / "migrations"
    migrations.mkdir(parents=True)
    (folder / "shop" / "__init__.py").touch()
    (migrations / "__init__.py").touch()
    (migrations / "0001_initial.py").write_text(
        "from django.db import connections, migrations\n"
        f"def go(apps, schema_editor):\n{body}\n"
        "class Migration(migrations.Migration):\n"
        "    operations = [migrations.RunPython(go)]\n"
    )


REACH = """
    print()
    for alias in ('default', 'replica', 'sneaky', 'other', 'other_by_options', 'own_engine', 'files'):
        try:
            with connections[alias].cursor() as cursor:
                query = 'select 1' if alias == 'files' else 'select current_database()'
                cursor.execute(query)
                print('reached', alias, cursor.fetchone()[0])
        except Exception as error:
            print('kept from', alias, str(error).splitlines()[0])
"""


def test_an_alias_leads_to_the_copy_or_nowhere(
    server: Server, database: Address, source: Address, tmp_path: Path
) -> None:
    pytest.importorskip("django")
    project(tmp_path, source, REACH)
    role = server.address().user
    trace = run(parse("manage.py", tmp_path), server, database, role=role, folder=tmp_path, source=source)
    said = dict(line.split(maxsplit=2)[1:] for line in trace.output.splitlines() if line.startswith("reached "))
    assert said == {**dict.fromkeys(("default", "replica", "sneaky"), database.dbname), "files": "1"}
    for alias in ("other", "other_by_options", "own_engine"):
        assert f"/pgsafe/no-copy-of-the-alias-{alias}" in trace.output
    with connect(source) as session:
        assert session.execute(b"select count(*) from public.t").fetchone() == (1,)


def test_a_migration_that_needs_another_database_fails_and_says_which(
    server: Server, database: Address, source: Address, tmp_path: Path
) -> None:
    pytest.importorskip("django")
    project(tmp_path, source, "    connections['other'].cursor().execute('drop table if exists t')")
    with pytest.raises(FailedRun, match="no-copy-of-the-alias-other"):
        run(parse("manage.py", tmp_path), server, database, role=server.address().user, folder=tmp_path, source=source)
