"""What a migration command gets to know of databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.migrate.environment import cleaned, fill, given, wanted
from pytest_pgsafe.server.address import Address

SOURCE = Address({"host": "db.example.com", "port": "6543", "user": "app", "password": "s3cret/x", "dbname": "crm"})
COPY = Address({"host": "127.0.0.1", "port": "5999", "user": "owner", "password": "p:w@/ %", "dbname": "pgsafe_x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PGHOST", "anything"),
        ("PGSERVICE", "crm"),
        ("PGPASSFILE", "/x"),
        ("PGSAFE_SOURCE", "postgresql://db.example.com/crm"),
        ("DATABASE_URL", "mysql://h/x"),
        ("CRM_DB", "postgresql://other.example/crm"),
        ("CRM_DB", "postgresql+asyncpg://other.example/crm"),
        ("SPRING_DATASOURCE_URL", "jdbc:postgresql://h/x"),
        ("CRM_DSN", "dbname=crm user=app"),
        ("CRM_HOST", "db.example.com"),
        ("CRM_HOSTS", "a,DB.example.com:6543"),
        ("SECRET", "s3cret/x"),
        ("SECRET", "x-s3cret%2Fx-y"),
        ("DB_NAME", "crm"),
        ("POSTGRES_USER", "app"),
    ],
)
def test_what_leads_to_the_source_is_taken_out(name: str, value: str) -> None:
    environment, removed = cleaned({name: value, "HOME": "/home/me"}, SOURCE)
    assert environment == {"HOME": "/home/me"}
    assert removed == (name,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/usr/bin"),
        ("APP_NAME", "crm"),
        ("USER", "app"),
        ("REDIS_URL", "redis://localhost/0"),
        ("MIRROR", "https://xdb.example.com.org/"),
        ("LC_ALL", "C.UTF-8"),
    ],
)
def test_the_rest_stays(name: str, value: str) -> None:
    assert cleaned({name: value}, SOURCE) == ({name: value}, ())


def test_a_source_on_this_machine_does_not_take_every_localhost_with_it() -> None:
    source = Address({"host": "localhost", "dbname": "crm", "user": "postgres"})
    kept, removed = cleaned({"REDIS_HOST": "localhost", "DB_HOST": "localhost", "DB_NAME": "crm"}, source)
    assert kept == {"REDIS_HOST": "localhost"}
    assert removed == ("DB_HOST", "DB_NAME")


def test_the_copy_is_given_with_a_private_passfile(tmp_path: Path) -> None:
    with given(COPY, tmp_path) as environment:
        passfile = Path(environment["PGPASSFILE"])
        assert passfile.stat().st_mode & 0o777 == 0o600
        assert passfile.read_text() == "*:5999:*:*:p\\:w@/ %\n"
        assert environment["PGHOST"] == "127.0.0.1"
        assert environment["PGPORT"] == "5999"
        assert environment["PGUSER"] == "owner"
        assert environment["PGDATABASE"] == "pgsafe_x"
        assert "PGPASSWORD" not in environment
        assert Address.parse(environment["DATABASE_URL"]) == COPY
        assert Path(environment["PGSERVICEFILE"]).read_text() == ""
    assert not passfile.exists()


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{url}", "postgresql://owner:p%3Aw%40%2F%20%25@127.0.0.1:5999/pgsafe_x"),
        ("{url:postgres}", "postgres://owner:p%3Aw%40%2F%20%25@127.0.0.1:5999/pgsafe_x"),
        ("{url:psycopg}", "postgresql+psycopg://owner:p%3Aw%40%2F%20%25@127.0.0.1:5999/pgsafe_x"),
        ("{url:asyncpg}", "postgresql+asyncpg://owner:p%3Aw%40%2F%20%25@127.0.0.1:5999/pgsafe_x"),
        ("{url:jdbc}", "jdbc:postgresql://127.0.0.1:5999/pgsafe_x?user=owner&password=p%3Aw%40%2F%20%25"),
        ("{host}:{port}/{dbname} {user}", "127.0.0.1:5999/pgsafe_x owner"),
        ("{password}", "p:w@/ %"),
        ('{"ssl": false, "db": "{dbname}"}', '{"ssl": false, "db": "pgsafe_x"}'),
        ("literal", "literal"),
    ],
)
def test_placeholders(template: str, expected: str) -> None:
    assert fill(template, COPY) == expected


def test_the_key_value_form_reads_back() -> None:
    assert Address.parse(fill("{dsn}", COPY)) == COPY


@pytest.mark.parametrize("template", ["{uri}", "{host:x}", "a {name} b"])
def test_an_unknown_placeholder_is_an_error(template: str) -> None:
    with pytest.raises(ConfigError, match="unknown placeholder"):
        fill(template, COPY)


def test_jdbc_cannot_use_a_socket() -> None:
    with pytest.raises(ConfigError, match="TCP"):
        fill("{url:jdbc}", COPY.with_(host="/run/postgresql"))


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("PGPASSWORD", "s3cret/x", "{password}"),
        ("SECRET", "s3cret/x", "{password}"),
        ("CRM_DB_HOST", "db.example.com", "{host}"),
        ("DB_NAME", "crm", "{dbname}"),
        ("CRM_DB", "postgresql://app@db.example.com/crm", "{url}"),
        ("CRM_DB", "postgres://app@db.example.com/crm", "{url:postgres}"),
        ("CRM_DB", "postgresql+psycopg://app@db.example.com/crm", "{url:psycopg}"),
        ("SPRING_DATASOURCE_URL", "jdbc:postgresql://db.example.com/crm", "{url:jdbc}"),
        ("CRM_DSN", "dbname=crm host=db.example.com", "{dsn}"),
    ],
)
def test_what_a_command_asks_for_in_vain_is_written_for_it(name: str, value: str, written: str) -> None:
    environ = {name: value, "OTHER_DB": "postgresql://x/y"}
    (said,) = wanted(environ, f"KeyError: '{name}'", environ, SOURCE)
    assert said.endswith(f'[migration] env = {{ {name} = "{written}" }}')
    # What is written is what can be filled in.
    assert fill(written, COPY)
    assert wanted(environ, f"KeyError: 'MY_{name}'", environ, SOURCE) == ()
