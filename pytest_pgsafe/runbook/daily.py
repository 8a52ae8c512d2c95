"""The daily verification: the latest backup of each database, its age, and its drill; whatever is wrong is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ..backup import store
from ..backup.store import Stored
from ..errors import PgsafeError, StepError
from ..progress import SILENT, Progress
from . import alerts
from .verify import Scratch, verify


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The latest backup of one database in one environment."""

    folder: Path
    database: str
    proven: bool
    #: What failed, in a line each.
    failures: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Day:
    checked: tuple[Checked, ...]
    #: Of the root as a whole, and of alerts that were not delivered.
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return bool(self.checked) and not self.failures and not any(one.failures for one in self.checked)


def daily(
    root: Path,
    scratch: Scratch,
    *,
    max_age: timedelta,
    log: Path | None,
    alert: Sequence[str] = (),
    ping: Sequence[str] = (),
    progress: Progress = SILENT,
    further: Callable[[], Sequence[str]] | None = None,
) -> Day:
    """Verify the latest complete backup of each database under a root.

    Nothing found is a failure, and so is an alert that was refused.

    :param log: lines are added to it.
    :param alert: who is told when something failed.
    :param ping: who is told when all is well, so that a drill which no longer runs is missed.
    :param further: is done as well, and says what failed, in a line each.
    :raises UsageError: none could be begun; the alerts are told so first.
    """
    for url in (*alert, *ping):
        alerts.check(url)
    try:
        day = _verify(root, scratch, max_age, progress)
        day = day if further is None else replace(day, failures=(*day.failures, *_lines(further)))
    except PgsafeError as error:
        undelivered = _tell(alert, "pgsafe daily could not begin", {"root": str(root), "error": str(error)})
        _write(log, ["ERROR could not begin: " + " ".join(str(error).split()), *_errors(undelivered)])
        raise
    body: dict[str, Any] = {
        "format": "pgsafe-daily/1",
        "result": "passed" if day.passed else "failed",
        "root": str(root),
        "failures": [*day.failures, *(f"{one.folder}: {text}" for one in day.checked for text in one.failures)],
        "proven": [str(one.folder) for one in day.checked if one.proven],
    }
    if day.passed:
        undelivered = _tell(ping, "pgsafe daily: all backups are proven", body)
    else:
        undelivered = _tell(alert, "pgsafe daily: a backup failed its verification", body)
    day = Day(checked=day.checked, failures=(*day.failures, *undelivered))
    _write(log, [*(f"proven {folder}" for folder in body["proven"]), *_errors(body["failures"]), *_errors(undelivered)])
    return day


def _lines(further: Callable[[], Sequence[str]]) -> Sequence[str]:
    try:
        return further()
    except PgsafeError as error:
        return (" ".join(str(error).split()),)


def _verify(root: Path, scratch: Scratch, max_age: timedelta, progress: Progress) -> Day:
    found = store.find(root)
    latest: dict[tuple[Path, str], Stored] = {one.line: one for one in found if one.manifest is not None}
    checked: list[Checked] = []
    hindered: list[PgsafeError] = []
    for one in latest.values():
        assert one.manifest is not None
        name = f"{one.folder.parent.name}/{one.folder.name}"
        try:
            proof = verify(one.folder, scratch, max_age=max_age, progress=progress.within(name))
        except PgsafeError as error:
            # What one database lacks here, such as an extension, keeps no other from being drilled.
            hindered.append(error)
            failures, proven = [f"could not be verified here: {error}"], False
        else:
            failures = [f"{each.name}: {each.said}" for each in proof.outcomes if each.result != "passed"]
            proven = proof.proven
        checked.append(
            Checked(
                folder=one.folder,
                database=one.manifest.database,
                proven=proven,
                failures=tuple(" ".join(text.split()) for text in failures),
            )
        )
    if hindered and len(hindered) == len(latest):
        raise hindered[0]
    failures = [f"{one.folder}: {one.fault}" for one in found if one.manifest is None]
    if not latest:
        failures.append(f"{root}: there is no complete backup")
    return Day(checked=tuple(checked), failures=tuple(failures))


def _tell(urls: Sequence[str], title: str, body: dict[str, Any]) -> tuple[str, ...]:
    """Tell everybody; return what was not delivered."""
    undelivered: list[str] = []
    for url in urls:
        try:
            alerts.send(url, title, body)
        except StepError as error:
            undelivered.append(f"{error.message}: {alerts.shown(url)}")
    return tuple(undelivered)


def _errors(lines: Sequence[str]) -> list[str]:
    return [f"ERROR {line}" for line in lines]


def _write(log: Path | None, lines: Sequence[str]) -> None:
    """Add lines to the log.

    :raises StepError: it cannot be written.
    """
    if log is None:
        return
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.writelines(f"{now} {line}\n" for line in lines)
    except OSError as error:
        raise StepError("the log cannot be written", looked_at=[f"{log}: {error.strerror}"]) from error
