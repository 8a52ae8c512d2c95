"""Which checks the command line selects.

Ids of ours are taken out of pytest's arguments: pytest refuses a file that does not exist, and none need be.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config import FILE_NAME


@dataclass(frozen=True, kw_only=True)
class Selection:
    #: Arguments that are left for pytest.
    arguments: tuple[str, ...]
    #: Names of checks that ids select; empty is all of them.
    names: tuple[str, ...] = ()
    #: Whether the checks are collected: not when ids select other tests alone.
    collected: bool = True
    #: Whether any argument is an id.
    by_id: bool = False


def select(arguments: Sequence[str], *, rootdir: Path, invocation_dir: Path) -> Selection:
    """Tell the arguments of ours from pytest's: paths (collect everything) and ids (``FILE::NAME``)."""
    own = os.path.normpath(rootdir / FILE_NAME)
    kept: list[str] = []
    names: list[str] = []
    all_of_ours = False
    for argument in arguments:
        path, *parts = argument.split("::")
        if os.path.normpath(invocation_dir / path) != own:
            kept.append(argument)
        elif parts:
            names.append("::".join(parts))
        else:
            all_of_ours = True
    ids = [argument for argument in kept if "::" in argument]
    return Selection(
        arguments=tuple(kept),
        names=() if all_of_ours else tuple(dict.fromkeys(names)),
        collected=all_of_ours or bool(names) or not kept or len(ids) < len(kept),
        by_id=bool(ids or names),
    )
