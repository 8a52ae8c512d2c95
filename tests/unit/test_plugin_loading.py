"""What loading the feature leaves of the interpreter as it was."""

from __future__ import annotations

import gc
import importlib
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.plugin.loading import undisturbed


class Node:
    itself: Node


def cycle() -> weakref.ref[Node]:
    """Leave garbage that the collector alone finds."""
    node = Node()
    node.itself = node
    return weakref.ref(node)


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    collects = gc.isenabled()
    yield
    gc.unfreeze()
    (gc.enable if collects else gc.disable)()


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Load another module each time."""
    monkeypatch.syspath_prepend(tmp_path)
    names: list[str] = []

    def load() -> None:
        names.append(f"pgsafe_loaded_{len(names)}")
        (tmp_path / f"{names[-1]}.py").write_text("")
        importlib.invalidate_caches()
        importlib.import_module(names[-1])

    yield load
    for name in names:
        del sys.modules[name]


def test_the_collector_works_as_before_and_nothing_is_hidden_from_it(modules: Callable[[], None]) -> None:
    gc.enable()
    gc.unfreeze()
    old = cycle()
    with undisturbed():
        assert not gc.isenabled()
        assert old() is None
        modules()
    assert gc.isenabled()
    assert gc.get_freeze_count()
    later = cycle()
    with undisturbed():
        # What waits to be removed is not among what is not looked through any more.
        assert later() is None
        modules()
    new = cycle()
    gc.collect()
    assert new() is None


def test_what_lives_while_nothing_is_loaded_can_be_garbage_later() -> None:
    """The results of a fleet's members, one after the other."""
    gc.enable()
    gc.unfreeze()
    node = Node()
    node.itself = node
    seen = weakref.ref(node)
    with undisturbed():
        pass
    del node
    gc.collect()
    assert seen() is None


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    gc.unfreeze()
    with undisturbed():
        assert not gc.isenabled()
    assert not gc.isenabled()
    assert not gc.get_freeze_count()


def test_it_is_switched_on_again_where_loading_fails() -> None:
    gc.enable()
    with pytest.raises(ImportError), undisturbed():
        raise ImportError
    assert gc.isenabled()
