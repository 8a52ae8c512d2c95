"""From what a migration sent, the points at which it is worth breaking off, the riskiest first (pure)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ..catalog.names import bare, container, unquoted
from ..migrate.values import Statement
from ..reading.read import read
from ..reading.script import statements
from ..reading.transactions import BEGIN, COMMIT, ROLLBACK
from ..reading.values import ROWS, Cited, Place, Reading
from .values import AFTER, How, Point, Sent, Unit

#: Commit in parts: what is left of one that is broken off is not what was there before it.
_PARTS = re.compile(
    r"(?is)\s*(?:create\s+(?:unique\s+)?index\s+concurrently\b|drop\s+index\s+concurrently\b"
    r"|reindex\b.*?\bconcurrently\b|alter\s+table\b.*\bdetach\s+partition\b.*\bconcurrently\b)"
)
_BUILDS = re.compile(r"(?is)\s*(?:create|reindex)\b")
#: Kinds of objects that stand below a table.
_BELOW = frozenset({"column", "constraint", "trigger", "policy", "rule"})
_CODE = re.compile(r"(?is)\s*(?:do|call)\b")
#: Commits within itself, perhaps.
_COMMITS = re.compile(r"(?is)\s*(?:call\b|do\b.*\bcommit\b)")
#: They wait for everybody who writes to the table.
_STRONG = frozenset({"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"})


def flat(text: str) -> str:
    """Return a text in one line, by which it is known again."""
    return " ".join(text.split())


@dataclass
class _Open:
    """What a session has sent since its last transaction ended."""

    within: bool = False
    cited: Cited | None = None
    rows: bool = False
    recorded: bool = False
    others: bool = False
    single: list[str] = field(default_factory=list[str])
    locking: Sent | None = None


def units(
    sent: Sequence[Statement], *, books: Collection[str] = (), place: Callable[[str], Place | None] = lambda _: None
) -> tuple[Unit, ...]:
    """Return what took effect, in order; what had none, or was rolled back, is left out.

    :param books: bare names of the tables in which tools remember what they did.
    :param place: where a statement stands in the migration's files.
    """
    found: list[Unit] = []
    sessions: dict[str, _Open] = {}
    times: Counter[str] = Counter()
    for statement in sent:
        text = flat(statement.text)
        if statement.error is not None:
            continue
        times[text] += 1
        state = sessions.setdefault(statement.session, _Open())
        for part in statements(statement.text):
            if BEGIN.match(part):
                state.within = True
            elif (back := ROLLBACK.match(part)) is not None:
                if back["part"] is None:
                    state = sessions[statement.session] = _Open()
            elif COMMIT.match(part):
                state.within = False
            else:
                _follow(state, part, statement, books, place)
                if state.locking is None and state.cited is not None and _locks(part):
                    state.locking = Sent(text=text, occurrence=times[text], cited=state.cited)
        if state.within:
            continue
        if state.cited is not None:
            end = Sent(text=text, occurrence=times[text], cited=state.cited)
            found.append(
                Unit(
                    end=end, cited=state.cited, rows=state.rows, recorded=state.recorded,
                    only_recorded=state.recorded and not state.others,
                    parts=len(state.single) == 1 and _PARTS.match(state.single[0]) is not None,
                    code=len(state.single) == 1 and _COMMITS.match(state.single[0]) is not None,
                    locking=state.locking,
                )
            )  # fmt: skip
        sessions[statement.session] = _Open()
    return tuple(found)


def _follow(
    state: _Open, part: str, statement: Statement, books: Collection[str], place: Callable[[str], Place | None]
) -> None:
    """Add a statement that is none of the transaction's own."""
    reading = read(part)
    parts = _PARTS.match(part) is not None
    if not (reading.effects or reading.unread is not None or statement.objects or parts):
        return
    recorded = _records(reading, books)
    state.recorded = state.recorded or recorded
    state.others = state.others or not recorded
    state.rows = state.rows or any(one.does in ROWS for one in reading.effects) or _CODE.match(part) is not None
    state.single.append(part)
    if state.cited is None or not recorded:
        state.cited = Cited.of(part, place(flat(part)))


def _locks(part: str) -> bool:
    return not _PARTS.match(part) and any(lock.mode in _STRONG for lock in read(part).locks)


def _records(reading: Reading, books: Collection[str]) -> bool:
    """Tell whether a statement is about a tool's own table alone."""
    tables = {container(one.object) if one.kind in _BELOW else one.object for one in reading.effects}
    return bool(tables) and all(unquoted(bare(table)).lower() in books for table in tables)


def points(units: Sequence[Unit], *, files: bool = False, handled: bool = False) -> tuple[Point, ...]:
    """Return the points worth trying, the riskiest first.

    None lies before the first effect or behind the last: what is broken off there is begun again, or is done. Where a
    tool has recorded what it did, it goes on by itself: of such points one stands for all.

    :param files: each file is remembered when it has run, so that no point lies between two.
    :param handled: the migration is a program, which may do anything when a statement fails.
    """
    found = [
        *_inside(units),
        *_after(units, files=files),
    ]
    if handled:
        found += [*_locked(units), *_otherwise(found)]
    recorded = [point for point in found if point.how == "after" and _is_recorded(point)]
    return tuple(sorted((point for point in found if point not in recorded[1:]), key=_rank))


def _inside(units: Sequence[Unit]) -> Iterator[Point]:
    for number, unit in enumerate(units):
        if unit.parts:
            hows: tuple[How, ...] = ("begun", "built") if _BUILDS.match(unit.end.text) else ("begun",)
            for how in hows:
                yield Point(how=how, unit=unit, done=number, of=len(units))
        if unit.code:
            yield Point(how="batch", unit=unit, done=number, of=len(units))


def _locked(units: Sequence[Unit]) -> Iterator[Point]:
    """Yield the last of the locks: as much as possible is done by then."""
    for number, unit in reversed(list(enumerate(units))):
        if unit.locking is not None and not unit.only_recorded:
            yield Point(how="lock", unit=unit, done=number, of=len(units))
            return


def _after(units: Sequence[Unit], *, files: bool) -> Iterator[Point]:
    for number, (unit, following) in enumerate(pairwise(units), 1):
        if files and unit.cited.file != following.cited.file:
            continue
        unrecorded = following.only_recorded and not unit.recorded
        yield Point(how="after", unit=unit, done=number, of=len(units), unrecorded=unrecorded)


def _otherwise(found: Sequence[Point]) -> Iterator[Point]:
    """Yield the other ways to be broken off after a statement, for the last that did more than to record something."""
    after = [point for point in found if point.how == "after" and not point.unit.only_recorded]
    for how in ("killed", "let in") if after else ():
        yield replace(after[-1], how=how)


def _is_recorded(point: Point) -> bool:
    return point.unit.recorded and not point.unit.only_recorded


def _rank(point: Point) -> tuple[int, int]:
    if point.how == "lock":
        rank = 3
    elif point.how not in AFTER:
        rank = 0
    elif point.how == "let in":
        rank = 3
    elif point.how == "killed":
        # What it leaves in files is there in every later run.
        rank = 5
    elif point.done == 1:
        # What fails here fails at every later point as well.
        rank = 1
    elif _is_recorded(point):
        rank = 4
    else:
        rank = 2 if point.unit.rows or point.unrecorded else 3
    return rank, point.done


def later(points: Sequence[Point], tried: Point) -> tuple[Point, ...]:
    """Return those of several points at which more had taken effect than at one that was tried."""
    return tuple(point for point in points if point.done > tried.done)
