"""Addresses, versions, parameters, settings and log records: no server needed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.server import parameters, serverlog
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.lists import split_list
from pytest_pgsafe.server.scratch import full_name
from pytest_pgsafe.server.version import Version

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=20)


@given(user=TEXT, password=TEXT, dbname=TEXT)
def test_url_leads_back_to_the_same_address(user: str, password: str, dbname: str) -> None:
    address = Address({"host": "h", "port": "5", "user": user, "password": password, "dbname": dbname})
    assert Address.parse(address.url()) == address


def test_url_of_a_socket_and_of_ipv6() -> None:
    socket = Address({"host": "/var/run/postgresql", "dbname": "d"})
    assert Address.parse(socket.url()) == socket
    ipv6 = Address({"host": "::1", "port": "5", "dbname": "d"})
    assert Address.parse(ipv6.url("postgres")) == ipv6
    assert ipv6.url("postgresql+psycopg").startswith("postgresql+psycopg://[::1]:5/d")


def test_address_shows_no_secret() -> None:
    address = Address.parse("postgresql://u:very%20secret@h:5/d?sslpassword=alsosecret")
    assert address.parameters["password"] == "very secret"
    assert str(address) == "u@h:5/d"
    assert "secret" not in f"{address!r} {address} {[address]}"


def test_unreadable_address_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="a URI with a port that is no number") as raised:
        Address.parse("postgresql://u:secret@h:port:x/d?nonsense=secret")
    assert "secret" not in str(raised.value)


def test_service_file_is_private_and_goes_away(tmp_path: Path) -> None:
    address = Address({"host": "h", "password": "secret", "service": "mine"})
    with address.service_file(tmp_path) as variables:
        path = Path(variables["PGSERVICEFILE"])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text() == "[pgsafe]\nhost=h\npassword=secret\n"
        assert "secret" not in str(variables)
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("15.18", 150018),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 150018),
        ("pg_dump (PostgreSQL) 18beta1", 180000),
        ("psql (PostgreSQL) 17devel", 170000),
        ("PostgreSQL 14.20 on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14) 12.2.0, 64-bit", 140020),
    ],
)
def test_version(text: str, number: int) -> None:
    assert Version.parse(text) == Version(number)


@pytest.mark.parametrize("text", ["", "latest", "no version here"])
def test_no_version(text: str) -> None:
    with pytest.raises(ValueError, match="no PostgreSQL version"):
        Version.parse(text)


def test_parameters_unknown_to_older_programs_are_left_out() -> None:
    address = Address({"host": "h", "sslnegotiation": "postgres", "load_balance_hosts": "random", "require_auth": ""})
    assert parameters.known_to(Version(150000), address) == Address({"host": "h"})
    assert parameters.known_to(Version(160000), address).parameters.keys() == {
        "host",
        "load_balance_hosts",
        "require_auth",
    }
    assert parameters.known_to(Version(180000), address) == address


def test_parameter_that_matters_is_not_left_out() -> None:
    with pytest.raises(ServerError, match=r"require_auth needs client programs of PostgreSQL 16") as raised:
        parameters.known_to(Version(150000), Address({"require_auth": "scram-sha-256"}))
    assert "15.0" in raised.value.looked_at[0]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ('"$user", public', ["$user", "public"]),
        ('"a, b",c', ["a, b", "c"]),
        ('"odd ""name"""', ['odd "name"']),
        ('""', [""]),
        ("one", ["one"]),
    ],
)
def test_list_of_names(value: str, names: list[str]) -> None:
    assert split_list(value) == names


@given(st.text(max_size=100))
def test_names_of_scratch_databases(name: str) -> None:
    full = full_name(name)
    assert full.startswith("pgsafe_")
    assert len(full.encode()) <= 63
    assert full_name(name) != full


def test_log_is_read_by_complete_records(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    assert serverlog.read(path, 0) == ((), 0)
    path.write_bytes(b'{"pid": 1, "message": "one"}\n{"pid": 2, "mess')
    records, position = serverlog.read(path, 0)
    assert list(records) == [{"pid": 1, "message": "one"}]
    with path.open("ab") as file:
        file.write(b'age": "two"}\n')
    records, position = serverlog.read(path, position)
    assert list(records) == [{"pid": 2, "message": "two"}]
    assert serverlog.read(path, position) == ([], position)
    assert position == path.stat().st_size


def test_log_shows_bytes_that_are_no_text_escaped() -> None:
    records, _ = serverlog.parse(b'{"message": "select \'\xff\xc3\xa4\'"}\n', csvlog=False, since=0)
    assert records[0]["message"] == "select '\\xffä'"


ROW = (
    b'2026-01-01 00:00:00.000 UTC,"u","d",7,"127.0.0.1:5",6b.1,3,"SELECT",2026-01-01 00:00:00 UTC,1/2,0,LOG,00000,'
    b'"statement: select ""a\nb"", \'\xc3\xa4\'",,,,,,,,,"app","client backend",,0\n'
)


@pytest.mark.parametrize("cut", range(len(ROW)))
def test_csvlog_has_the_keys_of_jsonlog_and_waits_for_whole_records(cut: int) -> None:
    assert serverlog.parse(ROW[:cut], csvlog=True, since=10) == ([], 10)
    records, position = serverlog.parse(ROW + ROW[:cut], csvlog=True, since=10)
    assert position == 10 + len(ROW)
    assert list(records) == [
        {
            "timestamp": "2026-01-01 00:00:00.000 UTC",
            "user": "u",
            "dbname": "d",
            "pid": 7,
            "remote_host": "127.0.0.1",
            "remote_port": 5,
            "session_id": "6b.1",
            "line_num": 3,
            "ps": "SELECT",
            "session_start": "2026-01-01 00:00:00 UTC",
            "vxid": "1/2",
            "txid": 0,
            "error_severity": "LOG",
            "message": "statement: select \"a\nb\", 'ä'",
            "application_name": "app",
            "backend_type": "client backend",
            "query_id": 0,
        }
    ]
