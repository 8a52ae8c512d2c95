"""What loading the feature leaves of the interpreter as it was."""

from __future__ import annotations

import gc
from typing import cast

import pytest

from pytest_pgsafe.plugin import _registered  # pyright: ignore[reportPrivateUsage]


class Off:
    def getoption(self, _: str) -> bool:
        return False


@pytest.mark.parametrize("collects", [True, False])
def test_the_collector_is_as_it_was(collects: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if collects else gc.disable)()
        assert not _registered(cast("pytest.Config", Off()))
        assert gc.isenabled() is collects
    finally:
        (gc.enable if before else gc.disable)()
