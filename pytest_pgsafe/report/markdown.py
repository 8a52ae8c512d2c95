"""Markdown for a pull request's comment: verdict, findings, changes. Rows are shown by their keys, never by values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..checks.values import ANNOUNCED, Severity
from ..compare.values import Attribute, Change
from ..rehearsal.values import Result
from ..visible import visible
from . import costs, recovery
from .overview import Cause, Entry, Overview, about, overview, plain
from .redact import keys_only
from .terminal import cause, sample_text

VERDICTS = {"passed": "✅ safe", "failed": "❌ not safe", "error": "⚠️ no verdict"}
#: A comment of GitHub's holds 65,536 characters, which it counts in its own way.
LIMIT = 64_000
#: Findings of a table, and changes, that are shown: the first pair that keeps to the limit.
_MOST = ((100, 200), (50, 50), (20, 10), (5, 0))
#: Characters of a statement in a table.
_STATEMENT = 160
_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~!])")


def render(result: Result) -> str:
    """Return the report as GitHub-flavoured Markdown, short enough for a comment."""
    result = keys_only(result)
    summary = overview(result)
    text = ""
    for findings, changes in _MOST:
        text = "\n".join(_lines(result, summary, findings, changes)) + "\n"
        if len(text) <= LIMIT:
            return text
    return (
        "\n".join([*_head(result, summary), "", "The rest is too long for a comment: see the JSON or HTML report."])
        + "\n"
    )


def _head(result: Result, summary: Overview) -> list[str]:
    lines = (" · ".join(escape(part) for part in parts) for parts in (summary.headline, about(result)))
    return [f"## pgsafe: {VERDICTS[summary.verdict]}", *(text for line in lines for text in ("", line))]


def _lines(result: Result, summary: Overview, most: int, most_changes: int) -> list[str]:
    lines = _head(result, summary)
    if result.interrupted is not None:
        lines += ["", *_code(result.interrupted)]
    for step in summary.stopped:
        lines += ["", f"**Step {escape(step.name)} failed**", "", *_code(step.reason or "")]
    for one in summary.causes:
        lines += _cause(one, most)
    lines += _table([*map(plain, summary.warnings)], most)
    for fold in summary.on_purpose:
        lines += folded(escape(f"on purpose: {fold.text}"), _table([*map(plain, fold.findings)], most))
    for fold in summary.noted:
        lines += folded(escape(f"noted: {fold.text}"), _table([*map(plain, fold.findings)], most))
    lines += _costs(result)
    gaps = [f"- {escape(gap.object)}: {escape(gap.reason)}" for gap in result.not_verified]
    lines += folded(f"{len(gaps)} not verified", ["", *gaps] if gaps else [])
    lines += _recovery(result)
    lines += folded(_counted(len(result.changes), "change"), _changes(result.changes, most_changes))
    if result.trace is not None and result.trace.network not in {None, "isolated"}:
        lines += ["", f"Other networks while the migration ran: {escape(result.trace.network)}."]
    steps = [f"| {escape(step.name)} | {step.seconds:.2f} | {step.outcome.value} |" for step in result.steps]
    lines += folded(f"{len(steps)} steps", ["", "| step | seconds | outcome |", "|---|---:|---|", *steps])
    return lines


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _costs(result: Result) -> list[str]:
    """Return what the costliest statements took."""
    if result.measured is None:
        return []
    rows = costs.rows(result.measured, whole=False)
    if not rows:
        return []
    told = "; ".join(f"{name}: {text}" for name, text in costs.totals(result.measured))
    table = ["", "| statement | time | rows | WAL | locks |", "|---|---:|---:|---:|---|"]
    for row in rows:
        statement = row.statement if len(row.statement) <= _STATEMENT else f"{row.statement[: _STATEMENT - 1]}…"
        cells = [escape(cell) for cell in (statement, row.time, row.rows, row.wal)]
        table.append(f"| {' | '.join(cells)} | {'<br>'.join(escape(lock) for lock in row.locks)} |")
    return folded(escape(told), table)


def _recovery(result: Result) -> list[str]:
    if result.pitr is None:
        return []
    told = [f"| {escape(name)} | {escape(text)} |" for name, text in recovery.facts(result.pitr)]
    return ["", "| recovery | |", "|---|---|", *told] if told else []


def escape(text: object) -> str:
    """Return text that Markdown shows as it stands, in one line."""
    plain = _SPECIAL.sub(r"\\\1", visible(str(text))).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # GitHub tells people whose name follows an @, also an escaped one: a space of no width stands between.
    return " ".join(plain.replace("@", "@\u200b").split())


def _cause(led: Cause, most: int) -> list[str]:
    """Return what one statement led to, below it."""
    if led.statement is None:
        return _table(led.entries, most)
    return ["", f"**{escape(str(led.statement))}**", *_table(led.entries, most)]


def _table(entries: Sequence[Entry], most: int) -> list[str]:
    if not entries:
        return []
    lines = ["", "| | object | finding | rows |", "|---|---|---|---|"]
    for one in entries[:most]:
        finding = one.finding
        text = f"{escape(finding.message)} ({finding.code})"
        if finding.revision is not None:
            text += f"<br>by {escape(finding.revision)}"
        if (by := cause(finding)) is not None:
            text += f"<br>by {escape(by)}"
        if finding.reason is not None:
            text += f"<br>on purpose: {escape(finding.reason.removeprefix(ANNOUNCED))}"
        if finding.remedy is not None and finding.severity is Severity.ERROR:
            text += f"<br>remedy: {escape(finding.remedy)}"
        if one.announce is not None:
            text += f"<br>if it is meant: \\[expect\\] {escape(one.announce)}"
        if one.comment is not None:
            text += f"<br>or {escape(one.comment)}"
        rows = "<br>".join(escape(sample_text(sample)) for sample in finding.samples)
        lines.append(f"| {finding.severity.value} | {escape(finding.object)} | {text} | {rows} |")
    if len(entries) > most:
        lines += ["", f"… and {len(entries) - most} more"]
    return lines


def _changes(changes: Sequence[Change], most: int) -> list[str]:
    if not changes or not most:
        return []
    lines = ["", "| change | object | before | after |", "|---|---|---|---|"]
    for change in changes[:most]:
        what = f"{change.kind} {change.action.value}" + (f": {change.attribute}" if change.attribute else "")
        cells = (what, change.object, _attribute(change.before), _attribute(change.after))
        lines.append(f"| {' | '.join(escape(cell) for cell in cells)} |")
    if len(changes) > most:
        lines += ["", f"… and {len(changes) - most} more"]
    return lines


def _attribute(value: Attribute) -> str:
    if value is None:
        return ""
    return ", ".join(str(part) for part in value) if isinstance(value, tuple) else str(value)


def folded(title: str, lines: Sequence[str]) -> list[str]:
    """Return lines behind a title, shown when somebody opens it; nothing where there are none."""
    return ["", "<details>", f"<summary>{title}</summary>", *lines, "", "</details>"] if lines else []


def _code(text: str) -> list[str]:
    """Return text as it stands, in a fence longer than any in it."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return [f"{fence}text", *visible(text).strip().split("\n"), fence]
