"""What worked before the migration and does not after it: tried on both copies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..catalog.names import bare, container, split, unquoted
from ..catalog.values import Grant
from ..compare.values import Action, Change
from ..works.values import Attempt, Kind
from .bodies import stale
from .evidence import unproven
from .values import Check, Evidence, Finding, Severity

_WORDS = re.compile(r'"(?:[^"]|"")+"|\w+')
#: insufficient_privilege
_DENIED = "42501"
#: Attributes of a table that decide whether its policies do.
_GUARDS = frozenset({"row_security", "force_row_security"})
#: raise_exception: what a function says itself.
_RAISED = "P0001"


def attempts(evidence: Evidence, *kinds: Kind) -> Iterator[Attempt]:
    """Yield what was tried of these kinds, worked before and does not now."""
    yield from (one for one in evidence.tried.attempts if one.kind in kinds)


def _writes(evidence: Evidence) -> Iterator[Finding]:
    for one in attempts(evidence, "write"):
        verb = one.statement.split(maxsplit=1)[0]
        if one.after.error is not None:
            told, severity = f"{one.statement} worked before, and fails: {one.after.error}", None
        else:
            told = f"{one.statement} wrote a row before, and writes none now, without an error"
            # What deletes nothing loses nothing: rows may be marked as deleted instead.
            severity = Severity.WARNING if verb == "DELETE" else None
        yield WRITE_FAILS.finding(one.object, told, severity=severity, aspect=verb, causes=causes(evidence, one))


def _unwritten(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.tried.unwritten:
        changes = [change for change in evidence.comparison.changes if change.kind in {"trigger", "rule", "function"}]
        if any(change.kind != "function" and _is_near(change, one.object) for change in changes):
            continue
        told = f"{one.event} of a row of {one.object} wrote one of {one.table} too before, and writes none now"
        told += f", but one of {', '.join(one.instead)}" if one.instead else ""
        yield NOT_WRITTEN.finding(
            one.object, told, severity=unproven(evidence) if one.instead else None, aspect=f"{one.event} {one.table}",
            causes=tuple(dict.fromkeys(change.object for change in changes)),
        )  # fmt: skip


def _code(evidence: Evidence) -> Iterator[Finding]:
    told: set[str] = set()
    for one in attempts(evidence, "body", "plan"):
        if one.after.error is not None:
            told.add(one.object)
            what = "is sound no more" if one.kind == "body" else "cannot be run any more"
            yield CODE_BROKEN.finding(
                one.object, f"{one.statement} {what}: {one.after.error}", causes=causes(evidence, one)
            )
    for one in attempts(evidence, "call"):
        if one.object not in told and one.after.error is not None:
            told.add(one.object)
            raised = not one.about and one.after.error.state == _RAISED
            yield CODE_BROKEN.finding(
                one.object, f"{one.statement} worked before, and fails: {one.after.error}",
                severity=Severity.WARNING if raised else None, causes=causes(evidence, one),
            )  # fmt: skip
    for name in stale(evidence.comparison):
        if name.before not in told:
            said = f"the body of {name.after} names {name.written}, and {name.object} is not there any more"
            severity = Severity.WARNING if name.looks else None
            yield CODE_BROKEN.finding(name.before, said, severity=severity, aspect=name.object, causes=(name.object,))


def _omitted(evidence: Evidence) -> Iterator[Finding]:
    plain = {one.object for one in attempts(evidence, "write") if one.statement.startswith("INSERT")}
    for one in attempts(evidence, "omitted"):
        if one.after.error is not None and one.object not in plain:
            [column] = one.about
            told = f"{one.statement} worked before, and fails: {one.after.error}"
            # Whoever writes the table has to know a column that is new.
            severity = None if column in evidence.comparison.before.catalog.columns else Severity.WARNING
            yield DEFAULT_LOST.finding(column, told, severity=severity, causes=one.about)


def _conflicts(evidence: Evidence) -> Iterator[Finding]:
    for one in attempts(evidence, "conflict"):
        [index] = one.about
        told = f"{one.statement} could be planned before, and fails: {one.after.error}"
        yield CONFLICT_TARGET_LOST.finding(index, told, severity=unproven(evidence), causes=one.about)


def _published(evidence: Evidence) -> Iterator[Finding]:
    for one in attempts(evidence, "published"):
        if one.after.error is not None:
            verb = one.statement.split(maxsplit=1)[0]
            told = f"{one.statement} worked before, and fails: {one.after.error}"
            yield REPLICATION_FAILS.finding(one.object, told, aspect=verb, causes=causes(evidence, one))
    for left in evidence.tried.unpublished:
        told = f"{left.table} is not among the tables of the publication {left.publication} any more"
        told += ": it was made again, and nothing added it" if left.made_again else ""
        severity = None if left.made_again else unproven(evidence)
        yield REPLICATION_FAILS.finding(
            left.table, told, severity=severity, aspect=left.publication,
            causes=(left.table,) if left.made_again else (left.publication, left.table),
        )  # fmt: skip


def _access(evidence: Evidence) -> Iterator[Finding]:
    refused = {(one.object, one.statement) for one in attempts(evidence, "write")}
    for one in attempts(evidence, "access"):
        # What its owner cannot do any more either is told of that.
        if (one.object, one.statement) in refused or _is_told(evidence, one):
            continue
        verb = one.statement.split(maxsplit=1)[0]
        told, severity = f"{one.statement} as {one.role} worked before, and fails: {one.after.error}", None
        if one.after.error is None:
            told = f"{one.statement} as {one.role} wrote a row before, and writes none now, without an error"
            severity = Severity.WARNING if verb == "DELETE" else None
        yield ACCESS_REFUSED.finding(
            one.object, told, severity=severity, aspect=f"{verb} {one.role}", causes=causes(evidence, one)
        )


def _is_told(evidence: Evidence, attempt: Attempt) -> bool:
    """Tell whether a grant went that the server misses, or a policy of the table changed: their checks tell of it."""
    said = attempt.after.error
    if said is None:
        # Row security that came, or another policy, hides the row: that is told of by itself.
        near = (change for change in evidence.comparison.changes if _is_near(change, attempt.object))
        return any(change.kind == "policy" or change.attribute in _GUARDS for change in near)
    if said.state != _DENIED:
        return False
    words = _said(said.message)
    for change in evidence.comparison.changes:
        if change.action is not Action.ADDED and isinstance(change.old, Grant):
            if unquoted(bare(change.old.object.partition("(")[0])) in words:
                return True
        elif change.kind == "policy" and "policy" in words and _is_near(change, attempt.object):
            return True
    return False


def causes(evidence: Evidence, attempt: Attempt) -> tuple[str, ...]:
    """Return the objects whose change made a statement fail, as far as the server's words say."""
    said = attempt.after.error
    words = set[str]() if said is None else _said(f"{said.message} {said.where or ''}")
    changes = evidence.comparison.changes
    named = [change for change in changes if _names(change) & words]
    near = [change for change in changes if _is_near(change, attempt.object)]
    # What came refuses nothing unless the server names it.
    gone = [change for change in changes if change.action is not Action.ADDED]
    beside = [change for change in gone if unquoted(bare(_table(change))) in words]
    lost = [change for change in near if change in gone]
    for some in ([change for change in named if change in near], named, beside, lost, near):
        if some:
            return tuple(dict.fromkeys(change.object for change in some))
    return ()


def _said(text: str) -> set[str]:
    """Return the words of a message; a name in its quotation marks may have a schema."""
    words = (part for word in _WORDS.findall(text) for part in (word, *split(unquoted(word))))
    return {unquoted(word) for word in words}


def _names(change: Change) -> set[str]:
    found = {unquoted(bare(change.object.partition("(")[0]))}
    if change.action is Action.RENAMED and isinstance(change.after, str):
        found.add(unquoted(bare(change.after.partition("(")[0])))
    return found


def _table(change: Change) -> str:
    value = change.old if change.old is not None else change.new
    table = getattr(value, "table", None)
    return table if isinstance(table, str) else container(change.object)


def _is_near(change: Change, object_: str) -> bool:
    value = change.old if change.old is not None else change.new
    return object_ in {change.object, container(change.object), getattr(value, "table", None)}


WRITE_FAILS = Check(
    code="PGS551",
    check="works",
    name="write-fails",
    severity=Severity.ERROR,
    excused_by=frozenset({"table", "function"}),
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
NOT_WRITTEN = Check(
    code="PGS564",
    check="works",
    name="not-written-any-more",
    severity=Severity.ERROR,
    excused_by=frozenset({"table", "function", "trigger"}),
    condition=(
        "With a row of a table the database itself wrote one of another table, and writes none now: a function that a "
        "trigger runs is another. It was tried on both copies. If it writes another table instead, it is a warning. A "
        "trigger that was dropped or changed itself is told of by PGS524."
    ),
    effect="A log, a history or a count is not kept any more, and nobody notices before it is needed.",
    remedy="Compare the trigger's function with what it was; announce it if it is meant: [expect] changed.",
    judge=_unwritten,
)
CODE_BROKEN = Check(
    code="PGS552",
    check="works",
    name="code-broken",
    severity=Severity.ERROR,
    excused_by=frozenset({"function", "view"}),
    condition=(
        "The body of a function that PostgreSQL found sound before is not sound now, a view that could be planned "
        "cannot, a function that a change may have reached cannot be called any more with values of rows that there "
        "are (in a transaction that reads only), or the body of a PL/pgSQL function names a relation or a column that "
        "is gone. If such a body looks for itself what is there, or catches errors, or if a function that was "
        "replaced refuses a call by RAISE, it is a warning."
    ),
    effect="Whatever calls it fails, at the moment at which it is called: no migration tool looks into bodies.",
    remedy="Replace the function or the view in the same migration; drop it if nobody calls it.",
    judge=_code,
)
DEFAULT_LOST = Check(
    code="PGS553",
    check="works",
    name="default-lost",
    severity=Severity.ERROR,
    excused_by=frozenset({"column", "table"}),
    condition=(
        "A column has no default any more, and the INSERT of a row that leaves it out is refused, on the copy after "
        "and not on the copy before. Of a new column that is NOT NULL and has no default it is a warning: an INSERT "
        "that was written before it was there is refused."
    ),
    effect="Whoever left the column to its default, and before this migration could, is refused.",
    remedy=(
        "Keep the default until no release leaves the column out; if none does, announce it: [expect] changed, with "
        "the column."
    ),
    judge=_omitted,
)
CONFLICT_TARGET_LOST = Check(
    code="PGS554",
    check="works",
    name="conflict-target-lost",
    severity=Severity.WARNING,
    excused_by=frozenset({"index", "constraint", "table"}),
    condition=(
        "An INSERT with ON CONFLICT could name the columns of a unique index before, and no index or constraint fits "
        "them now. Under strict it is an error."
    ),
    effect="Upserts that name these columns fail. Whether any does is not known here.",
    remedy="Search the application for ON CONFLICT on the table; keep the old index until it names the new one.",
    judge=_conflicts,
)
REPLICATION_FAILS = Check(
    code="PGS555",
    check="works",
    name="replication-fails",
    severity=Severity.ERROR,
    excused_by=frozenset({"table"}),
    condition=(
        "An UPDATE or DELETE of a published table is refused now, mostly because it has no replica identity; or a "
        "table that was made again is not in its publication. That a table was taken out of one is a warning."
    ),
    effect="Every such statement fails as long as the table is published; or subscribers miss its rows, silently.",
    remedy="Give the table a primary key or ALTER TABLE … REPLICA IDENTITY; ALTER PUBLICATION … ADD TABLE.",
    judge=_published,
)
ACCESS_REFUSED = Check(
    code="PGS556",
    check="works",
    name="access-refused",
    severity=Severity.ERROR,
    excused_by=frozenset({"table", "function", "policy"}),
    condition=(
        "A role that could read or write a table or a view cannot any more, though no grant on it went: it owned it, "
        "was a member of a role that did, or code that decides about it (a policy, a rule, a trigger, their functions) "
        "refuses it now. It was tried as that role on both copies. Superusers are not asked."
    ),
    effect="What connects as that role is refused.",
    remedy="GRANT to the role what it needs, or mend the code that refuses it, in the same migration.",
    judge=_access,
)
CHECKS = (WRITE_FAILS, NOT_WRITTEN, CODE_BROKEN, DEFAULT_LOST, CONFLICT_TARGET_LOST, REPLICATION_FAILS, ACCESS_REFUSED)
