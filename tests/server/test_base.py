"""A base that is kept: built once, proven before each use, and never believed when it is damaged or of another day."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pytest_pgsafe.backup.restore import run_sql
from pytest_pgsafe.backup.take import take
from pytest_pgsafe.base import keep, manifest, place, proof, room, way
from pytest_pgsafe.base.values import Base, Identity
from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config.values import Hook, Hooks, OldRelease, Retry, Settings, Source, Way
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.rehearsal import kept, wish
from pytest_pgsafe.rehearsal.building import built
from pytest_pgsafe.rehearsal.known import Known
from pytest_pgsafe.rehearsal.preflight import preflight
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.steps import Steps
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.cluster import Template
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.keeper import sign
from pytest_pgsafe.server.local import PLAIN, LocalServer
from pytest_pgsafe.server.programs import find
from pytest_pgsafe.server.scratch import ScratchServer
from pytest_pgsafe.server.version import Version
from tests.server.runbook import answer, uri

SCHEMA = """
create role base_reader;
create table public.people (id integer generated always as identity primary key, name text not null, boss integer
    references public.people);
create unlogged table public.visits (id integer primary key);
create sequence public.numbers;
insert into public.people (name, boss) select 'name ' || n, nullif(n / 2, 0) from generate_series(1, 500) as n;
insert into public.visits select generate_series(1, 50);
select setval('public.numbers', 77);
grant select on public.people to base_reader;
"""


@pytest.fixture(scope="module", autouse=True)
def bases(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the bases of these tests."""
    if server.kind != "local":
        pytest.skip("bases are kept of local programs")
    folder = tmp_path_factory.mktemp("cache") / "bases"
    folder.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, "folder", lambda: folder)
        yield folder
        for path in folder.iterdir():
            assert not path.is_dir() or place.remove(path), path


@pytest.fixture(scope="module")
def source(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    address = server.create("kept")
    file = tmp_path_factory.mktemp("schema") / "schema.sql"
    file.write_text(SCHEMA)
    run_sql([file], address, server.programs)
    yield address
    server.drop(address)
    with connect(server.address(), read_only=False) as session:
        session.execute("drop role base_reader")


@pytest.fixture(scope="module")
def backup(server: Server, source: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backup") / "one"
    take(source, folder, server.programs)
    return folder


def settings(
    folder: Path, backup: Path, migration: str = "alter table public.people add column age integer"
) -> Settings:
    file = folder / "migration.sql"
    file.write_text(f"{migration};\n")
    return Settings(
        folder=folder, source=Source(backup=backup), migration=Way(kind="sql", path=file),
        server=ServerSettings(use="local", cache=True),
    )  # fmt: skip


def steps(result: Result) -> dict[str, str]:
    return {step.name: step.outcome.value for step in result.steps}


def seen(result: Result) -> tuple[object, ...]:
    """What a run says, whatever it began with."""
    gaps = {(gap.object, gap.reason) for gap in result.not_verified}
    return result.verdict, result.changes, result.findings, gaps, result.relations, result.rows, dict(result.unused)


def test_plans_are_compared_by_the_same_statistics(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clone that a base holds was made before there were any."""
    bases = tmp_path / "bases"
    bases.mkdir(mode=0o700)
    monkeypatch.setattr(place, "folder", lambda: bases)
    database = server.create("planned")
    with connect(database, read_only=False) as session:
        session.execute(
            "create table public.c (id int primary key, flag boolean not null, more text not null);"
            "insert into public.c select n, n % 100 = 0, repeat('x', 90) from generate_series(1, 20000) n;"
            "create index c_flag on public.c (flag);"
        )
    (tmp_path / "queries.sql").write_text("select * from c where flag;\n")
    wanted = settings(tmp_path, tmp_path, "alter table public.c add column y integer")
    wanted = replace(
        wanted, source=Source(dsn=database.url()), old_release=OldRelease(statements=tmp_path / "queries.sql"),
        server=ServerSettings(use="local", cache=True, cache_age=3600.0),
    )  # fmt: skip
    for _ in range(2):
        result = rehearse(wanted)
        assert result.source["base"]
        assert [one.message for one in result.findings if one.check == "old_release"] == []
        assert "old_release" not in result.unused
    server.drop(database)


def test_a_second_run_begins_with_the_base_and_says_the_same(tmp_path: Path, backup: Path) -> None:
    plain = rehearse(replace(settings(tmp_path, backup), server=ServerSettings(use="local")))
    assert "base" not in steps(plain)
    first = rehearse(settings(tmp_path, backup))
    assert steps(first)["keep"] == "passed"
    second = rehearse(settings(tmp_path, backup))
    assert steps(second)["restore"] == "skipped"
    assert steps(second)["backup"] == "passed"
    assert "keep" not in steps(second)
    assert plain.verdict == "passed"
    # The seconds of the restore stand among what is said.
    assert seen(first)[:-1] == seen(plain)[:-1] == seen(second)[:-1]
    line, cost = wish.header(wanted := settings(tmp_path, backup), preflight(wanted))
    assert cost.startswith("pgsafe expects: about ")
    assert line.endswith(f" MiB; its copies: {second.server['copy']}")
    assert second.source["base"]
    assert second.source["taken"]
    harmed = rehearse(settings(tmp_path, backup, "update public.people set name = '' where id = 7"))
    assert harmed.verdict == "failed"
    assert {one.object for one in harmed.findings if one.severity is Severity.ERROR} == {"public.people.name"}
    # The base itself was not touched by any of them.
    [base] = place.bases()
    assert all_faults(base) == ()
    # It was restored without WAL, of which a copy of it has what a migration did.
    assert wal_level(base) == "minimal"
    copied = preflight(wanted).choice.copy
    assert copied is not None
    template = Template(data=base.folder / manifest.DATA, password=manifest.load(base.folder).password, stays=True)
    with copied(template) as copy, connect(copy.address()) as session:
        assert session.execute("show wal_level").fetchone() == ("replica",)


def wal_level(base: Base) -> str:
    """Return what its cluster was written with."""
    said = (
        find(Version.parse(base.about.version).major)
        .run("pg_controldata", [str(base.folder / manifest.DATA)], environment={"LC_ALL": "C"})
        .stdout
    )
    return next(line.split()[-1] for line in said.splitlines() if line.startswith("wal_level setting"))


def test_it_holds_a_clone_for_the_migration_where_there_is_room(
    base: Base, tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = kept.codec.loads(kept.State, (base.folder / manifest.STATE).read_bytes())
    assert held.after is not None
    monkeypatch.setattr(kept, "_ROOM", 1 << 40)
    wanted = settings(tmp_path, backup)
    wanted = replace(wanted, source=Source(backup=backup, settings=(("work_mem", "8MB"),)))
    plan = preflight(wanted)
    wished = wish.wish(wanted, plan)
    assert isinstance(wished, wish.Wish)
    obtained = kept.anew(wished, wanted, plan, steps=Steps(), backups=tmp_path, known=Known(plan=plan))
    assert obtained.base is not None
    obtained.base.release()
    assert obtained.state is not None
    assert obtained.state.after is None
    # Without it one is made.
    assert rehearse(wanted).verdict == "passed"
    assert place.remove(obtained.base.base.folder)


def test_how_it_is_copied_is_known_until_the_machine_is_started_anew(
    base: Base, tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert way.known(base.folder)
    monkeypatch.setattr(LocalServer, "probe_copy", lambda *_: "tried once more")
    wanted = settings(tmp_path, backup)
    plan = preflight(wanted)
    assert "tried once more" not in "".join(wish.header(wanted, plan))
    monkeypatch.setattr(way, "boot", lambda: "another start of the machine")
    assert way.known(base.folder) is None
    assert "its copies: tried once more" in "".join(wish.header(wanted, plan))


def all_faults(base: Base) -> tuple[str, ...]:
    """What is wrong when every file is read; what was proven before stays the proof."""
    noted = (base.folder / proof.NAME).read_bytes()
    try:
        return proof.faults(base.folder, manifest.load(base.folder), now=datetime.now(timezone.utc) + 2 * proof.EVERY)
    finally:
        # Else it is one of a day to come, which proves nothing: everything would be read again.
        (base.folder / proof.NAME).write_bytes(noted)


@pytest.fixture
def base(tmp_path: Path, backup: Path) -> Base:
    """The base of the backup: whichever test comes first builds it."""
    folder = manifest_of(backup)
    if folder is None:
        assert rehearse(settings(tmp_path, backup)).verdict == "passed"
        folder = manifest_of(backup)
    assert folder is not None
    return folder


def manifest_of(backup: Path) -> Base | None:
    return next((one for one in place.bases() if one.about.source == str(backup) and not one.about.hooked), None)


def found(base: Base) -> tuple[bool, list[str]]:
    """Look for a base as a run does; tell whether it is used, and what is said."""
    lines: list[str] = []

    class Same(Identity):
        key = base.key

    held = keep.find(Same(parts={}), report=lines.append)
    if held is not None:
        held.release()
    return held is not None, lines


def test_it_is_private_and_holds_no_log(base: Base) -> None:
    for path in (base.folder, *base.folder.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    assert not (base.folder / "data" / "log").exists()
    assert len([one for one in (base.folder / "data" / "pg_wal").iterdir() if one.is_file()]) == 1
    assert manifest.load(base.folder).password not in repr(manifest.load(base.folder))
    assert found(base) == (True, [])


def test_each_try_has_a_copy_of_the_base_of_its_own(
    base: Base, tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = settings(
        tmp_path, backup,
        "create table public.one (id integer); create table public.two (id integer);"
        " insert into public.people (name) values ('last'); create table if not exists public.three (id integer)",
    )  # fmt: skip
    wanted = replace(wanted, retry=Retry(budget=300.0))
    if LocalServer.probe_copy(find(), Template(data=base.folder / manifest.DATA, password="", stays=True)).startswith(
        PLAIN
    ):
        pytest.skip("every byte is copied here")
    cloned: list[str] = []

    def clone(server: LocalServer, source: Address, name: str) -> Address:
        cloned.append(name)
        return ScratchServer.clone(server, source, name)

    monkeypatch.setattr(LocalServer, "clone", clone)
    layered = rehearse(wanted)
    # The base holds the clone that is migrated.
    assert cloned == []
    plain = rehearse(replace(wanted, server=ServerSettings(use="local")))
    assert cloned.count("retry") == 1
    assert [one for one in layered.findings if one.check == "retry"]
    assert layered.findings == plain.findings
    assert proof.faults(base.folder, manifest.load(base.folder)) == all_faults(base) == ()


def flip(path: Path, place_in: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[place_in.randrange(len(content))] ^= 1 << place_in.randrange(8)
    path.write_bytes(content)


def test_a_bit_in_any_file_is_seen(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    said = manifest.load(base.folder)
    assert all_faults(base) == proof.faults(base.folder, said) == ()
    read: list[Path] = []
    reading = manifest.read
    monkeypatch.setattr(manifest, "read", lambda folder, paths: (read.extend(paths), reading(folder, paths))[1])
    files = sorted(path for path in base.folder.rglob("*") if path.is_file() and path.stat().st_size)
    files = [path for path in files if path.name not in {manifest.NAME, proof.NAME, way.NAME, place.MARK}]
    chance = random.Random(17)
    # Weighted by size as a disk would: half of them anywhere, half in what the source's tables are in.
    for path in [*chance.sample(files, 10), *chance.choices(files, [one.stat().st_size for one in files], k=10)]:
        whole, state = path.read_bytes(), path.stat()
        flip(path, chance)
        # Whoever hides it so has changed the file's ctime once more.
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        read.clear()
        assert proof.faults(base.folder, said) == (f"{path.relative_to(base.folder).as_posix()}: damaged",)
        assert read == [path]
        path.write_bytes(whole)
        # It is another one than was proven, and as it was: that is known from now on.
        assert proof.faults(base.folder, said) == ()
    assert proof.faults(base.folder, said) == all_faults(base) == ()


def test_what_the_file_system_does_not_see_is_found_by_reading_everything(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, now = manifest.load(base.folder), datetime.now(timezone.utc)
    path = base.folder / "data" / "PG_VERSION"
    whole = path.read_bytes()
    flip(path, random.Random(3))
    # As a disk does that rots: nothing else tells of it.
    proof.write(base.folder, proof.states(manifest.entries(base.folder)[0]), now)
    damaged = ("data/PG_VERSION: damaged",)
    try:
        assert proof.faults(base.folder, said) == ()
        assert proof.faults(base.folder, said, now=now + 2 * proof.EVERY) == damaged
        assert proof.faults(base.folder, said, now=now - timedelta(days=1)) == damaged
        monkeypatch.setattr(proof, "boot", lambda: "another start of the machine")
        assert proof.faults(base.folder, said) == damaged
        (base.folder / proof.NAME).write_bytes(b"{")
        assert proof.faults(base.folder, said) == damaged
    finally:
        path.write_bytes(whole)
    assert proof.faults(base.folder, said) == ()


def truncated(folder: Path) -> None:
    path = max((folder / "data" / "base").rglob("*"), key=lambda one: one.stat().st_size)
    path.write_bytes(path.read_bytes()[:-8192])


def missing(folder: Path) -> None:
    next(path for path in (folder / "data" / "base").rglob("*") if path.is_file()).unlink()


def added(folder: Path) -> None:
    (folder / "data" / "standby.signal").touch()


def without_folder(folder: Path) -> None:
    (folder / "data" / "pg_notify").rmdir()


def control(folder: Path) -> None:
    flip(folder / "data" / "global" / "pg_control", random.Random(1))


def facts(folder: Path) -> None:
    flip(folder / manifest.STATE, random.Random(2))


def unmanifested(folder: Path) -> None:
    (folder / manifest.NAME).unlink()


def forged(folder: Path) -> None:
    path = folder / manifest.NAME
    path.write_bytes(path.read_bytes().replace(b'"proven":true', b'"proven":null', 1))


def linked(folder: Path) -> None:
    path = folder / "data" / "PG_VERSION"
    elsewhere = folder / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def moved(folder: Path) -> None:
    """A folder that was copied is another, and its mark says so."""
    aside = folder.with_name("aside")
    folder.rename(aside)
    shutil.copytree(aside, folder, symlinks=True)
    shutil.rmtree(aside)


HARMS = [truncated, missing, added, without_folder, control, facts, unmanifested, forged, linked, moved]


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_what_is_not_whole_is_never_used(base: Base, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    # What is harmed is a copy, signed as its own.
    whole, folder = base.folder, base.folder.with_name(f"{base.key}-copy")
    shutil.copytree(whole, folder, symlinks=True)
    (folder / place.MARK).unlink()
    os.close(sign(folder, place.MARK))
    hidden = (whole / place.MARK).rename(whole / "hidden")
    try:
        assert found(base) == (True, [])
        harm(folder)
        used, lines = found(base)
        assert not used
        # Of the last three nothing says that they are bases.
        assert len(lines) == (0 if harm in {unmanifested, forged, moved} else 1), lines
        assert folder.exists() == (harm in {unmanifested, forged, moved})
        if folder.exists() and harm is not moved:
            assert room.prune(1 << 40) == (folder,)
    finally:
        hidden.rename(whole / place.MARK)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_copy_is_used_once_it_is_adopted(base: Base, capsys: pytest.CaptureFixture[str]) -> None:
    """As out of a CI's cache: the folder and its files are others, and hold the same."""
    stranger = base.folder.with_name(f"{base.key}-stranger")
    shutil.copytree(base.folder, stranger)
    (stranger / place.MARK).unlink()
    other = base.folder.with_name("another-name")
    shutil.copytree(base.folder, other)
    moved(base.folder)
    try:
        assert found(base) == (False, [])
        [adopted] = answer(["base", "adopt", "--json"], capsys)["adopted"]
        assert adopted["folder"] == str(base.folder)
        assert found(base) == (True, [])
        assert answer(["base", "adopt", "--json"], capsys)["adopted"] == []
        # What came to harm on the way is seen: nothing is proven of these files yet.
        moved(base.folder)
        file = base.folder / manifest.DATA / "PG_VERSION"
        file.write_bytes(file.read_bytes()[::-1])
        os.utime(file, (0, 0))
        answer(["base", "adopt", "--json"], capsys)
        used, [line] = found(base)
        assert not used
        assert "is damaged and not used" in line
    finally:
        shutil.rmtree(stranger)
        shutil.rmtree(other)


def test_programs_that_were_installed_again_are_the_same(tmp_path: Path) -> None:
    """In CI they are installed in each run: a base of the run before is of use."""
    (tmp_path / "postgres").write_bytes(b"one")
    first = wish._stamp(tmp_path)
    wish._stamp.cache_clear()
    os.utime(tmp_path / "postgres", (0, 0))
    assert wish._stamp(tmp_path) == first
    wish._stamp.cache_clear()
    (tmp_path / "postgres").write_bytes(b"two")
    assert wish._stamp(tmp_path) != first


def test_a_run_restores_anew_where_the_base_is_damaged(base: Base, tmp_path: Path, backup: Path) -> None:
    truncated(base.folder)
    again = rehearse(settings(tmp_path, backup))
    assert again.verdict == "passed"
    assert steps(again)["restore"] == "passed"
    assert steps(again)["keep"] == "passed"
    assert base.folder not in [one.folder for one in place.bases()]
    [gap] = [gap.reason for gap in again.not_verified if gap.object == "base"]
    assert "is damaged and not used" in gap


def test_what_runs_after_the_restore_makes_another(tmp_path: Path, base: Base, backup: Path) -> None:
    wanted = settings(tmp_path, backup)
    hooked = replace(wanted, hooks=Hooks(after_restore=(Hook(kind="statement", text="truncate public.visits"),)))
    result = rehearse(hooked)
    assert steps(result)["keep"] == "passed"
    assert result.source["after_restore"] == "included"
    assert base.folder in [one.folder for one in place.bases()]
    # What the hook has touched is told by the WAL.
    [other] = [one for one in place.bases() if one.about.hooked]
    assert wal_level(other) == "replica"
    # It was kept behind the hook, which is not run again.
    again = rehearse(hooked)
    assert "after_restore" not in steps(again)
    assert again.rows == result.rows == 500
    commanded = replace(
        wanted, hooks=Hooks(after_restore=(Hook(kind="run", text='psql "$DATABASE_URL" -c "select 1"'),))
    )
    assert "runs a command" in str(wish.wish(commanded, preflight(commanded)))
    with_psql = replace(wanted, hooks=Hooks(after_restore=(Hook(kind="statement", text="select 1\n\\i other.sql"),)))
    assert "commands of psql" in str(wish.wish(with_psql, preflight(with_psql)))


def test_a_database_is_its_base_until_its_schema_changes_or_it_is_too_old(
    tmp_path: Path, server: Server, source: Address
) -> None:
    wanted = replace(
        settings(tmp_path, tmp_path),
        source=Source(dsn=source.url()),
        server=ServerSettings(use="local", cache=True, cache_age=3600.0),
    )
    first = rehearse(wanted)
    assert first.verdict == "passed"
    assert steps(first)["backup"] == "passed"
    second = rehearse(wanted)
    assert (steps(second)["backup"], steps(second)["restore"]) == ("skipped", "skipped")
    assert "a kept base is used" in next(step.reason or "" for step in second.steps if step.name == "backup")
    with connect(source, read_only=False) as session:
        session.execute("alter table public.visits add column at date")
    third = rehearse(wanted)
    assert steps(third)["restore"] == "passed"
    assert len([one for one in place.bases() if one.about.source == str(source)]) == 1
    [base] = [one for one in place.bases() if one.about.source == str(source)]
    # At night, for the runs of the day; whatever is there.
    made, failures = built(replace(wanted, server=replace(wanted.server, cache=False)))
    assert made is not None, failures
    assert made.about.moment > base.about.moment
    fresh = replace(wanted, server=replace(wanted.server, cache_age=0.001))
    found = wish.wish(fresh, preflight(fresh))
    assert isinstance(found, wish.Wish)
    assert keep.find(found.identity, max_age=found.max_age) is None


def test_several_runs_build_it_once(tmp_path: Path, backup: Path) -> None:
    for one in place.bases():
        assert place.remove(one.folder)
    results: list[Result] = []

    def run(name: str) -> None:
        (tmp_path / name).mkdir()
        results.append(rehearse(settings(tmp_path / name, backup)))

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.verdict for result in results] == ["passed", "passed"]
    assert sorted("keep" in steps(result) for result in results) == [False, True]
    assert len(place.bases()) == 1


def test_the_least_recently_used_goes_first_and_none_that_is_in_use(base: Base, bases: Path) -> None:
    for one in place.bases():
        assert one == base or place.remove(one.folder)
    stranger = bases / "stranger"
    stranger.mkdir(mode=0o700)
    holder = subprocess.Popen(
        [
            sys.executable, "-c",
            "import fcntl, sys, time; file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_SH); print(flush=True);"
            " time.sleep(60)",
            str(base.folder / place.MARK),
        ],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert room.prune(0) == ()
    finally:
        holder.kill()
        holder.wait()
        if holder.stdout is not None:
            holder.stdout.close()
    assert room.prune(base.bytes) == ()
    assert room.prune(base.bytes - 1) == (base.folder,)
    assert not place.bases()
    assert stranger.is_dir()
    stranger.rmdir()


def test_the_nightly_verification_builds_it(
    tmp_path: Path, source: Address, backup: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where somebody said how old it may be; what fails is told with all else that failed."""
    monkeypatch.setenv("PGPASSWORD", source.parameters.get("password", ""))
    monkeypatch.delenv("PGSAFE_SERVER_CACHE")
    root = tmp_path / "root"
    shutil.copytree(backup, root / "nightly" / "one")
    file = tmp_path / "pgsafe.toml"
    command = ["daily", str(root), f"--config={file}", "--server=local", "--json"]
    file.write_text(f'[source]\ndsn = "{uri(source)}"\n')
    assert answer(command, capsys)["bases"] == []
    file.write_text(f'[source]\ndsn = "{uri(source)}"\n[server]\ncache = "1 day"\n')
    [name] = answer(command, capsys)["bases"]
    assert name in {base.folder.name for base in place.bases()}
    # A base that cannot be kept is a failure of the night.
    file.write_text(
        f'[source]\ndsn = "{uri(source)}"\n[server]\ncache = "1 day"\n[hooks]\nafter_restore = ["cmd:true"]\n'
    )
    failed = answer(command, capsys, status=1)
    assert failed["bases"] == []
    assert "no base can be kept" in failed["failures"][0]
