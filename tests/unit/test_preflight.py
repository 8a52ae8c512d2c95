"""What can be said before anything is looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.config.dump import is_plain_dump
from pytest_pgsafe.config.values import Server, Settings, Source, Way
from pytest_pgsafe.copy.source import Source as Examined
from pytest_pgsafe.errors import ConfigError, SourceError
from pytest_pgsafe.rehearsal import preflight as preflight_module
from pytest_pgsafe.rehearsal.ignored import refuse
from pytest_pgsafe.rehearsal.preflight import preflight
from pytest_pgsafe.server.address import Address


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(folder=Path(), source=Source(dsn="host=nowhere.invalid"), update=True), "--pgsafe-update"),
        (Settings(folder=Path(), source=Source(dsn="host=nowhere.invalid"), from_rev="7"), "--pgsafe-from"),
    ],
)
def test_an_option_without_effect_is_refused(settings: Settings, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        preflight(settings)


FILE = Path("pgsafe.toml")
SQL, COMMAND = Way(kind="sql", path=Path("m.sql")), Way(kind="run", command="make migrate")


def told(settings: Settings, **origins: str) -> str | None:
    """Return what is refused, None if nothing is."""
    try:
        refuse(replace(settings, origins=origins))
    except ConfigError as error:
        return error.message
    return None


def test_an_image_for_a_server_that_has_none() -> None:
    settings = Settings(folder=Path(), server=Server(use="local", image="postgres:15"))
    assert "a local server has no image" in (told(settings, image="pgsafe.toml", server="pgsafe.toml") or "")
    assert told(settings, image="--pgsafe-image", server="PGSAFE_SERVER") is not None
    # The command line overrules the file for once.
    assert told(settings, image="pgsafe.toml", server="--pgsafe-server") is None
    existing = replace(settings, server=Server(use="postgresql://h/postgres", image="postgres:15"))
    assert "an existing server" in (told(existing, image="--pgsafe-image", server="--pgsafe-server") or "")
    for use in ("auto", "container"):
        other = replace(settings, server=Server(use=use, image="postgres:15"))
        assert told(other, image="pgsafe.toml", server="pgsafe.toml") is None


def test_keys_that_the_way_of_migrating_has_no_use_for() -> None:
    command = Settings(folder=Path(), file=FILE, migration=COMMAND, transaction=True)
    assert "transaction" in (told(command, migration="pgsafe.toml") or "")
    assert told(replace(command, rollback=SQL), migration="pgsafe.toml") is None
    files = Settings(folder=Path(), file=FILE, migration=SQL, env={"CRM_DB": "{url}"})
    assert "env" in (told(files, migration="pgsafe.toml") or "")
    assert told(replace(files, rollback=COMMAND), migration="pgsafe.toml") is None
    # The file's own command is overruled for once.
    assert told(files, migration="--pgsafe-migration") is None


@pytest.mark.parametrize(
    ("text", "dump"),
    [
        ("--\n-- PostgreSQL database dump\n--\n", True),
        ("--\n-- PostgreSQL database cluster dump\n--\n", True),
        ("\ufeff\r\n--\r\n-- PostgreSQL database dump\r\n", True),
        ("-- taken on Monday\n\\restrict abc\n\n--\n-- PostgreSQL database dump\n", True),
        ("create table t ();\n--\n-- PostgreSQL database dump\n--\n", False),
        ("-- not a PostgreSQL database dump\n", False),
        ("select 1;\n", False),
    ],
)
def test_what_a_plain_dump_is(text: str, dump: bool) -> None:
    assert is_plain_dump(text.encode()) is dump


def test_a_source_whose_catalog_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    address = Address({"host": "db", "password": "secret"})

    def refused(*_: object, **__: object) -> None:
        raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout: secret")

    monkeypatch.setattr(preflight_module, "examine", lambda _: Examined(address=address, shown="db"))
    monkeypatch.setattr(preflight_module, "connect", refused)
    with pytest.raises(SourceError, match="statement timeout") as caught:
        preflight(Settings(folder=Path(), source=Source(dsn="host=db")))
    assert "secret" not in str(caught.value)
