"""Markdown for a pull request's comment: verdict, findings, changes. Rows are shown by their keys, never by values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..checks.values import Finding, Severity
from ..compare.values import Attribute, Change
from ..rehearsal.values import Outcome, Result
from ..visible import visible
from . import recovery
from .redact import keys_only
from .terminal import cause, counted, sample_text, severities

_VERDICTS = {"passed": "✅ safe", "failed": "❌ not safe", "error": "⚠️ no verdict"}
#: A comment of GitHub's holds 65,536 characters.
_MOST_CHANGES = 200
_MOST_FINDINGS = 100
_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~!])")


def render(result: Result) -> str:
    """Return the report as GitHub-flavoured Markdown."""
    result = keys_only(result)
    lines = [f"## pgsafe: {_VERDICTS[result.verdict]}", "", f"{severities(result)}; {counted(result)}."]
    if result.interrupted is not None:
        lines += ["", *_code(result.interrupted)]
    for step in result.steps:
        if step.outcome is Outcome.FAILED:
            lines += ["", f"**Step {escape(step.name)} failed**", "", *_code(step.reason or "")]
    lines += _recovery(result)
    lines += _findings([finding for finding in result.findings if finding.severity is not Severity.NOTE])
    notes = [finding for finding in result.findings if finding.severity is Severity.NOTE]
    lines += _folded(_counted(len(notes), "note"), _findings(notes))
    lines += _folded(_counted(len(result.changes), "change"), _changes(result.changes))
    gaps = [f"- {escape(gap.object)}: {escape(gap.reason)}" for gap in result.not_verified]
    lines += _folded(f"{len(gaps)} not verified", ["", *gaps] if gaps else [])
    if result.trace is not None and result.trace.network not in {None, "isolated"}:
        lines += ["", f"Other networks while the migration ran: {escape(result.trace.network)}."]
    steps = [f"| {escape(step.name)} | {step.seconds:.2f} | {step.outcome.value} |" for step in result.steps]
    lines += _folded(f"{len(steps)} steps", ["", "| step | seconds | outcome |", "|---|---:|---|", *steps])
    return "\n".join(lines) + "\n"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


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


def _findings(findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return []
    lines = ["", "| | object | finding | rows |", "|---|---|---|---|"]
    for finding in findings[:_MOST_FINDINGS]:
        told = f"{escape(finding.message)} ({finding.code})"
        if finding.revision is not None:
            told += f"<br>by {escape(finding.revision)}"
        if (by := cause(finding)) is not None:
            told += f"<br>by {escape(by)}"
        if finding.reason is not None:
            told += f"<br>announced: {escape(finding.reason)}"
        if finding.remedy is not None and finding.severity is Severity.ERROR:
            told += f"<br>remedy: {escape(finding.remedy)}"
        rows = "<br>".join(escape(sample_text(sample)) for sample in finding.samples)
        lines.append(f"| {finding.severity.value} | {escape(finding.object)} | {told} | {rows} |")
    if len(findings) > _MOST_FINDINGS:
        lines += ["", f"… and {len(findings) - _MOST_FINDINGS} more"]
    return lines


def _changes(changes: Sequence[Change]) -> list[str]:
    if not changes:
        return []
    lines = ["", "| change | object | before | after |", "|---|---|---|---|"]
    for change in changes[:_MOST_CHANGES]:
        what = f"{change.kind} {change.action.value}" + (f": {change.attribute}" if change.attribute else "")
        cells = (what, change.object, _attribute(change.before), _attribute(change.after))
        lines.append(f"| {' | '.join(escape(cell) for cell in cells)} |")
    if len(changes) > _MOST_CHANGES:
        lines += ["", f"… and {len(changes) - _MOST_CHANGES} more"]
    return lines


def _attribute(value: Attribute) -> str:
    if value is None:
        return ""
    return ", ".join(str(part) for part in value) if isinstance(value, tuple) else str(value)


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    return ["", "<details>", f"<summary>{title}</summary>", *lines, "", "</details>"] if lines else []


def _code(text: str) -> list[str]:
    """Return text as it stands, in a fence longer than any in it."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return [f"{fence}text", *visible(text).strip().split("\n"), fence]
