"""WAL that is received as it is written, beside what the server's own module archives; and what is said of both."""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pytest_pgsafe.cli import run
from pytest_pgsafe.pitr import archive, archiving, base, slots
from pytest_pgsafe.pitr.bases import find as find_bases
from pytest_pgsafe.pitr.recover import recover
from pytest_pgsafe.pitr.target import Target
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from pytest_pgsafe.server.user import server_user
from tests.server.runbook import answer, env_of, uri

SLOT = "pgsafe_receive"


@dataclass(frozen=True, kw_only=True)
class Receiving:
    server: LocalServer
    programs: LocalPrograms
    #: By pg_receivewal, and by the server's own module where it has one.
    received: Path
    archived: Path
    bases: Path
    #: What the command said when it was ended.
    told: dict[str, object]


@pytest.fixture(scope="module")
def receiving(programs: LocalPrograms) -> Iterator[Receiving]:
    if not (programs.folder / "pg_receivewal").is_file():
        pytest.skip(f"these programs come without pg_receivewal: {programs.folder}")
    with tempfile.TemporaryDirectory(prefix="pitr-", dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "archived").mkdir()
        if (user := server_user()) is not None:
            shutil.chown(place / "archived", user.uid, user.gid)
        with LocalServer.start(programs, settings=proposed(programs, place / "archived")) as server:
            patch = pytest.MonkeyPatch()
            for key, value in env_of(server.address()).items():
                patch.setenv(key, value)
            try:
                yield written(server, programs, place)
            finally:
                patch.undo()


def proposed(programs: LocalPrograms, folder: Path) -> dict[str, str]:
    """Return the settings that the snippet proposes, with the module in place of the command."""
    with LocalServer.start(programs) as server, connect(server.address()) as session:
        found = archiving.read(session)
        module = archiving.has_module(session)
        assert archiving.has_module(session) is (programs.version.major >= 15)
    text = archiving.snippet(found, str(folder), module=module)
    settings = dict(re.findall(r"^(\w+) = '?([^'\n]*?)'?$", text, re.MULTILINE))
    if module:
        del settings["archive_command"]
        settings |= dict(re.findall(r"^#([\w.]+) = '([^'\n]*)'$", text, re.MULTILINE))
        assert settings["archive_library"] == "basic_archive"
    else:
        settings["archive_command"] = f'test ! -f "{folder}/%f" && cp "%p" "{folder}/%f"'
    return settings


def written(server: LocalServer, programs: LocalPrograms, place: Path) -> Receiving:
    arguments = ["pitr", "receive", f"--source={uri(server.address())}", f"--archive={place / 'received'}"]
    with connect(server.address(), read_only=False) as session:

        def position() -> str:
            found = session.execute("select pg_current_wal_insert_lsn()::text").fetchone()
            assert found is not None
            return str(found[0])

        session.execute("create table public.log (id int primary key)")
        assert run([*arguments, f"--slot={SLOT}", "--create-slot", f"--until={position()}"]) == 0
        base.take(server.address(), place / "bases" / "1", programs)
        session.execute("insert into public.log values (1)")
        session.execute("select pg_switch_wal()")
        session.execute("insert into public.log values (2)")
        idle(session)
        with pytest.MonkeyPatch.context() as patch:
            said: list[dict[str, object]] = []
            patch.setattr("pytest_pgsafe.cli.answer._dump", said.append)
            assert run([*arguments, f"--slot={SLOT}", f"--until={position()}", "--json"]) == 0
    return Receiving(
        server=server,
        programs=programs,
        received=place / "received",
        archived=place / "archived",
        bases=place / "bases",
        told=said[0],
    )


def idle(session: Connection) -> None:
    """Wait until the server knows that nobody uses the slot any more."""
    for _ in range(6000):
        if session.execute("select active from pg_replication_slots, pg_sleep(0.01)").fetchall() == [(False,)]:
            return
    raise AssertionError("the slot stays active")


def test_what_was_received_is_what_was_archived_and_the_begun_segment_is_recovered(receiving: Receiving) -> None:
    there = archive.read(receiving.received)
    assert receiving.told["begun"] == there.path(there.partial[-1]).name
    with connect(receiving.server.address(), read_only=False) as session:
        last = there.segments[-1].name(there.size)
        for _ in range(6000):
            done = session.execute("select last_archived_wal, pg_sleep(0.01) from pg_stat_archiver").fetchone()
            if done is not None and done[0] is not None and done[0][:24] >= last:
                break
        assert archiving.problems(archiving.read(session)) == ()
    own = archive.read(receiving.archived)
    shared = set(there.segments) & set(own.segments)
    assert there.segments[-1] in shared
    for segment in shared:
        assert there.path(segment).read_bytes() == own.path(segment).read_bytes()
    # A complete one is compressed, as pg_receivewal --compress=gzip would.
    victim = there.path(there.segments[-1])
    victim.with_name(f"{victim.name}.gz").write_bytes(gzip.compress(victim.read_bytes(), 1))
    victim.unlink()
    with (
        recover(find_bases(receiving.bases), receiving.received, Target(kind="end"), receiving.programs, wait=120) as (
            server,
            recovered,
        ),
        connect(server.address()) as session,
    ):
        assert session.execute("select id from public.log order by id").fetchall() == [(1,), (2,)]
    assert recovered.notes == (f"{receiving.told['begun']} is the last segment: it was still being received",)
    # Of another compression a clear word; of a damaged one too.
    start = find_bases(receiving.bases)[0][1].start_lsn.bytes // there.size
    packed = victim.with_name(f"{victim.name}.gz")
    content = packed.read_bytes()
    packed.write_bytes(content[: len(content) // 2])
    assert [fault.segment for fault in archive.faults(archive.read(receiving.received), first=start)] == [victim.name]
    packed.unlink()
    zstd = victim.with_name(f"{victim.name}.zst")
    zstd.write_bytes(b"")
    (fault,) = archive.faults(archive.read(receiving.received), first=start)
    assert str(fault) == f"{victim.name}: compressed as {zstd.name}: zstd -d {zstd.name}"


def test_a_slot_that_nobody_uses_is_a_danger(receiving: Receiving, capsys: pytest.CaptureFixture[str]) -> None:
    source = f"--source={uri(receiving.server.address())}"
    with connect(receiving.server.address()) as session:
        idle(session)
    found = answer(["pitr", "check", source, "--json"], capsys, 1)
    assert found["problems"][-1].startswith("no base backup was looked at")
    (danger,) = found["dangers"]
    assert danger.startswith(f"slot {SLOT} is inactive: the server keeps")
    assert "until its disk is full" in danger
    with connect(receiving.server.address(), read_only=False) as session:
        # As the danger and the command say.
        session.execute(danger[danger.index("select ") :].encode())
        assert slots.dangers(slots.read(session)) == ()


def test_a_server_whose_wal_is_received_need_not_archive(receiving: Receiving) -> None:
    with connect(receiving.server.address()) as session:
        found = replace(archiving.read(session), archive_mode="off", archive_library="")
    using = slots.Slot(
        name=SLOT, active=True, wal_status="reserved", safe_wal_size=None, kept=0, receiver=slots.RECEIVEWAL
    )
    assert slots.received([using])
    assert archiving.problems(found, received=True) == ()
    assert archiving.snippet(found, "/archive", received=True) == ""
    assert slots.dangers([using]) == ()
    assert "without a slot" in slots.dangers([replace(using, name=None)])[0]
    assert "lost" in slots.dangers([replace(using, active=False, wal_status="lost", kept=None)])[0]
    limited = replace(using, active=False, safe_wal_size=64 << 20, kept=16 << 20)
    assert "keeps 16 MB of WAL for it, and goes on for 64 MB more" in slots.dangers([limited])[0]


def test_a_position_that_does_not_come_is_an_error(
    receiving: Receiving, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["pitr", "receive", f"--source={uri(receiving.server.address())}", f"--archive={tmp_path}"]
    assert run([*arguments, "--until=FF/0", "--seconds=1"]) == 1
    assert "was not received within 1 s" in capsys.readouterr().err
    assert run([*arguments, "--until=here"]) == 4
    assert run([*arguments, "--create-slot", "--seconds=1"]) == 4
    assert run([*arguments, "--slot=pgsafe_no_such_slot", "--seconds=30"]) == 1
    assert "pgsafe_no_such_slot" in capsys.readouterr().err
