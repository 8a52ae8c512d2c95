"""How a backup is packed that is restored at once."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_pgsafe.copy.opened import compression


@pytest.mark.parametrize(("size", "packed"), [(0, "1"), (1, "0"), (100, "0"), (101, "1")])
def test_rows_are_packed_where_there_is_no_room_for_them_as_text(
    size: int, packed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(_: Path) -> SimpleNamespace:
        return SimpleNamespace(free=1000)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert compression(Path(), size) == packed
