"""What long commands show of themselves: on a terminal, on standard error, and nothing of it is left."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg import sql

from pytest_pgsafe.cli import run
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect
from tests.server.runbook import SCHEMA, env_of, uri

#: Of a terminal: a line is cleared, the cursor is shown.
CLEARED, SHOWN = "\x1b[2K", "\x1b[?25h"
CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A terminal whose text is kept."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.text = ""
        self._seen = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                more = os.read(self.master, 4096)
            except OSError:
                return
            if not more:
                return
            with self._seen:
                self.text += more.decode(errors="replace")
                self._seen.notify_all()

    def wait_for(self, word: str) -> None:
        with self._seen:
            assert self._seen.wait_for(lambda: word in self.text, timeout=60), self.text

    def close(self) -> None:
        """Hang up; what was written is read first."""
        os.close(self.slave)
        self._thread.join()
        os.close(self.master)

    @property
    def left(self) -> str:
        """What stands on the screen at the end: nothing that was drawn."""
        assert self.text.count("\x1b[?25l") == self.text.count(SHOWN)
        behind = self.text[self.text.rindex(SHOWN) :]
        return CODE.sub("", behind).strip()


@pytest.fixture
def source(database: Address, monkeypatch: pytest.MonkeyPatch) -> Address:
    with connect(database, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(SCHEMA)
    for name, value in env_of(database).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    return database


@contextmanager
def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """Make standard error a terminal."""
    terminal = Terminal()
    try:
        with monkeypatch.context() as patch, os.fdopen(os.dup(terminal.slave), "w", encoding="utf-8") as stream:
            patch.setattr(sys, "stderr", stream)
            yield terminal
    finally:
        terminal.close()


def test_steps_and_bytes_are_drawn_on_a_terminal_and_nowhere_else(
    source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    new = f"{source.dbname}_new"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pgsafe.toml").write_text(
        f'[source]\ndsn = "{uri(source)}"\n[server]\nuse = "{uri(source, "postgres")}"\n[backup]\nroot = "kept"\n'
        '[storage]\nurl = "share"\n'
    )
    commands = {
        ("backup", "--verify"): ("source", "preflight", "dump", "checksums", "decode", "restore", "compare"),
        ("daily",): (f"{source.dbname}/2", "restore"),
        ("push",): ("upload database.dump", "read back facts.json"),
        ("pull", "--root=there"): ("download database.dump", "checksums"),
        ("restore", f"--into={uri(source, new)}"): ("restore", "analyze", "verify"),
    }
    try:
        for command, words in commands.items():
            with on_a_terminal(monkeypatch) as terminal:
                assert run(command) == 0
            assert [word for word in words if word not in terminal.text] == [], command
            assert terminal.left == ""
            assert capsys.readouterr().out
            if command == ("push",):
                # A step is drawn when it begins.
                assert re.search(r"upload database\.dump\W+0 bytes of [\d.]+ KiB", CODE.sub("", terminal.text))
        # In JSON not even there; and without a terminal never.
        with on_a_terminal(monkeypatch) as terminal:
            assert run(["status", "--json"]) == 0
        assert terminal.text == ""
        capsys.readouterr()
        assert run(["status"]) == 0
        assert capsys.readouterr().err == ""
        with monkeypatch.context() as patch, on_a_terminal(patch) as terminal:
            patch.setenv("TERM", "dumb")
            assert run(["status"]) == 0
        assert "\x1b" not in terminal.text
        assert "checksums …" in terminal.text
    finally:
        with connect(source.with_(dbname="postgres"), read_only=False) as session:
            session.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(new)))


def test_an_interrupted_command_leaves_a_clean_line(source: Address, tmp_path: Path) -> None:
    terminal = Terminal()
    program = "import sys; from pytest_pgsafe.cli import main; main()"
    arguments = ["backup", f"--source={uri(source)}", f"--root={tmp_path}"]
    with connect(source, read_only=False, autocommit=False) as blocking:
        # Nothing can be dumped as long as this is held.
        blocking.execute("lock table public.account in access exclusive mode")
        child = subprocess.Popen(
            [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=terminal.slave
        )
        try:
            terminal.wait_for("dump")
            child.send_signal(signal.SIGINT)
            out, _ = child.communicate(timeout=60)
        finally:
            child.kill()
            child.wait()
        blocking.rollback()
    terminal.close()
    assert (child.returncode, out) == (2, b"")
    assert terminal.left == "pgsafe: interrupted"
    assert CLEARED in terminal.text
    assert not list(tmp_path.rglob("*dump*"))
