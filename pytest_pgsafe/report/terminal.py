"""Text for a terminal: lines and what they mean, which the plugin turns into colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ..checks.values import Finding, Severity
from ..migrate.values import Revision
from ..rehearsal.values import Outcome, Result
from ..snapshot.values import RowSample
from ..visible import indented, one_line
from . import recovery

Tone = Literal["plain", "good", "warning", "bad"]
#: Characters of a statement in a line.
SHOWN = 120
_TONES: Mapping[Severity, Tone] = {Severity.ERROR: "bad", Severity.WARNING: "warning", Severity.NOTE: "plain"}


@dataclass(frozen=True, kw_only=True)
class Line:
    text: str
    tone: Tone = "plain"


def finding_lines(finding: Finding) -> list[str]:
    """Return a finding with its evidence, the first line for itself."""
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


def summary(result: Result, *, short: bool) -> list[Line]:
    """Return the steps, the findings that fail no test, and the verdict.

    :param short: the verdict's line alone, and what was kept or written.
    """
    lines: list[Line] = [] if short else [*_steps(result), *_findings(result)]
    if not short:
        lines += [Line(text=f"{name}: {text}") for name, text in _recovery(result)]
        lines += [Line(text=f"not verified: {gap.object}: {gap.reason}", tone="warning") for gap in result.not_verified]
    lines = [replace(line, text=indented(line.text)) for line in lines]
    # What was left running, or was written, is said in every case.
    if result.baseline is not None:
        lines.append(Line(text=indented(f"written: {result.baseline}")))
    if result.kept is not None:
        lines.append(Line(text=f"kept: {result.kept}"))
    tone: Tone = "good" if result.verdict == "passed" else "bad"
    lines.append(Line(text=f"pgsafe {result.verdict}: {counted(result)}", tone=tone))
    return lines


def counted(result: Result) -> str:
    """Return what was compared and what was not: said in every case."""
    if result.read is not None:
        number = result.read.statements
        statements = "1 statement" if number == 1 else f"{number} statements"
        return f"{statements}, {result.read.unread} of them not read; nothing was rehearsed"
    if result.pitr is not None and not result.relations:
        # Without a rehearsal nothing is compared.
        newest = result.pitr.reached
        told = "not recovered" if newest is None else f"recovered to {newest.newest.isoformat()}"
        return f"{told}, {len(result.not_verified)} not verified"
    relations = "1 relation" if result.relations == 1 else f"{result.relations} relations"
    rows = "1 row" if result.rows == 1 else f"{result.rows:,} rows"
    return f"{relations} ({rows}) compared, {len(result.not_verified)} not verified"


def severities(result: Result) -> str:
    """Return how many findings there are of each severity."""
    counts = {level: sum(finding.severity is level for finding in result.findings) for level in reversed(Severity)}
    words = [f"{count} {level.value}{'' if count == 1 else 's'}" for level, count in counts.items() if count]
    return ", ".join(words) if words else "no findings"


def _recovery(result: Result) -> list[tuple[str, str]]:
    return [] if result.pitr is None else recovery.facts(result.pitr)


def _steps(result: Result) -> list[Line]:
    width = max((len(step.name) for step in result.steps), default=0)
    lines: list[Line] = []
    for step in result.steps:
        # Skipped for a reason is worth a line; why a step failed is told by its item.
        reason = f"  {step.reason.splitlines()[0]}" if step.reason else ""
        tone: Tone = "bad" if step.outcome is Outcome.FAILED else "plain"
        lines.append(Line(text=f"{step.name:<{width}}  {step.seconds:8.2f} s  {step.outcome.value}{reason}", tone=tone))
        if step.name == "migrate" and result.trace is not None:
            lines += [Line(text=f"  {_revision(revision)}") for revision in result.trace.revisions]
            if result.trace.network not in {None, "isolated"}:
                lines.append(Line(text=f"  other networks: {result.trace.network}", tone="warning"))
    if result.interrupted is not None:
        *before, last = result.interrupted.strip().splitlines() or [""]
        # The last of several lines may be a part of a name.
        lines.append(Line(text=f"  {last}" if before else last, tone="bad"))
    return lines


def _revision(revision: Revision) -> str:
    return revision.name if revision.seconds is None else f"{revision.name}  {revision.seconds:.2f} s"


def _findings(result: Result) -> list[Line]:
    lines = [Line(text=severities(result))]
    for level in (Severity.WARNING, Severity.NOTE):
        for finding in result.findings:
            if finding.severity is level:
                first, *rest = finding_lines(finding)
                # A note is a line; a warning is worth its evidence.
                announced = f" ({finding.reason})" if level is Severity.NOTE and finding.reason is not None else ""
                lines.append(Line(text=first + announced, tone=_TONES[level]))
                lines += [Line(text=text) for text in rest if level is Severity.WARNING]
    return lines


def _values(values: Mapping[str, str | None] | None) -> str:
    return ", ".join(f"{column}={shown(value)}" for column, value in (values or {}).items())


def _pair(name: str, value: str | int) -> list[str]:
    first, *rest = str(value).splitlines() or [""]
    return [f"  {name}: {first}", *(f"    {line}" for line in rest)]
