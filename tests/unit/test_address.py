"""Addresses as people write them: each is read as it was meant, or refused in a sentence that repeats no part of it."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_pgsafe.config.address import AddressError, tidied
from pytest_pgsafe.config.forms import check_dsn
from pytest_pgsafe.config.strangers import PARAMETERS
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.server.address import Address

SPECIAL = "/@:?#%&[]'\"\\ ü=;,+"
#: Passwords of which no piece is a word of any sentence.
PASSWORDS = [f"q7{mark}xz9{mark}kw4" for mark in SPECIAL] + [f"{mark}q7xz9" for mark in SPECIAL] + ["q7xz9%", "12/q7@x"]
WANTED = {"user": "u", "host": "h.example", "port": "5433", "dbname": "d"}


def pieces(password: str) -> list[str]:
    return [piece for piece in ("q7", "xz9", "kw4") if piece in password]


def read(text: str) -> Address | AddressError:
    try:
        return Address.parse(text)
    except AddressError as error:
        return error


def told(error: AddressError | ConfigError) -> str:
    return " ".join([str(error), *error.remedies, repr(error), repr(error.__cause__), repr(error.__context__)])


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "form",
    [
        "postgresql://u:{}@h.example:5433/d",
        "postgres://u:{}@h.example:5433/d?sslmode=disable",
        "postgresql://h.example:5433/d?user=u&password={}",
        "postgresql://u@h.example:5433/d?password={}",
        "host=h.example port=5433 user=u dbname=d password={}",
        "password={} host=h.example port=5433 user=u dbname=d",
        "host=h.example port=5433 user=u dbname=d password='{}'",
        "postgresql://u:{}@h.example:5433",
        "postgresql://h.example:5433?user=u&dbname=d&password={}",
        "postgresql+psycopg://u:{}@h.example:5433/d",
        "jdbc:postgresql://h.example:5433/d?user=u&password={}",
        "Host=h.example;Port=5433;Username=u;Password={};Database=d",
        "postgresql://u:{}@h.example:5433/d?schema=public&pgbouncer=true&wat=1",
    ],
)
def test_a_raw_password_is_read_as_it_is_or_refused_unseen(form: str, password: str) -> None:
    address = read(form.format(password))
    if isinstance(address, AddressError):
        assert address.remedies
        assert not any(piece in told(address) for piece in pieces(password))
        return
    written = address.parameters["password"]
    # A conninfo string takes a backslash for what makes the next one ordinary, and no blank before a value.
    assert written in {password, password.replace("\\", ""), password.lstrip()}
    assert {**WANTED, "dbname": "d"}.items() >= {**WANTED, **address.parameters}.items() - {
        ("password", written), ("sslmode", "disable"),
    }  # fmt: skip
    assert not any(piece in f"{address} {address!r}" for piece in pieces(password))


@pytest.mark.parametrize("password", PASSWORDS)
def test_an_encoded_or_quoted_password_is_read(password: str) -> None:
    escaped = password.replace("\\", "\\\\").replace("'", "\\'")
    for text in (
        f"postgresql://u:{quote(password, safe='')}@h.example:5433/d",
        f"postgresql://h.example:5433/d?user=u&password={quote(password, safe='')}",
        f"host=h.example port=5433 user=u dbname=d password='{escaped}'",
        f"password = '{escaped}' host=h.example port=5433 user=u dbname=d",
    ):
        assert Address.parse(text) == Address({**WANTED, "password": password})
        assert check_dsn(text, origin="x") == text


@given(st.text(st.sampled_from("q/@:?#%&[]'\"\\ =1,"), max_size=8))
@example("12/3?user=q")
@example("1@q/2")
def test_libpq_reads_no_uri_otherwise_than_it_was_meant(password: str) -> None:
    address = read(f"postgresql://u:{password}@h.example:5433/d")
    if isinstance(address, Address):
        assert address == Address({**WANTED, **({"password": unquote(password)} if password else {})})


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("postgres://h/d", {"host": "h", "dbname": "d"}),
        (" postgresql://h/d\n", {"host": "h", "dbname": "d"}),
        ('"postgresql://h/d"', {"host": "h", "dbname": "d"}),
        ("'postgresql://u:p%27x@h/d'\r\n", {"user": "u", "password": "p'x", "host": "h", "dbname": "d"}),
        ("\thost=h dbname='my db'\n", {"host": "h", "dbname": "my db"}),
        ("postgresql://u:@h/d", {"user": "u", "host": "h", "dbname": "d"}),
        ("postgresql://h/", {"host": "h"}),
        ("postgresql://", {}),
        ("postgresql:///d?host=/var/run/postgresql", {"host": "/var/run/postgresql", "dbname": "d"}),
        ("postgresql://%2Fvar%2Frun:5433/d", {"host": "/var/run", "port": "5433", "dbname": "d"}),
        ("postgresql://u@%2Ftmp/d", {"user": "u", "host": "/tmp", "dbname": "d"}),
        ("postgresql://[2001:db8::1]:6432/d", {"host": "2001:db8::1", "port": "6432", "dbname": "d"}),
        ("postgresql://h1:1,h2:2/d?target_session_attrs=primary",
         {"host": "h1,h2", "port": "1,2", "dbname": "d", "target_session_attrs": "primary"}),
        ("host=h hostaddr=10.0.0.1 channel_binding=require",
         {"host": "h", "hostaddr": "10.0.0.1", "channel_binding": "require"}),
        ("postgresql://h/d?user=me@corp&sslmode=verify-full&sslrootcert=system",
         {"host": "h", "dbname": "d", "user": "me@corp", "sslmode": "verify-full", "sslrootcert": "system"}),
        ("postgresql://h/d?ssl=true", {"host": "h", "dbname": "d", "sslmode": "require"}),
        ("postgresql://u@ep-x-1.eu.example/d?options=endpoint%3Dep-x-1",
         {"user": "u", "host": "ep-x-1.eu.example", "dbname": "d", "options": "endpoint=ep-x-1"}),
        ("postgresql://db_1.local/d%40x", {"host": "db_1.local", "dbname": "d@x"}),
        ("dbname='a=b://c'", {"dbname": "a=b://c"}),
        ("service=staging", {"service": "staging"}),
    ],
)  # fmt: skip
def test_what_works(text: str, parameters: dict[str, str]) -> None:
    given_ = dict(Address.parse(text).parameters)
    assert {key: value for key, value in given_.items() if value not in {"", ","}} == parameters


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("postgresql://h/d?schema=public", "schema is Prisma's word", "leave it out"),
        ("postgresql://h/d?pgbouncer=true&connection_limit=1", "pgbouncer is Prisma's", "the server itself"),
        ("postgresql://h/d?uselibpqcompat=true&sslmode=require", "uselibpqcompat is node-postgres's", "leave it out"),
        ("postgresql://h/d?sslaccept=strict", "sslaccept is Prisma's", "verify-full"),
        ("postgresql://h/d?ssl=require", "ssl is", "sslmode=require"),
        ("postgresql://h/d?sslmode=no-verify", "sslmode that libpq does not know", "sslmode=require"),
        ("postgresql://h/d?currentSchema=x", "JDBC's word", "all schemas"),
        ("postgresql://h/d?sslmod=require", "'sslmod'", "did you mean sslmode?"),
        ("host=h Database=d", "database is", "dbname=NAME"),
        ("engine=django.db.backends.postgresql host=h", "Django's", "postgresql:// says the same"),
        ("postgresql+psycopg://u@h/d", "'postgresql+psycopg'", "postgresql:// in place"),
        ("postgres+asyncpg://u@h/d", "'postgres+asyncpg'", "postgres:// in place"),
        ("jdbc:postgresql://h/d", "JDBC", "leave jdbc: out"),
        ("pgsql:host=h;dbname=d", "'pgsql', which is PHP's", "postgresql://"),
        ("postgis://u@h/d", "GeoDjango", "postgresql://"),
        ("prisma+postgres://accelerate.example/?api_key=x", "no address of a PostgreSQL server", "the server itself"),
        ("mysql://u@h/d", "'mysql'", "postgresql://"),
        ("POSTGRESQL://u@h/d", "small letters", "postgresql://"),
        ("postgresql:/h/d", "does not read", "postgresql://"),
        ("DATABASE_URL=postgresql://u@h/d", "a variable with its value", "behind the ="),
        ("psql 'postgresql://u@h/d'", "a call of psql", "its address alone"),
        ('"postgresql://u@h/d', "a quote before it", "leave the quotes out"),
        ("Server=h;Port=5432;Database=d", "server is .NET", "host=NAME"),
        ("host=h;port=5432", "host that no machine can have", "single quotes"),
        ("user=u;password=x host=h", "another program's form", "host=…"),
        ("postgresql://u:50%@h/d", "%25", "%25"),
        ("postgresql://u:a%00b@h/d", "%00", "~/.pgpass"),
        ("postgresql://u:a b@h/d", "a blank", "%20"),
        ("postgresql://::1/d", "IPv6", "[::1]"),
        ("postgresql://[::1/d", "not closed", "[::1]"),
        ("postgresql://h:99999/d", "port", "%2F"),
        ("host=h port=abc", "port", "host=…"),
        ("host=h\nport=1", "line end", "host=…"),
        ("dbname=postgresql://u:x@h/d", "an address within another", "that URI alone"),
        ("host=h password=a b", "no = behind it", "single quotes"),
        ("host=h password='a b", "quote that is not closed", "single quotes"),
    ],
)
def test_what_is_refused_says_why(text: str, message: str, remedy: str) -> None:
    with pytest.raises(AddressError) as raised:
        Address.parse(text)
    assert message in str(raised.value)
    assert remedy in " ".join(raised.value.remedies)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_words_of_other_programs_are_named(name: str) -> None:
    with pytest.raises(AddressError, match=f"{name} is ") as raised:
        Address.parse(f"postgresql://u:geheim@h/d?{name}=geheim")
    assert "geheim" not in told(raised.value)


def test_quotes_are_taken_off_where_they_go_round_the_whole() -> None:
    assert tidied(" `postgresql://h` ") == "postgresql://h"
    assert tidied("'a' b='c'") == "'a' b='c'"
    assert tidied("'") == "'"
