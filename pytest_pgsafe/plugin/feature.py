"""The feature, registered when ``--pgsafe`` is on: settings, collection, the one rehearsal, reports."""

from __future__ import annotations

import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Generator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter

from ..config import FILE_NAME, Options, Settings, resolve
from ..config.resolve import flag
from ..errors import PgsafeError, UsageError
from ..rehearsal.values import Result
from ..report.redact import redact
from ..report.terminal import Line, summary
from ..report.write import write
from .collect import ChecksFile
from .judgement import names, unsaid
from .selection import Selection, select
from .store import Store, broken_off

if TYPE_CHECKING:
    from ..rehearsal.preflight import Plan

NAME = "pgsafe-feature"
_SETTINGS = TypeAdapter(Settings)
_NOTHING = (
    "--pgsafe has nothing to check: no source is configured and no test is marked pgsafe",
    "--pgsafe-source=X or [source] in pgsafe.toml says what to protect",
)
_NOT_BEGUN = "the rehearsal was not begun: no check of it was run"


def register(config: pytest.Config) -> None:
    """Register the feature if it is on.

    :raises pytest.UsageError: ``PGSAFE`` is neither on nor off.
    """
    try:
        if config.getoption("pgsafe") or flag(os.environ, "PGSAFE"):
            config.pluginmanager.register(Feature(config), NAME)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


class Feature:
    """One run of pytest, in the controlling process or in an xdist worker."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        #: What the controller of xdist told this worker; None in the controlling process.
        self.told: dict[str, Any] | None = getattr(config, "workerinput", {}).get("pgsafe")
        self.worker = hasattr(config, "workerinput")
        self.settings: Settings | None = None
        self.selection = Selection(arguments=())
        self.store: Store | None = None
        self.plan: Plan | None = None
        self.header: tuple[str, ...] = ()
        self.refused = False
        self.final: Result | None = None
        self.problems: list[str] = []
        #: Checks that reported, in whichever process.
        self.ran: set[str] = set()

    @cached_property
    def dry(self) -> bool:
        """Whether no test is run, so that nothing is looked at and nothing is written."""
        options = ("collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test")
        return any(self.config.getoption(option, False) for option in options)

    # Before collection.

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Find out before the first step whether there can be one."""
        config = self.config
        if self.told is not None:
            self.settings = _SETTINGS.validate_json(self.told["settings"])
            self.store = None if self.told["folder"] is None else Store(Path(self.told["folder"]))
        arguments = select(config.args, rootdir=config.rootpath, invocation_dir=config.invocation_params.dir)
        config.args[:] = arguments.arguments
        self.selection = arguments
        if self.worker:
            return
        try:
            self._prepare()
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error

    def _prepare(self) -> None:
        self.settings = resolve(
            _options(self.config),
            environment=os.environ,
            rootdir=self.config.rootpath,
            invocation_dir=self.config.invocation_params.dir,
        )
        self.header = self.settings.header()
        known = names(self.settings)
        for name in self.selection.names:
            if name not in known:
                found = f"checks: {', '.join(known)}" if known else _NOTHING[1]
                raise UsageError(f"there is no check {name!r}", remedies=[found])
        if self.dry:
            return
        if known and self.selection.collected:
            from ..rehearsal.preflight import preflight

            plan = self.plan = preflight(self.settings)
            self.header += plan.header()
        self.store = Store(Path(tempfile.mkdtemp(prefix="pgsafe-run-")))

    def pytest_report_header(self) -> list[str]:
        return list(self.header)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker what was resolved; it resolves nothing by itself."""
        assert self.settings is not None
        settings = _SETTINGS.dump_json(self.settings).decode()
        node.workerinput["pgsafe"] = {
            "settings": settings,
            "folder": None if self.store is None else str(self.store.folder),
        }

    # Collection.

    @pytest.hookimpl(tryfirst=True, specname="pytest_make_collect_report")
    def pytest_make_report_of_checks(self, collector: pytest.Collector) -> pytest.CollectReport | None:
        """Collect our own file, past hooks that leave out files: ``--lf`` knows none that does not exist."""
        if not isinstance(collector, ChecksFile):
            return None
        return pytest.CollectReport(collector.nodeid, "passed", None, list(collector.collect()))

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Add the checks to what the session itself collects: once, whatever paths were given."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed and self.selection.collected:
            assert self.settings is not None
            known = names(self.settings)
            if known:
                file = ChecksFile.make(collector, self, names=known, selected=self.selection.names)
                report.result = [*(report.result or []), file]
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """See whether there is anything of ours, before ``-k`` and ``-m`` leave things out."""
        found = any(item.get_closest_marker("pgsafe") is not None for item in items)
        if not self.worker:
            assert self.settings is not None
            self.refused = not found and not self.selection.by_id and not names(self.settings)
        elif found and self.store is not None:
            (self.store.folder / "found").touch()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        # A module that cannot be imported may hold what is missed: its error is told instead.
        if self.refused and not session.testsfailed:
            self._refuse()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """Refuse a run without anything of ours, which under xdist only a worker can see."""
        assert self.settings is not None
        if self.store is None or names(self.settings) or self.selection.by_id:
            return
        if not (self.store.folder / "found").exists():
            self._refuse()

    def _refuse(self) -> None:
        self.refused = True
        raise pytest.UsageError(str(UsageError(_NOTHING[0], remedies=[_NOTHING[1]])))

    # The rehearsal.

    def result(self) -> Result:
        """Return the run's result; the first call of all processes rehearses."""
        if self.final is None:
            assert self.store is not None
            if not self.store.folder.is_dir():
                return broken_off("xdist workers on another machine cannot share a rehearsal")
            self.final = self.store.obtain(self._rehearse, self._say)
        return self.final

    def _rehearse(self, progress: Callable[[str], None]) -> Result:
        from ..rehearsal.run import rehearse

        assert self.settings is not None
        report = self.settings.report
        try:
            result = rehearse(self.settings, progress, self.plan)
        except PgsafeError:
            raise
        except Exception as error:
            if report.samples == "values" and not report.mask:
                raise
            # The server's messages quote rows, which are not to be shown.
            where = traceback.format_tb(error.__traceback__)
            raise PgsafeError(f"broken off by a defect: {type(error).__name__}", looked_at=where) from None
        return redact(result, samples=report.samples, mask=report.mask)

    def _say(self, step: str) -> None:
        """Show a step that begins, with ``-v`` and where there is a terminal."""
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        capture: Any = self.config.pluginmanager.get_plugin("capturemanager")
        if self.worker or reporter is None or self.config.get_verbosity() < 1:
            return
        if capture is None:
            reporter.write_line(f"pgsafe: {step}")
            return
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(f"pgsafe: {step}")

    # The end.

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file, _, name = report.nodeid.partition("::")
        if file == FILE_NAME:
            self.ran.add(name)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the reports, after xdist's workers ended; nothing unsafe ends with 0."""
        if self.worker or self.store is None or exitstatus == pytest.ExitCode.USAGE_ERROR:
            return
        assert self.settings is not None
        if not names(self.settings):
            return
        known = names(self.settings)
        self.final = self.store.read()
        unsafe = self.final is not None and self.final.verdict != "passed"
        if self.final is not None and unsafe:
            self.problems += unsaid(self.final, collected=known, ran=self.ran)
        try:
            write(broken_off(_unbegun(exitstatus)) if self.final is None else self.final, self.settings.report.files)
        except OSError as error:
            unsafe = True
            self.problems.append(f"the report cannot be written: {error}")
        if unsafe and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the steps, what was found, what was compared and what was not, and the verdict."""
        if self.worker or self.store is None or self.settings is None or not names(self.settings):
            return
        short = self.config.get_verbosity() < 0
        terminalreporter.ensure_newline()
        if not short:
            terminalreporter.section("pgsafe")
        unbegun = [Line(text=f"pgsafe: {_NOT_BEGUN}", tone="warning")]
        lines = unbegun if self.final is None else summary(self.final, short=short)
        for line in [*(Line(text=problem, tone="bad") for problem in self.problems), *lines]:
            colours = {"good": {"green": True}, "warning": {"yellow": True}, "bad": {"red": True}}
            terminalreporter.write_line(line.text, **colours.get(line.tone, {}))

    def pytest_unconfigure(self) -> None:
        if not self.worker and self.store is not None:
            shutil.rmtree(self.store.folder, ignore_errors=True)


def _unbegun(exitstatus: int) -> str:
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        return "interrupted before the rehearsal was begun"
    return _NOT_BEGUN


def _options(config: pytest.Config) -> Options:
    """Return what stood on the command line."""

    def option(name: str) -> Any:
        return config.getoption(name)

    return Options(
        source=tuple(option("pgsafe_source")),
        migration=option("pgsafe_migration"),
        rollback=option("pgsafe_rollback"),
        server=option("pgsafe_server"),
        image=option("pgsafe_image"),
        report=tuple(option("pgsafe_report")),
        config=option("pgsafe_config"),
        strict=option("pgsafe_strict"),
        update=option("pgsafe_update"),
        keep=option("pgsafe_keep"),
        from_rev=option("pgsafe_from"),
    )
