"""Which worker of xdist runs what of a fleet: all checks of a member are run by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]

from ..config import FILE_NAME

if TYPE_CHECKING:
    import pytest

#: Ways to distribute tests that would tear a member apart; all others keep what belongs together, or run all.
TEARING = ("load", "worksteal", "loadgroup")


class ByMember(LoadGroupScheduling):  # type: ignore[misc]
    """A member's checks go to one worker, one member after the other; other tests are given out as they were."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._grouped = config.getoption("dist") == "loadgroup"

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.startswith(f"{FILE_NAME}["):
            return file
        return str(super()._split_scope(nodeid)) if self._grouped else nodeid
