"""A migration command has no route to the source, whatever its own files say; where it has, that is told."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.migrate import enclosed
from pytest_pgsafe.migrate.network import Network, enclose
from pytest_pgsafe.migrate.run import FailedRun, run
from pytest_pgsafe.migrate.sources import Command, parse
from pytest_pgsafe.migrate.values import Trace
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find
from pytest_pgsafe.snapshot.take import take
from pytest_pgsafe.snapshot.values import Snapshot

SETUP = b"create table public.t (id int primary key); insert into public.t select generate_series(1, 100);"
#: What a project does that has the address of another database in its own files.
ASTRAY = "import sys, psycopg\nwith psycopg.connect(sys.argv[1], autocommit=True) as session:\n" + (
    "    session.execute('delete from t where id > 90')\n"
)
#: An Alembic environment and a Django migration that go there, too.
ENV = """\
from alembic import context
from sqlalchemy import engine_from_config, pool
with engine_from_config(context.config.get_section("alembic"), poolclass=pool.NullPool).connect() as session:
    pass
engine = engine_from_config({{"sqlalchemy.url": {url!r}}}, poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
DJANGO = """\
import psycopg
from django.db import migrations
def astray(apps, editor):
    with psycopg.connect({url!r}, autocommit=True) as session:
        session.execute("delete from t where id > 90")
class Migration(migrations.Migration):
    operations = [migrations.RunPython(astray)]
"""


@pytest.fixture(scope="module")
def allowed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where the machine allows no namespace."""
    status = tmp_path_factory.mktemp("network") / "status"
    subprocess.run(
        [sys.executable, "-I", "-S", enclosed.__file__, status, "may", "127.0.0.1", "9", "--", "true"], check=True
    )
    if status.read_text() != "isolated":
        pytest.skip(status.read_text())


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[LocalServer]:
    with LocalServer.start(find(), reason="the source's server") as server:
        yield server


@pytest.fixture
def source(elsewhere: LocalServer) -> Iterator[Address]:
    address = elsewhere.create("source")
    with connect(address, read_only=False) as session:
        session.execute(SETUP)
    yield address
    elsewhere.drop(address)


@pytest.fixture
def copy(database: Address) -> Address:
    with connect(database, read_only=False) as session:
        session.execute(SETUP)
    return database


def facts(address: Address) -> Snapshot:
    with connect(address) as session:
        return take(session)


def migrate(
    server: Server, copy: Address, folder: Path, setting: str, network: Network = "auto", source: Address | None = None
) -> Trace:
    migration = parse(setting, folder)
    return run(migration, server, copy, role=copy.user, folder=folder, network=network, source=source)


def astray(folder: Path, copy: Address, url: str) -> str:
    """Return a command that works on the copy, and on another database."""
    (folder / "astray.py").write_text(ASTRAY)
    return f"cmd:{sys.executable} astray.py '{copy.url()}' && {sys.executable} astray.py '{url}'"


@pytest.mark.usefixtures("allowed")
def test_a_command_cannot_reach_the_source(server: Server, copy: Address, source: Address, tmp_path: Path) -> None:
    before = facts(source)
    with pytest.raises(FailedRun) as failed:
        migrate(server, copy, tmp_path, astray(tmp_path, copy, source.url()), source=source)
    assert facts(source) == before
    assert failed.value.trace.network == "isolated"
    assert failed.value.trace.sessions == 1
    assert "network" in failed.value.remedies[0]
    with connect(copy) as session:
        assert session.execute("select count(*) from public.t").fetchone() == (90,)


def test_an_open_command_can(server: Server, copy: Address, source: Address, tmp_path: Path) -> None:
    trace = migrate(server, copy, tmp_path, astray(tmp_path, copy, source.url()), "open", source)
    assert trace.network == "open"
    with connect(source) as session:
        assert session.execute("select count(*) from public.t").fetchone() == (90,)


@pytest.mark.usefixtures("allowed")
def test_its_unix_socket_is_covered_up(
    server: Server, elsewhere: LocalServer, copy: Address, source: Address, tmp_path: Path
) -> None:
    port = source.parameters["port"]
    folder = next(elsewhere.data.parent.rglob(f".s.PGSQL.{port}")).parent
    local = source.with_(host=str(folder))
    with connect(local) as session:
        session.execute("select 1")
    before = facts(source)
    with pytest.raises(FailedRun):
        migrate(server, copy, tmp_path, astray(tmp_path, copy, local.url()), "isolated", local)
    assert facts(source) == before
    # Only for the command.
    with connect(local) as session:
        session.execute("select 1")


@pytest.mark.usefixtures("allowed")
def test_alembic_with_an_address_in_its_environment_cannot(
    server: Server, copy: Address, source: Address, tmp_path: Path
) -> None:
    pytest.importorskip("alembic")
    (tmp_path / "a" / "versions").mkdir(parents=True)
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = a\nsqlalchemy.url = postgresql+psycopg://\n")
    (tmp_path / "a" / "env.py").write_text(ENV.format(url=source.url("postgresql+psycopg")))
    (tmp_path / "a" / "versions" / "one.py").write_text(
        "from alembic import op\nrevision, down_revision = 'one', None\n"
        "def upgrade():\n    op.execute('delete from t where id > 90')\n"
    )
    before = facts(source)
    with pytest.raises(FailedRun) as failed:
        migrate(server, copy, tmp_path, "alembic.ini", source=source)
    assert failed.value.trace.network == "isolated"
    assert facts(source) == before


@pytest.mark.usefixtures("allowed")
def test_django_with_an_address_in_its_migration_cannot(
    server: Server, copy: Address, source: Address, tmp_path: Path
) -> None:
    pytest.importorskip("django")
    (tmp_path / "shop" / "migrations").mkdir(parents=True)
    for name in ("shop", "shop/migrations"):
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "settings.py").write_text(
        "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\nUSE_TZ = True\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'x'}}\n"
    )
    (tmp_path / "manage.py").write_text(
        "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\n"
        "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
    )
    (tmp_path / "shop" / "migrations" / "0001_initial.py").write_text(DJANGO.format(url=source.url()))
    before = facts(source)
    with pytest.raises(FailedRun) as failed:
        migrate(server, copy, tmp_path, "manage.py", source=source)
    assert failed.value.trace.network == "isolated"
    assert facts(source) == before


@pytest.mark.usefixtures("allowed")
def test_much_is_carried_both_ways(server: Server, copy: Address, tmp_path: Path) -> None:
    (tmp_path / "much.py").write_text(
        "import psycopg\n"
        "with psycopg.connect() as session:\n"
        "    text = 'x' * 8_000_000\n"
        "    assert session.execute('select %s::text', (text,)).fetchone() == (text,)\n"
        "    with session.cursor().copy('copy t from stdin') as copy:\n"
        "        for number in range(1000, 101_000):\n"
        "            copy.write_row((number,))\n"
    )
    assert migrate(server, copy, tmp_path, f"cmd:{sys.executable} much.py", "isolated").network == "isolated"
    with connect(copy) as session:
        assert session.execute("select count(*) from public.t").fetchone() == (100_100,)


@pytest.mark.usefixtures("allowed")
def test_how_it_ends_is_told_as_it_is(server: Server, copy: Address, tmp_path: Path) -> None:
    with pytest.raises(FailedRun, match="exit status 7"):
        migrate(server, copy, tmp_path, "cmd:exit 7")
    with pytest.raises(FailedRun, match="signal 15"):
        migrate(server, copy, tmp_path, "cmd:kill $$")
    with pytest.raises(FailedRun, match="signal 9"):
        migrate(server, copy, tmp_path, "cmd:kill -9 $$")


def test_where_no_namespace_is_allowed_that_is_told(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-Ur", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody forbid what it allows")

    def tried(must: str) -> tuple[int, str, str]:
        status = tmp_path / must
        inner = f"{sys.executable} -I -S {enclosed.__file__} {status} {must} 127.0.0.1 9 -- echo ran"
        command = f"echo 0 > /proc/sys/user/max_net_namespaces && {inner}"
        done = subprocess.run([unshare, "-Ur", "sh", "-c", command], check=False, capture_output=True, text=True)
        return done.returncode, done.stdout, status.read_text()

    status, printed, told = tried("may")
    assert (status, printed) == (0, "ran\n")
    assert told.startswith("not enforced: no network namespace is allowed here")
    status, printed, told = tried("must")
    assert (status, printed) == (enclosed.REFUSED, "")
    assert told.startswith("not enforced: ")


def test_a_copy_elsewhere_is_no_reason_to_break(tmp_path: Path) -> None:
    far = Address({"host": "db.example.com", "port": "5432", "dbname": "copy"})
    may = enclose(["true"], far, None, network="auto", private=tmp_path)
    assert (may.command, may.outcome()) == (
        ["true"],
        "not enforced: the copy is not on this machine but on db.example.com",
    )
    assert enclose(["true"], far, None, network="isolated", private=tmp_path).refused


def test_what_must_be_isolated_and_cannot_be_does_not_run(server: Server, copy: Address, tmp_path: Path) -> None:
    migration = Command(command=f"touch {tmp_path / 'ran'}")
    # As if the source were on the copy's own server: no network tells them apart.
    with pytest.raises(FailedRun, match="not run"):
        run(migration, server, copy, role=copy.user, folder=tmp_path, network="isolated", source=copy)
    assert not (tmp_path / "ran").exists()


def psql_commands(source: Address) -> dict[str, str]:
    """Return what a ``.sql`` file could do to reach the source by psql."""
    other = source.url()
    return {
        "connect": f"\\connect {other}\ndelete from public.t where id > 90;",
        "shell": f"\\! '{find().path('psql')}' '{other}' -c 'delete from public.t where id > 90'",
        "backticks": f"\\set x `'{find().path('psql')}' '{other}' -c 'delete from public.t where id > 90'`",
    }


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("way", ["connect", "shell", "backticks"])
def test_what_psql_does_for_a_file_reaches_the_copy_alone(
    server: Server, copy: Address, source: Address, tmp_path: Path, way: str
) -> None:
    if server.kind == "container":
        pytest.skip("psql runs inside of the container")
    (tmp_path / "up.sql").write_text(f"alter table public.t add n int;\n{psql_commands(source)[way]}\n")
    before = facts(source)
    try:
        trace = migrate(server, copy, tmp_path, "up.sql", source=source)
    except FailedRun as failed:
        trace = failed.trace
    assert facts(source) == before
    assert trace.network == "isolated"
    # Where nothing keeps it, it does.
    (tmp_path / "again.sql").write_text(psql_commands(source)[way])
    migrate(server, copy, tmp_path, "again.sql", "open", source=source)
    assert facts(source) != before


@pytest.mark.usefixtures("allowed")
def test_its_own_commands_work_as_ever(server: Server, copy: Address, tmp_path: Path) -> None:
    (tmp_path / "more.sql").write_text("insert into public.t values (:number);\n")
    (tmp_path / "rows.csv").write_text("1002\n1003\n")
    (tmp_path / "up.sql").write_text(
        "\\set number 1001\n\\if true\n\\ir more.sql\n\\endif\n"
        "\\copy public.t from 'rows.csv'\n"
        "select count(*) as n from public.t \\gset\n\\echo :n rows\n"
    )
    if server.kind == "container":
        pytest.skip("other files are not carried into a container")
    trace = migrate(server, copy, tmp_path, "up.sql")
    assert trace.output.endswith("103 rows\n")
    assert trace.network == "isolated"


def test_a_file_without_them_needs_no_network_of_its_own(server: Server, copy: Address, tmp_path: Path) -> None:
    (tmp_path / "up.sql").write_text("insert into public.t values (1001);\n")
    assert migrate(server, copy, tmp_path, "up.sql").network is None


@pytest.mark.usefixtures("allowed")
def test_a_file_that_is_stopped_ends_at_once(server: Server, copy: Address, tmp_path: Path) -> None:
    if server.kind == "container":
        pytest.skip("psql runs inside of the container")
    (tmp_path / "up.sql").write_text("\\echo begin\nselect pg_sleep(60);\n")
    begun = time.monotonic()
    with pytest.raises(FailedRun, match="had not ended after 1 s"):
        run(parse("up.sql", tmp_path), server, copy, role=copy.user, folder=tmp_path, deadline=1)
    assert time.monotonic() - begun < 5
