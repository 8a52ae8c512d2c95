"""What can be said before anything is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.config.values import Settings, Source
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.rehearsal.preflight import preflight


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
