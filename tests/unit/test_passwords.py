"""Passwords in texts of others: hidden by their values, and by the places where they stand."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from pytest_pgsafe.config.values import Hook, Settings, Way
from pytest_pgsafe.errors import PgsafeError
from pytest_pgsafe.migrate.tools import Command
from pytest_pgsafe.passwords import HIDDEN, redact

SPECIAL = "/@:?#%&[]'\"\\ ü"
PASSWORDS = [f"q7{mark}xz9{mark}kw4" for mark in SPECIAL]


def shown(text: str) -> bool:
    return any(piece in text for piece in ("q7", "xz9", "kw4"))


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "written",
    [
        str, lambda it: quote(it, safe=""), quote, quote_plus, json.dumps, repr, shlex.quote,
        lambda it: it.replace("'", "''"), lambda it: it.replace("\\", "\\\\").replace("'", "\\'"),
        lambda it: json.dumps(it, ensure_ascii=False),
    ],
)  # fmt: skip
def test_a_known_password_is_hidden_however_it_is_written(written: object, password: str) -> None:
    assert callable(written)
    text = redact(f"the tool said: {written(password)} is wrong, {written(password)}!", password)
    assert not shown(text)
    assert text.startswith("the tool said: ")
    assert text.endswith("!")


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "form",
    [
        "postgresql://u:{}@h/d", "could not connect to 'postgresql+psycopg://u:{}@h:5432/d?x=1', giving up",
        "mysql://:{}@h", "x postgres://u:{}@h/d y\nnext", "password: {}", "Password:\t{}\nnext",
        "  password: {}  # of the staging database",
    ],
)  # fmt: skip
def test_an_unknown_password_is_hidden_by_its_place(form: str, password: str) -> None:
    text = redact(form.format(password), printed=True)
    assert not shown(text)
    assert HIDDEN in text
    assert ("next" in text) == ("next" in form)


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "form",
    [
        "PGPASSWORD={} psql -h x", "PGPASSWORD={}", "export DB_PASSWORD={}; make", "tool --password {} up",
        "tool --password={} up", "tool --db-password={}", "dsn: host=h password={} dbname=d", "passwd={}",
    ],
)  # fmt: skip
def test_a_password_in_a_command_line_is_hidden(form: str, password: str) -> None:
    text = redact(form.format(shlex.quote(password)), printed=True)
    assert not shown(text)
    assert text.startswith(form.partition("{")[0])
    assert text.endswith(form.partition("}")[2][-3:])


@pytest.mark.parametrize(
    "text",
    [
        '{"user": "u", "password": "q7 xz9"}', "{'NAME': 'd', 'PASSWORD': 'q7 \\'xz9'}", "password => 'q7 xz9'",
        "DATABASE_PASSWORD: 'q7 xz9'", "repo1-cipher-pass=q7xz9", "client_secret = q7xz9",
        "['tool', '--password', 'q7 xz9', 'up']",
        "password=q7&xz9&sslmode=x",
    ],
)  # fmt: skip
def test_settings_that_a_program_prints(text: str) -> None:
    assert not shown(redact(text, printed=True))


@pytest.mark.parametrize(
    "text",
    [
        "fe_sendauth: no password supplied", 'password authentication failed for user "u"', "psql --no-password -h x",
        "ALTER TABLE users ADD COLUMN password text NOT NULL", "public.users.password: 3 values changed", "Password: ",
        'pg_dump --password --host=x', "http://localhost:8080/x?y=1", "mail to a@b.example", "git@host:project",
        "http://localhost:8080 is up, write to me@example.org",
    ],
)  # fmt: skip
def test_other_output_stays(text: str) -> None:
    assert redact(text, "", "ab", printed=True) == text


def test_a_command_is_shown_without_its_password() -> None:
    command = "PGPASSWORD=q7xz9 alembic -x url=postgresql://u:q7/xz9@h/d --password 'q7 xz9' upgrade head"
    way, hook = Way(kind="run", command=command), Hook(kind="run", text=command)
    origins = {"migration": "pgsafe.toml", "rollback": "pgsafe.toml"}
    header = "\n".join(Settings(folder=Path(), migration=way, rollback=way, origins=origins).header())
    for text in (str(way), str(hook), str(Command(command=command)), header):
        assert not shown(text)
        assert "alembic -x url=postgresql://u:********@h/d --password '********' upgrade head" in text
    assert not shown(str(Hook(kind="statement", text="alter role a password 'q7xz9'")))


def test_no_error_holds_a_password() -> None:
    error = PgsafeError("x: postgresql://u:q7/xz9@h/d", looked_at=["host=h password='q7 xz9'"])
    assert not shown(f"{error} {error!r} {error.message} {error.looked_at} {error.args}")
