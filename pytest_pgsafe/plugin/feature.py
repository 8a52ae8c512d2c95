"""The feature, registered when ``--pgsafe`` is on: its settings, and the one rehearsal of the run."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter

from ..config import Options, Settings, resolve
from ..config.resolve import flag
from ..errors import PgsafeError, SourceError, StepError, UsageError
from ..rehearsal.values import Result
from ..report.discreet import discreet
from ..report.redact import redact
from ..server.private import private_folder, sweep
from ..visible import indented, one_line
from . import own
from .collect import CheckItem
from .collecting import Collecting
from .ending import Ending
from .interrupting import Interrupting
from .judgement import names, recovered, rehearsed
from .marker import READ_ONLY
from .own import OwnTests
from .selection import Selection, select
from .store import RECOVERED, Store, broken_off

if TYPE_CHECKING:
    from ..rehearsal.preflight import Plan
    from ..rehearsal.static import Static

NAME = "pgsafe-feature"
_SETTINGS = TypeAdapter(Settings)
#: Lines of the head that name what is called like ours and is not.
_SHOWN = 3
_REMEDY = "--pgsafe-source=X or [source] in pgsafe.toml says what to protect"


def register(config: pytest.Config) -> bool:
    """Register the feature if it is on, and return whether it is.

    :raises pytest.UsageError: ``PGSAFE`` is neither on nor off.
    """
    try:
        named = config.getoption("pgsafe") or config.getoption("pgsafe_static")
        if named or flag(os.environ, "PGSAFE") or flag(os.environ, "PGSAFE_STATIC"):
            feature = Feature(config)
            config.pluginmanager.register(feature, NAME)
            config.pluginmanager.register(Collecting(feature))
            config.pluginmanager.register(Ending(config, feature))
            config.pluginmanager.register(Interrupting(feature))
            config.pluginmanager.register(OwnTests(config, feature), own.NAME)
            return True
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    return False


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
        self.reading: Static | None = None
        self.header: tuple[str, ...] = ()
        self.final: Result | None = None
        self.recovered: Result | None = None
        self._folder = ExitStack()

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
            raise pytest.UsageError(self._told(error)) from error

    def _told(self, error: UsageError) -> str:
        """Return an error for people: where values are not to be shown, also those that a server quotes are not."""
        report = None if self.settings is None else self.settings.report
        hides = report is not None and (report.samples != "values" or report.mask)
        return indented(discreet(str(error)) if hides else str(error))

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
                found = f"checks: {', '.join(known)}" if known else _REMEDY
                raise UsageError(f"there is no check {name!r}", remedies=[found])
        if self.dry:
            return
        self.settings = self._fetched(self.settings)
        if self.settings.static and self.selection.collected:
            from ..rehearsal.static import prepare

            self.reading = prepare(self.settings)
            self.header += self.reading.header()
        elif known and self.selection.collected:
            self._look(self.settings)
        self.header += tuple(f"left alone: {line}" for line in sweep()[:_SHOWN])
        self.store = Store(self._folder.enter_context(private_folder("run")))

    def _fetched(self, settings: Settings) -> Settings:
        """Fetch the backup that is the source, if it lies in a store: it is gone when the run ends.

        :raises UsageError: it cannot be had.
        """
        source = settings.source
        if source is None or source.store is None or settings.static:
            return settings
        from ..storage.fetched import at_hand

        try:
            folder = self._folder.enter_context(at_hand(source.store))
        except StepError as error:
            raise SourceError(error.message, looked_at=error.looked_at, remedies=error.remedies) from error
        return replace(settings, source=replace(source, backup=folder))

    def _look(self, settings: Settings) -> None:
        """Find out what the selected checks need.

        :raises UsageError: it cannot be had.
        """
        wanted = self.selection.names or names(settings)
        if not set(wanted).isdisjoint(rehearsed(settings)):
            from ..rehearsal.preflight import preflight

            plan = self.plan = preflight(settings)
            self.header += plan.header()
        if not set(wanted).isdisjoint(recovered(settings)):
            from ..rehearsal.recoverable import look

            self.header += look(settings)

    def pytest_report_header(self) -> list[str]:
        return [indented(line) for line in self.header]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker what was resolved; it resolves nothing by itself."""
        assert self.settings is not None
        settings = _SETTINGS.dump_json(self.settings).decode()
        if self.store is not None and self.plan is not None:
            self.store.tell(self.plan)
        node.workerinput["pgsafe"] = {
            "settings": settings,
            "folder": None if self.store is None else str(self.store.folder),
        }

    # The rehearsal.

    def result(self) -> Result:
        """Return the run's result; the first call of all processes rehearses."""
        if self.final is None:
            assert self.store is not None
            if not self.store.folder.is_dir():
                return broken_off("xdist workers on another machine cannot share a rehearsal")
            self.final = self.store.obtain(self._rehearse, self._say)
        return self.final

    def recovery(self) -> Result:
        """Return the run's recovery; the first call of all processes does it."""
        if self.recovered is None:
            assert self.store is not None
            if not self.store.folder.is_dir():
                return broken_off("xdist workers on another machine cannot share a recovery")
            self.recovered = replace(self.store, part=RECOVERED).obtain(self._recover, self._say)
        return self.recovered

    def without(self, item: pytest.Item) -> str | None:
        """Return why there is nothing for a marked test; None if there is."""
        static = self.settings is not None and self.settings.static
        return READ_ONLY if static and not isinstance(item, CheckItem) else None

    def _rehearse(self, progress: Callable[[str], None]) -> Result:
        return self._shown(self._run, progress)

    def _recover(self, progress: Callable[[str], None]) -> Result:
        from ..rehearsal.recoverable import prove

        return self._shown(prove, progress)

    def _shown(
        self, run: Callable[[Settings, Callable[[str], None]], Result], progress: Callable[[str], None]
    ) -> Result:
        """Run, and leave out of the result what nobody may see."""
        assert self.settings is not None
        report = self.settings.report
        try:
            result = run(self.settings, progress)
        except PgsafeError:
            raise
        except Exception as error:
            if report.samples == "values" and not report.mask:
                raise
            # The server's messages quote rows, which are not to be shown.
            where = traceback.format_tb(error.__traceback__)
            raise PgsafeError(f"broken off by a defect: {type(error).__name__}", looked_at=where) from None
        return redact(result, samples=report.samples, mask=report.mask)

    def _run(self, settings: Settings, progress: Callable[[str], None]) -> Result:
        if settings.static:
            from ..rehearsal.static import prepare, read

            return read(settings, prepare(settings) if self.reading is None else self.reading, progress)
        from ..rehearsal.run import rehearse

        assert self.store is not None
        # What was found out before the first step holds for the worker that takes it.
        plan = self.store.told() if self.plan is None else self.plan
        return rehearse(settings, progress, plan, backups=self.store.folder)

    def _say(self, step: str) -> None:
        """Show a step that begins, with ``-v`` and where there is a terminal."""
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        capture: Any = self.config.pluginmanager.get_plugin("capturemanager")
        if self.worker or reporter is None or self.config.get_verbosity() < 1:
            return
        step = one_line(step)
        if capture is None:
            reporter.write_line(f"pgsafe: {step}")
            return
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(f"pgsafe: {step}")

    def pytest_unconfigure(self) -> None:
        self._folder.close()


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
        static=option("pgsafe_static"),
    )
