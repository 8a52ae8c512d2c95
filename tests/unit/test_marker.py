"""The marker of a test: the closest one wins, word by word, and no word is without meaning."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pytest_pgsafe.plugin.marker import wanted


class Item:
    """As far as the marker looks at one; the closest marker comes first."""

    def __init__(self, *closest_first: Any) -> None:
        self.marks = [mark.mark for mark in closest_first]

    def iter_markers(self, name: str) -> Any:
        assert name == "pgsafe"
        return iter(self.marks)


def asked(*closest_first: Any) -> Any:
    return wanted(cast("pytest.Item", Item(*closest_first)))


pgsafe = pytest.mark.pgsafe


def test_words() -> None:
    assert asked() == {}
    assert asked(pgsafe) == {}
    assert asked(pgsafe(revision="1"), pgsafe(revision="2", migration="m")) == {"revision": "1", "migration": "m"}


def test_an_empty_database_and_a_source_take_each_others_place() -> None:
    assert asked(pgsafe(empty=True), pgsafe(source="a.sql")) == {"empty": True}
    assert asked(pgsafe(source="a.sql"), pgsafe(empty=True)) == {"source": "a.sql"}
    assert asked(pgsafe(empty=True, source="a.sql")) == {"empty": True, "source": "a.sql"}


def test_what_has_no_meaning() -> None:
    with pytest.raises(ValueError, match=r"takes no argument without a name: 'a\.sql'"):
        asked(pgsafe("a.sql"))
    with pytest.raises(ValueError, match="knows no revison="):
        asked(pgsafe(), pgsafe(revison="1"))
