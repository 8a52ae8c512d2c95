"""A fleet in a pull request's comment: short enough with a thousand members. Rows are shown by their keys alone."""

from __future__ import annotations

from collections.abc import Sequence

from ...checks.evidence import count
from ...fleet.values import Cause, FleetResult
from ..markdown import LIMIT, VERDICTS, escape, folded
from ..terminal import sample_text
from .overview import Block, FleetOverview, Row, block_text, cause_text, names, overview

#: Blocks, members of each, passes, warnings and lines of drift that are shown: the first that keep to the limit.
_MOST = ((200, 1000, 2000, 100, 200), (100, 100, 300, 50, 100), (50, 20, 50, 20, 50), (20, 5, 0, 10, 20))
#: Characters of a cause.
_TEXT = 600


def render(fleet: FleetResult) -> str:
    """Return the report as GitHub-flavoured Markdown."""
    found = overview(fleet)
    text = ""
    for most in _MOST:
        text = "\n".join(_lines(fleet, found, most)) + "\n"
        if len(text) <= LIMIT:
            return text
    rest = ["", "The rest is too long for a comment: see the JSON or HTML report."]
    return "\n".join([*_head(found), *rest]) + "\n"


def _head(found: FleetOverview) -> list[str]:
    lines = (" · ".join(escape(part) for part in parts) for parts in (found.headline, found.about))
    return [f"## pgsafe: {VERDICTS[found.verdict]}", *(text for line in lines for text in ("", line))]


def _lines(fleet: FleetResult, found: FleetOverview, most: tuple[int, int, int, int, int]) -> list[str]:
    blocks, members, passes, warnings, drift = most
    lines = _head(found)
    for block in found.blocks[:blocks]:
        lines += _block(block, members)
    if len(found.blocks) > blocks:
        left = sum(len(block.rows) for block in found.blocks[blocks:])
        lines += ["", f"… and {count(left, 'member')} that failed otherwise"]
    if found.folded is not None:
        table = _table(found.passed[:passes], len(found.passed)) if passes else []
        lines += folded(escape(found.folded), table) if table else ["", escape(found.folded)]
    lines += _warnings(found.warnings, warnings)
    if found.left_out is not None:
        lines += ["", escape(found.left_out)]
    if found.drift:
        first, *rest = found.drift
        shown = [f"- {escape(text)}" for text in rest[:drift]]
        if len(rest) > drift:
            shown.append(f"- … and {len(rest) - drift} more")
        lines += folded(f"Schemas: {escape(first)}", ["", *shown]) if shown else ["", f"Schemas: {escape(first)}."]
    if fleet.more_causes:
        lines += ["", f"… and {count(fleet.more_causes, 'more cause')}: see the members' own reports"]
    steps = [f"| {escape(step.name)} | {step.seconds:.2f} |" for step in fleet.steps]
    lines += folded(f"{len(steps)} steps, all members together", ["", "| step | seconds |", "|---|---:|", *steps])
    return lines


def _block(block: Block, most: int) -> list[str]:
    lines: list[str] = []
    for cause in block.causes:
        lines += ["", f"**{escape(_short(block_text(cause, block.rows)))}**"]
        if cause.finding is not None:
            rows = [f"{escape(cause.members[0])}: {escape(sample_text(one))}" for one in cause.finding.samples]
            lines += ["", "<br>".join(rows)] if rows else []
            if cause.finding.remedy is not None:
                lines += ["", f"Remedy: {escape(_short(cause.finding.remedy))}"]
        if cause.announce is not None:
            lines += ["", f"If it is meant: \\[expect\\] {escape(cause.announce)}"]
    return [*lines, *_table(block.rows[:most], len(block.rows))]


def _table(rows: Sequence[Row], number: int) -> list[str]:
    lines = ["", "| member | verdict | rows | time | longest lock | schema |", "|---|---|---:|---:|---:|---|"]
    for row in rows:
        cells = (row.name, row.word, row.rows, row.time, row.lock, _short(row.differs, 120))
        lines.append(f"| {' | '.join(escape(cell) for cell in cells)} |")
    if len(rows) < number:
        lines += ["", f"… and {number - len(rows)} more"]
    return lines


def _warnings(warnings: Sequence[Cause], most: int) -> list[str]:
    if not warnings:
        return []
    table = ["", "| warning | members |", "|---|---|"]
    table += [f"| {escape(_short(cause_text(one)))} | {escape(_members(one))} |" for one in warnings[:most]]
    if len(warnings) > most:
        table += ["", f"… and {len(warnings) - most} more"]
    return folded(count(len(warnings), "warning"), table)


def _members(cause: Cause) -> str:
    if len(cause.members) == 1:
        return cause.members[0]
    return f"{len(cause.members)}: {names(cause.members)}"


def _short(text: str, most: int = _TEXT) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
