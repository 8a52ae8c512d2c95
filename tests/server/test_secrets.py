"""No part of a password is printed or written, whatever it holds, however it is given, whichever command is called."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

import pytest
from psycopg import sql

from pytest_pgsafe.cli import run
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.tiers import FULL, part

#: Two pieces that stand in nothing else, and between them what means something in addresses, shells and files.
HEAD, TAIL = "Gqzw", "Kxvj"
MARKS = ["/", "@", ":", "?", "#", "%", "&", "[", "]", "'", '"', "\\", " ", "ü"]
ALL = "".join(MARKS)
FORMS = ["uri", "uri query", "conninfo", "service file", "PGPASSWORD", "passfile", "pgsafe.toml"]
#: Those that are read in different places.
READ = FORMS if FULL else ("conninfo", "passfile")


def password(marks: str) -> str:
    return f"{HEAD}{marks}{TAIL}"


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Address]:
    if not server.owns_cluster or server.kind == "container":
        pytest.skip("a role with a password is made on a server of the tests' own")
    address = server.create("secrets")
    with connect(address, read_only=False) as session:
        session.execute("create role app login superuser")
        session.execute("create table public.people (id int primary key, name text)")
        session.execute("insert into public.people values (1, 'Ada'), (2, 'Bea')")
    yield address
    server.drop(address)


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith(("PG", "PGSAFE"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def given(form: str, address: Address, secret: str, place: Path) -> dict[str, str]:
    """Return the environment that leads to a database with a password in one of its forms."""
    host, port, dbname = (address.parameters[name] for name in ("host", "port", "dbname"))
    quoted = secret.replace("\\", "\\\\").replace("'", "\\'")
    words = f"host={host} port={port} user=app dbname={dbname}"
    if form == "uri":
        return {"PGSAFE_SOURCE": f"postgresql://app:{quote(secret, safe='')}@{host}:{port}/{dbname}"}
    if form == "uri query":
        return {"PGSAFE_SOURCE": f"postgres://{host}:{port}/{dbname}?user=app&password={quote(secret, safe='')}\n"}
    if form == "conninfo":
        return {"PGSAFE_SOURCE": f"{words} password='{quoted}'"}
    if form == "service file":
        lines = words.replace(" ", "\n")
        write(place / "services", f"[mine]\n{lines}\npassword={secret}\n")
        return {"PGSAFE_SOURCE": "service=mine", "PGSERVICEFILE": str(place / "services")}
    if form == "PGPASSWORD":
        return {"PGSAFE_SOURCE": words, "PGPASSWORD": secret}
    if form == "passfile":
        escaped = secret.replace("\\", "\\\\").replace(":", "\\:")
        write(place / "passes", f"*:*:*:app:{escaped}\n")
        return {"PGSAFE_SOURCE": words, "PGPASSFILE": str(place / "passes")}
    write(
        place / "work" / "pgsafe.toml",
        f'[source]\ndsn = "postgresql://app:{quote(secret, safe="")}@{host}:{port}/{dbname}"\n',
    )
    return {}


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


class Processes(threading.Thread):
    """Samples what the other processes of this machine show of themselves."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self.samples = 0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.005):
            for folder in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    if int(folder.name) == os.getpid():
                        continue
                    try:
                        text = (folder / name).read_bytes()
                    except OSError:
                        continue
                    self.samples += 1
                    if HEAD.encode() in text or TAIL.encode() in text:
                        self.seen.add(f"{name}: {text!r}")

    def __enter__(self) -> Processes:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def found(folder: Path) -> list[str]:
    """Return the files in which a part of the password stands, but for those that gave it."""
    own = {"services", "passes", "pgsafe.toml"}
    return [
        str(path) for path in folder.rglob("*")
        if path.is_file() and path.name not in own and any(one.encode() in path.read_bytes() for one in (HEAD, TAIL))
    ]  # fmt: skip


def set_password(database: Address, secret: str) -> None:
    with connect(database, read_only=False) as session:
        session.execute(sql.SQL("alter role app password {}").format(sql.Literal(secret)))


COMMANDS: Mapping[str, list[str]] = {
    "snapshot": ["snapshot", "facts.json"],
    "backup": ["backup", "--root=root", "--environment=e"],
    "status": ["status", "root"],
    "verify": ["verify", "--root=root", "--server=local"],
    "daily": ["daily", "root", "--server=local"],
    "archive": ["archive", "root", f"--month={datetime.now(timezone.utc):%Y-%m}"],
    "prune": ["prune", "root"],
    "propose": ["propose"],
    "basebackup": ["pitr", "basebackup", "--root=bases"],
    "check": ["pitr", "check"],
}


@pytest.mark.parametrize("form", READ)
def test_every_command(
    database: Address, clean: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], form: str
) -> None:
    secret = password(ALL)
    set_password(database, secret)
    for name, value in given(form, database, secret, clean.parent).items():
        monkeypatch.setenv(name, value)
    ended: dict[str, int] = {}
    with Processes() as processes:
        for name, arguments in COMMANDS.items():
            ended[name] = run(arguments)
        [backup] = sorted((clean / "root" / "e").glob("20*"))
        ended["push"] = run(["push", str(backup), "store"])
        ended["pull"] = run(["pull", "store", "--root=pulled"])
        if form == "PGPASSWORD":
            into = Address.parse(os.environ["PGSAFE_SOURCE"]).with_(dbname="pgsafe_secrets_restored")
            words = " ".join(f"{name}={value}" for name, value in into.parameters.items())
            ended["restore"] = run(["restore", "--root=root", f"--into={words}"])
    out, err = capfd.readouterr()
    assert HEAD not in out + err
    assert TAIL not in out + err
    assert not found(clean.parent)
    assert not processes.seen
    assert processes.samples
    # They did reach the database: nothing that was not done could have shown it.
    assert {name for name, status in ended.items() if status == 4} <= {"check"}, (ended, err)
    assert ended["snapshot"] == ended["backup"] == ended["verify"] == 0, (ended, err)


@pytest.mark.parametrize("form", READ)
def test_a_rehearsal(database: Address, clean: Path, form: str) -> None:
    secret = password(ALL)
    set_password(database, secret)
    variables = given(form, database, secret, clean.parent)
    # A tool that prints all that it was given, and a migration that fails with it in its command.
    (clean / "tool.py").write_text(
        "import os, sys\nprint(sys.argv, dict(os.environ))\n"
        "import psycopg\nwith psycopg.connect(os.environ['DATABASE_URL']) as s: s.execute('select 1')\n"
        "print('password: Gqzw x Kxvj', 'PGPASSWORD=Gqzw%Kxvj', '--password Gqzw@Kxvj', 'postgres://u:Gqzw/@Kxvj@h/d')\n"
        "sys.exit(3)\n"
    )
    command = f"{sys.executable} tool.py --password '{HEAD} {TAIL}' postgresql://app:{HEAD}/{TAIL}@h/d"
    with Processes() as processes:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--pgsafe", "-v", "--pgsafe-server=local", "--junitxml=junit.xml", "-rA",
             "--pgsafe-report=r.json", "--pgsafe-report=r.md", "--pgsafe-report=r.html", "-p", "no:cacheprovider"],
            env={**os.environ, **variables, "PGSAFE_MIGRATION": f"cmd:{command}"}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    printed = done.stdout + done.stderr
    assert "ended with exit status 3" in printed
    assert HEAD not in printed
    assert TAIL not in printed
    assert {path.name for path in clean.iterdir()} >= {"r.json", "r.md", "r.html", "junit.xml"}
    assert [Path(path).name for path in found(clean.parent)] == ["tool.py"]
    # The caller's own variables, and the command that holds it, are the caller's doing.
    shown = [one for one in processes.seen if "tool.py" not in one and "PGSAFE_MIGRATION" not in one]
    assert not shown


@pytest.mark.parametrize("mark", part(MARKS, 3))
def test_each_character_in_each_form(
    database: Address, clean: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], mark: str
) -> None:
    secret = password(mark)
    set_password(database, secret)
    for form in FORMS:
        with monkeypatch.context() as patch:
            for name, value in given(form, database, secret, clean.parent).items():
                patch.setenv(name, value)
            assert run(["snapshot", f"{form}.json"]) == 0
        (clean / "pgsafe.toml").unlink(missing_ok=True)
    host, port, dbname = (database.parameters[name] for name in ("host", "port", "dbname"))
    raw = (
        f"postgresql://app:{secret}@{host}:{port}/{dbname}",
        f"postgresql://{host}:{port}/{dbname}?user=app&password={secret}",
        f"host={host} port={port} user=app dbname={dbname} password={secret}",
        f"postgresql+psycopg://app:{secret}@{host}:{port}/{dbname}",
        f"postgresql://app:{secret}@{host}:{port}/{dbname}?schema=public",
    )
    for number, text in enumerate(raw):
        for arguments in (["snapshot", f"{number}.json"], ["backup", "--root=root"], ["pitr", "check"]):
            with monkeypatch.context() as patch:
                patch.setenv("PGSAFE_SOURCE", text)
                assert run(arguments) in {0, 1, 4}
        assert run(["snapshot", f"--source={text}", "x.json"]) == 4
        assert run(["restore", "nothing", f"--into={text}"]) == 4
        assert run(["compare", text, text]) in {0, 4}
    out, err = capfd.readouterr()
    assert HEAD not in out + err
    assert TAIL not in out + err
    assert not found(clean.parent)


@pytest.mark.parametrize("mark", part(MARKS, 3))
def test_a_wrong_password_is_not_told(
    database: Address, clean: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], mark: str
) -> None:
    set_password(database, "another")
    for form in FORMS:
        with monkeypatch.context() as patch:
            for name, value in given(form, database, password(mark), clean.parent).items():
                patch.setenv(name, value)
            assert run(["snapshot", "facts.json"]) == 4
        (clean / "pgsafe.toml").unlink(missing_ok=True)
    out, err = capfd.readouterr()
    assert "password" in err
    assert HEAD not in out + err
    assert TAIL not in out + err
