"""What can be said before anything is looked at."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.config.values import Settings, Source
from pytest_pgsafe.errors import ConfigError, SourceError
from pytest_pgsafe.rehearsal import preflight as preflight_module
from pytest_pgsafe.rehearsal.preflight import preflight
from pytest_pgsafe.rehearsal.source import Source as Examined
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


def test_a_source_whose_catalog_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    address = Address({"host": "db", "password": "secret"})

    def refused(*_: object, **__: object) -> None:
        raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout: secret")

    monkeypatch.setattr(preflight_module, "examine", lambda _: Examined(address=address, shown="db"))
    monkeypatch.setattr(preflight_module, "connect", refused)
    with pytest.raises(SourceError, match="statement timeout") as caught:
        preflight(Settings(folder=Path(), source=Source(dsn="host=db")))
    assert "secret" not in str(caught.value)
