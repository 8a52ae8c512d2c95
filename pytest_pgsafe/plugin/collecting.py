"""The checks are collected: once, whatever paths were given, and a run without anything of ours is refused."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from ..config.find import FILE_NAME
from ..errors import UsageError
from .collect import ChecksFile, member_id
from .fleet import any_member, settings_of
from .judgement import names
from .results import Results
from .run import Run
from .selection import ALL

_NOTHING = (
    "--pgsafe has nothing to check: no source is configured and no test is marked pgsafe",
    "--pgsafe-source=X or [source] in pgsafe.toml says what to protect; [pitr] what to recover",
)


def refusal(folder: Path) -> UsageError:
    """Return why there is nothing to check; with the file of a folder above, which is read there alone.

    :param folder: pytest's rootdir.
    """
    above = next((parent / FILE_NAME for parent in folder.parents if (parent / FILE_NAME).is_file()), None)
    if above is None:
        return UsageError(_NOTHING[0], looked_at=[str(folder / FILE_NAME)], remedies=[_NOTHING[1]])
    return UsageError(
        f"{_NOTHING[0]}; {FILE_NAME} lies in a folder above",
        looked_at=[str(above), str(folder / FILE_NAME)],
        remedies=[f"call pytest in {above.parent}", f"say --pgsafe-config={above}"],
    )


class Collecting:
    """Collection in one process."""

    def __init__(self, run: Run, results: Results, rootdir: Path) -> None:
        self._run = run
        self._results = results
        self._rootdir = rootdir
        self._refused = False

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
        if isinstance(collector, pytest.Session) and report.passed and self._run.selection.collected:
            report.result = [*(report.result or []), *self._files(collector)]
        return report

    def _files(self, session: pytest.Session) -> Iterator[ChecksFile]:
        """Yield the collectors of the checks: one of the run's own, and one of each member of a fleet."""
        run = self._run
        known = names(run.settings)
        # Where ids name members alone, they name nothing of what is judged once.
        if known and (run.selection.names or not run.selection.members):
            yield ChecksFile.make(session, self._results, names=known, selected=run.selection.names)
        if run.fleet is not None and run.fleet.unlisted:
            # Nothing is run where nobody was asked; these ids mean the checks of every member.
            selected = run.selection.of(ALL)
            anyone = names(any_member(run.settings))
            if selected is not None:
                yield ChecksFile.make(session, self._results, names=anyone, selected=selected, member=ALL)
        for member in () if run.fleet is None else map(run.fleet.of, run.fleet.judged):
            selected = run.selection.of(member.name)
            if selected is not None:
                own = names(settings_of(run.settings, member))
                yield ChecksFile.make(session, self._results, names=own, selected=selected, member=member.name)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """See whether there is anything of ours, before ``-k`` and ``-m`` leave things out."""
        found = any(item.get_closest_marker("pgsafe") is not None for item in items)
        if not self._run.worker:
            self._refused = not found and not self._run.selection.by_id and not self._known
        elif found and self._run.store is not None:
            (self._run.store.folder / "found").touch()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._select(item.nodeid for item in session.items)
        # A module that cannot be imported may hold what is missed: its error is told instead.
        if self._refused and not session.testsfailed:
            self._refuse()

    def _select(self, ids: Iterable[str]) -> None:
        """Note which members have a check that is run."""
        fleet = self._run.fleet
        if fleet is not None:
            have = {one.partition("::")[0] for one in ids}
            fleet.unselected.clear()
            fleet.unselected.update(name for name in fleet.judged if member_id(name) not in have)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """See what the workers collected; refuse a run without anything of ours, which here only a worker can see."""
        self._select(ids)
        if self._run.store is None or self._known or self._run.selection.by_id:
            return
        if not (self._run.store.folder / "found").exists():
            self._refuse()

    @property
    def _known(self) -> bool:
        """Whether anything is configured that is judged."""
        return bool(names(self._run.settings)) or self._run.fleet is not None

    def _refuse(self) -> None:
        self._refused = True
        raise pytest.UsageError(str(refusal(self._rootdir)))
