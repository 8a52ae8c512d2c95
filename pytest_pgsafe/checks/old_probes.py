"""What any release may do that ran on the old schema: tried without anybody's asking, where the changes call for it."""

from __future__ import annotations

from collections.abc import Iterator

from ..compare.values import Action
from ..release.values import Probed
from .evidence import announced, count
from .old_release import reasons
from .values import Check, Evidence, Finding, Severity

_OPERATIONS = {"insert": "Insert", "null": "Insert", "update": "Update", "delete": "Delete"}


def _probed(evidence: Evidence, *kinds: str) -> Iterator[Probed]:
    """Yield what was refused of these kinds, but for what a statement of the release is told of."""
    released = evidence.released
    told = {name for one in released.broken for name in reasons(evidence, one)}
    for one in released.probed:
        if one.kind in kinds and not told & {one.object, *one.about}:
            yield one


def _severity(evidence: Evidence, one: Probed, usual: Severity) -> Severity:
    """Return a note where the release was asked, and its statements of that kind go well."""
    asked = (_OPERATIONS[one.kind], one.table) in evidence.released.writes
    return Severity.NOTE if asked else usual


def _required(evidence: Evidence) -> Iterator[Finding]:
    for one in _probed(evidence, "insert"):
        told = f"{one.statement} worked before, and fails: {one.said}"
        severity = _severity(evidence, one, Severity.ERROR)
        yield COLUMN_REQUIRED.finding(one.object, told, severity=severity, causes=one.about)


def _names(evidence: Evidence) -> Iterator[Finding]:
    asked = bool(evidence.released.statements)
    for one in _probed(evidence, "name"):
        severity = Severity.NOTE
        told = f"{one.statement} could be planned before, and fails: {one.said}"
        if asked:
            told += f"; none of the {count(evidence.released.statements, 'statement')} of the release does so"
        elif evidence.rules.strict or _is_announced(evidence, one.object):
            severity = Severity.WARNING
        yield NAME_GONE.finding(one.object, told, severity=severity, causes=one.about)


def _is_announced(evidence: Evidence, name: str) -> bool:
    kinds = (change.kind for change in evidence.comparison.by_object.get(name, ()) if change.action is Action.DROPPED)
    return any(announced(evidence, kind, name) is not None for kind in kinds)


def _nulls(evidence: Evidence) -> Iterator[Finding]:
    for one in _probed(evidence, "null"):
        told = f"{one.statement} worked before, as {count(one.rows or 0)} had no value there, and fails: {one.said}"
        severity = _severity(evidence, one, Severity.WARNING)
        yield NULL_REFUSED.finding(one.object, told, severity=severity, causes=one.about)


def _updates(evidence: Evidence) -> Iterator[Finding]:
    works = {
        one.object for one in evidence.tried.attempts if one.kind == "write" and one.statement.startswith("UPDATE")
    }
    for one in _probed(evidence, "update"):
        if one.table not in works:
            told = f"{one.statement} worked before, and fails for {count(one.rows or 0)}: {one.said}"
            yield ROWS_FROZEN.finding(one.object, told, causes=one.about)


def _deletes(evidence: Evidence) -> Iterator[Finding]:
    for one in _probed(evidence, "delete"):
        told = f"{one.statement} worked before, and fails: {one.said}"
        severity = _severity(evidence, one, Severity.WARNING)
        yield DELETE_BLOCKED.finding(one.object, told, severity=severity, causes=one.about)


_STEPS = (
    "Add it with a default, or nullable, and require it in a later migration, when no release is left that leaves it "
    "out."
)
COLUMN_REQUIRED = Check(
    code="PGS572",
    check="old_release",
    name="column-required",
    severity=Severity.ERROR,
    excused_by=frozenset({"column", "table"}),
    condition=(
        "A table has a new column that may not be NULL and has no default: an INSERT that leaves it out, as each "
        "of the old release does, worked before and is refused. A note where statements of the release that insert "
        "into the table were given and go well."
    ),
    effect="Every INSERT of the release that still runs fails, from this migration to the end of its last process.",
    remedy=_STEPS,
    judge=_required,
)
NAME_GONE = Check(
    code="PGS573",
    check="old_release",
    name="name-gone",
    severity=Severity.NOTE,
    # That the name went is an effect, which its own check lists.
    is_effect=False,
    condition=(
        "A table, view, column, function, label or sequence went, or is called otherwise, and what names it cannot be "
        "planned any more. A warning where its drop was announced, or under strict, if no statement of the release was "
        "given: nothing says that it is not used."
    ),
    effect="The release that still runs fails wherever it uses the name.",
    remedy=(
        "Give the release's statements, so that it can be told: [old_release] statements. Rename in steps: add the new "
        "one, write both, and drop the old one in a later migration; a view can bear the old name of a table."
    ),
    judge=_names,
)
NULL_REFUSED = Check(
    code="PGS574",
    check="old_release",
    name="null-refused",
    severity=Severity.WARNING,
    excused_by=frozenset({"column", "table"}),
    condition=(
        "A column may not be NULL any more; before the migration, which filled them, rows had no value there. A note "
        "where statements of the release that insert into the table were given and go well."
    ),
    effect="If the release that still runs goes on leaving the column out, its INSERTs fail.",
    remedy=(
        "Deploy a release that writes the column first, and require it in a later migration; or give it a default."
    ),
    judge=_nulls,
)
ROWS_FROZEN = Check(
    code="PGS575",
    check="old_release",
    name="rows-frozen",
    severity=Severity.ERROR,
    excused_by=frozenset({"table"}),
    condition="A new constraint that is not validated refuses rows that are there: each UPDATE of one of them fails.",
    effect="Whoever changes anything in such a row is refused, whatever it changes; the old release and the new one.",
    remedy="Mend the rows before, or in the same migration, and validate the constraint.",
    judge=_updates,
)
DELETE_BLOCKED = Check(
    code="PGS576",
    check="old_release",
    name="delete-blocked",
    severity=Severity.WARNING,
    excused_by=frozenset({"table", "constraint"}),
    condition=(
        "Rows could be deleted before, and a foreign key that is new, or does something else now, keeps them as "
        "others refer to them. A note where statements of the release that delete from the table were given and go "
        "well."
    ),
    effect="If the release that still runs deletes such rows without those that refer to them, it fails.",
    remedy=(
        "Deploy a release first that deletes what refers to a row before the row itself; or ON DELETE CASCADE or SET "
        "NULL where that is meant."
    ),
    judge=_deletes,
)
CHECKS = (COLUMN_REQUIRED, NAME_GONE, NULL_REFUSED, ROWS_FROZEN, DELETE_BLOCKED)
