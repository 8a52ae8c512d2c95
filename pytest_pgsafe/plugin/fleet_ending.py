"""The end of a fleet's run: one report of all members, and each one's own; no member's result stays in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import pytest

from ..config import FILE_NAME
from ..fleet.schemas import Schemas
from ..rehearsal.values import Result
from ..report.annotations import commands
from ..report.fleet import markdown
from ..report.fleet.digest import digest
from ..report.fleet.gathered import Told, gathered
from ..report.fleet.terminal import summary
from ..report.fleet.write import write
from ..report.located import located
from . import github
from .collect import member_id
from .ending import fit, show
from .fleet import Fleet, settings_of
from .judgement import names, unsaid
from .run import Run

#: Lines of what failed no item.
_UNSAID = 40


class FleetEnding:
    """The end, in the controlling process."""

    def __init__(self, config: pytest.Config, run: Run, fleet: Fleet) -> None:
        self._config = config
        self._run = run
        self._fleet = fleet
        self._told: Told | None = None
        self._problems: list[str] = []
        #: Checks that reported, in whichever process, by what their ids begin with.
        self._ran: dict[str, set[str]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file, _, name = report.nodeid.partition("::")
        if file.partition("[")[0] == FILE_NAME:
            self._ran.setdefault(file, set()).add(name)
            fit(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the reports, after xdist's workers ended; nothing unsafe ends with 0."""
        run = self._run
        if run.worker or run.store is None or exitstatus == pytest.ExitCode.USAGE_ERROR:
            return
        told = self._told = gathered(
            self._fleet.members,
            read=self._read,
            absences=self._fleet.absences,
            schemas=Schemas(run.store.folder),
            sample=self._fleet.sample,
            interrupted="interrupted" if exitstatus == pytest.ExitCode.INTERRUPTED else None,
        )
        # Where -k or ids ask for tests of the project's own alone, no member was to be judged.
        unselected = told.whole.interrupted is None and self._fleet.unselected.issuperset(self._fleet.judged)
        unsafe = told.whole.verdict != "passed" and not unselected
        report = run.settings.report
        try:
            write(told.whole, told.public, report.files, results=self._results, private=report.samples == "values")
        except OSError as error:
            unsafe = True
            self._problems.append(f"the report cannot be written: {error}")
        if unsafe and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if told.whole.verdict == "error" and told.whole.disk_full:
            # As too little disk before the first step is: nothing was found out.
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the members that are not safe by their causes, the others, drift, and the verdict."""
        if self._told is None:
            return
        short = self._config.get_verbosity() < 0
        whole = self._config.get_verbosity() > 0
        lines = summary(self._told.whole, short=short, whole=whole)
        show(terminalreporter, self._problems, lines, short=short)
        if github.is_on():
            public = self._told.public
            for text in github.summarised(commands(digest(public)), markdown.render(public)):
                terminalreporter.write_line(text)

    def _read(self, name: str) -> Result | None:
        """Return a member's result, and note what of it failed no item."""
        result = self._run.member_result(name)
        if result is None:
            return None
        if result.verdict != "passed":
            collected = names(settings_of(self._run.settings, self._fleet.of(name)))
            lines = unsaid(result, collected=collected, ran=self._ran.get(member_id(name), ()))
            if lines and len(self._problems) < _UNSAID:
                self._problems += [f"{name}: {lines[0]}", *lines[1:]]
        return located(result, self._paths)

    @cached_property
    def _paths(self) -> Mapping[str, str]:
        # Every member's migration is the same.
        return github.paths(self._run.settings.migration, self._config.rootpath)

    def _results(self) -> Iterator[tuple[str, Result]]:
        absent = self._fleet.absences
        for member in self._fleet.members:
            if member.name not in absent and (result := self._run.member_result(member.name)) is not None:
                yield member.name, located(result, self._paths)
