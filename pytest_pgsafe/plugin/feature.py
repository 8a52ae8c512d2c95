"""The feature, registered when ``--pgsafe`` is on: what is found out before collection, for all that follows."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ..config import Options, Settings, resolve
from ..config.forms import RECEIPT
from ..config.resolve import flag
from ..errors import SourceError, StepError, UsageError
from ..report.discreet import discreet
from ..server.private import private_folder, sweep
from ..visible import indented
from . import apart, own
from . import fleet as fleets
from .collect import CheckItem
from .collecting import Collecting
from .ending import Ending
from .fleet import Fleet
from .interrupting import Interrupting
from .judgement import names, recovered, rehearsed
from .loading import undisturbed
from .marker import READ_ONLY
from .own import OwnTests
from .results import RESULTS, Results
from .run import RUN, Run
from .selection import Selection, select
from .steps import StepShown
from .store import Store
from .workers import Workers

NAME = "pgsafe-feature"
#: Lines of the head that name what is called like ours and is not.
_SHOWN = 3
_FILES = pytest.StashKey[tuple[str, ...]]()
_REMEDY = "--pgsafe-source=X or [source] in pgsafe.toml says what to protect"


def register(config: pytest.Config) -> bool:
    """Register the feature if it is on, and return whether it is.

    :raises pytest.UsageError: ``PGSAFE`` is neither on nor off.
    """
    try:
        named = config.getoption("pgsafe") or config.getoption("pgsafe_static")
        named = named or "pgsafe" in getattr(config, "workerinput", ())
        if named or flag(os.environ, "PGSAFE") or flag(os.environ, "PGSAFE_STATIC"):
            config.pluginmanager.register(Feature(config), NAME)
            config.pluginmanager.register(Interrupting(worker=hasattr(config, "workerinput")))
            return True
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    return False


class Feature:
    """What comes before collection, in the controlling process or in an xdist worker; the parts of the plugin go on."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._folder = ExitStack()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Find out before the first step whether there can be one."""
        config = self._config
        config.stash[_FILES] = _taken(config)
        selection = select(config.args, rootdir=config.rootpath, invocation_dir=config.invocation_params.dir)
        config.args[:] = selection.arguments
        # What an xdist worker is given by its controller.
        given: dict[str, Any] | None = getattr(config, "workerinput", None)
        if given is not None:
            self._begin(self._own_place(Run.of_worker(given["pgsafe"], selection, config.rootpath)))
            return
        settings: Settings | None = None
        try:
            settings = self._resolved()
            self._begin(self._prepared(settings, selection))
        except UsageError as error:
            raise pytest.UsageError(_for_people(error, settings)) from error

    def _own_place(self, run: Run) -> Run:
        """Give a worker a folder of its own where it cannot have the controlling process's, if there is a fleet."""
        if run.fleet is None or run.store is None or run.obtainable:
            return run
        sweep()
        return replace(run, store=Store(self._folder.enter_context(private_folder("run"))), apart=True)

    def _begin(self, run: Run) -> None:
        config = self._config
        steps = StepShown(config)
        results = Results(run, steps)
        self._folder.callback(results.close)
        config.stash[RUN], config.stash[RESULTS] = run, results
        config.pluginmanager.register(steps)
        config.pluginmanager.register(Workers(config, run))
        config.pluginmanager.register(Collecting(run, results, config.rootpath))
        config.pluginmanager.register(_ending(config, run))
        config.pluginmanager.register(OwnTests(config, run), own.NAME)

    def _resolved(self) -> Settings:
        return resolve(
            _options(self._config),
            environment=os.environ,
            rootdir=self._config.rootpath,
            invocation_dir=self._config.invocation_params.dir,
        )

    def _prepared(self, settings: Settings, selection: Selection) -> Run:
        """Look at all that the selected checks need.

        :raises UsageError: it cannot be had.
        """
        run = Run(settings=settings, selection=selection, worker=False, store=None, header=settings.header())
        fleet = fleets.unasked(settings)
        _check_names(settings, selection, fleet)
        if self._dry:
            return run if fleet is None else replace(run, fleet=fleet, header=(*run.header, *fleets.header(fleet)))
        run = replace(run, settings=self._fetched(settings))
        if selection.collected:
            run = _receipt(_looked(run, here=not apart.elsewhere(self._config)), self._config.rootpath)
        left_alone = tuple(f"left alone: {line}" for line in sweep()[:_SHOWN])
        store = Store(self._folder.enter_context(private_folder("run")))
        return replace(run, store=store, header=(*run.header, *left_alone))

    @property
    def _dry(self) -> bool:
        """Whether no test is run, so that nothing is looked at and nothing is written."""
        options = ("collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test")
        return any(self._config.getoption(option, False) for option in options)

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

    def pytest_report_header(self) -> list[str]:
        return [indented(line) for line in self._config.stash[RUN].header]

    def without(self, item: pytest.Item) -> str | None:
        """Return why there is nothing for a marked test; None if there is."""
        static = self._config.stash[RUN].settings.static
        return READ_ONLY if static and not isinstance(item, CheckItem) else None

    def pytest_unconfigure(self) -> None:
        self._folder.close()


def _ending(config: pytest.Config, run: Run) -> object:
    if run.fleet is None:
        return Ending(config, run)
    from .fleet_ending import FleetEnding

    return FleetEnding(config, run, run.fleet)


def _check_names(settings: Settings, selection: Selection, fleet: Fleet | None) -> None:
    """Refuse ids of checks that there are not.

    :raises UsageError: with those that there are.
    """
    if selection.members and fleet is None:
        member, _ = selection.members[0]
        raise UsageError(
            f"there is no member {member!r}: no fleet is configured",
            remedies=["[[source.fleet]] in pgsafe.toml names many databases"],
        )
    # What a member is judged by hangs on its kind; of any database it is all there is.
    of_member = () if fleet is None else names(fleets.any_member(settings))
    known = dict.fromkeys((*names(settings), *of_member))
    for name in (*selection.names, *(name for _, name in selection.members if name)):
        if name not in known:
            found = f"checks: {', '.join(known)}" if known else _REMEDY
            raise UsageError(f"there is no check {name!r}", remedies=[found])


def _receipt(run: Run, root: Path) -> Run:
    """Find out what a receipt or the evidence needs, where one is asked for.

    :raises UsageError: it cannot be had.
    """
    receipt = any(file.name.endswith(RECEIPT) for file in run.settings.report.files)
    if not receipt and (run.settings.receipt.evidence is None or run.settings.static):
        return run
    from .receipts import asked

    return replace(run, asked=asked(run.settings, root))


def _looked(run: Run, *, here: bool) -> Run:
    """Find out what the selected checks need.

    :param here: whether they are run on this machine.
    :raises UsageError: it cannot be had.
    """
    settings, wanted = run.settings, set(run.selection.names or names(run.settings))
    if settings.static:
        from ..rehearsal.static import prepare

        reading = prepare(settings)
        return replace(run, reading=reading, header=(*run.header, *reading.header()))
    if not wanted.isdisjoint(rehearsed(settings)):
        with undisturbed():
            from ..rehearsal import wish
            from ..rehearsal.preflight import preflight

        plan = preflight(settings)
        run = replace(run, plan=plan, header=(*run.header, *plan.header(), *wish.header(settings, plan)))
    fleet = fleets.asked(settings, run.selection)
    if fleet is not None:
        choice = fleets.look(settings, fleet, here=here)
        run = replace(run, fleet=fleet, header=(*run.header, *fleets.header(fleet, choice)))
    if not wanted.isdisjoint(recovered(settings)):
        from ..rehearsal.recoverable import look

        run = replace(run, header=(*run.header, *look(settings)))
    return run


def _for_people(error: UsageError, settings: Settings | None) -> str:
    """Return an error for people: where values are not to be shown, also those that a server quotes are not."""
    report = None if settings is None else settings.report
    hides = report is not None and (report.samples != "values" or report.mask)
    return indented(discreet(str(error)) if hides else str(error))


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
        major=option("pgsafe_major"),
        report=tuple(option("pgsafe_report")),
        config=option("pgsafe_config"),
        strict=option("pgsafe_strict"),
        update=option("pgsafe_update"),
        keep=option("pgsafe_keep"),
        from_rev=option("pgsafe_from"),
        static=option("pgsafe_static"),
        files=config.stash.get(_FILES, ()),
    )


def _taken(config: pytest.Config) -> tuple[str, ...]:
    """Take the ``.sql`` files out of the arguments where statements are read: pytest would look for tests in them."""
    if not (config.getoption("pgsafe_static") or flag(os.environ, "PGSAFE_STATIC")):
        return ()
    files = tuple(one for one in config.args if one.endswith(".sql"))
    config.args[:] = [one for one in config.args if one not in files]
    return files
