"""Which checks the command line selects.

Ids of ours are taken out of pytest's arguments: pytest refuses a file that does not exist, and none need be.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config import FILE_NAME

#: All members of a fleet, in an id: no member's name has it.
ALL = "*"

#: A member's name holds neither brackets nor what separates folders.
_MEMBER = re.compile(r"(?P<path>.*)\[(?P<member>[^\[\]/]+)\]")


@dataclass(frozen=True, kw_only=True)
class Selection:
    #: Arguments that are left for pytest.
    arguments: tuple[str, ...]
    #: Names of checks that ids select, of every member where there is a fleet; empty is all of them.
    names: tuple[str, ...] = ()
    #: Members of a fleet that ids select, each with the name of a check; an empty name is all of its checks.
    members: tuple[tuple[str, str], ...] = ()
    #: Whether the checks are collected: not when ids select other tests alone.
    collected: bool = True
    #: Whether any argument is an id.
    by_id: bool = False

    def of(self, member: str) -> tuple[str, ...] | None:
        """Return the names of a member's checks that are selected: empty is all of them, None is not one."""
        if not self.names and not self.members:
            return ()
        own = [name for wanted, name in self.members if wanted in {member, ALL}]
        if not self.names and not own:
            return None
        return () if "" in own else tuple(dict.fromkeys((*self.names, *own)))


def select(arguments: Sequence[str], *, rootdir: Path, invocation_dir: Path) -> Selection:
    """Tell the arguments of ours from pytest's: paths (collect everything) and ids (``FILE::NAME``)."""
    own = os.path.normpath(rootdir / FILE_NAME)
    kept: list[str] = []
    names: list[str] = []
    members: list[tuple[str, str]] = []
    all_of_ours = False
    for argument in arguments:
        path, *parts = argument.split("::")
        if (found := _MEMBER.fullmatch(path)) and os.path.normpath(invocation_dir / found["path"]) == own:
            members.append((found["member"], "::".join(parts)))
        elif os.path.normpath(invocation_dir / path) != own:
            kept.append(argument)
        elif parts:
            names.append("::".join(parts))
        else:
            all_of_ours = True
    ids = [argument for argument in kept if "::" in argument]
    return Selection(
        arguments=tuple(kept),
        names=() if all_of_ours else tuple(dict.fromkeys(names)),
        members=() if all_of_ours else tuple(dict.fromkeys(members)),
        collected=all_of_ours or bool(names) or bool(members) or not kept or len(ids) < len(kept),
        by_id=bool(ids or names or members),
    )
