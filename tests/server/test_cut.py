"""A dump that is cut, in each form and at many places: told within seconds, never green, and nothing hangs."""

from __future__ import annotations

import gzip
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.backup import whole
from pytest_pgsafe.backup.archive import recognise
from pytest_pgsafe.backup.restore import restore
from pytest_pgsafe.cli import run
from pytest_pgsafe.errors import PgsafeError, RestoreError
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from tests.tiers import FULL

#: How many places a file is cut at, twenty with PGSAFE_TEST_FULL=1; and the seconds within which each is told.
PLACES = 20 if FULL else 8
SOON = 20.0
FORMS = {
    "plain": ["-Fp"], "gzip": ["-Fp"], "tar": ["-Ft"], "custom": ["-Fc"], "custom raw": ["-Fc", "-Z0"],
    "custom lz4": ["-Fc", "-Zlz4"], "custom zstd": ["-Fc", "-Zzstd"], "folder": ["-Fd"], "folder raw": ["-Fd", "-Z0"],
    "folder lz4": ["-Fd", "-Zlz4"], "folder zstd": ["-Fd", "-Zzstd"], "folder inserts": ["-Fd", "-Z0", "--inserts"],
}  # fmt: skip
SCHEMA = """
create table public.a (id int primary key, t text);
insert into public.a select n, md5(n::text) from generate_series(1, 800) n;
create table public.b (id int primary key, a int references public.a, t text);
insert into public.b select n, n % 800 + 1, repeat(md5(n::text), 3) from generate_series(1, 800) n;
create table public.nothing (id int);
create table public.blank (t text);
insert into public.blank values (''), ('x;'), ('');
select lo_from_bytea(0, convert_to(repeat(md5(n::text), 200), 'utf8')) from generate_series(1, 5) n;
"""


@pytest.fixture(scope="module")
def host(programs: LocalPrograms) -> Iterator[LocalServer]:
    with LocalServer.start(programs) as started:
        yield started


@pytest.fixture(scope="module")
def dumps(host: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A dump of one database in each form that this major knows."""
    database = host.create("cut")
    with connect(database, read_only=False) as session:
        session.execute(SCHEMA)
    place = tmp_path_factory.mktemp("dumps")
    found: dict[str, Path] = {}
    for form, arguments in FORMS.items():
        if host.programs.version.major < 16 and form.endswith(("lz4", "zstd")):
            continue
        path = place / form.replace(" ", "-")
        done = host.programs.run("pg_dump", [*arguments, f"--file={path}"], address=database)
        assert done.returncode == 0, done.stderr
        if form == "gzip":
            path.write_bytes(gzip.compress(path.read_bytes()))
        found[form] = path
    return found


def copied(dump: Path, place: Path) -> Path:
    target = place / "cut"
    shutil.rmtree(target, ignore_errors=True)
    target.unlink(missing_ok=True) if target.is_file() else None
    return Path(shutil.copytree(dump, target) if dump.is_dir() else shutil.copy(dump, target))


def files(dump: Path) -> list[str]:
    """Return what of a dump is cut; a large object as it is has no end of its own."""
    if dump.is_file():
        return ["."]
    names = sorted(path.name for path in dump.iterdir())
    return [name for name in names if not (name.startswith("blob_") and name.endswith(".dat"))]


def places(data: bytes) -> list[int]:
    """Return where to cut: evenly, at the end of a line, at its last byte that holds anything."""
    size = len(data)
    line = data.rfind(b"\n", 0, size * 2 // 3) + 1
    # What stands behind the closing words of a plain dump holds nothing.
    last = len(data.rstrip(b"\n\0")) - 1 if b"database dump complete" not in data[-200:] else line
    return sorted({n * size // PLACES for n in range(PLACES)} | {line, last})


@pytest.mark.parametrize("form", FORMS)
def test_a_dump_that_is_cut_is_told(host: LocalServer, dumps: dict[str, Path], tmp_path: Path, form: str) -> None:
    if form not in dumps:
        pytest.skip("not of this major")
    whole.check(dumps[form])
    database = host.create("whole")
    restore(recognise(dumps[form]), database, host.programs, owners=False)
    host.drop(database)
    for name in files(dumps[form]):
        data = (dumps[form] / name).read_bytes()
        for place in places(data):
            path = copied(dumps[form], tmp_path)
            (path / name).write_bytes(data[:place])
            begin = time.monotonic()
            assert refused(host, path), f"{form} {name} cut at {place} of {len(data)} is restored"
            assert time.monotonic() - begin < SOON


def refused(host: LocalServer, path: Path) -> bool:
    """Tell whether a dump is not restored, into a database of its own: in another's it might fail for that."""
    try:
        found = recognise(path)
        if not found.packed:
            whole.check(path)
    except PgsafeError:
        return True
    database = host.create("cut")
    try:
        restore(found, database, host.programs, owners=False)
    except PgsafeError:
        return True
    finally:
        host.drop(database)
    return False


def test_a_file_of_a_folder_that_is_missing_is_told(host: LocalServer, dumps: dict[str, Path], tmp_path: Path) -> None:
    for path in sorted(dumps["folder raw"].iterdir()):
        folder = copied(dumps["folder raw"], tmp_path)
        (folder / path.name).unlink()
        assert refused(host, folder), f"{path.name} is missing, and the folder is restored"


def test_a_tar_is_told_by_its_members(dumps: dict[str, Path], tmp_path: Path) -> None:
    data = dumps["tar"].read_bytes()
    path = tmp_path / "dump.tar"
    for size in range(512, len(data), 512):
        path.write_bytes(data[:size])
        with pytest.raises(RestoreError, match="the dump is cut"):
            whole.check(path)
    # As GNU's tar fills its last record.
    path.write_bytes(data + bytes(10240))
    whole.check(path)
    path.write_bytes(data.replace(b"toc.dat\0", b"tok.dat\0", 1))
    with pytest.raises(RestoreError):
        whole.check(path)


@pytest.mark.parametrize("form", ["tar", "folder raw"])
def test_the_verification_of_a_cut_dump_ends(
    dumps: dict[str, Path], tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied(dumps[form], tmp_path)
    file = path if path.is_file() else max(path.glob("*.dat"), key=lambda one: one.stat().st_size)
    data = file.read_bytes()
    file.write_bytes(data[: data.rfind(b"\n", 0, len(data) // 2) + 1])
    begin = time.monotonic()
    assert run(["verify", str(path), "--server=local"]) == 1
    assert time.monotonic() - begin < SOON
    assert "the dump is cut: parts of it are missing" in capsys.readouterr().out
