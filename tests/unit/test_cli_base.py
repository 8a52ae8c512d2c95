"""``pgsafe base``: what is kept is listed and removed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_pgsafe.base import place
from pytest_pgsafe.cli import run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_nothing_is_kept_and_a_strange_folder_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(place, "folder", lambda: tmp_path)
    (tmp_path / "stranger").mkdir()
    assert run(["base", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bases"] == []
    assert run(["base", "prune", "--apply", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == []
    assert run(["base", "prune"]) == 0
    assert "nothing to remove" in capsys.readouterr().out
    assert (tmp_path / "stranger").is_dir()
    assert run(["base", "prune", "--size", "much"]) == 4
