"""Transactions of statements that are read: what is rolled back, cannot run in one, or holds a lock on (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..reading.values import ROWS, Does, Reading, TableLock, Work

_BEGIN = re.compile(r"(?i)(?:begin|start\s+transaction)\b")
_COMMIT = re.compile(r"(?i)(?:commit|end)\b")
_ROLLBACK = re.compile(r"(?i)(?:rollback|abort)\b(?!\s+(?:work\s+|transaction\s+)?to\b)")
#: What PostgreSQL refuses in a transaction.
_ALONE = re.compile(
    r"(?i)(?:create\s+(?:unique\s+)?index\s+concurrently|drop\s+index\s+concurrently|reindex\b.*\bconcurrently\b|vacuum\b|"
    r"alter\s+table\b.*\bdetach\s+partition\b.*\bconcurrently\b|alter\s+system\b|(?:create|drop)\s+(?:database|tablespace)\b)",
    re.S,
)
_LABEL = re.compile(r"(?i)alter\s+type\s+\S+\s+add\s+value\s+(?:if\s+not\s+exists\s+)?'(?P<label>(?:[^']|'')*)'")
_SCANS = {Work.SCAN, Work.REWRITE, Work.MAY_REWRITE}


@dataclass
class _Open:
    """A transaction that was begun."""

    begin: int
    statements: list[int] = field(default_factory=list[int])


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something about the transactions of a file."""

    #: The statement, by its number.
    at: int
    object: str
    told: str


@dataclass(frozen=True, kw_only=True)
class Transactions:
    """What was found out of the statements of one file."""

    #: Statements that are rolled back, by their numbers.
    undone: frozenset[int]
    problems: tuple[Problem, ...]
    #: Statements that hold on a strong lock of an earlier one: the lock, and the statement that took it.
    held_on: tuple[tuple[int, TableLock, int], ...]


def follow(readings: Sequence[Reading], *, whole: bool = False) -> Transactions:
    """Follow the transactions of one file.

    :param whole: all of it runs in one.
    """
    undone: set[int] = set()
    problems: list[Problem] = []
    done: list[list[int]] = []
    current = _Open(begin=0) if whole else None
    for at, reading in enumerate(readings):
        text = reading.text
        if _BEGIN.match(text):
            current = _Open(begin=at) if current is None else current
        elif _ROLLBACK.match(text):
            undone.update(() if current is None else current.statements)
            current = None
        elif _COMMIT.match(text):
            if current is not None:
                done.append(current.statements)
            current = None
        elif current is not None:
            current.statements.append(at)
            if _ALONE.match(text):
                words = " ".join(text.split()[:4])
                problems.append(
                    Problem(at=at, object=words, told=f"{words} … cannot run inside a transaction: it fails")
                )
    if current is not None:
        done.append(current.statements)
        if not whole:
            told = "BEGIN is never followed by COMMIT: all of it is rolled back at the end"
            problems.append(Problem(at=current.begin, object="transaction", told=told))
    problems += [problem for statements in done for problem in _labels(readings, statements)]
    held = tuple(one for statements in done for one in _held_on(readings, statements))
    return Transactions(undone=frozenset(undone), problems=tuple(problems), held_on=held)


def _labels(readings: Sequence[Reading], statements: Sequence[int]) -> Iterator[Problem]:
    """Yield where a new label of an enum is used in the transaction that adds it."""
    labels: dict[str, str] = {}
    for at in statements:
        text = readings[at].text
        found = _LABEL.match(text)
        if found is not None:
            labels[f"'{found['label']}'"] = found["label"]
            continue
        for quoted, label in labels.items():
            if quoted in text:
                told = f"the new label {label} is used in the transaction that adds it: that fails"
                yield Problem(at=at, object=label, told=told)


def _held_on(readings: Sequence[Reading], statements: Sequence[int]) -> Iterator[tuple[int, TableLock, int]]:
    """Yield the statements that work on rows while an earlier one's strong lock is held: the first of each lock."""
    taken: dict[str, tuple[TableLock, int]] = {}
    for at in statements:
        reading = readings[at]
        if _works(reading):
            for lock, of in taken.values():
                yield at, lock, of
            taken.clear()
        for lock in reading.locks:
            if lock.mode in {"ShareRowExclusiveLock", "AccessExclusiveLock", "ExclusiveLock", "ShareLock"}:
                taken.setdefault(lock.relation, (lock, at))


def _works(reading: Reading) -> bool:
    if any(lock.work in _SCANS for lock in reading.locks):
        return True
    changed = {Does.UPDATES, Does.DELETES, Does.MERGES}
    rows = [effect for effect in reading.effects if effect.does in ROWS]
    if any(effect.does in changed and (effect.whole or effect.does is Does.MERGES) for effect in rows):
        return True
    return (
        any(effect.does is Does.INSERTS for effect in rows) and re.search(r"(?i)\bselect\b", reading.text) is not None
    )
