"""Signals that end a run."""

from __future__ import annotations

import os
import signal
import time

import pytest

from pytest_pgsafe.plugin.interrupting import Interrupting


class Ends:
    """Something that is cleared away at the very moment at which the signal comes."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)


def clear_away() -> None:
    one = Ends()
    del one
    time.sleep(10)


def test_a_signal_that_comes_in_a_finaliser_is_not_lost() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    interrupting = Interrupting(worker=False)
    interrupting.pytest_sessionstart()
    try:
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
            clear_away()
    finally:
        interrupting.pytest_unconfigure()
        signal.signal(signal.SIGTERM, before)
