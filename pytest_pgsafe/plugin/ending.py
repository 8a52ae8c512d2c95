"""The end of a run: reports, the summary, and an exit status that no unsafe result leaves at 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ..config import FILE_NAME
from ..errors import StepError
from ..rehearsal.values import Result, together
from ..report.located import located
from ..report.terminal import Line, summary
from ..report.write import write
from ..visible import visible
from . import github
from .judgement import names, unsaid
from .run import Run
from .shown import Fitted, fitted
from .store import RECOVERED, broken_off

_NOT_BEGUN = "the rehearsal was not begun: no check of it was run"


class Ending:
    """The end, in the controlling process."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self._config = config
        self._run = run
        self._final: Result | None = None
        self._problems: list[str] = []
        #: Checks that reported, in whichever process.
        self._ran: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file, _, name = report.nodeid.partition("::")
        if file == FILE_NAME:
            self._ran.add(name)
            fit(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the reports, after xdist's workers ended; nothing unsafe ends with 0."""
        if self._run.worker or self._run.store is None or exitstatus == pytest.ExitCode.USAGE_ERROR:
            return
        known = names(self._run.settings)
        if not known:
            return
        recovery = replace(self._run.store, part=RECOVERED).read()
        self._final = together(self._run.store.read(), recovery)
        unsafe = self._final is not None and self._final.verdict != "passed"
        if self._final is not None and unsafe:
            self._problems += unsaid(self._final, collected=known, ran=self._ran)
        if problems := self._write(broken_off(_unbegun(exitstatus)) if self._final is None else self._final):
            unsafe = True
            self._problems += problems
        if unsafe and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._final is not None and self._final.disk_full:
            # As too little disk before the first step is: nothing was found out.
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _write(self, found: Result) -> list[str]:
        """Write the reports, and the entry of the evidence; return what could not be."""
        settings, problems, entry = self._run.settings, list[str](), None
        if self._run.asked is not None:
            from .receipts import entry as made

            entry = made(self._run.asked, settings, found)
            if entry.result != found.verdict:
                problems.append(f"the receipt is of no verdict: {entry.facts['reason']}")
        try:
            write(
                located(found, github.paths(settings.migration, self._config.rootpath)),
                settings.report.files,
                private=settings.report.samples == "values",
                receipt=entry,
            )
        except OSError as error:
            problems.append(f"the report cannot be written: {error}")
        if entry is not None and settings.receipt.evidence is not None:
            from .receipts import keep

            try:
                keep(entry, settings.receipt.evidence)
            except StepError as error:
                problems.append(str(error))
        return problems

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the steps, what was found, what was compared and what was not, and the verdict."""
        if self._run.worker or self._run.store is None or not names(self._run.settings):
            return
        if self._final is None and not self._run.selection.collected:
            # Ids ask for tests of the project's own alone.
            return
        short = self._config.get_verbosity() < 0
        whole = self._config.get_verbosity() > 0
        unbegun = [Line(text=f"pgsafe: {_NOT_BEGUN}", tone="warning")]
        lines = unbegun if self._final is None else summary(self._final, short=short, whole=whole)
        show(terminalreporter, self._problems, lines, short=short)
        if self._final is not None and github.is_on():
            where = github.paths(self._run.settings.migration, self._config.rootpath)
            for text in github.tell(located(self._final, where)):
                terminalreporter.write_line(text)


def fit(report: pytest.TestReport) -> None:
    """Make why an item failed as wide as the terminal, here, where it is: an xdist worker has none."""
    if isinstance(report.longrepr, str):
        report.longrepr = Fitted(report.longrepr)  # type: ignore[assignment]


def show(reporter: Any, problems: Sequence[str], lines: Sequence[Line], *, short: bool) -> None:
    """Write what the end says to pytest's terminal reporter.

    :param short: without a headline.
    """
    reporter.ensure_newline()
    if not short:
        reporter.section("pgsafe")
    colours = {"good": {"green": True}, "warning": {"yellow": True}, "bad": {"red": True}}
    for line in [*(Line(text=problem, tone="bad") for problem in problems), *lines]:
        reporter.write_line(fitted(visible(line.text), reporter), **colours.get(line.tone, {}))


def _unbegun(exitstatus: int) -> str:
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        return "interrupted before the rehearsal was begun"
    return _NOT_BEGUN
