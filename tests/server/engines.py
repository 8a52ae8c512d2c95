"""Clusters for tests whose backups and WAL pgBackRest and Barman keep, in folders of the tests' own."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms, find
from pytest_pgsafe.server.user import ServerUser, server_user

SCHEMA = """
create table public.customer (id int primary key, name text not null);
create table public.sale (id serial primary key, customer int not null references public.customer, amount numeric);
insert into public.customer select n, 'customer ' || n from generate_series(1, 300) n;
insert into public.sale (customer, amount) select n, n * 10 from generate_series(1, 300) n;
"""


def lacking(reason: str) -> None:
    """Skip on a developer's machine; in CI, which installs the engines, fail."""
    if os.environ.get("PGSAFE_TEST_REQUIRE_SERVER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def distribution_programs() -> LocalPrograms:
    """Return the programs of the distribution that the engines came from: they know no newer major than its own."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        try:
            return find(bin_dir=folder)
        except ServerError:
            continue
    lacking("no PostgreSQL of the distribution, whose majors its pgbackrest and barman know")
    raise AssertionError


@dataclass(kw_only=True)
class Kept:
    """A cluster, and the repository in which an engine keeps it."""

    server: LocalServer
    #: Of the repository and the engine's configuration; below /tmp, of the user that runs both.
    place: Path
    user: ServerUser | None
    config: Path
    #: Positions behind rows that were written, by the customer's number.
    written: dict[int, str] = field(default_factory=dict[int, str])

    @property
    def name(self) -> str:
        return pwd.getpwuid(os.geteuid()).pw_name if self.user is None else self.user.name

    def run(self, *command: str) -> str:
        """Run an engine's program as the repository's user; it has to end with 0."""
        done = subprocess.run(
            command,
            cwd="/",
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.place),
                "PGPASSWORD": self.server.address().parameters["password"],
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **({} if self.user is None else {"user": self.user.uid, "group": self.user.gid, "extra_groups": []}),
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def write(self, number: int) -> None:
        """Write one customer, note the position behind it, and begin a new segment."""
        with connect(self.server.address("crm"), read_only=False) as session:
            session.execute("insert into public.customer values (%s, 'later')", (number,))
            found = session.execute("select pg_current_wal_insert_lsn()::text").fetchone()
            assert found is not None
            self.written[number] = found[0]

    def archived(self) -> str:
        """Begin a new segment, wait until the one before is in the repository, and return its name."""
        with connect(self.server.address(), read_only=False) as session:
            # What is written may stand at the end of the segment before the one that the switch ends.
            found = session.execute("select pg_walfile_name(pg_switch_wal())").fetchone()
            assert found is not None
            until = time.monotonic() + 60
            while True:
                row = session.execute("select last_archived_wal from pg_stat_archiver").fetchone()
                if row is not None and row[0] is not None and row[0][:24] >= found[0]:
                    return str(found[0])
                assert time.monotonic() < until, row
                time.sleep(0.05)

    def tree(self) -> dict[str, str]:
        """Return what lies in the place: each file with its content and time."""
        return {
            str(path.relative_to(self.place)): (
                f"{path.stat().st_mtime_ns} {hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ''}"
            )
            for path in sorted(self.place.rglob("*"))
        }

    def own(self, *paths: Path) -> None:
        for path in paths:
            if self.user is not None:
                os.chown(path, self.user.uid, self.user.gid)


@contextmanager
def _place(user: ServerUser | None, names: Sequence[str]) -> Iterator[Path]:
    # Below /tmp: pytest's own folders are closed to the user that runs servers for root.
    with tempfile.TemporaryDirectory(prefix="engines-", dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o755)
        for folder in names:
            (place / folder).mkdir()
            if user is not None:
                os.chown(place / folder, user.uid, user.gid)
        yield place


def _begin(kept: Kept) -> None:
    with connect(kept.server.address(), read_only=False) as session:
        session.execute("create database crm")
        session.execute("create database other")
        # A folder outside of the cluster: a restore that followed the link would write there.
        session.execute(f"create tablespace far location '{kept.place}/far'")
    with connect(kept.server.address("crm"), read_only=False) as session:
        session.execute("alter database crm set application_name = 'crm'")
        session.execute(SCHEMA.encode())
        session.execute("create table public.note (id int) tablespace far")
        session.execute("insert into public.note values (1), (2)")


@contextmanager
def pgbackrest(types: Sequence[str], repository: str = "repo1-path={place}/repo") -> Iterator[Kept]:
    """Yield a cluster with the stanza ``main``: a backup of each type, a customer written after each of them.

    :param repository: lines of its configuration.
    """
    if shutil.which("pgbackrest") is None:
        lacking("no pgbackrest: apt-get install pgbackrest")
    user = server_user()
    with _place(user, ("repo", "log", "lock", "spool", "far")) as place:
        config = place / "pgbackrest.conf"
        settings = {
            "archive_mode": "on",
            "archive_command": f"pgbackrest --config={config} --stanza=main archive-push %p",
            "full_page_writes": "on",
        }
        with LocalServer.start(distribution_programs(), settings=settings) as server:
            kept = Kept(server=server, place=place, user=user, config=config)
            parameters = server.address().parameters
            config.write_text(
                f"""[global]
{repository.format(place=place)}
log-path={place}/log
lock-path={place}/lock
spool-path={place}/spool
log-level-console=warn
compress-level=1
start-fast=y
job-retry=0
repo1-retention-full=9
[main]
pg1-path={server.data}
pg1-socket-path={server.data.parent}/s
pg1-port={parameters["port"]}
pg1-user={parameters["user"]}
""",
                "utf-8",
            )
            call = ("pgbackrest", f"--config={config}", "--stanza=main")
            kept.run(*call, "stanza-create")
            _begin(kept)
            for number, kind in enumerate(types, start=1000):
                kept.run(*call, f"--type={kind}", "backup")
                kept.write(number)
                kept.archived()
            yield kept


@contextmanager
def barman(backups: int, method: str = "backup_method = postgres") -> Iterator[Kept]:
    """Yield a cluster that Barman knows as ``main``, of which it has backups, a customer written after each.

    :param method: lines of its configuration: how they are taken.
    """
    if shutil.which("barman") is None:
        lacking("no barman: apt-get install barman")
    user = server_user()
    with _place(user, ("home", "log", "lock", "far")) as place:
        incoming = place / "home" / "main" / "incoming"
        settings = {
            "archive_mode": "on",
            "archive_command": f"test ! -f {incoming}/%f && cp %p {incoming}/.%f && mv {incoming}/.%f {incoming}/%f",
            "full_page_writes": "on",
        }
        programs = distribution_programs()
        with LocalServer.start(programs, settings=settings) as server:
            kept = Kept(server=server, place=place, user=user, config=place / "barman.conf")
            parameters = server.address().parameters
            to = f"host={server.data.parent}/s port={parameters['port']} user={parameters['user']} dbname=postgres"
            kept.config.write_text(
                f"""[barman]
barman_user = {kept.name}
barman_home = {place}/home
barman_lock_directory = {place}/lock
log_file = {place}/log/barman.log
[main]
description = of the tests
conninfo = {to}
streaming_conninfo = {to}
{method}
immediate_checkpoint = true
archiver = on
path_prefix = {programs.folder}
""",
                "utf-8",
            )
            call = ("barman", "-c", str(kept.config))
            # It makes the folders of the server.
            kept.run(*call, "list-backups", "main")
            incoming.mkdir(parents=True, exist_ok=True)
            kept.own(place / "home" / "main", incoming)
            _begin(kept)
            for number in range(1000, 1000 + backups):
                kept.archived()
                kept.run(*call, "archive-wal", "main")
                kept.run(*call, "backup", "main")
                kept.write(number)
            kept.archived()
            kept.run(*call, "archive-wal", "main")
            yield kept
