"""The forms in which people give an address, on a real server: each reaches it, or says why it does not."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pytest_pgsafe.config.values import Source
from pytest_pgsafe.copy.source import examine
from pytest_pgsafe.errors import SourceError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server

#: By what they show; each is given user, host, port and database of a server that asks for no password.
FORMS: Mapping[str, str] = {
    "a URI": "postgresql://{user}@{host}:{port}/{dbname}",
    "the short scheme": "postgres://{user}@{host}:{port}/{dbname}",
    "quotes and a line end": '"postgresql://{user}@{host}:{port}/{dbname}"\n',
    "everything behind the mark": "postgresql:///{dbname}?host={host}&port={port}&user={user}",
    "an empty password": "postgresql://{user}:@{host}:{port}/{dbname}",
    "codes": "postgresql://{user}@%3{first}{rest}:{port}/{dbname}",
    "words": "host={host} port={port} user={user} dbname={dbname}",
    "words with quotes": "host='{host}' port = {port} user='{user}' dbname='{dbname}'",
    "an address of a host": "host=any.invalid hostaddr={host} port={port} user={user} dbname={dbname}",
    "two hosts, the first is away": "postgresql://{user}@{host}:1,{host}:{port}/{dbname}?target_session_attrs=any",
    "TLS where there is any": "postgresql://{user}@{host}:{port}/{dbname}?sslmode=prefer",
    "TLS where it is asked for": "postgresql://{user}@{host}:{port}/{dbname}?sslmode=allow",
    "no TLS": "postgresql://{user}@{host}:{port}/{dbname}?sslmode=disable&channel_binding=disable",
    "an option": "postgresql://{user}@{host}:{port}/{dbname}?options=-c%20search_path%3Dpg_catalog",
    "a name for its sessions": "postgresql://{user}@{host}:{port}/{dbname}?application_name=nightly%20check",
    "a limit": "postgresql://{user}@{host}:{port}/{dbname}?connect_timeout=5&keepalives_idle=30",
}


@pytest.fixture
def filled(server: Server, database: Address, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Fill a form with the parts of the address of a database; its password stands beside it."""
    if server.kind == "container":
        pytest.skip("an address says nothing of where the server runs")
    parts = {name: database.parameters[name] for name in ("user", "host", "port", "dbname")}
    if "password" in database.parameters:
        monkeypatch.setenv("PGPASSWORD", database.parameters["password"])
    return lambda form: form.format(**parts, first=parts["host"][0], rest=parts["host"][1:])


def look(dsn: str) -> str:
    source = examine(Source(dsn=dsn))
    return source.database


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_each_form_reaches_the_server(filled: Callable[[str], str], database: Address, form: str) -> None:
    assert look(filled(form)) == database.dbname


def test_a_service(
    filled: Callable[[str], str], database: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "services"
    file.write_text(filled("[near]\nhost={host}\nport={port}\nuser={user}\ndbname={dbname}\n"))
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    for dsn in ("service=near", "postgresql://?service=near"):
        assert look(dsn) == database.dbname


def test_the_variables_of_libpq(
    filled: Callable[[str], str], database: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PG") and not name.startswith(("PGSAFE", "PGPASS"))]:
        monkeypatch.delenv(name)
    for name, part in {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}.items():
        monkeypatch.setenv(name, database.parameters[part])
    assert look("postgresql://") == database.dbname


@pytest.mark.parametrize(
    ("form", "words", "remedy"),
    [
        ("postgresql://{user}@{host}:{port}/{dbname}?sslmode=require", "does not support SSL", "sslmode=prefer"),
        ("postgresql://{user}@{host}:{port}/{dbname}?sslmode=verify-full&sslrootcert=system", "SSL", "TLS"),
        ("postgresql://{user}@{host}:{port}/{dbname}?channel_binding=require", "channel binding", "SCRAM"),
        ("postgresql://{user}@no-such-host.invalid:{port}/{dbname}", "name", "DNS"),
        ("postgresql://{user}@{host}:{port}/nothing_of_that_name", "does not exist", "psql --list"),
        ("postgresql://nobody_of_that_name@{host}:{port}/{dbname}", "nobody_of_that_name", "the role does not exist"),
    ],
)
def test_what_does_not_reach_it_says_what_to_do(
    filled: Callable[[str], str], server: Server, form: str, words: str, remedy: str
) -> None:
    if "sslrootcert=system" in form and server.programs.version.major < 16:
        pytest.skip("libpq knows it from 16 on")
    with pytest.raises(SourceError) as caught:
        look(filled(form))
    assert words.lower() in " ".join(caught.value.looked_at).lower()
    assert remedy in " ".join(caught.value.remedies)


def test_a_port_at_which_nobody_listens(filled: Callable[[str], str]) -> None:
    with socket.socket() as taken:
        # Bound, and not listened at: nobody else can be there.
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(SourceError) as caught:
            look(filled(f"postgresql://{{user}}@{{host}}:{port}/{{dbname}}"))
    assert "pg_isready" in " ".join(caught.value.remedies)
