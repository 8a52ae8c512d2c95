"""What loading the feature leaves of the interpreter as it was."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

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


def test_the_collector_works_as_before_and_nothing_is_hidden_from_it() -> None:
    gc.enable()
    gc.unfreeze()
    old = cycle()
    with undisturbed():
        assert not gc.isenabled()
        assert old() is None
    assert gc.isenabled()
    assert gc.get_freeze_count()
    later = cycle()
    with undisturbed():
        # What waits to be removed is not among what is not looked through any more.
        assert later() is None
    new = cycle()
    gc.collect()
    assert new() is None


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
