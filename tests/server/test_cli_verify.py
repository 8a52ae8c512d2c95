"""Which check sees which fault of a backup; every one of them is refused, and status believes nothing else."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pytest_pgsafe.backup import manifest
from pytest_pgsafe.catalog import codec
from pytest_pgsafe.cli import run
from pytest_pgsafe.config.values import Source
from pytest_pgsafe.copy.source import examine
from pytest_pgsafe.errors import BackupError
from pytest_pgsafe.runbook.keep import keep
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.values import NotVerified, Snapshot
from tests.server.runbook import SCHEMA, answer, uri

MONTH = timedelta(days=30)
#: As it is, its parts uncompressed, and in a folder of files, also uncompressed.
KINDS = {"custom": (1, None), "raw": (1, "0"), "directory": (2, None), "raw directory": (2, "0")}


@pytest.fixture(scope="module")
def backups(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Backups of one database in each kind, and one ("other") of a moment when a note was another one."""
    root = tmp_path_factory.mktemp("root")
    database = server.create("faults")
    with connect(database, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(SCHEMA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", database.parameters.get("password", ""))
        source = examine(Source(dsn=uri(database)))
        found: dict[str, Path] = {}
        for kind, (jobs, compress) in KINDS.items():
            taken = keep(source, root, environment=kind.replace(" ", "-"), retain=MONTH, jobs=jobs, compress=compress)
            assert taken.archive.folder is not None
            found[kind] = taken.archive.folder
        with connect(database, read_only=False) as connection:
            connection.execute("update public.account set note = 'other' where id = 7")
        taken = keep(source, root, environment="other", retain=MONTH, jobs=1, compress="0")
        assert taken.archive.folder is not None
        found["other"] = taken.archive.folder
        yield found
    server.drop(database)


@pytest.fixture
def scratch(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Restore into the server of the test, as one that was named."""
    address = server.address()
    monkeypatch.setenv("PGPASSWORD", address.parameters.get("password", ""))
    # The dumps of these tests are not pgsafe's, and the server's role is a superuser.
    monkeypatch.setenv("PGSAFE_SERVER_SUPERUSER", "1")
    return f"--server={uri(address)}"


def largest(folder: Path) -> Path:
    files = [path for path in (folder / "database.dump").iterdir() if path.name != "toc.dat"]
    return max(files, key=lambda path: path.stat().st_size)


def cut(folder: Path) -> None:
    path = folder / "database.dump"
    os.truncate(path, path.stat().st_size * 6 // 10)


def flipped(folder: Path) -> None:
    path = largest(folder)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def altered(folder: Path) -> None:
    path = folder / "database.dump"
    data = path.read_bytes()
    assert data.count(b"note 77\n") == 1
    path.write_bytes(data.replace(b"note 77\n", b"note 78\n"))


def altered_and_told(folder: Path) -> None:
    altered(folder)
    told = manifest.load(folder)
    manifest.write(folder, replace(told, files=manifest.describe(folder)))


def largest_emptied(folder: Path) -> None:
    os.truncate(largest(folder), 0)


def largest_halved(folder: Path) -> None:
    path = largest(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))


def largest_gone(folder: Path) -> None:
    largest(folder).unlink()


def emptied(folder: Path) -> None:
    os.truncate(folder / "database.dump", 0)


def renamed(folder: Path) -> None:
    (folder / "database.dump").rename(folder / "crm.dump")


def mixed_up(folder: Path) -> None:
    shutil.copy(folder.with_name("other") / "database.dump", folder / "database.dump")


def half_written(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def facts_edited(folder: Path) -> None:
    path = folder / "facts.json"
    path.write_bytes(path.read_bytes().replace(b'"rows":500', b'"rows":501', 1))


def fitted(folder: Path, change: Callable[[Snapshot], Snapshot]) -> None:
    """Change the facts, and make a manifest that fits."""
    facts = manifest.facts(folder)
    assert facts is not None
    (folder / manifest.FACTS).write_bytes(codec.dumps(change(facts)))
    told = manifest.load(folder)
    manifest.write(folder, replace(told, files=manifest.describe(folder)))


def facts_without_tables(folder: Path) -> None:
    fitted(folder, lambda facts: replace(facts, tables={}))


def facts_without_a_table(folder: Path) -> None:
    fitted(folder, lambda facts: replace(facts, tables=dict(list(facts.tables.items())[1:])))


def facts_without_columns(folder: Path) -> None:
    fitted(
        folder,
        lambda facts: replace(facts, tables={name: replace(table, columns={}) for name, table in facts.tables.items()}),
    )


def facts_without_keys(folder: Path) -> None:
    fitted(folder, lambda facts: replace(facts, foreign_keys={}))


def facts_without_sequences(folder: Path) -> None:
    fitted(folder, lambda facts: replace(facts, sequences={}))


def facts_that_verify_nothing(folder: Path) -> None:
    unread = lambda facts: tuple(NotVerified(object=name, reason="too large") for name in facts.tables)  # noqa: E731
    fitted(folder, lambda facts: replace(facts, not_verified=unread(facts)))


def stranger(folder: Path) -> None:
    (folder / "notes.txt").write_text("not of this backup")


ARCHIVE = {"format", "size", "checksums", "contents", "decode", "restore"}
#: The fault, the kind of backup it is done to, and the outcomes that fail.
FAULTS: list[tuple[Callable[[Path], None], str, set[str]]] = [
    (cut, "custom", {"size", "checksums", "decode", "restore"}),
    (flipped, "directory", {"checksums", "decode", "restore"}),
    (altered, "raw", {"checksums", "content"}),
    (altered_and_told, "raw", {"content"}),
    (largest_emptied, "directory", {"format", "size", "checksums"}),
    (largest_halved, "raw directory", {"format", "size", "checksums"}),
    (largest_gone, "directory", {"size", "checksums", "decode", "restore"}),
    (emptied, "custom", ARCHIVE),
    (renamed, "custom", {"format", "size", "checksums"}),
    (mixed_up, "raw", {"size", "checksums", "content"}),
    (half_written, "custom", {"exists", "format"}),
    (facts_edited, "custom", {"checksums", "counts"}),
    (facts_without_tables, "custom", set()),
    (facts_without_a_table, "custom", {"content"}),
    (facts_without_columns, "custom", {"content"}),
    (facts_without_keys, "custom", {"orphans"}),
    (facts_without_sequences, "custom", {"content"}),
    (facts_that_verify_nothing, "custom", set()),
    (stranger, "custom", {"checksums"}),
]


@pytest.mark.parametrize(("fault", "kind", "failing"), FAULTS, ids=[fault.__name__ for fault, _, _ in FAULTS])
def test_a_fault_is_seen_by_these_checks(
    backups: dict[str, Path],
    scratch: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fault: Callable[[Path], None],
    kind: str,
    failing: set[str],
) -> None:
    folder = tmp_path / "root" / backups[kind].parent.name / backups[kind].name
    shutil.copytree(backups[kind], folder)
    shutil.copytree(backups["other"], folder.with_name("other"))
    fault(folder)
    found = answer(["verify", str(folder), scratch, "--json"], capsys, status=1)
    assert found["proven"] is False
    assert {one["name"] for one in found["outcomes"] if one["result"] == "failed"} == failing, found
    shutil.rmtree(folder.with_name("other"))
    ready = answer(["status", str(tmp_path / "root"), "--json"], capsys, status=1)
    assert ready["ready"] is False


def test_every_flipped_bit_is_refused(backups: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    shutil.copytree(backups["custom"], folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    weights = [path.stat().st_size for path in files]
    chance = random.Random(20261122)
    for _ in range(500):
        path = chance.choices(files, weights)[0]
        data = path.read_bytes()
        at = chance.randrange(len(data))
        broken = bytearray(data)
        broken[at] ^= 1 << chance.randrange(8)
        path.write_bytes(broken)
        with pytest.raises(BackupError):
            manifest.read(folder)
        path.write_bytes(data)
    assert manifest.read(folder)


def test_status_follows_the_proof(
    backups: dict[str, Path], scratch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    folder = root / "directory" / backups["directory"].name
    shutil.copytree(backups["directory"], folder)
    status = ["status", str(root), "--json"]
    assert "no backup is proven" in answer(status, capsys, status=1)["reasons"][0]
    answer(["verify", str(folder), scratch, "--json"], capsys)
    ready = answer(status, capsys)
    assert (ready["ready"], ready["reasons"]) == (True, [])
    assert run(["status", str(root)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "READY FOR MIGRATION: YES"
    assert "old" in answer([*status, "--max-age=0m"], capsys, status=1)["reasons"][0]
    flipped(folder)
    assert "no longer what was proven" in answer(status, capsys, status=1)["reasons"][0]
    # Sizes alone do not see it, and say less.
    answer([*status, "--no-checksums"], capsys)
    answer(["verify", str(folder), scratch, "--json"], capsys, status=1)
    reasons = answer([*status, "--no-checksums"], capsys, status=1)["reasons"]
    assert "was verified and failed: checksums, decode, restore" in reasons[0]
    folder.rename(folder.with_name("aside"))
    (root / "directory").rename(root / "production")
    assert answer(status, capsys, status=1)["ready"] is False


def test_a_proof_of_another_manifest_proves_nothing(
    backups: dict[str, Path], scratch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    shutil.copytree(backups["raw"], one)
    shutil.copytree(backups["other"], other)
    answer(["verify", str(one), scratch, "--json"], capsys)
    shutil.copy(one / "proof.json", other)
    assert answer(["status", str(other), "--json"], capsys, status=1)["backups"][0]["proven"] is False


def test_a_dump_of_somebody_else_is_restored_and_never_proven(
    backups: dict[str, Path], scratch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = tmp_path / "crm.dump"
    shutil.copy(backups["custom"] / "database.dump", foreign)
    found = answer(["verify", str(foreign), scratch, "--json"], capsys, status=1)
    assert {one["name"]: one["result"] for one in found["outcomes"]} == {
        "exists": "passed", "format": "passed", "size": "skipped", "checksums": "skipped", "age": "skipped",
        "contents": "passed", "decode": "passed", "restore": "passed", "counts": "skipped", "content": "skipped",
        "structure": "skipped", "orphans": "passed",
    }  # fmt: skip
    plain = tmp_path / "crm.sql"
    shutil.copy(backups["custom"] / "database.sql", plain)
    assert answer(["verify", str(plain), scratch, "--json"], capsys, status=1)["restore_seconds"] is not None
    os.truncate(plain, plain.stat().st_size // 2)
    found = answer(["verify", str(plain), scratch, "--json"], capsys, status=1)
    assert {one["name"] for one in found["outcomes"] if one["result"] == "failed"} == {"format", "restore"}


def test_rows_alone_are_refused_and_orphans_are_seen_though_the_key_is_valid(
    server: Server, database: Address, scratch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with connect(database, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(SCHEMA)

    def dump(name: str, *arguments: str) -> Path:
        done = server.programs.run("pg_dump", list(arguments), address=database, stdout=tmp_path / name)
        assert done.returncode == 0, done.stderr
        return tmp_path / name

    rows = ["--data-only", "--disable-triggers"]
    for path in (dump("rows.sql", *rows), dump("rows.dump", *rows, "--format=custom")):
        found = answer(["verify", str(path), scratch, "--json"], capsys, status=1)
        [failed] = [one for one in found["outcomes"] if one["result"] == "failed"]
        assert failed["name"] == "restore"
        assert "rows alone (--data-only)" in failed["said"]
    # The tables with their keys, then rows that nobody looks at, without those that they point to.
    whole = tmp_path / "orphans.sql"
    schema, children = dump("schema.sql", "--schema-only"), dump("children.sql", *rows, "--table=public.log")
    whole.write_bytes(schema.read_bytes() + children.read_bytes())
    found = answer(["verify", str(whole), scratch, "--json"], capsys, status=1)
    outcomes = {one["name"]: one for one in found["outcomes"]}
    assert outcomes["restore"]["result"] == "passed"
    assert outcomes["orphans"]["result"] == "failed"
    assert "public.log.log_account_fkey: 500 rows without what it points to" in outcomes["orphans"]["said"]
    into = f"{database.dbname}_rows"
    told = answer(["restore", str(whole), f"--into={uri(database, into)}", "--json"], capsys, status=1)["error"]
    assert "have orphans" in told["message"]
    with connect(database) as connection:
        assert connection.execute("select from pg_database where datname = %s", (into,)).rowcount == 0
