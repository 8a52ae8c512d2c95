"""After a real promotion: two timelines in one archive, the branch that was left, and WAL that creates a tablespace."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_pgsafe.errors import ConfigError, RestoreError
from pytest_pgsafe.pitr import archive, base
from pytest_pgsafe.pitr.bases import find as find_bases
from pytest_pgsafe.pitr.recover import Recovered, recover
from pytest_pgsafe.pitr.target import Target
from pytest_pgsafe.pitr.wal import Lsn, Segment
from pytest_pgsafe.server.cluster import Template
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from pytest_pgsafe.server.user import server_user

END = Target(kind="end")


@dataclass(frozen=True, kw_only=True)
class Branches:
    """An archive with timeline 1, its promoted successor, and what the old server wrote afterwards."""

    programs: LocalPrograms
    archive: Path
    bases: Path
    tablespace: Path
    #: On timeline 1, before the tablespace is created.
    before_tablespace: Lsn

    def rows(
        self, target: Target, timeline: str = "latest", *, folder: Path | None = None
    ) -> tuple[list[int], Recovered]:
        found = find_bases(self.bases)
        with (
            recover(found, folder or self.archive, target, self.programs, timeline=timeline, wait=120) as (
                server,
                done,
            ),
            connect(server.address()) as session,
        ):
            return [row[0] for row in session.execute("select id from public.log order by id")], done


@pytest.fixture(scope="module")
def branches(programs: LocalPrograms) -> Iterator[Branches]:
    with tempfile.TemporaryDirectory(prefix="pitr-", dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o755)
        for folder in ("archive", "space"):
            (place / folder).mkdir()
            own(place / folder)
        settings = {
            "archive_mode": "on",
            "archive_command": f'test ! -f "{place}/archive/%f" && cp "%p" "{place}/archive/%f"',
            "full_page_writes": "on",
        }
        with (
            LocalServer.start(programs, settings=settings) as old,
            connect(old.address(), read_only=False) as session,
        ):
            session.execute("create table public.log (id int primary key)")
            base.take(old.address(), place / "bases" / "1", programs)
            write(session, 1)
            switch(session)
            write(session, 2)
            until = switch(session)
            promoted(old, programs, place, settings, place / "archive" / until)
            # The old server lives on: these belong to a branch that was left.
            write(session, 3)
            switch(session)
            base.take(old.address(), place / "bases" / "left", programs)
            write(session, 4)
            found = session.execute("select pg_current_wal_insert_lsn()::text").fetchone()
            assert found is not None
            session.execute(f"create tablespace elsewhere location '{place}/space'".encode())
            session.execute("create table public.there tablespace elsewhere as select 1 as n")
            write(session, 5)
            switch(session)
            session.execute("checkpoint")
            yield Branches(
                programs=programs,
                archive=place / "archive",
                bases=place / "bases",
                tablespace=place / "space",
                before_tablespace=Lsn.parse(found[0]),
            )


def own(folder: Path) -> None:
    if (user := server_user()) is not None:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, user.uid, user.gid)


def write(session: Connection, row: int) -> None:
    session.execute("insert into public.log values (%s)", (row,))


def switch(session: Connection) -> str:
    """Begin a segment, and wait until the one before is archived; return its name."""
    found = session.execute("select pg_walfile_name(pg_switch_wal())").fetchone()
    assert found is not None
    # It wakes up by itself after a minute at the latest.
    for _ in range(6000):
        done = session.execute("select last_archived_wal, pg_sleep(0.01) from pg_stat_archiver").fetchone()
        if done is not None and done[0] is not None and done[0][8:24] >= found[0][8:]:
            return str(found[0])
    raise AssertionError(f"{found[0]} was not archived")


def promoted(old: LocalServer, programs: LocalPrograms, place: Path, settings: dict[str, str], until: Path) -> None:
    """Start a server from the base backup that recovers the archive, is promoted, and archives to the same place."""
    assert until.is_file()
    shutil.copytree(place / "bases" / "1" / "data", place / "new")
    (place / "new" / "recovery.signal").touch()
    own(place / "new")
    template = Template(data=place / "new", password=old.address().parameters["password"])
    # Not ready before it is promoted.
    asked = {**settings, "hot_standby": "off", "restore_command": f'cp "{place}/archive/%f" %p'}
    with (
        LocalServer.start(programs, settings=asked, template=template) as new,
        connect(new.address(), read_only=False) as session,
    ):
        write(session, 20)
        switch(session)
        base.take(new.address(), place / "bases" / "2", programs)
        write(session, 21)
        switch(session)


def content(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_newest_timeline_and_nothing_of_the_branch_that_was_left(branches: Branches) -> None:
    there = archive.read(branches.archive)
    line = there.line(1)
    assert [timeline for timeline, _ in line.pieces] == [1, 2]
    # Both timelines have a segment of this number.
    shared = line.pieces[-1][1].bytes // there.size
    assert {Segment(number=shared, timeline=1), Segment(number=shared, timeline=2)} <= set(there.segments)
    first = base.read(branches.bases / "1")
    assert archive.faults(there, first=first.start_lsn.bytes // there.size, system=first.system) == ()
    rows, done = branches.rows(END)
    assert rows == [1, 2, 20, 21]
    # The base backup of the new server, not that of the branch, although that ended further on.
    assert (done.base.name, done.timeline) == ("2", 2)
    # From before the promotion across it.
    across = Target.lsn(str(Lsn(base.read(branches.bases / "2").end_lsn.bytes - 1)))
    rows, done = branches.rows(across)
    assert rows == [1, 2, 20]
    assert done.base.name == "1"


def test_the_left_branch_can_be_asked_for_and_a_new_tablespace_is_a_wall(branches: Branches) -> None:
    before = content(branches.tablespace)
    assert before
    rows, done = branches.rows(Target.lsn(str(branches.before_tablespace)), "1")
    assert rows == [1, 2, 3, 4]
    assert (done.base.name, done.timeline) == ("left", 1)
    with pytest.raises(RestoreError, match="a tablespace is created in") as raised:
        branches.rows(END, "1")
    assert str(branches.tablespace) in str(raised.value)
    assert content(branches.tablespace) == before


def test_a_timeline_that_cannot_be_followed_is_named(branches: Branches, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no timeline 7"):
        branches.rows(END, "7")
    # Linked, not copied: only names matter.
    folder = tmp_path / "archive"
    shutil.copytree(branches.archive, folder, copy_function=lambda source, target: Path(target).symlink_to(source))
    there = archive.read(folder)
    start = base.read(branches.bases / "1").start_lsn.bytes // there.size
    # Where the new timeline begins, the old one's segment of the same number is no replacement.
    begun = Segment(number=there.line(1).pieces[-1][1].bytes // there.size, timeline=2).name(there.size)
    (folder / begun).unlink()
    assert [str(fault) for fault in archive.faults(archive.read(folder), first=start)] == [f"{begun}: missing"]
    with pytest.raises(RestoreError) as raised:
        branches.rows(Target.lsn(str(Lsn(base.read(branches.bases / "2").end_lsn.bytes - 1))), folder=folder)
    assert begun in str(raised.value)
    # Without its history nobody knows where a timeline began.
    (folder / "00000002.history").unlink()
    assert str(archive.faults(archive.read(folder), first=start)[-1]).startswith("00000002.history: missing")
    # Who names the other one does not need it.
    assert archive.faults(archive.read(folder), first=start, timeline=there.line(1, latest=False)) == ()
