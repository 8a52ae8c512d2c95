"""A fleet for tests: tenants on a real server, and pytest run over them by workers here and on “hosts”."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server

#: Small tables of a tenant; in each of them 20 rows.
TABLES = 20
#: Deletes what only some tenants have.
MIGRATION = "alter table public.t3 add column age integer;\ndelete from public.t5 where name = 'doomed';\n"
_CONFIG = """
[source]
dsn = "{catalog}"
[[source.fleet]]
dsn = "{member}"
names = "select slug from tenant order by number"
[migration]
sql = "migration.sql"
[server]
use = "local"
[retry]
points = 0
[traffic]
clients = 0
{more}
"""
#: Runs an interpreter where the temporary folder is another one, as it is on another machine.
_HOST = """#!/bin/sh
exec unshare -m sh -c 'mount --make-rprivate / && mount -t tmpfs tmpfs "$TMPDIR" && exec "$0" "$@"' {python} "$@"
"""


def schema() -> str:
    """Return the SQL that makes one tenant."""
    lines: list[str] = []
    for number in range(TABLES):
        parent = f", parent int references public.t{number - 1}" if number else ""
        lines.append(f"create table public.t{number} (id int primary key, name text not null, amount numeric{parent});")
        lines.append(f"create index on public.t{number} (name);")
        lines.append(f"insert into public.t{number} (id, name) select n, 'name ' || n from generate_series(1, 20) n;")
    return "\n".join(lines)


@dataclass(frozen=True)
class Tenants:
    """Databases ``tenant_0`` and on; the catalog's table ``tenant`` has their names, and one that does not exist."""

    catalog: Address
    names: tuple[str, ...]
    drifted: frozenset[str]
    harmed: frozenset[str]
    unreachable: str = "gone"

    @classmethod
    def make(cls, server: Server, number: int, *, drifted: int, harmed: int) -> Tenants:
        template, catalog = server.create("tenant"), server.create("catalog")
        with psycopg.connect(template.url(), autocommit=True) as session:
            session.execute(schema().encode())
        names = tuple(map(str, range(number)))
        # Neither the same members, nor the first ones.
        made = cls(catalog, names, frozenset(names[-drifted:]), frozenset(names[1 : 1 + harmed]))
        with psycopg.connect(catalog.url(), autocommit=True) as session:
            session.execute("create table tenant (number serial, slug text)")
            for name in (*names[:2], made.unreachable, *names[2:]):
                session.execute("insert into tenant (slug) values (%s)", (name,))
            for name in names:
                session.execute(f'create database "tenant_{name}" template "{template.dbname}"'.encode())
        for name in made.drifted:
            with psycopg.connect(made.of(name).url(), autocommit=True) as session:
                session.execute("create index drifted on public.t7 (amount)")
        for name in made.harmed:
            with psycopg.connect(made.of(name).url(), autocommit=True) as session:
                session.execute("insert into public.t5 values (1000, 'doomed')")
        return made

    def of(self, name: str) -> Address:
        return self.catalog.with_(dbname=f"tenant_{name}")

    def drop(self) -> None:
        with psycopg.connect(self.catalog.with_(dbname="postgres").url(), autocommit=True) as session:
            for name in self.names:
                session.execute(f'drop database if exists "tenant_{name}" with (force)'.encode())

    def write(self, folder: Path, more: str = "", migration: str = MIGRATION) -> None:
        """Write a project that is about them."""
        # Braces are no part of a URI, and have to stand there as they are.
        member = self.of("NAME").url().replace("NAME", "{name}")
        text = _CONFIG.format(catalog=self.catalog.url(), member=member, more=more)
        (folder / "pgsafe.toml").write_text(text, encoding="utf-8")
        (folder / "migration.sql").write_text(migration, encoding="utf-8")


@dataclass(frozen=True)
class Run:
    status: int
    text: str

    def outcomes(self) -> Mapping[str, str]:
        """Return what became of each check by its id, of what ``-rA`` tells."""
        found = re.findall(r"^(PASSED|FAILED|SKIPPED|ERROR) .*?(pgsafe\.toml\[[^\]]+\]::\w+)", self.text, re.MULTILINE)
        return {one: outcome for outcome, one in found}

    def workers(self) -> Mapping[str, set[str]]:
        """Return which workers ran checks of a member, of what ``-v`` tells."""
        found: dict[str, set[str]] = {}
        for worker, member in re.findall(r"^\[(gw\d+)\].*? pgsafe\.toml\[([^\]]+)\]::", self.text, re.MULTILINE):
            found.setdefault(member, set()).add(worker)
        return found

    def failed(self) -> set[str]:
        return {one for one, outcome in self.outcomes().items() if outcome == "FAILED"}


def run(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Run:
    """Run pytest over a fleet."""
    command = [sys.executable, "-m", "pytest", "--pgsafe", "-rA", "--tb=short", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    return Run(done.returncode, done.stdout + done.stderr)


def hosts(folder: Path, number: int) -> Sequence[str]:
    """Return the arguments for so many workers on “hosts”: processes with folders and temporary folders of their own.

    Empty where this machine cannot make them.
    """
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        return ()
    script = folder / "host.sh"
    script.write_text(_HOST.format(python=sys.executable), encoding="utf-8")
    script.chmod(0o700)
    arguments = ["--dist=load"]
    for one in range(number):
        place = folder / f"host-{one}"
        place.mkdir()
        # What is checked out there; where the controlling process has it, it is not seen.
        shutil.copy(folder / "project" / "migration.sql", place / "migration.sql")
        arguments.append(f"--tx=popen//python={script}//chdir={place}")
    return arguments
