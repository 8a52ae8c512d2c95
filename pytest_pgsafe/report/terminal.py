"""Text for a terminal: lines and what they mean, which the plugin turns into colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from rich.cells import cell_len

from ..checks.values import Finding
from ..migrate.values import Revision
from ..rehearsal.values import Outcome, Result, Step
from ..snapshot.values import RowSample
from ..visible import indented, one_line
from . import costs, recovery, upgrade
from .overview import Cause, Fold, Overview, overview

Tone = Literal["plain", "good", "warning", "bad"]
#: Characters of a statement in a line.
SHOWN = 120
_MEANT, _OR = "if it is meant", "or"
_COPIED = (f"{_MEANT}: ", f"{_OR}: ")


@dataclass(frozen=True, kw_only=True)
class Line:
    text: str
    tone: Tone = "plain"


def finding_lines(finding: Finding, announce: str | None = None, comment: str | None = None) -> list[str]:
    """Return a finding with its evidence, the first line for itself.

    :param announce: what makes it a note if it is meant.
    :param comment: what says the same in the migration's own file.
    """
    # Most messages name their object where it reads best.
    where = "" if finding.object in finding.message else f"{finding.object}: "
    by = "" if finding.revision is None else f" (by {finding.revision})"
    lines = [f"{finding.code} {finding.severity.value}: {where}{finding.message}{by}"]
    if finding.before is not None and finding.after is not None:
        lines += _pair("before", finding.before) + _pair("after", finding.after)
    lines += [f"  {sample_text(sample)}" for sample in finding.samples]
    statement = cause(finding)
    if statement is not None:
        lines += _pair("by", statement)
    if finding.reason is not None:
        lines += _pair("announced", finding.reason)
    if finding.remedy is not None:
        lines += _pair("remedy", finding.remedy)
    if announce is not None:
        lines += _pair(_MEANT, f"[expect] {announce}")
    if comment is not None:
        lines += _pair(_OR, comment)
    return [indented(line) for line in lines]


def cause(finding: Finding) -> str | None:
    """Return what is known of the statement that did it."""
    by = None if finding.statement is None else _short(str(finding.statement))
    if finding.declared is not False:
        return by
    if by is None:
        return "no statement of the migration names it: a cascade, a trigger or a function did this"
    return f"{by} (which does not name it)"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def sample_text(sample: RowSample) -> str:
    """Return one row in one line: its key, and what it held before and holds after."""
    key = ", ".join(f"{column}={shown(value)}" for column, value in sample.key.items())
    where = f"row {key}" if key else "row"
    if sample.before is None and sample.after is None:
        return where
    if sample.after is None:
        return f"{where}: gone, was {_values(sample.before)}"
    if sample.before is None:
        return f"{where}: new, is {_values(sample.after)}"
    if sample.before.keys().isdisjoint(sample.after):
        return f"{where}: {_values(sample.before)} but {_values(sample.after)}"
    columns = dict.fromkeys([*sample.before, *sample.after])
    absent = "(no column)"
    changed = [
        f"{column}: {shown(sample.before[column]) if column in sample.before else absent}"
        f" -> {shown(sample.after[column]) if column in sample.after else absent}"
        for column in columns
        if column not in sample.before
        or column not in sample.after
        or sample.before[column] != sample.after[column]
        or len(columns) == 1
    ]
    return f"{where}: {'; '.join(changed)}" if changed else f"{where}: {_values(sample.before)}"


def shown(value: str | None) -> str:
    """Return a value as people read it: NULL apart from texts, nothing that moves a terminal's cursor."""
    if value is None:
        return "NULL"
    text = one_line(value).replace("\t", "\\t")
    return f"'{text}'" if not text.strip() or text != text.strip() or text == "NULL" else text


def summary(result: Result, *, short: bool, whole: bool = False) -> list[Line]:
    """Return the verdict's line, what is wrong, what was meant, and the rest.

    :param short: the verdict's line alone, and what was kept or written.
    :param whole: every note, also where there are many of one check.
    """
    summary = overview(result)
    tone: Tone = "good" if result.verdict == "passed" else "bad"
    lines: list[Line] = []
    if not short:
        lines += _broken_off(result)
        lines += [Line(text=f"step {step.name} failed: {_reason(step)}", tone="bad") for step in summary.stopped]
        lines += [line for cause in summary.causes for line in _cause_lines(cause)]
        lines += [line for finding in summary.warnings for line in _warning_lines(finding)]
        lines += [line for fold in (*summary.on_purpose, *summary.noted) for line in _fold_lines(fold, whole=whole)]
        lines += [Line(text=f"not verified: {gap.object}: {gap.reason}", tone="warning") for gap in result.not_verified]
        lines += [Line(text=f"{name}: {text}") for name, text in _recovery(result)]
        lines += _steps(result)
        lines += _costs(result, whole=whole)
    lines = [replace(line, text=indented(line.text)) for line in lines]
    # What was left running, or was written, is said in every case.
    if result.baseline is not None:
        lines.append(Line(text=indented(f"written: {result.baseline}")))
    if result.kept is not None:
        lines.append(Line(text=f"kept: {result.kept}"))
    return [Line(text=indented(headline(summary)), tone=tone), *lines]


def headline(summary: Overview) -> str:
    """Return the first line of a report."""
    return f"pgsafe {summary.verdict}: {' · '.join(summary.headline)}"


def wrapped(text: str, width: int) -> str:
    """Return a text whose lines are no wider than a terminal, broken at blanks; what has none stays whole.

    So do the lines that announce something: they are copied into a file, where a break would be an error.

    :param width: columns, at least 20.
    """
    return "\n".join(_wrapped(line, max(width, 20)) for line in text.split("\n"))


def _wrapped(line: str, width: int) -> str:
    if cell_len(line) <= width or line.lstrip().startswith(_COPIED):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    lines: list[str] = []
    current = indent
    for piece in _pieces(line, width):
        if current.strip() and cell_len((current + piece).rstrip()) > width:
            lines.append(current.rstrip())
            # Deeper than what it continues, so that it does not look like a line of its own.
            current = indent + "    "
        current += piece
    return "\n".join([*lines, current.rstrip()])


def _pieces(line: str, width: int) -> list[str]:
    """Return what a line is not broken within: words, or the parts of a headline."""
    pieces: list[str] = []
    for part in re.findall(r"\S.*?(?: · |$)", line):
        whole = " · " in line and cell_len(part) <= width // 2
        pieces += [part] if whole else re.findall(r"\S+\s*", part)
    return pieces


def _recovery(result: Result) -> list[tuple[str, str]]:
    return [] if result.pitr is None else recovery.facts(result.pitr)


def _steps(result: Result) -> list[Line]:
    width = max((len(step.name) for step in result.steps), default=0)
    lines: list[Line] = []
    for step in result.steps:
        # Why one failed stands above.
        reason = f"  {_reason(step)}" if step.reason and step.outcome is not Outcome.FAILED else ""
        tone: Tone = "bad" if step.outcome is Outcome.FAILED else "plain"
        lines.append(Line(text=f"{step.name:<{width}}  {step.seconds:8.2f} s  {step.outcome.value}{reason}", tone=tone))
        if step.name == "migrate" and result.trace is not None:
            lines += [Line(text=f"  {_revision(revision)}") for revision in result.trace.revisions]
            if result.trace.network not in {None, "isolated"}:
                lines.append(Line(text=f"  other networks: {result.trace.network}", tone="warning"))
        if step.name == "traffic" and result.traffic is not None:
            lines.append(Line(text=f"  sessions that were put in its way: {result.traffic.probes}"))
            lines += [Line(text=f"  left out: {text}") for text in result.traffic.left_out]
        if step.name == "retry" and result.retry is not None:
            lines.append(Line(text=f"  points at which it was broken off: {result.retry.points}"))
            lines += [Line(text=f"  left out: {text}") for text in result.retry.left_out]
        if step.name == "major":
            lines += [Line(text=f"  {text}") for text in upgrade.lines(result)]
        if step.name == "old_release" and result.old_release is not None:
            tried = f"{result.old_release.statements}; probes: {result.old_release.probes}"
            lines.append(Line(text=f"  statements of the release: {tried}"))
            lines += [Line(text=f"  left out: {text}") for text in result.old_release.left_out]
    return lines


def _costs(result: Result, *, whole: bool) -> list[Line]:
    """Return what statements cost: the costliest, or all."""
    if result.measured is None:
        return []
    rows = costs.rows(result.measured, whole=whole)
    if not rows:
        return []
    lines = [Line(text=f"{name}: {text}") for name, text in costs.totals(result.measured)]
    for row in rows:
        told = " · ".join(
            part for part in (row.time, row.rows and f"{row.rows} rows", row.wal and f"WAL {row.wal}") if part
        )
        lines.append(Line(text=f"  {told:<32}  {_short(row.statement)}"))
        lines += [Line(text=f"    {lock}") for lock in row.locks]
    return lines


def _reason(step: Step) -> str:
    return (step.reason or "").strip().partition("\n")[0]


def _broken_off(result: Result) -> list[Line]:
    if result.interrupted is None:
        return []
    *before, last = result.interrupted.strip().splitlines() or [""]
    # The last of several lines may be a part of a name.
    return [Line(text=f"  {last}" if before else last, tone="bad")]


def _revision(revision: Revision) -> str:
    return revision.name if revision.seconds is None else f"{revision.name}  {revision.seconds:.2f} s"


def _cause_lines(cause: Cause) -> list[Line]:
    """Return what one statement led to; each of it is told in full by its item."""
    lines: list[Line] = []
    if cause.statement is not None:
        lines.append(Line(text=_short(str(cause.statement))))
    for entry in cause.entries:
        first = finding_lines(entry.finding)[0] + (" (it follows)" if entry.follows and cause.statement else "")
        lines.append(Line(text=first if cause.statement is None else f"  {first}", tone="bad"))
    return lines


def _warning_lines(finding: Finding) -> list[Line]:
    first, *rest = finding_lines(finding)
    return [Line(text=first, tone="warning"), *(Line(text=text) for text in rest)]


def _fold_lines(fold: Fold, *, whole: bool) -> list[Line]:
    if not (whole or fold.whole):
        return [Line(text=f"{fold.code} note: {fold.text}")]
    return [
        Line(text=finding_lines(finding)[0] + ("" if finding.reason is None else f" ({finding.reason})"))
        for finding in fold.findings
    ]


def _values(values: Mapping[str, str | None] | None) -> str:
    return ", ".join(f"{column}={shown(value)}" for column, value in (values or {}).items())


def _pair(name: str, value: str | int) -> list[str]:
    first, *rest = str(value).splitlines() or [""]
    return [f"  {name}: {first}", *(f"    {line}" for line in rest)]
