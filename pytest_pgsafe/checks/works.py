"""What worked before the migration and does not after it: tried on both copies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..catalog.names import bare, container, unquoted
from ..compare.values import Action, Change
from ..works.values import Attempt, Kind
from .bodies import stale
from .values import Check, Evidence, Finding, Severity

_WORDS = re.compile(r'"(?:[^"]|"")+"|\w+')


def attempts(evidence: Evidence, *kinds: Kind) -> Iterator[Attempt]:
    """Yield what was tried of these kinds, worked before and does not now."""
    yield from (one for one in evidence.tried.attempts if one.kind in kinds)


def _writes(evidence: Evidence) -> Iterator[Finding]:
    for one in attempts(evidence, "write"):
        verb = one.statement.split(maxsplit=1)[0]
        if one.after.said is not None:
            told, severity = f"{one.statement} worked before, and fails: {one.after.said}", None
        else:
            told = f"{one.statement} wrote a row before, and writes none now, without an error"
            # What deletes nothing loses nothing: rows may be marked as deleted instead.
            severity = Severity.WARNING if verb == "DELETE" else None
        yield WRITE_FAILS.finding(one.object, told, severity=severity, aspect=verb, causes=causes(evidence, one))


def _code(evidence: Evidence) -> Iterator[Finding]:
    told: set[str] = set()
    for one in attempts(evidence, "body", "plan"):
        if one.after.said is not None:
            told.add(one.object)
            what = "is sound no more" if one.kind == "body" else "cannot be run any more"
            yield CODE_BROKEN.finding(
                one.object, f"{one.statement} {what}: {one.after.said}", causes=causes(evidence, one)
            )
    for name in stale(evidence.comparison):
        if name.before not in told:
            said = f"the body of {name.after} names {name.written}, and {name.object} is not there any more"
            severity = Severity.WARNING if name.looks else None
            yield CODE_BROKEN.finding(name.before, said, severity=severity, aspect=name.object, causes=(name.object,))


def causes(evidence: Evidence, attempt: Attempt) -> tuple[str, ...]:
    """Return the objects whose change made a statement fail, as far as the server's words say."""
    said = attempt.after.said
    words = set[str]() if said is None else _said(f"{said.message} {said.where or ''}")
    changes = evidence.comparison.changes
    named = [change for change in changes if _names(change) & words]
    near = [change for change in changes if _is_near(change, attempt.object)]
    for some in ([change for change in named if change in near], named, near):
        if some:
            return tuple(dict.fromkeys(change.object for change in some))
    return ()


def _said(text: str) -> set[str]:
    return {unquoted(word) for word in _WORDS.findall(text)}


def _names(change: Change) -> set[str]:
    found = {unquoted(bare(change.object.partition("(")[0]))}
    if change.action is Action.RENAMED and isinstance(change.after, str):
        found.add(unquoted(bare(change.after.partition("(")[0])))
    return found


def _is_near(change: Change, object_: str) -> bool:
    value = change.old if change.old is not None else change.new
    return object_ in {change.object, container(change.object), getattr(value, "table", None)}


WRITE_FAILS = Check(
    code="PGS551",
    check="works",
    name="write-fails",
    severity=Severity.ERROR,
    excused_by=frozenset({"table"}),
    condition=(
        "A row of a table with triggers, or of one whose definition changed, could be inserted, updated or deleted "
        "before, and that fails now or writes nothing. It was tried on both copies, with the same row, and rolled back."
    ),
    effect="The application's writes to the table fail: mostly code in a trigger's function that names what is gone.",
    remedy=(
        "Replace the functions that name what the migration renames or drops, in the same migration; or announce it: "
        "[expect] changed."
    ),
    judge=_writes,
)
CODE_BROKEN = Check(
    code="PGS552",
    check="works",
    name="code-broken",
    severity=Severity.ERROR,
    excused_by=frozenset({"function", "view"}),
    condition=(
        "The body of a function that PostgreSQL found sound before is not sound now, a view that could be planned "
        "cannot, or the body of a PL/pgSQL function names a relation or a column that is gone. If such a body looks "
        "for itself what is there, or catches errors, it is a warning."
    ),
    effect="Whatever calls it fails, at the moment at which it is called: no migration tool looks into bodies.",
    remedy="Replace the function or the view in the same migration; drop it if nobody calls it.",
    judge=_code,
)
CHECKS = (WRITE_FAILS, CODE_BROKEN)
