"""Where statements end, and which parts of a text are secrets."""

from __future__ import annotations

import pytest

from pytest_pgsafe.passwords import redact
from pytest_pgsafe.reading.script import statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a; b;c", ["a", "b", "c"]),
        ("a -- ; no\n; b", ["a", "b"]),
        ("a /* ; /* ; */ ; */ b; c", ["a   b", "c"]),
        ("select ';''; ' ; b", ["select ';''; '", "b"]),
        (r"select e'\'; ' ; b", [r"select e'\'; '", "b"]),
        (r"select '\'; b", [r"select '\'", "b"]),
        ('select ";" ; b', ['select ";"', "b"]),
        ("do $x$ a; $y$ ; $x$; b", ["do $x$ a; $y$ ; $x$", "b"]),
        ("select a$1; b", ["select a$1", "b"]),
        ("create rule r as on insert to t do (a; b); c", ["create rule r as on insert to t do (a; b)", "c"]),
        (
            "create function f() returns int begin atomic select 1; select case when true then 1 end; end; b",
            ["create function f() returns int begin atomic select 1; select case when true then 1 end; end", "b"],
        ),
        ("begin; a; end; b", ["begin", "a", "end", "b"]),
        ("select '", ["select '"]),
        ("/* open", []),
    ],
)
def test_statements(text: str, expected: list[str]) -> None:
    assert list(statements(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "alter role a password 'gehei''m'",
        "ALTER ROLE a WITH ENCRYPTED PASSWORD 'gehei''m' LOGIN",
        "create user mapping for a server s options (user 'a', password 'gehei''m')",
        "create subscription s connection 'host=h password=gehei''m user=u' publication p",
        "create subscription s connection 'host=h password=''gehei''''m'' user=u' publication p",
        "select dblink('host=h password = gehei''m dbname=x')",
        "could not connect to postgresql://app:gehei''m@db.example/crm",
        "DATABASE_URL=postgresql+psycopg://app:gehei''m@db.example/crm",
        "the key is gehei''m, indeed",
    ],
)
def test_passwords_are_hidden(text: str) -> None:
    shown = redact(text, "gehei''m")
    assert "gehei" not in shown
    assert "********" in shown


@pytest.mark.parametrize("text", ["alter role a password 'geheim'", "x password=geheim y", "p://u:geheim@h/d"])
def test_passwords_are_hidden_that_nobody_named(text: str) -> None:
    assert "geheim" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "alter table users add column password text not null",
        "select 'a:b@c'",
        "see http://host:80/x",
        "insert into t values ('a')",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert redact(text, "", "ab") == text
