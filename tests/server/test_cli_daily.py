"""``pgsafe daily``: the latest backup is drilled, and what is wrong is told, or that is a failure too."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_pgsafe.backup import manifest
from pytest_pgsafe.catalog import codec
from pytest_pgsafe.catalog.values import Extension
from pytest_pgsafe.errors import ConfigError, StepError
from pytest_pgsafe.runbook import alerts
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect
from tests.server.runbook import SCHEMA, answer, uri


class Web(HTTPServer):
    """A web server that answers a path that is a number with that status, and keeps what it was told."""

    told: list[dict[str, Any]]


class _Handler(BaseHTTPRequestHandler):
    server: Web

    def do_POST(self) -> None:
        status = int(self.path.strip("/"))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if status < 300:
            self.server.told.append(json.loads(body))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web(("127.0.0.1", 0), _Handler)
    server.told = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_alert_that_is_not_accepted_was_not_sent(web: Web, status: int) -> None:
    url = f"http://127.0.0.1:{web.server_port}/{status}"
    with pytest.raises(StepError, match=str(status)):
        alerts.send(url, "title", {})
    assert web.told == []


def test_nobody_there_is_not_told(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StepError, match="not delivered"):
        alerts.send("http://127.0.0.1:1/secret-token", "title", {})
    monkeypatch.setattr(alerts, "TIMEOUT", 0.2)
    silent = HTTPServer(("127.0.0.1", 0), _Handler)
    try:
        with pytest.raises(StepError, match="timed out") as told:
            alerts.send(f"http://127.0.0.1:{silent.server_port}/secret-token", "title", {})
    finally:
        silent.server_close()
    assert "secret-token" not in str(told.value)
    with pytest.raises(ConfigError):
        alerts.check("just words")


# Of the libraries that apprise loads.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mail_goes_to_a_real_server_and_a_refusal_is_a_failure() -> None:
    pytest.importorskip("apprise")
    smtp = pytest.importorskip("aiosmtpd.smtp")
    received: list[bytes] = []

    class Handler:
        refuse = False

        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
            if self.refuse:
                return "550 not today"
            received.append(envelope.content)
            return "250 OK"

    handler = Handler()
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(loop.create_server(lambda: smtp.SMTP(handler, loop=loop), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        port = listening.sockets[0].getsockname()[1]
        url = f"mailto://127.0.0.1:{port}/?from=pgsafe@example.com&to=dba@example.com&mode=insecure"
        alerts.check(url)
        alerts.send(url, "a backup failed", {"root": "/backups"})
        assert message_from_bytes(received[0])["Subject"] == "a backup failed"
        handler.refuse = True
        with pytest.raises(StepError):
            alerts.send(url, "a backup failed", {})
    finally:
        loop.call_soon_threadsafe(listening.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_the_latest_backup_is_drilled_and_what_fails_is_told(
    database: Address, web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(database, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(SCHEMA)
    monkeypatch.setenv("PGPASSWORD", database.parameters.get("password", ""))
    root, log = tmp_path / "root", tmp_path / "daily.log"
    root.mkdir()
    here = f"http://127.0.0.1:{web.server_port}"
    arguments = [
        "daily", str(root), f"--server={uri(database, 'postgres')}", f"--log={log}", f"--ping={here}/201",
        f"--alert={here}/200", "--json",
    ]  # fmt: skip
    assert "no complete backup" in answer(arguments, capsys, status=1)["failures"][0]
    take = ["backup", f"--source={uri(database)}", f"--root={root}", "--environment=e", "--no-plain", "--json"]
    first = Path(answer(take, capsys)["folder"])
    found = answer(arguments, capsys)
    assert [(one["folder"], one["proven"]) for one in found["backups"]] == [(str(first), True)]
    assert answer(["status", str(root), "--json"], capsys)["ready"] is True
    # The latest by its manifest, whatever its folder is called and when that was written.
    latest = Path(answer(take, capsys)["folder"])
    latest.rename(latest.with_name("0"))
    latest = latest.with_name("0")
    (latest / "database.dump").write_bytes(b"")
    found = answer(arguments, capsys, status=1)
    assert [(one["folder"], one["proven"]) for one in found["backups"]] == [(str(latest), False)]
    shutil.rmtree(latest)
    old = answer([*arguments, "--max-age=0m"], capsys, status=1)
    assert old["backups"][0]["failures"][0].startswith("age: it is")
    assert [told["title"].partition(":")[2].strip() for told in web.told] == [
        "a backup failed its verification", "all backups are proven", *["a backup failed its verification"] * 2
    ]  # fmt: skip
    # One that cannot be verified here is told, and keeps no other from its drill.
    shutil.copytree(first, root / "f" / first.name)
    lacking = root / "f" / first.name
    (lacking / "proof.json").unlink()
    facts = manifest.facts(lacking)
    wanted = {
        **facts.catalog.extensions,
        "nowhere": Extension(name="nowhere", version="1", schema="public", owner="postgres"),
    }
    (lacking / "facts.json").write_bytes(codec.dumps(replace(facts, catalog=replace(facts.catalog, extensions=wanted))))
    manifest.write(lacking, replace(manifest.load(lacking), files=manifest.describe(lacking)))
    found = answer(arguments, capsys, status=1)
    assert {one["folder"]: one["proven"] for one in found["backups"]} == {str(first): True, str(lacking): False}
    assert "lacks the extension nowhere" in found["backups"][-1]["failures"][0]
    web.told.clear()
    answer(["daily", str(lacking), *arguments[2:]], capsys, status=4)
    assert web.told[0]["title"] == "pgsafe daily could not begin"
    shutil.rmtree(lacking)
    refused = [word.replace(f"{here}/201", f"{here}/500") for word in arguments]
    assert "an alert was refused: 500" in answer(refused, capsys, status=1)["failures"][0]
    # Not even begun: told as well.
    web.told.clear()
    answer(["daily", str(tmp_path / "nowhere"), f"--alert={here}/200", f"--log={log}", "--json"], capsys, status=4)
    assert web.told[0]["title"] == "pgsafe daily could not begin"
    lines = log.read_text().splitlines()
    assert any(line.endswith(f"proven {first}") for line in lines)
    assert "ERROR could not begin" in lines[-1]
