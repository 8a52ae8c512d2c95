"""A fleet on a terminal: what is wrong by equal causes, its members below; what is safe as a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...checks.evidence import count
from ...fleet.values import FleetResult
from ...visible import indented
from ..terminal import Line, Tone
from .overview import FleetOverview, Row, block_text, overview, told_of

#: Members of a block, blocks, warnings and lines of drift that are shown where not all are.
_ROWS, _BLOCKS, _WARNINGS, _DRIFT = 10, 20, 10, 10
#: Columns of a member's name.
_NAME = 28


def summary(fleet: FleetResult, *, short: bool, whole: bool = False) -> list[Line]:
    """Return the verdict's line, the members that are not safe by their causes, the others, drift, and the steps.

    :param short: the verdict's line alone.
    :param whole: every member.
    """
    found = overview(fleet)
    tone: Tone = "good" if found.verdict == "passed" else "bad"
    first = Line(text=indented(f"pgsafe {found.verdict}: {' · '.join(found.headline)}"), tone=tone)
    # What was left running is said in every case.
    kept = [Line(text=f"kept of {one.member.name}: {one.kept}") for one in fleet.members if one.kept is not None]
    if short:
        return [first, *kept]
    rest = [
        *_wrong(found, whole=whole),
        *_passed(found, whole=whole),
        *_cut(
            [Line(text=told_of(cause), tone="warning") for cause in found.warnings],
            None if whole else _WARNINGS,
            "warning",
        ),
        *(() if found.left_out is None else (Line(text=found.left_out),)),
        *_drift(found, whole=whole),
        *_steps(fleet),
    ]
    if fleet.more_causes:
        rest.append(Line(text=f"{count(fleet.more_causes, 'more cause')}: see the members' own reports"))
    return [first, *(Line(text=indented(line.text), tone=line.tone) for line in rest), *kept]


def _wrong(found: FleetOverview, *, whole: bool) -> Iterator[Line]:
    shown = found.blocks if whole else found.blocks[:_BLOCKS]
    width = _width([row for block in shown for row in block.rows])
    for number, block in enumerate(shown):
        for cause in block.causes:
            yield Line(text=block_text(cause, block.rows), tone="bad")
            if cause.finding is not None and cause.announce is not None:
                yield Line(text=f"  if it is meant: [expect] {cause.announce}")
        if number == 0:
            yield Line(text=_head(width))
        rows = block.rows if whole else block.rows[:_ROWS]
        yield from (Line(text=_row(row, width)) for row in rows)
        if len(rows) < len(block.rows):
            yield Line(text=f"  … and {len(block.rows) - len(rows)} more")
    if len(shown) < len(found.blocks):
        left = sum(len(block.rows) for block in found.blocks[len(shown) :])
        yield Line(text=f"… and {count(left, 'member')} that failed otherwise: -v shows all", tone="bad")


def _passed(found: FleetOverview, *, whole: bool) -> Iterator[Line]:
    if found.folded is None:
        return
    yield Line(text=found.folded, tone="good")
    if whole:
        width = _width(found.passed)
        yield Line(text=_head(width))
        yield from (Line(text=_row(row, width)) for row in found.passed)


def _drift(found: FleetOverview, *, whole: bool) -> Iterator[Line]:
    lines = [Line(text=f"schema: {text}") for text in found.drift]
    yield from _cut(lines, None if whole else _DRIFT, "line")


def _steps(fleet: FleetResult) -> Iterator[Line]:
    width = max((len(step.name) for step in fleet.steps), default=0)
    for step in fleet.steps:
        yield Line(text=f"{step.name:<{width}}  {step.seconds:8.2f} s  all members together")


def _cut(lines: Sequence[Line], most: int | None, what: str) -> Iterator[Line]:
    yield from lines[:most]
    if most is not None and len(lines) > most:
        yield Line(text=f"… and {count(len(lines) - most, 'more ' + what)}: -v shows all")


def _width(rows: Sequence[Row]) -> int:
    return min(max((len(row.name) for row in rows), default=0), _NAME)


def _head(width: int) -> str:
    return f"  {'member':<{width}}  {'verdict':<10}  {'rows':>9}  {'time':>8}  {'lock':>8}  schema"


def _row(row: Row, width: int) -> str:
    told = f"  {row.name:<{width}}  {row.word:<10}  {row.rows:>9}  {row.time:>8}  {row.lock:>8}  {row.differs}"
    return told.rstrip()
