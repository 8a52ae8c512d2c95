"""What statements say that they will do, before anything is run: judged by their text alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..catalog.names import bare, container, covers, unquoted
from ..config.expectations import Converted, ValuesRule
from ..reading.values import Cited, Does, Effect, Place, Reading, TableLock, Work
from .baseline import NO_REASON
from .strengths import keeps_out, whom
from .values import Check, Finding, Rules, Severity

#: What holds data, or what data hangs on.
_HOLDING = {"table", "foreign table", "column", "schema", "attribute", "sequence", "sequence of column", "database",
            "large objects"}  # fmt: skip


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


def judge(readings: Sequence[Reading], announced: Rules, *, strict: bool) -> tuple[Finding, ...]:
    """Return what the statements will destroy, weaken and lock; errors and warnings first.

    What was announced is a note with its reason. What destroys is a warning, since only a rehearsal knows whether there
    is anything to destroy; under ``strict`` it is an error. What an earlier file made has been in use since: only what
    the same file made is new.
    """
    found: list[Finding] = []
    made = _Made()
    for at, reading in enumerate(readings):
        if at and _begins_a_file(readings[at - 1].place, reading.place):
            made = _Made()
        for effect in reading.effects:
            if not made.holds(effect):
                later = [one for other in readings[at:] for one in other.effects]
                found += (
                    replace(_announced(finding, effect, announced), statement=_cited(reading))
                    for finding in _effect(effect, later, strict=strict)
                )
        for lock in reading.locks:
            if not made.is_table(lock.relation):
                found += (replace(finding, statement=_cited(reading)) for finding in _lock(lock))
        for effect in reading.effects:
            made.note(effect)
    order = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    return tuple(sorted(found, key=lambda one: order.index(one.severity)))


def _begins_a_file(before: Place | None, now: Place | None) -> bool:
    # Files of one name lie in several folders: a line that is no later is another file's.
    return before is not None and now is not None and (before.file != now.file or now.line < before.line)


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
    weaker = _weaker(effect)
    if weaker is None:
        return
    again = {Does.CREATES, Does.REPLACES}
    if any(one.does in again and (one.kind, one.object) == (effect.kind, effect.object) for one in later):
        told = f"{weaker} and made again: whether it is the same, a rehearsal tells"
        yield WEAKENS.finding(effect.object, told, severity=Severity.NOTE)
    else:
        yield WEAKENS.finding(effect.object, weaker + _more(effect), severity=severity)


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
    return f"the {effect.attribute} of the {kind} {name} is changed to less" if effect.weakens else None


def _lock(lock: TableLock) -> Iterator[Finding]:
    if not keeps_out(lock.mode) or lock.work is Work.BRIEF:
        return
    how = lock.work.value if lock.work is Work.HELD else f"held while the statement {lock.work.value}"
    yield LOCKS.finding(
        lock.relation, f"{lock.relation}: {lock.mode} is {how}: it keeps {whom(lock.mode)} out", after=lock.mode
    )


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
CHECKS = (DESTROYS, WEAKENS, LOCKS)
