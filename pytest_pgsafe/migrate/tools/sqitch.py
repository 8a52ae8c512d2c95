"""Sqitch: ``sqitch deploy`` in the project's folder, to the copy instead of the project's target."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError
from ..values import Revision
from .base import Copy, Job, Migration, Rows
from .sources import below
from .tables import table

if TYPE_CHECKING:
    from typing_extensions import Self

    from ...config.values import Way

#: ``  + users @v1 .. ok``; a revert has a minus. A deployment that fails reverts what it had deployed.
_RAN = {sign: re.compile(rf"^ +{re.escape(sign)} (\S+)(?: @\S+)* \.\.+", re.MULTILINE) for sign in "+-"}
_PROJECT = re.compile(r"^%project=(.*\S)\s*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Sqitch(Migration):
    """A Sqitch project: ``sqitch deploy``, or ``sqitch revert`` to where the source is."""

    #: Its sqitch.conf or sqitch.plan.
    path: Path
    #: The change to go to; empty: all of the plan, or none of it.
    change: str = ""
    back: bool = False

    tables = tuple(
        table("Sqitch", name, columns, common=True, revisions=name == "changes")
        for name, columns in (
            ("changes", "change_id script_hash change project planned_at planner_name"),
            ("dependencies", "change_id type dependency dependency_id"),
            ("events", "event change_id change project committed_at planner_name"),
            ("projects", "project uri created_at creator_name creator_email"),
            ("releases", "version installed_at installer_name installer_email"),
            ("tags", "tag_id tag project change_id committed_at planner_name"),
        )
    )
    alternative = "name the folder of its deploy scripts, or those that are pending: sqitch status"

    @classmethod
    def made(cls, way: Way, *, way_back: bool) -> Self:
        """Make one of a project's configuration or plan, if the program is here."""
        assert way.path is not None
        if shutil.which("sqitch") is None:
            raise ConfigError(
                f"{way.path.name} needs the program sqitch, which is not on PATH",
                looked_at=[str(way.path)],
                remedies=["install it, or name the one to use: cmd:/path/to/sqitch deploy db:pg:"],
            )
        return cls(path=way.path, back=way_back)

    @classmethod
    def sources(cls, way: Way) -> tuple[Path, ...]:
        """Return the plan and the scripts; the configuration, which names targets, is not of the migration."""
        assert way.path is not None
        return below(way.path.parent, {".sql", ".plan"})

    def __str__(self) -> str:
        return " ".join(("sqitch", *self._arguments()))

    def _arguments(self) -> tuple[str, ...]:
        verb = ("revert", "-y") if self.back else ("deploy",)
        # No address in it: libpq's variables lead to the copy, and no password is an argument.
        return (*verb, *(("--to-change", self.change) if self.change else ()), "db:pg:")

    def job(self, copy: Copy) -> Job:
        """Return what runs it in the project's folder."""
        del copy
        return Job(command=("sqitch", *self._arguments()), folder=self.path.parent)

    def to(self, revision: str) -> Sqitch:
        """Return the part of it that leads to a change."""
        return replace(self, change=revision)

    def back_to(self, before: Rows, after: Rows) -> Sqitch | None:
        """Return the way back to the last change of ``before``; None if nothing was deployed."""
        if not self.back:
            return self
        there, now = self._deployed(before), self._deployed(after)
        if there == now:
            return None
        return replace(self, change=there[-1] if there else "")

    def _deployed(self, copy: Rows) -> list[str]:
        """Return the changes of this project, by their ids, in the order in which they were deployed."""
        plan = self.path.with_name("sqitch.plan")
        found = _PROJECT.search(plan.read_text(encoding="utf-8", errors="replace")) if plan.is_file() else None
        query = "select change_id::text, project::text from {} order by committed_at, planned_at"
        rows = copy("sqitch.changes", query) or ()
        return [str(change) for change, project in rows if found is None or project == found[1]]

    def revisions(self, printed: str, copy: Copy) -> tuple[Revision, ...]:
        """Return the changes that it says it ran, in order; it tells no times."""
        del copy
        return tuple(Revision(name=name) for name in _RAN["-" if self.back else "+"].findall(printed))

    def parts(self, revisions: Sequence[str]) -> tuple[tuple[str, Sqitch], ...]:
        """Return the changes, each as a migration that leads to it."""
        return tuple((name, self.to(name)) for name in revisions)
