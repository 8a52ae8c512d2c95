"""A user whom the system knows by number alone gets a name for initdb, or is told what is missing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.server import nameless

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nobody is without a name there")


@pytest.fixture
def libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the caller be a number that nobody has."""
    monkeypatch.setattr(nameless, "LIBRARIES", (str(tmp_path / "lib"),))
    monkeypatch.setattr(os, "geteuid", lambda: 4_123_456_789)
    return tmp_path / "lib"


def test_without_the_library_it_is_said_what_to_install(libraries: Path) -> None:
    with pytest.raises(ServerError, match="the user 4123456789 has no name here") as raised:
        nameless.check()
    assert f"{libraries}: no libnss_wrapper.so" in raised.value.looked_at
    assert any("libnss-wrapper" in remedy for remedy in raised.value.remedies)


@pytest.mark.parametrize("place", [".", "x86_64-linux-gnu"])
def test_with_it_a_name_is_given_for_as_long_as_it_lasts(libraries: Path, tmp_path: Path, place: str) -> None:
    (libraries / place).mkdir(parents=True)
    (libraries / place / "libnss_wrapper.so").touch()
    nameless.check()
    with nameless.named(tmp_path) as variables:
        assert Path(variables["LD_PRELOAD"]).samefile(libraries / place / "libnss_wrapper.so")
        assert ":4123456789:" in Path(variables["NSS_WRAPPER_PASSWD"]).read_text("ascii")
    assert sorted(tmp_path.iterdir()) == [libraries]


def test_who_has_a_name_gets_no_other(tmp_path: Path) -> None:
    with nameless.named(tmp_path) as variables:
        assert variables == {}
