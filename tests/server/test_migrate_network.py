"""A migration command has no route to the source, whatever its own files say; where it has, that is told."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_pgsafe.migrate import enclosed
from pytest_pgsafe.migrate.network import Network, enclose
from pytest_pgsafe.migrate.run import FailedRun, run
from pytest_pgsafe.migrate.tools import Command
from pytest_pgsafe.migrate.values import Trace
from pytest_pgsafe.server import enclosure
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find
from pytest_pgsafe.snapshot.take import take
from pytest_pgsafe.snapshot.values import Snapshot
from tests.migrations import parse

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
        [sys.executable, "-I", "-S", enclosed.__file__, status, "may", "127.0.0.1", "9", enclosure.__file__, "true"],
        check=True,
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


#: Carries a Unix socket's connections to another one; run in a network namespace of its own, as a container has one.
RELAY = """\
import asyncio, sys
async def carry(reader, writer):
    while part := await reader.read(65536):
        writer.write(part)
        await writer.drain()
    writer.close()
async def met(reader, writer):
    inner, outer = await asyncio.open_unix_connection(sys.argv[2])
    await asyncio.gather(carry(reader, outer), carry(inner, writer))
async def main():
    async with await asyncio.start_unix_server(met, sys.argv[1]) as server:
        print("ready", flush=True)
        await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def relayed(path: Path, target: Path) -> Iterator[None]:
    """Let a process of another network namespace listen on a path for a server."""
    process = subprocess.Popen(
        ["unshare", *([] if os.geteuid() == 0 else ["-Ur"]), "-n", sys.executable, "-c", RELAY, str(path), str(target)],
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


#: Ways to a Unix socket of the source's server, by what is made of its path in a folder.
SOCKETS = [
    "its own path",
    "a symbolic link",
    "a hard link",
    "its folder's other name",
    "through /proc",
    "a container's",
]


@contextmanager
def reached(way: str, socket: Path, folder: Path) -> Iterator[str]:
    """Yield the folder by which a server's socket is reached in one of the ways."""
    there = folder / socket.name
    if way == "its own path":
        yield str(socket.parent)
    elif way == "a symbolic link":
        there.symlink_to(socket)
        yield str(folder)
    elif way == "a hard link":
        try:
            there.hardlink_to(socket)
        except OSError as error:
            pytest.skip(f"no hard link from here: {error}")
        yield str(folder)
    elif way == "its folder's other name":
        (folder / "s").symlink_to(socket.parent)
        yield str(folder / "s")
    elif way == "through /proc":
        yield f"/proc/{os.getpid()}/root{socket.parent}"
    else:
        with relayed(there, socket):
            yield str(folder)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose sockets' paths are short enough, beside the servers' own."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("way", SOCKETS)
def test_no_unix_socket_leads_to_a_server(
    server: Server, elsewhere: LocalServer, copy: Address, source: Address, tmp_path: Path, short: Path, way: str
) -> None:
    port = source.parameters["port"]
    socket = next(elsewhere.data.parent.rglob(f".s.PGSQL.{port}"))
    with reached(way, socket, short) as folder:
        local = source.with_(host=folder)
        with connect(local) as session:
            session.execute("select 1")
        before = facts(source)
        with pytest.raises(FailedRun) as failed:
            migrate(server, copy, tmp_path, astray(tmp_path, copy, local.url()), "isolated", source)
        assert failed.value.trace.network == "isolated"
        assert facts(source) == before
        # Only for the command.
        with connect(local) as session:
            session.execute("select 1")


@pytest.mark.usefixtures("allowed")
def test_a_server_that_begins_only_later_is_not_reached(
    server: Server, elsewhere: LocalServer, copy: Address, source: Address, tmp_path: Path, short: Path
) -> None:
    socket = next(elsewhere.data.parent.rglob(f".s.PGSQL.{source.parameters['port']}"))
    before = facts(source)
    (short / "moved").mkdir()
    away = (short / "moved", short / "s")
    there = source.with_(host=str(away[1])).url()
    (away[0] / socket.name).symlink_to(socket)
    command = f"mv {away[0]} {away[1]} && {astray(tmp_path, copy, there).removeprefix('cmd:')}"
    with pytest.raises(FailedRun):
        migrate(server, copy, tmp_path, f"cmd:{command}", "isolated", source)
    assert facts(source) == before


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("way", ["nsenter -t {pid} -n", "nsenter -t 1 -n", "nsenter -n/proc/{pid}/ns/net"])
def test_it_does_not_go_back_to_the_network_outside(
    server: Server, copy: Address, source: Address, tmp_path: Path, way: str
) -> None:
    before = facts(source)
    setting = astray(tmp_path, copy, source.url()).replace("&& ", f"&& {way.format(pid=os.getpid())} ")
    with pytest.raises(FailedRun):
        migrate(server, copy, tmp_path, setting, "isolated", source)
    assert facts(source) == before


#: What a command does by Unix sockets of its own.
OWN = """\
import logging.handlers, multiprocessing, os, socket, tempfile, threading
if __name__ == "__main__":
    with multiprocessing.Manager() as manager:
        shared = manager.list([1])
        shared.append(2)
        assert list(shared) == [1, 2]
    for family in ("\\0pgsafe-own", os.path.join(tempfile.mkdtemp(), "own")):
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as other:
            listener.bind(family)
            listener.listen()
            other.connect(family)
    one, two = socket.socketpair()
    one.sendall(b"x")
    assert two.recv(1) == b"x"
    try:
        logging.handlers.SysLogHandler("/dev/log")
    except FileNotFoundError:
        pass
    try:
        socket.socket(socket.AF_UNIX).connect("/tmp/none")
    except FileNotFoundError:
        pass
    import psycopg
    with psycopg.connect() as session:
        session.execute("delete from t where id > 90")
"""


@pytest.mark.usefixtures("allowed")
def test_its_own_unix_sockets_work_as_ever(server: Server, copy: Address, source: Address, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    trace = migrate(server, copy, tmp_path, f"cmd:{sys.executable} own.py", "isolated", source)
    assert trace.network == "isolated"


@pytest.mark.usefixtures("allowed")
def test_a_command_that_wants_another_server_alone_is_told_where_the_copy_is(
    server: Server, copy: Address, source: Address, tmp_path: Path
) -> None:
    (tmp_path / "astray.py").write_text(ASTRAY)
    with pytest.raises(FailedRun) as failed:
        migrate(server, copy, tmp_path, f"cmd:{sys.executable} astray.py '{source.url()}'", source=source)
    assert "it never opened a session on the copy" in str(failed.value)
    # An open network would lead it to the source.
    assert "[migration] env" in failed.value.remedies[1]
    assert "the source's too" in failed.value.remedies[-1]


@pytest.mark.usefixtures("allowed")
def test_a_daemon_of_the_machine_is_not_asked_to_do_it(
    server: Server, copy: Address, source: Address, tmp_path: Path, short: Path
) -> None:
    """What a container's engine is told is done outside; that it was kept from it is said."""
    path = short / "docker.sock"
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(path))
        daemon.listen()
        (tmp_path / "ask.py").write_text(f"import socket\nsocket.socket(socket.AF_UNIX).connect({str(path)!r})\n")
        with pytest.raises(FailedRun) as failed:
            migrate(server, copy, tmp_path, f"cmd:{sys.executable} ask.py", "auto", source)
    assert failed.value.trace.network == "isolated"
    assert "Network is unreachable" in failed.value.trace.output
    assert any('[migration] network = "open"' in remedy for remedy in failed.value.remedies)
    assert any(str(path) in line for line in failed.value.looked_at)


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
        script = f"{sys.executable} -I -S {enclosed.__file__}"
        inner = f"{script} {status} {must} 127.0.0.1 9 {enclosure.__file__} echo ran"
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
