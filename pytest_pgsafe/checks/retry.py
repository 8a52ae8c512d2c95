"""The migration broken off and run again: whether it can be, and ends where the uninterrupted one ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from ..compare.values import Action, Change
from ..retry.values import Attempt
from .bookkeeping import is_bookkeeping
from .evidence import count, say, unproven
from .values import Check, Evidence, Finding, Severity

#: How tools say that somebody has to look first: golang-migrate, Flyway, Liquibase, Django, Prisma, Atlas.
_BY_HAND = re.compile(
    r"(?i)\bdirty database\b|\bfix and force\b|\bforce version\b|\bmarked as (?:failed|dirty)\b"
    r"|\b(?:run|flyway) repair\b|--fake\b|\bfailed migrations?\b|\bmigrate resolve\b"
)
#: Names of objects say nothing of a tool.
_NAMES = re.compile(r'"[^"]*"')
#: They protect, or are used, as long as they are as the uninterrupted run left them.
_GUARDS = frozenset({"index", "constraint", "trigger", "policy"})
#: An index that is INVALID is mostly not ready either: that is one thing.
_STATES = frozenset({"valid", "ready", "live"})
_AGAIN = (
    "Let an INVALID index go first: DROP INDEX CONCURRENTLY IF EXISTS, then CREATE INDEX CONCURRENTLY without IF NOT "
    "EXISTS, which takes the INVALID one for done."
)


def _told(attempt: Attempt, others: int = 0) -> str:
    """Return how a message begins: where it was broken off, and what was left."""
    point = attempt.point
    left = f"{point.done} of {point.of} effects were there"
    if attempt.invalid:
        left += f", and INVALID: {', '.join(attempt.invalid)}"
    more = f"; alike at {others} more of the points" if others else ""
    return f"{'the way back, ' if attempt.back else ''}broken off {point} ({left}{more})"


def _cited(finding: Finding, attempt: Attempt) -> Finding:
    """Return a finding with the statement of its point, and what makes an index safe where it is about one."""
    remedy = finding.remedy if finding.remedy is None or not attempt.invalid else _AGAIN
    return replace(finding, statement=attempt.point.unit.cited, remedy=remedy)


def _of_failures(evidence: Evidence, wanted: Callable[[Attempt], bool]) -> Iterator[tuple[Attempt, int]]:
    """Yield attempts of a kind, one for each statement at which they failed, and at how many points it is alike."""
    found: dict[str, list[Attempt]] = {}
    for one in evidence.retried.attempts:
        if one.failed is not None and wanted(one):
            found.setdefault(one.failed if one.failure is None else str(one.failure), []).append(one)
    for same in found.values():
        # What the tool itself leaves open stands behind what the migration does.
        first = min(same, key=lambda one: (one.point.unrecorded, one.point.done))
        yield first, len(same) - 1 + sum(one.alike for one in same)


def _by_hand(attempt: Attempt) -> bool:
    return attempt.hung is None and _BY_HAND.search(_NAMES.sub("", attempt.failed or "")) is not None


def _failures(evidence: Evidence) -> Iterator[Finding]:
    for one, others in _of_failures(evidence, lambda one: one.hung is None and not _by_hand(one)):
        # A tool begins again by itself, and never gets further; of files somebody sees the error and decides.
        stuck = evidence.retried.remembers and not one.point.unrecorded
        said = one.failed if one.failure is None else str(one.failure)
        finding = CANNOT_BE_REPEATED.finding(
            "migration", f"{_told(one, others)}, it cannot be run again: {said}",
            severity=Severity.ERROR if stuck else unproven(evidence), aspect=str(one.point),
        )  # fmt: skip
        yield _cited(finding, one)


def _hands(evidence: Evidence) -> Iterator[Finding]:
    for one, others in _of_failures(evidence, _by_hand):
        told = f"{_told(one, others)}, the tool wants somebody to look before it runs again: {one.failed}"
        finding = BY_HAND.finding("migration", told, severity=unproven(evidence), aspect=str(one.point))
        yield _cited(finding, one)


def _hangs(evidence: Evidence) -> Iterator[Finding]:
    for one, others in _of_failures(evidence, lambda one: one.hung is not None):
        told = f"{_told(one, others)}, the next run had not ended after {one.hung:.0f} s: {one.failed}"
        yield _cited(HANGS.finding("migration", told, aspect=str(one.point)), one)


def _different(evidence: Evidence, wanted: Callable[[Attempt, Change], bool]) -> Iterator[tuple[Attempt, Change, int]]:
    """Yield differences of a kind, each once, with the first point and at how many more it is alike."""
    found: dict[tuple[str, str, str | None], dict[int, tuple[Attempt, Change]]] = {}
    for number, one in enumerate(evidence.retried.attempts):
        for change in one.changes:
            if wanted(one, change):
                attribute = "valid" if change.attribute in _STATES else change.attribute
                found.setdefault((change.kind, change.object, attribute), {}).setdefault(number, (one, change))
    for same in found.values():
        yield (*next(iter(same.values())), len(same) - 1)


def _is_less(change: Change) -> bool:
    if change.kind == "rows":
        return isinstance(change.before, int) and isinstance(change.after, int) and change.after < change.before
    return change.action is Action.DROPPED or (change.action is Action.CHANGED and change.kind in _GUARDS)


def _books(evidence: Evidence, change: Change) -> bool:
    """Tell whether a change is one of a tool's own table."""
    return is_bookkeeping(evidence, change.object)


def _records(evidence: Evidence, attempt: Attempt) -> bool:
    """Tell whether a tool's table says the same as after the uninterrupted run."""
    return bool(evidence.retried.records) and not any(_books(evidence, change) for change in attempt.changes)


def _less(evidence: Evidence) -> Iterator[Finding]:
    def wanted(one: Attempt, change: Change) -> bool:
        return _is_less(change) and not _books(evidence, change) and not _records(evidence, one)

    for one, change, others in _different(evidence, wanted):
        told = f"{_told(one, others)} and run again, it ends well, and {_missing(change)}"
        yield _cited(ENDS_IN_LESS.finding(change.object, told, aspect=_aspect(change)), one)


def _more(evidence: Evidence) -> Iterator[Finding]:
    def wanted(_: Attempt, change: Change) -> bool:
        return not _is_less(change) and not _books(evidence, change)

    for one, change, others in _different(evidence, wanted):
        told = f"{_told(one, others)} and run again, it ends well, and {_too_much(change)}"
        yield _cited(ENDS_IN_MORE.finding(change.object, told, aspect=_aspect(change)), one)


def _disagrees(evidence: Evidence) -> Iterator[Finding]:
    def applied(one: Attempt, change: Change) -> bool:
        return _is_less(change) and not _books(evidence, change) and _records(evidence, one)

    def forgotten(_: Attempt, change: Change) -> bool:
        return change.kind == "rows" and _books(evidence, change)

    for one, change, others in _different(evidence, applied):
        told = f"{_told(one, others)} and run again, it counts as applied, and {_missing(change)}"
        yield _cited(RECORDED_WRONGLY.finding(change.object, told, aspect=_aspect(change)), one)
    for one, change, others in _different(evidence, forgotten):
        told = f"{_told(one, others)} and run again, {change.object} holds {change.after} rows, not {change.before}"
        severity = unproven(evidence)
        yield _cited(RECORDED_WRONGLY.finding(change.object, told, severity=severity, aspect=_aspect(change)), one)


def _aspect(change: Change) -> str:
    return f"{change.kind} {change.action.value if change.attribute is None else change.attribute}"


def _missing(change: Change) -> str:
    what = f"the {change.kind} {change.object}"
    if change.kind == "rows" and isinstance(change.before, int) and isinstance(change.after, int):
        return f"{change.object} has {count(change.before - change.after)} less than without the break"
    if change.action is Action.DROPPED:
        return f"{what} is missing"
    if change.attribute in _STATES:
        return f"{what} is INVALID"
    return f"{change.attribute} of {what} is {say(change.after)}, and {say(change.before)} without the break"


def _too_much(change: Change) -> str:
    what = f"the {change.kind} {change.object}"
    if change.kind == "rows":
        if isinstance(change.before, int) and isinstance(change.after, int) and change.after > change.before:
            return f"{change.object} has {count(change.after - change.before)} more than without the break"
        return f"{change.object} holds other rows than without the break"
    if change.kind == "values":
        return f"{change.object} holds other values than without the break"
    if change.action is Action.ADDED:
        return f"{what} is there, which is not without the break"
    return f"{change.attribute or 'the definition'} of {what} differs from what it is without the break"


CANNOT_BE_REPEATED = Check(
    code="PGS581",
    check="retry",
    name="cannot-be-repeated",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "The migration was broken off between two effects, by the loss of its connection, and run again: a statement "
        "fails, since what the first run did is there. Of .sql files and commands without a tool's table it is a "
        "warning, under strict an error; so is the gap between an effect and the tool's own record of it."
    ),
    effect=(
        "After a lock timeout, a restarted pod or a cancelled deployment the migration never gets further by itself: "
        "somebody has to undo by hand what is there."
    ),
    remedy=(
        "Run it as one transaction (BEGIN … COMMIT, psql --single-transaction, [migration] transaction = true), and "
        "what may not be in one (CONCURRENTLY) by itself, in another file; or let each statement find out what is "
        "there: IF NOT EXISTS, IF EXISTS, ON CONFLICT DO NOTHING."
    ),
    judge=_failures,
)
ENDS_IN_LESS = Check(
    code="PGS582",
    check="retry",
    name="repeated-ends-in-less",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "The migration was broken off and run again, and says that all is well; but something is missing that the "
        "uninterrupted run has made: rows, an object, or an index is INVALID, a constraint not validated."
    ),
    effect="Nobody looks again: the deployment is green, and the index is not used, or the constraint does not hold.",
    remedy=(
        "Do in one transaction what belongs together. IF NOT EXISTS looks at names alone: check the state, or drop "
        "what may be half done and make it again."
    ),
    judge=_less,
)
ENDS_IN_MORE = Check(
    code="PGS583",
    check="retry",
    name="repeated-ends-in-more",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "The migration was broken off and run again, and ends well; but rows are there twice, values were computed "
        "twice, or an object is left over that the uninterrupted run does not leave. What differs in every run (now(), "
        "random values) is told from it by one more run."
    ),
    effect="The data is wrong, and no error says so.",
    remedy=(
        "Let a statement know its own work: WHERE column IS NULL, ON CONFLICT DO NOTHING, WHERE NOT EXISTS; or do it "
        "in one transaction with what records it."
    ),
    judge=_more,
)
RECORDED_WRONGLY = Check(
    code="PGS584",
    check="retry",
    name="recorded-wrongly",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "The migration was broken off and run again, and its tool's table says that it is applied, while a part of it "
        "is missing. That the table holds other rows than after the uninterrupted run is a warning."
    ),
    effect="No later run repairs it: the tool takes the migration for done.",
    remedy="Record the migration in the transaction that does it, or after it; never before.",
    judge=_disagrees,
)
HANGS = Check(
    code="PGS585",
    check="retry",
    name="repeated-hangs",
    severity=Severity.ERROR,
    is_effect=False,
    condition="The migration was broken off and run again, and does not end: it takes ten times as long, and a minute.",
    effect="The next deployment waits until somebody ends it; mostly for a mark that the first run left in a table.",
    remedy="Take a lock that ends with its session (pg_advisory_lock), in the place of a row that says locked.",
    judge=_hangs,
)
BY_HAND = Check(
    code="PGS586",
    check="retry",
    name="repeated-by-hand",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "The migration was broken off and run again, and the tool refuses until somebody has looked: a dirty flag, a "
        "revision that is marked as failed. Under strict it is an error."
    ),
    effect="Deployments stop at this migration until that is done.",
    remedy=(
        "Know the command before the deployment (migrate force VERSION, flyway repair, migrate --fake, prisma migrate "
        "resolve); and let the migration be one transaction, so that there is nothing to repair."
    ),
    judge=_hands,
)
CHECKS = (CANNOT_BE_REPEATED, ENDS_IN_LESS, ENDS_IN_MORE, RECORDED_WRONGLY, HANGS, BY_HAND)
