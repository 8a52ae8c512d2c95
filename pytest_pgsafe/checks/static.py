"""What statements say that they will do, before anything is run: judged by their text alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..catalog.names import bare, container, covers, unquoted
from ..config.expectations import Converted, ValuesRule
from ..reading.column import FILLED
from ..reading.values import Cited, Does, Effect, Place, Reading, TableLock, Work
from .baseline import NO_REASON
from .safer import brief, safer
from .strengths import keeps_out, strength, whom
from .transactions import follow
from .values import Check, Finding, Rules, Severity

#: What holds data, or what data hangs on.
_HOLDING = {"table", "foreign table", "column", "schema", "attribute", "sequence", "sequence of column", "database",
            "large objects"}  # fmt: skip

_NAME = r'(?:"(?:[^"]|"")+"|[\w$.]+)'
_TABLE = rf"alter table (?:if exists )?(?:only )?(?P<table>{_NAME}) "
_NOT_NULL_CHECK = re.compile(
    rf"(?i){_TABLE}add constraint (?P<name>{_NAME}) check \(+(?P<column>{_NAME}) is not null\)+(?: not valid)?$"
)
_VALIDATES = re.compile(rf"(?i){_TABLE}validate constraint (?P<name>{_NAME})$")
_SETS_NOT_NULL = re.compile(rf"(?i){_TABLE}alter (?:column )?(?P<column>{_NAME}) set not null")
#: Where an attempt that was broken off leaves an INVALID index, which the next one takes for its own.
_SKIPS = re.compile(rf"(?is)create\s+(?:unique\s+)?index\s+concurrently\s+if\s+not\s+exists\s+(?P<name>{_NAME})")
#: What has a form that waits for nobody.
_GENTLER = re.compile(r"(?is)drop\s+index\b|alter\s+table\b.*\bdetach\s+partition\b")


@dataclass
class _Made:
    """What the statements before made: nobody has data in it, and nobody waits for it."""

    objects: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def note(self, effect: Effect) -> None:
        if effect.does is Does.CREATES:
            kind = effect.kind.removeprefix("temporary ")
            self.objects.add((kind, effect.object))
        elif effect.does is Does.RENAMES and effect.to is not None and (effect.kind, effect.object) in self.objects:
            prefix = f"{container(effect.object)}." if container(effect.object) else ""
            self.objects.add((effect.kind, effect.to if effect.attribute == "schema" else f"{prefix}{effect.to}"))

    def holds(self, effect: Effect) -> bool:
        """Tell whether all that an effect is on is new."""
        here = ("foreign table" if effect.kind == "foreign table" else effect.kind, effect.object)
        if here in self.objects or self.is_table(effect.object) or self.is_table(container(effect.object)):
            return True
        columns = [("column", f"{effect.object}.{column}") for column in effect.columns]
        return bool(columns) and all(column in self.objects for column in columns)

    def is_table(self, name: str) -> bool:
        return ("table", name) in self.objects


@dataclass
class _Checked:
    """CHECK constraints that say that a column is not null: once one is validated, SET NOT NULL reads nothing."""

    #: By table and name: the column.
    said: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    valid: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def note(self, reading: Reading) -> None:
        text = " ".join(reading.text.split())
        if found := _NOT_NULL_CHECK.match(text):
            self.said[found["table"].lower(), found["name"].lower()] = found["column"].lower()
            if not text.lower().endswith("not valid"):
                self.valid.add((found["table"].lower(), found["column"].lower()))
        elif found := _VALIDATES.match(text):
            column = self.said.get((found["table"].lower(), found["name"].lower()))
            if column is not None:
                self.valid.add((found["table"].lower(), column))

    def known(self, lock: TableLock, reading: Reading) -> TableLock:
        """Return a lock as brief where what is looked for is known already."""
        found = _SETS_NOT_NULL.fullmatch(" ".join(reading.text.split()))
        if found is not None and (found["table"].lower(), found["column"].lower()) in self.valid:
            return replace(lock, work=Work.BRIEF)
        return lock


def judge(readings: Sequence[Reading], announced: Rules, *, strict: bool, whole: bool = False) -> tuple[Finding, ...]:
    """Return what the statements will destroy, weaken and lock; errors and warnings first.

    What was announced is a note with its reason. What destroys is a warning, since only a rehearsal knows whether there
    is anything to destroy; under ``strict`` it is an error. What an earlier file made has been in use since: only what
    the same file made is new.

    :param whole: each file runs in one transaction.
    """
    found: list[Finding] = []
    made, checked = _Made(), _Checked()
    kept = _kept(readings, found, whole=whole)
    for at, reading in enumerate(readings):
        if at and _begins_a_file(readings[at - 1].place, reading.place):
            made, checked = _Made(), _Checked()
        if at not in kept.lasting:
            continue
        for effect in reading.effects:
            if not made.holds(effect):
                later = [one for other in readings[at:] for one in other.effects]
                found += (
                    replace(_announced(finding, effect, announced), statement=_cited(reading))
                    for finding in _effect(effect, later, strict=strict)
                )
        for lock in reading.locks:
            if not made.is_table(lock.relation):
                told = _lock(checked.known(lock, reading), reading)
                found += (replace(_meant_lock(finding, announced), statement=_cited(reading)) for finding in told)
        for lock, of in kept.held_on.get(at, ()):
            if not made.is_table(lock.relation):
                finding = _held_on(lock, readings[of], reading)
                found.append(replace(_meant_lock(finding, announced), statement=_cited(reading)))
        found += (replace(finding, statement=_cited(reading)) for finding in _skips(reading, readings[:at]))
        checked.note(reading)
        for effect in reading.effects:
            made.note(effect)
    order = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    return tuple(sorted(found, key=lambda one: order.index(one.severity)))


@dataclass(frozen=True, kw_only=True)
class _Kept:
    #: Statements that are not rolled back.
    lasting: frozenset[int]
    held_on: Mapping[int, Sequence[tuple[TableLock, int]]]


def _kept(readings: Sequence[Reading], found: list[Finding], *, whole: bool) -> _Kept:
    """Follow the transactions of each file, and add what is wrong with them."""
    lasting: set[int] = set()
    held_on: dict[int, list[tuple[TableLock, int]]] = {}
    start = 0
    for end in range(1, len(readings) + 1):
        if end < len(readings) and not _begins_a_file(readings[end - 1].place, readings[end].place):
            continue
        told = follow(readings[start:end], whole=whole)
        lasting |= {start + at for at in range(end - start) if at not in told.undone}
        for at, lock, of in told.held_on:
            held_on.setdefault(start + at, []).append((lock, start + of))
        found += (
            replace(FAILS.finding(one.object, one.told), statement=_cited(readings[start + one.at]))
            for one in told.problems
        )
        start = end
    return _Kept(lasting=frozenset(lasting), held_on=held_on)


def _begins_a_file(before: Place | None, now: Place | None) -> bool:
    # Files of one name lie in several folders: a line that is no later is another file's.
    return before is not None and now is not None and (before.file != now.file or (now.line or 0) < (before.line or 0))


def _cited(reading: Reading) -> Cited:
    return Cited.of(reading.text, reading.place)


def _effect(effect: Effect, later: Iterable[Effect], *, strict: bool) -> Iterator[Finding]:
    severity = Severity.ERROR if strict else Severity.WARNING
    loss = _loss(effect)
    if loss is not None:
        if effect.does is Does.SETS:
            # As every import does, rightly.
            severity = Severity.NOTE
        yield DESTROYS.finding(effect.object, loss + _more(effect), severity=severity)
        return
    if effect.attribute == FILLED:
        told = f"the new column {effect.object} is NOT NULL and has no default: it fails where the table holds a row"
        yield FAILS.finding(effect.object, told)
        return
    if effect.does is Does.RENAMES and effect.kind in {"table", "column", "view"}:
        told = f"the {effect.kind} {effect.object} is called {effect.to}, which the release that runs does not know"
        yield WEAKENS.finding(effect.object, told, severity=Severity.NOTE)
        return
    weaker = _weaker(effect)
    if weaker is None:
        return
    again = {Does.CREATES, Does.REPLACES}
    if any(one.does in again and (one.kind, one.object) == (effect.kind, effect.object) for one in later):
        told = f"{weaker} and made again: whether it is the same, a rehearsal tells"
        yield WEAKENS.finding(effect.object, told, severity=Severity.NOTE)
    else:
        yield WEAKENS.finding(effect.object, weaker + _more(effect), severity=severity)


#: Where "changed to less" does not say it.
_SAID = {
    ("table", "partition of"): "{name} is no partition any more: its rows are in nobody's sight",
    ("table", "rules"): "a rule on {name} makes what is written to it, or read from it, something else",
    ("server", "settings"): "a setting of the whole server is changed, for every database",
    ("session", "session_replication_role"): "triggers and foreign keys do not fire in this session any more",
    ("role", "superuser"): "the role {name} becomes a superuser, whom nothing is refused",
}


def _more(effect: Effect) -> str:
    return ", and by CASCADE whatever hangs on it" if effect.cascade else ""


def _loss(effect: Effect) -> str | None:
    """Return what data will be lost."""
    name, kind = effect.object, effect.kind
    told: str | None = None
    if effect.does is Does.DROPS and kind == "schema":
        told = f"the schema {name} is dropped"
    elif effect.does is Does.DROPS and kind in _HOLDING:
        told = (
            f"the {kind} {name} is dropped with what it holds" if kind != "large objects" else "a large object is gone"
        )
    elif effect.does is Does.DROPS and kind in {"type", "domain"} and effect.cascade:
        told = f"the {kind} {name} is dropped"
    elif effect.does is Does.TRUNCATES:
        told = f"all rows of {name} are removed"
    elif effect.does is Does.DELETES:
        told = f"{'all rows' if effect.whole else 'rows'} of {name} are deleted"
        if effect.attribute is not None:
            told = f"{name} loses the {effect.attribute}"
    elif effect.does is Does.UPDATES:
        what = f"{', '.join(effect.columns)} of {name}" if effect.columns else name
        told = f"{what} gets other values in {'every row' if effect.whole else 'some rows'}"
    elif effect.does is Does.MERGES:
        told = f"rows of {name} may be overwritten or deleted"
    elif effect.does is Does.RETYPES:
        told = f"the column {name} gets another type: values may be rounded, cut or refused"
    elif effect.does is Does.SETS:
        told = f"the {kind} {name} is set: whether it is past every key, a rehearsal tells"
    elif effect.attribute == "labels":
        told = f"a label of {name} is renamed: every row that holds it shows another one"
    return told


def _weaker(effect: Effect) -> str | None:
    """Return what protects less afterwards, or is missing to those who use it."""
    name, kind = effect.object, effect.kind
    if effect.does is Does.DROPS:
        return f"the {kind} {name} is dropped"
    if effect.does is Does.REVOKES:
        return f"{effect.attribute} on {name} is taken from {effect.to}"
    if effect.does is Does.GRANTS:
        return f"{effect.attribute} on {name} is given to PUBLIC" if effect.weakens else None
    if kind == "default privileges":
        return "default privileges change for what is made later" if effect.weakens else None
    plain = f"the {effect.attribute} of the {kind} {name} is changed to less"
    told = _SAID.get((kind, effect.attribute or ""), plain).replace("{name}", name)
    return told if effect.weakens else None


def _lock(lock: TableLock, reading: Reading) -> Iterator[Finding]:
    refreshed = any(effect.does is Does.REFRESHES for effect in reading.effects)
    if not keeps_out(lock.mode) or (refreshed and lock.mode != "AccessExclusiveLock"):
        # Nobody writes to a materialised view.
        return
    if lock.work is Work.BRIEF:
        if lock.mode == "AccessExclusiveLock" and _GENTLER.match(reading.text):
            told = f"{lock.relation}: {lock.mode} is brief, but waits for all who are at work there,"
            told += " and all others wait behind it"
            found = LOCKS.finding(lock.relation, told, after=lock.mode, severity=Severity.NOTE)
            yield replace(found, remedy=safer(reading.text))
        return
    how = lock.work.value if lock.work is Work.HELD else f"held while the statement {lock.work.value}"
    told = f"{lock.relation}: {lock.mode} is {how}: it keeps {whom(lock.mode)} out"
    found = LOCKS.finding(lock.relation, told, after=lock.mode)
    yield replace(found, remedy=safer(reading.text) or LOCKS.remedy)


def _skips(reading: Reading, earlier: Iterable[Reading]) -> Iterator[Finding]:
    skips = _SKIPS.match(reading.text)
    if skips is None:
        return
    name = skips["name"]
    dropped = {effect.object for one in earlier for effect in one.effects if effect.does is Does.DROPS}
    if not any(covers(one, name) or covers(name, one) for one in dropped):
        told = f"an INVALID index {name}, as an attempt that was broken off leaves it, is skipped, and all seems well"
        yield SKIPS.finding(name, told)


def _held_on(lock: TableLock, taker: Reading, holder: Reading) -> Finding:
    first, later = (" ".join(one.text.split())[:80] for one in (taker, holder))
    told = f"{lock.relation}: {lock.mode} of {first} is held on by {later} in one transaction: it keeps"
    found = LOCKS.finding(lock.relation, f"{told} {whom(lock.mode)} out", after=lock.mode)
    return replace(found, remedy=brief(held_on=" ".join(holder.text.split())))


def _meant_lock(finding: Finding, announced: Rules) -> Finding:
    """Return a finding as a note with the reason, if a lock as strong as this one was announced."""
    for one in announced.locks:
        if _meant(finding.object, one.table) and strength(str(finding.after)) <= strength(one.mode):
            return replace(finding, severity=Severity.NOTE, reason=one.reason, remedy=None)
    return finding


def _announced(finding: Finding, effect: Effect, announced: Rules) -> Finding:
    """Return the finding as a note with the reason, if what it tells of was announced."""
    reason = next(_reasons(effect, announced), None)
    if reason is None:
        return finding
    return replace(finding, severity=Severity.NOTE, reason=reason, remedy=None)


def _reads(expression: str, column: str) -> bool:
    return re.search(rf"(?<![\w$]){re.escape(unquoted(bare(column)))}(?![\w$])", expression) is not None


def _reasons(effect: Effect, announced: Rules) -> Iterator[str]:
    if effect.does is Does.DROPS:
        kind = "view" if effect.kind == "materialized view" else effect.kind
        yield from (
            one.reason
            for one in announced.dropped
            if (one.kind == kind and _meant(effect.object, one.object))
            or (one.kind == "table" and container(effect.object) and _meant(container(effect.object), one.object))
        )
        if kind == "column":
            yield from (one.reason for one in announced.moved if _meant(effect.object, one.column))
            yield from (one.reason for one in announced.converted if _reads(one.expression, effect.object))
    else:
        yield from (
            one.reason for one in announced.changed if one.kind == effect.kind and _meant(effect.object, one.object)
        )
    columns = [f"{effect.object}.{column}" for column in effect.columns]
    if effect.does is Does.RETYPES:
        columns = [effect.object]
    if columns and effect.does in {Does.UPDATES, Does.RETYPES}:
        said: tuple[ValuesRule | Converted, ...] = (*announced.values, *announced.converted)
        found = [[one.reason for one in said if _meant(name, one.column)] for name in columns]
        if all(found):
            yield "; ".join(dict.fromkeys(reasons[0] for reasons in found))
    if effect.does in {Does.DELETES, Does.TRUNCATES, Does.MERGES}:
        yield from (
            one.reason if one.reason is not None else f"announced: rows {one.rule}"
            for one in announced.rows
            if one.rule != "unchanged" and _meant(effect.object, one.table)
        )
    for entry in () if announced.baseline is None else announced.baseline.entries:
        # One that is listed without a reason was no error.
        listed = any(_meant(one, entry.object) for one in columns or [effect.object])
        if listed and entry.reason not in {None, NO_REASON}:
            yield str(entry.reason)


def _meant(written: str, announced: str) -> bool:
    """Tell whether two names, either of them with a schema or without, may mean one object."""
    return covers(written, announced) or ("*" not in announced and covers(announced, written))


DESTROYS = Check(
    code="PGS020",
    check="static",
    name="statement-destroys",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "Under --pgsafe-static: a statement drops what holds data, empties a table, deletes or overwrites rows, or "
        "changes a type, and that was not announced."
    ),
    effect="What it takes away is gone; whether there is anything, or it is kept elsewhere, a rehearsal tells.",
    remedy="Rehearse it: --pgsafe-source=X without --pgsafe-static; announce what is meant in [expect] with a reason.",
)
WEAKENS = Check(
    code="PGS021",
    check="static",
    name="statement-weakens",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "Under --pgsafe-static: a statement drops or disables a constraint, index, trigger, policy, view, function or "
        "privilege, and that was not announced."
    ),
    effect="What it guarded against can happen from then on; what uses it fails.",
    remedy="Rehearse it: --pgsafe-source=X without --pgsafe-static; announce what is meant in [expect] with a reason.",
)
LOCKS = Check(
    code="PGS022",
    check="static",
    name="statement-locks",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "Under --pgsafe-static: by PostgreSQL's documentation a statement reads or rewrites a whole table under a "
        "lock that keeps writers out."
    ),
    effect="On a big table others wait for as long as that takes; behind a waiting lock all others queue.",
    remedy=(
        "CREATE INDEX CONCURRENTLY; ADD CONSTRAINT … NOT VALID, then VALIDATE in its own transaction; a new column, "
        "filled in batches."
    ),
)
FAILS = Check(
    code="PGS023",
    check="static",
    name="statement-fails",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "Under --pgsafe-static: PostgreSQL refuses a statement in the transaction that it stands in, a transaction is "
        "never committed, or a new column is NOT NULL and has no default."
    ),
    effect="The migration stops there, or all of it is rolled back.",
    remedy="Take what cannot run in a transaction out of it, commit what is begun, and give a new column a default.",
)
SKIPS = Check(
    code="PGS024",
    check="static",
    name="statement-skips",
    severity=Severity.WARNING,
    is_effect=False,
    condition="Under --pgsafe-static: CREATE INDEX CONCURRENTLY has IF NOT EXISTS.",
    effect=(
        "An index whose build was broken off is INVALID: it costs writes, serves no query, and keeps no value unique. "
        "IF NOT EXISTS takes it for the one that is wanted."
    ),
    remedy="DROP INDEX CONCURRENTLY IF EXISTS before it, and no IF NOT EXISTS.",
)
CHECKS = (DESTROYS, WEAKENS, LOCKS, FAILS, SKIPS)
