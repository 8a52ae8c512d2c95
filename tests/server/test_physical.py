"""A cluster whose files are the source: it is itself the copy, harmless, and nothing of it is written where it lies."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.base import keep, place
from pytest_pgsafe.config import Options, Settings, resolve
from pytest_pgsafe.copy import repositories
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.rehearsal.building import built
from pytest_pgsafe.rehearsal.preflight import preflight
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.rehearsal.wish import Wish, wish
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.capabilities import COLLATION_VERSION
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from tests.server.archived import archived

SECRET = "not to be found anywhere"
CRM = """
create table public.customer (id int primary key, name text not null);
create table public.sale (id serial primary key, customer int not null references public.customer, amount numeric);
insert into public.customer select n, 'customer ' || n from generate_series(1, 300) n;
insert into public.sale (customer, amount) select n, n * 10 from generate_series(1, 300) n;
create table public.note (id int) tablespace far;
insert into public.note values (1), (2);
create unlogged table public.visit as select 1 as id;
create index sale_amount on public.sale (amount);
update pg_index set indisvalid = false where indexrelid = 'public.sale_amount'::regclass;
alter table public.customer owner to app_owner;
alter table public.sale owner to app_owner;
create schema cron;
create table cron.job (jobid int primary key, command text, active boolean);
insert into cron.job values (1, 'delete from public.sale', true);
create table public.fired (tag text);
create function public.fire() returns event_trigger language plpgsql security definer as
    $$ begin insert into public.fired values (tg_tag); end $$;
create event trigger fires on ddl_command_end execute function public.fire();
alter event trigger fires enable always;
"""


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A stopped cluster with everything in it that could do something elsewhere."""

    programs: LocalPrograms
    data: Path
    #: Everything of it: the data directory, its WAL and its tablespace.
    place: Path
    #: What archive_command would write.
    archived: Path
    #: Where its foreign server and its subscriptions lead.
    elsewhere: socket.socket
    #: Of a role's password, as the cluster keeps it.
    verifier: bytes
    #: Of the table public.sale, relative to the data directory.
    sale: str
    #: Whether it has a foreign table.
    foreign: bool

    def tree(self) -> dict[str, str]:
        found = [*self.place.rglob("*"), *self.data.rglob("*")]
        return {
            str(path): f"{path.lstat().st_mtime_ns} {hashlib.sha256(path.read_bytes()).hexdigest()}"
            for path in found
            if path.is_file() and not path.is_symlink()
        }

    def asked(self) -> bool:
        """Tell whether anybody came to what it leads to."""
        try:
            self.elsewhere.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture(scope="module")
def planted(server: Server) -> Iterator[Planted]:
    if not isinstance(server, LocalServer):
        pytest.skip("a data directory is started by local programs")
    with tempfile.TemporaryDirectory(prefix="planted-", dir="/tmp") as name, socket.socket() as elsewhere:
        folder = Path(name)
        folder.chmod(0o777)
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.listen(8)
        elsewhere.setblocking(False)
        archived = folder / "archived"
        settings = {
            "wal_level": "logical", "archive_mode": "on", "archive_command": f"touch {archived}",
            "max_logical_replication_workers": "0",
        }  # fmt: skip
        with LocalServer.start(server.local, settings=settings) as source:
            foreign = _plant(source, folder, elsewhere.getsockname()[1])
            with connect(source.address("crm")) as session:
                found = session.execute(
                    "select rolpassword, pg_relation_filepath('public.sale') from pg_authid where rolname = 'app_owner'"
                ).fetchone()
            assert found is not None
            data = source.seal().data
            # As where the WAL has a disk of its own.
            shutil.move(data / "pg_wal", folder / "wal")
            (data / "pg_wal").symlink_to(folder / "wal")
            (data / "server.key").write_text(SECRET)
            (data / "pg_stat" / "pg_stat_statements.stat").write_text(SECRET)
            with (data / "postgresql.auto.conf").open("a") as file:
                file.write(f"primary_conninfo = 'password={SECRET}'\narchive_command = 'touch {archived}'\n")
            done = server.programs.run("pg_checksums", ["--enable", "--no-sync", f"--pgdata={data}"])
            assert done.returncode == 0, done.stderr
            archived.unlink(missing_ok=True)
            yield Planted(
                programs=server.local,
                data=data,
                place=folder,
                archived=archived,
                elsewhere=elsewhere,
                verifier=found[0].encode(),
                sale=found[1],
                foreign=foreign,
            )


def _plant(source: LocalServer, folder: Path, port: int) -> bool:
    """Fill the cluster; tell whether it has a foreign table."""
    space = folder / "far"
    space.mkdir()
    owner = source.data.stat()
    os.chown(space, owner.st_uid, owner.st_gid)
    with connect(source.address(), read_only=False) as session:
        for statement in (
            f"create role app_owner login password '{SECRET}'",
            f"create role reader login password '{SECRET}'",
            "alter role app_owner set session_preload_libraries = 'nowhere'",
            f"create tablespace far location '{space}'",
            "create database crm owner app_owner",
            "create database other",
            "alter database crm set work_mem = '5MB'",
            "select pg_create_physical_replication_slot('standby', true)",
        ):
            session.execute(statement.encode())
        if COLLATION_VERSION.known_to(source.version):
            # Of another release of the C library: as it is, no database could be copied.
            session.execute("update pg_database set datcollversion = '1.0' where datname in ('crm', 'template0')")
    nowhere = f"host=127.0.0.1 port={port} dbname=crm user=app password={SECRET.replace(' ', '_')}"
    for name in ("crm", "other"):
        with connect(source.address(name), read_only=False) as session:
            session.execute(
                f"create subscription {name}_sub connection '{nowhere}' publication p with (connect = false)".encode()
            )
            session.execute(f"alter subscription {name}_sub enable".encode())
    with connect(source.address("crm"), read_only=False) as session:
        try:
            session.execute("create extension postgres_fdw")
        except psycopg.errors.UndefinedFile:
            # Some wheels' library cannot be loaded.
            far = ""
        else:
            far = f"""create server far foreign data wrapper postgres_fdw options (host '127.0.0.1', port '{port}');
            create user mapping for public server far options (user 'app', password 'mapped', sslpassword 'mapped too');
            create foreign table public.away (id int) server far;"""
        session.execute(f"{far}{CRM}".encode())
        session.execute("select pg_create_logical_replication_slot('changes', 'pgoutput')")
        with session.transaction():
            session.execute("insert into public.customer values (999, 'prepared')")
            session.execute("prepare transaction 'left open'")
    return bool(far)


@pytest.fixture(autouse=True)
def bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the bases of these tests."""
    folder = tmp_path / "bases"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(place, "folder", lambda: folder)
    return folder


def settings_of(source: str, folder: Path, migration: str | None = None, *, cache: str = "off") -> Settings:
    written = None
    if migration is not None:
        (folder / "migration.sql").write_text(migration)
        written = str(folder / "migration.sql")
    options = Options(source=(source,), migration=written, server="local")
    environment = {"PGSAFE_SERVER_CACHE": cache}
    return resolve(options, environment=environment, rootdir=folder, invocation_dir=folder)


def steps(result: Result) -> dict[str, str]:
    return {step.name: f"{step.outcome.value}: {step.reason}" for step in result.steps}


@pytest.fixture
def read_only(planted: Planted) -> Iterator[None]:
    """The data directory is kept so that nobody can write it."""
    there = [path for path in (planted.data, *planted.data.rglob("*")) if not path.is_symlink()]
    for path in there:
        path.chmod(path.stat().st_mode & ~0o222)
    yield
    for path in there:
        path.chmod(path.stat().st_mode | 0o200)


@pytest.mark.usefixtures("read_only")
def test_a_stopped_data_directory_is_the_copy(planted: Planted, tmp_path: Path) -> None:
    before = planted.tree()
    source = f"pgdata:data={planted.data} dbname=crm"
    bad = rehearse(settings_of(source, tmp_path, "update sale set amount = null where customer = 7", cache="on"))
    assert bad.verdict == "failed", steps(bad)
    assert [one.object for one in bad.findings if one.severity.value == "error"] == ["public.sale.amount"]
    assert bad.source["copy"] == "physical"
    assert bad.source["from"].startswith(f"data directory {planted.data}, stopped ")
    gaps = {gap.object: gap.reason for gap in bad.not_verified}
    assert {
        "prepared transaction left open",
        "setting session_preload_libraries=nowhere",
        *(["public.away"] if planted.foreign else []),
        "restore",
        "crm_sub",
        *(["indexes on text"] if COLLATION_VERSION.known_to(planted.programs.version) else []),
    } == {*gaps}
    assert "each page fits its checksum" in gaps["restore"]
    # The base of the first.
    good = rehearse(settings_of(source, tmp_path, "alter table customer add column email text", cache="on"))
    assert good.verdict == "passed", (steps(good), good.findings)
    assert steps(good)["backup"].startswith("skipped: a kept base is used: recovered ")
    # What a dump would have left out.
    assert any(one.object == "public.sale_amount" for one in good.findings), good.findings
    assert planted.tree() == before
    assert not planted.archived.exists()
    assert not planted.asked()


def test_nothing_of_the_cluster_is_left_that_leads_out(planted: Planted, tmp_path: Path, bases: Path) -> None:
    settings = settings_of(f"pgdata:data={planted.data} dbname=crm", tmp_path, cache="on")
    base, failed = built(settings)
    assert base is not None, failed
    wanted = wish(settings, preflight(settings))
    assert isinstance(wanted, Wish)
    held = keep.find(wanted.identity)
    assert held is not None
    for path in bases.rglob("*"):
        assert not path.is_symlink()
        if path.is_file():
            content = path.read_bytes()
            assert SECRET.encode() not in content, path
            assert SECRET.replace(" ", "_").encode() not in content, path
            assert planted.verifier not in content, path
            assert b"mapped" not in content, path
    data = held.template.data
    assert (data / "postgresql.auto.conf").read_text() == ""
    assert not list((data / "pg_replslot").iterdir())
    with LocalServer.start(planted.programs, template=held.template, enclosed=True) as copy:
        own = [one for one in databases(copy) if one not in {"postgres", "template0", "template1"}]
        # The base may hold a clone, too.
        assert all(one.startswith("pgsafe_") for one in own), own
        [name] = [one for one in own if one.startswith("pgsafe_before_")]
        with connect(copy.address(name)) as session:
            # Who migrates was given one of the copy's own.
            kept_ones = "select rolname from pg_authid where rolpassword is not null order by 1"
            assert session.execute(kept_ones.encode()).fetchall() == [("app_owner",), ("postgres",)]
            assert session.execute("select count(*) from pg_replication_slots").fetchone() == (0,)
            assert session.execute("select count(*) from pg_prepared_xacts").fetchone() == (0,)
            assert session.execute("select count(*) from pg_subscription").fetchone() == (0,)
            assert session.execute("select active from cron.job").fetchall() == [(False,)]
            assert session.execute("select count(*) from public.fired").fetchone() == (0,)
            assert session.execute("select count(*) from public.customer").fetchone() == (300,)
            assert session.execute("select count(*) from public.visit").fetchone() == (1,)
            assert session.execute("show archive_mode").fetchone() == ("off",)
            assert session.execute("show work_mem").fetchone() == ("5MB",)
            where = (
                "select spcname from pg_class c join pg_tablespace s on s.oid = c.reltablespace where relname = 'note'"
            )
            assert session.execute(where.encode()).fetchone() == ("far",)
        # Whose library is not here gets in all the same.
        with connect(copy.address(name, user="app_owner")) as session:
            assert session.execute("select count(*) from public.sale").fetchone() == (300,)
    held.release()
    assert not planted.archived.exists()
    assert not planted.asked()


def databases(server: LocalServer) -> list[str]:
    with connect(server.address()) as session:
        return [str(name) for (name,) in session.execute("select datname from pg_database order by 1")]


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, of this test alone: what is left in it is left behind."""
    with tempfile.TemporaryDirectory(prefix="t") as name:
        # The server's user makes a folder in it.
        Path(name).chmod(0o1777)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def test_the_database_postgres_may_have_been_dropped(planted: Planted) -> None:
    with LocalServer.start(planted.programs) as server:
        with connect(server.address("template1"), read_only=False) as session:
            session.execute("create database crm")
            session.execute("drop database postgres")
        assert list(repositories.databases(server)) == ["crm"]


def test_a_damaged_page_is_found(planted: Planted, tmp_path: Path, temporary: Path) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(planted.data, copied, symlinks=True)
    # In what no row uses: whoever reads all rows does not see it.
    table = copied / planted.sale
    content = bytearray(table.read_bytes())
    content[8192 + 200] ^= 0xFF
    table.write_bytes(content)
    result = rehearse(settings_of(f"pgdata:data={copied} dbname=crm", tmp_path))
    assert "pages of the recovered cluster are damaged: 1 " in steps(result)["backup"]
    assert table.name in steps(result)["backup"]
    assert list(temporary.iterdir()) == []


def test_what_runs_or_leads_elsewhere_is_refused(planted: Planted, server: Server, tmp_path: Path) -> None:
    assert isinstance(server, LocalServer)
    with pytest.raises(ConfigError, match="not that of a server that was stopped in order") as raised:
        preflight(settings_of(f"pgdata:data={server.data} dbname=crm", tmp_path))
    assert "its control file says: in production" in raised.value.looked_at
    assert "postmaster.pid is there" in raised.value.looked_at
    with pytest.raises(ConfigError, match="no data directory"):
        preflight(settings_of(f"pgdata:data={tmp_path} dbname=crm", tmp_path))
    with pytest.raises(ConfigError, match="did you mean data"):
        settings_of("pgdata:dat=/tmp", tmp_path)
    copied = tmp_path / "linked"
    shutil.copytree(planted.data, copied, symlinks=True)
    aside = tmp_path / "aside"
    largest = max((copied / "base").rglob("*"), key=lambda path: path.stat().st_size)
    shutil.move(largest, aside)
    largest.symlink_to(aside)
    result = rehearse(settings_of(f"pgdata:data={copied} dbname=crm", tmp_path))
    assert "links that lead out of it" in steps(result)["backup"]


def test_a_base_backup_with_its_wal_is_the_copy(server: Server, tmp_path: Path) -> None:
    assert isinstance(server, LocalServer)
    with archived(server.local) as source:
        with connect(source.shop, read_only=False) as session:
            session.execute("create unlogged table public.visit as select 1 as id")
        source.write(77)
        source.archive_all()
        words = f"basebackup:base={source.place}/base archive={source.place}/archive dbname=shop"
        settings = settings_of(words, tmp_path, "delete from public.log where id = 77", cache="on")
        result = rehearse(settings)
        # Other WAL is another base.
        source.write(78)
        source.archive_all()
        later = rehearse(settings)
        with pytest.raises(ConfigError, match="not that of a server that was stopped in order"):
            preflight(settings_of(f"pgdata:data={source.place}/base/first/data dbname=shop", tmp_path))
    for found in (result, later):
        assert found.verdict == "failed", steps(found)
        [finding] = [one for one in found.findings if one.severity.value == "error"]
        assert (finding.object, finding.before, finding.after) == ("public.log", *rows(found))
        assert found.source["copy"] == "physical"
        assert found.source["from"].startswith("base backup first, recovered until ")
        # A recovery empties it: whatever a migration does to its rows is not seen.
        assert {gap.object for gap in found.not_verified} == {"public.visit", "restore"}
    assert rows(later) == (rows(result)[0] + 1, rows(result)[1] + 1)


def rows(result: Result) -> tuple[int, int]:
    [change] = [one for one in result.changes if one.kind == "rows" and one.object == "public.log"]
    assert isinstance(change.before, int)
    assert isinstance(change.after, int)
    return change.before, change.after
