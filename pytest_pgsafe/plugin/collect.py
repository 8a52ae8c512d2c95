"""The checks as collected items of ``pgsafe.toml``, whether or not there is such a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import pytest

from ..checks.announcing import announcement, comment
from ..config import FILE_NAME
from ..errors import PgsafeError
from ..rehearsal.values import Outcome, Result
from ..report.overview import in_order
from ..report.recovery import numbers
from ..report.terminal import finding_lines
from ..visible import indented, one_line, visible
from .judgement import RECOVERY, judge
from .results import Results


class UnsafeError(AssertionError):
    """A check failed; the text is for people."""


def member_id(name: str) -> str:
    """Return what the ids of a member's checks begin with."""
    return f"{FILE_NAME}[{name}]"


class ChecksFile(pytest.File):
    """The collector of the checks. Its path is where ``pgsafe.toml`` lies, or would."""

    results: Results
    names: Sequence[str]
    selected: Sequence[str]
    #: Of a fleet; None where there is one source.
    member: str | None

    @classmethod
    def make(
        cls,
        parent: pytest.Session,
        results: Results,
        *,
        names: Sequence[str],
        selected: Sequence[str],
        member: str | None = None,
    ) -> Any:
        """Return a collector of the checks.

        :param selected: those that ids on the command line name; empty is all.
        :param member: of a fleet: each has a collector of its own, ``pgsafe.toml[NAME]``.
        """
        name = FILE_NAME if member is None else member_id(member)
        path = parent.config.rootpath / FILE_NAME
        collector: ChecksFile = cls.from_parent(  # pyright: ignore[reportUnknownMemberType]
            parent, path=path, name=name, nodeid=name
        )
        collector.results, collector.names, collector.selected, collector.member = results, names, selected, member
        return collector

    def result(self, name: str) -> Result:
        """Return what a check judges."""
        if self.member is not None:
            return self.results.of_member(self.member)
        return self.results.recovery if name in RECOVERY else self.results.rehearsal

    @cached_property
    def run_here(self) -> frozenset[str]:
        """Names of the checks that are run."""
        return frozenset(item.name for item in self.session.items if item.parent is self)

    def collect(self) -> Iterable[pytest.Item]:
        for name in self.names:
            if not self.selected or name in self.selected:
                yield CheckItem.from_parent(self, name=name)  # pyright: ignore[reportUnknownMemberType]


class CheckItem(pytest.Item):
    """One check: judges the stored result, and nothing else.

    A plain item, not a function: fixtures of the project's conftest.py are for the project's tests.
    """

    parent: ChecksFile

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)  # pyright: ignore[reportUnknownMemberType]
        self.add_marker(pytest.mark.pgsafe)

    def runtest(self) -> None:
        """Rehearse if that was not done yet, and fail for what was found.

        :raises UnsafeError: this check has an error finding, or its step failed.
        """
        file = self.parent
        result = file.result(self.name)
        # A rehearsal and a recovery are judged apart: neither is begun, nor fails, for the other.
        collected = [name for name in file.names if (name in RECOVERY) == (self.name in RECOVERY)]
        judgement = judge(self.name, result, collected=collected, selected=file.run_here.intersection(collected))
        self.user_properties += [
            ("pgsafe_relations", result.relations),
            ("pgsafe_rows", result.rows),
            ("pgsafe_seconds", round(judgement.seconds, 3)),
            *(() if result.pitr is None else numbers(result.pitr)),
        ]
        if judgement.outcome is Outcome.SKIPPED:
            pytest.skip(one_line(judgement.reason) if judgement.reason is not None else "nothing to judge")
        if judgement.outcome is Outcome.FAILED:
            lines = [] if judgement.reason is None else [indented(judgement.reason)]
            for finding in in_order(judgement.findings):
                told = finding_lines(finding, announcement(finding, result.changes), comment(finding, result.changes))
                lines += ["", *told] if lines else told
            raise UnsafeError("\n".join(lines))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **kwargs: Any) -> Any:
        """Return what people need: no traceback of ours."""
        if isinstance(excinfo.value, (UnsafeError, PgsafeError)):
            return visible(str(excinfo.value))
        return super().repr_failure(excinfo, *args, **kwargs)

    @property
    def _title(self) -> str:
        member = self.parent.member
        return f"pgsafe {self.name}" if member is None else f"pgsafe {self.name} of {member}"

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        # A member's own place: pytest tells a folder or a file by it, and shows the id as it is.
        return self.path.with_name(self.parent.name), None, self._title
