"""A cluster that archives what it writes, with a base backup, for tests of what is made of the two."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from pytest_pgsafe.pitr import base
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms

#: Two tables before the base backup: the one stays as it is, the other is written to.
SCHEMA = """
create table public.item (id int primary key, name text not null);
insert into public.item select n, 'item ' || n from generate_series(1, 100) n;
create table public.log (id int primary key);
"""


@dataclass(frozen=True, kw_only=True)
class Archived:
    """The running cluster, and where its archive and its base backups lie."""

    primary: LocalServer
    place: Path

    @property
    def shop(self) -> Address:
        return self.primary.address("shop")

    def write(self, row: int) -> datetime:
        """Commit a row, and return when that was."""
        with connect(self.shop, read_only=False) as session:
            session.execute("insert into public.log values (%s)", (row,))
            found = session.execute(
                "select pg_xact_commit_timestamp(xmin) from public.log where id = %s", (row,)
            ).fetchone()
        assert found is not None
        moment: datetime = found[0]
        return moment

    def archive_all(self) -> None:
        """Return when all that was written is in the archive."""
        with connect(self.shop, read_only=False) as session:
            # Not by the current position: that is what was written, which a commit need not wait for.
            row = session.execute("select pg_walfile_name(pg_switch_wal())").fetchone()
        assert row is not None
        self.wait_for(self.place / "archive" / row[0])

    def wait_for(self, path: Path) -> None:
        until = time.monotonic() + 60
        while not path.exists() or path.stat().st_size != 16 << 20:
            assert time.monotonic() < until, sorted(one.name for one in path.parent.iterdir())
            time.sleep(0.05)

    def copied(self, folder: Path) -> None:
        """Copy archive and base backups; the server's user can read them."""
        folder.chmod(0o755)
        # What is being archived is renamed when it is there.
        shutil.copytree(self.place / "archive", folder / "archive", ignore=shutil.ignore_patterns("*.part"))
        shutil.copytree(self.place / "base", folder / "base")
        (folder / "archive").chmod(0o755)
        for path in (folder / "archive").iterdir():
            path.chmod(0o644)

    def brought(self, folder: Path) -> None:
        """Copy what was archived since."""
        for path in (self.place / "archive").iterdir():
            copy = folder / "archive" / path.name
            if path.suffix != ".part" and not copy.exists():
                shutil.copyfile(path, copy)
                copy.chmod(0o644)


@contextmanager
def archiving_server(
    programs: LocalPrograms, settings: Mapping[str, str], *needed: str
) -> Generator[tuple[LocalServer, Path], None, None]:
    """Start a server that archives, and yield it with the place of its archive; it is gone afterwards.

    :param needed: programs that the wheels of some majors come without, beside those of a base backup.
    """
    for program in ("pg_basebackup", "pg_verifybackup", *needed):
        if not (programs.folder / program).is_file():
            pytest.skip(f"these programs come without {program}: {programs.folder}")
    # Below /tmp: the server's user writes the archive.
    with tempfile.TemporaryDirectory(prefix="pitr-", dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "archive").mkdir()
        (place / "archive").chmod(0o777)
        copy = f'test ! -f "{place}/archive/%f" && cp "%p" "{place}/archive/%f.part"'
        own = {
            "archive_mode": "on",
            "archive_command": f'{copy} && mv "{place}/archive/%f.part" "{place}/archive/%f"',
            **settings,
        }
        with LocalServer.start(programs, settings=own) as primary:
            yield primary, place


@contextmanager
def archived(programs: LocalPrograms) -> Generator[Archived, None, None]:
    """Start such a cluster: three rows are in the archive, the first of them in the base backup too."""
    # What autovacuum commits is written, too: nothing is to be committed but by the tests.
    settings = {"track_commit_timestamp": "on", "full_page_writes": "on", "autovacuum": "off"}
    with archiving_server(programs, settings) as (primary, place):
        with connect(primary.address(), read_only=False) as session:
            session.execute("create database shop")
        with connect(primary.address("shop"), read_only=False) as session:
            session.execute(SCHEMA.encode())
        cluster = Archived(primary=primary, place=place)
        cluster.write(1)
        base.take(primary.address(), place / "base" / "first", programs)
        for row in (2, 3):
            cluster.write(row)
            cluster.archive_all()
        yield cluster
