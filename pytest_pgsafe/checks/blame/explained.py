"""Which statement did what: the statements that the server logged, read, beside the changes that were found (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ...catalog.names import bare, container, unquoted
from ...catalog.values import Grant
from ...compare.values import Action, Change, Comparison
from ...migrate.tools import Migration
from ...migrate.values import Trace
from ...reading.read import read
from ...reading.script import statements
from ...reading.transactions import BEGIN, COMMIT, ROLLBACK, SAVEPOINT
from ...reading.values import Cited, Does, Reading
from .. import BY_CODE
from ..values import Finding
from .causes import MAY, NAMES, explains, identity, seen, words
from .places import flat, places
from .subjects import BELOW, CONTENT, Subject, World

#: More statements than these are not read: rows that a tool wrote out, and each would be held against each change.
MOST_STATEMENTS = 5_000
MOST_CHANGES = 2_000
#: Characters of a statement that a message names at least.
_NAMED = 90
#: Findings that no statement of the migration is the cause of.
_OTHERS = {"restore", "backup", "migrate", "retry", "traffic"}
_SUBJECTS = {"rows": "rows", "values": "values", "foreign_keys": "values", "denormalized": "values"}


@dataclass(frozen=True, kw_only=True)
class Executed:
    """One statement that ended well and was not rolled back."""

    reading: Reading
    cited: Cited
    #: What event triggers saw.
    objects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Explained:
    """Changes and findings, each with its statement as far as that can be told."""

    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]


def explain(
    changes: Sequence[Change], findings: Sequence[Finding], comparison: Comparison, trace: Trace | None,
    migration: Migration | None,
) -> Explained:  # fmt: skip
    """Name the statements. Of several that fit alike the last one is named; where none fits, none is."""
    if trace is None or not trace.observed or not 0 < len(trace.statements) <= MOST_STATEMENTS:
        return Explained(changes=tuple(changes), findings=tuple(findings))
    causes = _Causes(executed(trace, migration), World(comparison))
    named = tuple(causes.change(change) for change in changes[:MOST_CHANGES])
    return Explained(
        changes=(*named, *changes[MOST_CHANGES:]), findings=tuple(causes.finding(finding) for finding in findings)
    )


def executed(trace: Trace, migration: Migration | None) -> tuple[Executed, ...]:
    """Return what is known of the statements that had an effect, in the order in which they ended."""
    found_at = places(migration, trace)
    kept: list[tuple[str, Executed]] = []
    for statement in trace.statements:
        parts = list(statements(statement.text))
        for part in parts if statement.error is None else ():
            place = next(found_at.get(flat(part), iter(())), None)
            # What was seen belongs to the whole message.
            objects = statement.objects
            reading = read(part)
            cited = Cited.of(part, place)
            kept.append((part, Executed(reading=reading, cited=cited, objects=objects if len(parts) == 1 else ())))
    return tuple(one for _, one in _lasting(kept))


def _lasting(kept: Sequence[tuple[str, Executed]]) -> Iterator[tuple[str, Executed]]:
    """Leave out what was rolled back."""
    begun: list[tuple[str, Executed]] = []
    points: dict[str, int] = {}
    within = False
    for text, one in kept:
        if BEGIN.match(text):
            within, begun, points = True, [], {}
        elif savepoint := SAVEPOINT.match(text):
            points[savepoint["name"]] = len(begun)
        elif (rollback := ROLLBACK.match(text)) is not None:
            if rollback["part"] is not None:
                del begun[points.get(rollback["name"], len(begun)) :]
            else:
                within, begun = False, []
        elif COMMIT.match(text):
            yield from begun
            within, begun = False, []
        elif within:
            begun.append((text, one))
        else:
            yield text, one
    yield from begun


def _words(statement: Executed) -> set[str]:
    found = {word for effect in statement.reading.effects for word in words(effect)}
    for object_ in statement.objects:
        kind, name = identity(object_)
        found.add(unquoted(bare(container(name) if kind in BELOW else name.partition("(")[0])))
    return found


class _Causes:
    def __init__(self, ran: Sequence[Executed], world: World) -> None:
        self._statements = ran
        self._world = world
        #: Statements by the names in them.
        self._named: dict[str, list[int]] = {}
        for at, one in enumerate(ran):
            for word in _words(one):
                self._named.setdefault(word, []).append(at)
        self._sweeping = [
            one for one in ran if any(effect.cascade and effect.does is Does.DROPS for effect in one.reading.effects)
        ]
        self._observed = frozenset(identity(said)[1] for one in ran for said in one.objects)
        self._all_read = all(one.reading.unread is None for one in ran)

    @cached_property
    def _grants(self) -> Mapping[str, list[Change]]:
        """Changes of privileges by what they are on."""
        found: dict[str, list[Change]] = {}
        for change in self._world.comparison.changes:
            value = change.old if change.old is not None else change.new
            if isinstance(value, Grant):
                found.setdefault(value.object, []).append(change)
        return found

    def change(self, change: Change) -> Change:
        """Return a change with its statement."""
        found, rank = self._best([self._world.subject(change)])
        if rank > MAY and found is not None:
            return replace(change, statement=found.cited, declared=True)
        return replace(change, statement=None if found is None else found.cited, declared=self._undeclared(change))

    def finding(self, finding: Finding) -> Finding:
        """Return a finding with its statement."""
        if finding.check in _OTHERS or finding.standing:
            return finding
        if finding.check == "locks":
            one = self._lock(finding)
            return finding if one is None else replace(finding, statement=one.cited)
        changes = self._changes(finding)
        if finding.check == "rollback":
            # Which statement of the migration did what the way back does not undo.
            undone, _ = self._best([self._world.subject(change) for change in changes])
            return replace(finding, statement=None if undone is None else undone.cited)
        subjects = [self._world.subject(change) for change in changes] or [self._subject(finding)]
        found, rank = self._best(subjects)
        declared: bool | None = True
        if rank <= MAY:
            states = {self._undeclared(change) for change in changes}
            declared = False if states == {False} else None
        return replace(finding, statement=None if found is None else found.cited, declared=declared)

    def _changes(self, finding: Finding) -> list[Change]:
        comparison = self._world.comparison
        if finding.causes:
            return [change for name in finding.causes for change in comparison.by_object.get(name, ())]
        changes = list(comparison.by_object.get(finding.object, ()))
        if finding.check == "privileges":
            changes += self._grants.get(finding.object, [])
        check = BY_CODE.get(finding.code)
        about = {finding.aspect} if check is None or not check.about else check.about
        told = [change for change in changes if change.attribute is not None and change.attribute in about]
        # A table's rows, where a finding of rows is about a table whose definition changed, too; and the other way.
        content = _SUBJECTS.get(finding.check)
        wanted = [change for change in changes if (change.kind == content if content else change.kind not in CONTENT)]
        return told or wanted or changes

    def _subject(self, finding: Finding) -> Subject:
        kind = _SUBJECTS.get(finding.check, "")
        comparison = self._world.comparison
        name = finding.object
        if name in comparison.before.catalog.constraints:
            constraint = comparison.before.catalog.constraints[name]
            return Subject(kind="foreign key", names=(name,), table=constraint.table, columns=constraint.columns)
        if name in comparison.before.catalog.columns:
            column = comparison.before.catalog.columns[name]
            return Subject(kind=kind or "column", names=(name,), table=column.table, columns=(column.column,))
        table = name if name in comparison.before.catalog.tables else None
        return Subject(kind=kind or "table", names=(name,), table=table)

    def _best(self, subjects: Sequence[Subject]) -> tuple[Executed | None, int]:
        """Return the statement that explains one of them best, the last of several, and how well."""
        best: Executed | None = None
        rank = 0
        near = {at for subject in subjects for word in self._world.words(subject) for at in self._named.get(word, ())}
        for one in (self._statements[at] for at in sorted(near)):
            here = max((self._rank(one, subject) for subject in subjects), default=0)
            if here and here >= rank:
                best, rank = one, here
        gone = any(subject.action is Action.DROPPED for subject in subjects)
        if best is None and gone and len(self._sweeping) == 1:
            return self._sweeping[0], MAY
        return best, rank

    def _rank(self, statement: Executed, subject: Subject) -> int:
        effects = max((explains(effect, subject, self._world) for effect in statement.reading.effects), default=0)
        if effects == NAMES:
            return NAMES
        # A statement that was read in full says itself which part of the table it touches.
        observed = seen(statement.objects, subject)
        if statement.reading.unread is None and statement.reading.effects and observed < NAMES:
            observed = 0
        return max(effects, observed)

    def _undeclared(self, change: Change) -> bool | None:
        """Return False where every statement was read and none names what was changed; None where that is not known."""
        if not self._all_read or not self._statements or change.action is Action.ADDED:
            return None
        subject = self._world.subject(change)
        return None if any(name in self._observed for name in subject.names) else False

    def _lock(self, finding: Finding) -> Executed | None:
        fitting = [
            one
            for one in self._statements
            for lock in one.reading.locks
            if lock.mode == finding.after and self._world.same(finding.object, lock.relation, below=False)
        ]
        # The message may name the one that took it; a later one only finds it held.
        named = [one for one in fitting if one.cited.text.removesuffix(";")[:_NAMED] in finding.message]
        return max(named, key=lambda one: len(one.cited.text)) if named else fitting[-1] if fitting else None
