"""One self-contained HTML file: no script, nothing loaded from elsewhere, everything escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from ..checks.values import Finding
from ..compare.values import Attribute
from ..rehearsal.values import Result
from ..visible import visible
from . import recovery
from .terminal import cause, counted, sample_text, severities

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1c2024 }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #d9dde2; padding: .35rem .6rem; text-align: left; vertical-align: top }
td, pre { overflow-wrap: anywhere } pre { white-space: pre-wrap; background: #f4f5f7; padding: .6rem }
.passed { color: #14713a } .failed, .error { color: #b3261e }
.warning { color: #8a5a00 } .skipped, .note { color: #5b6570 }
@media (prefers-color-scheme: dark) {
  body { background: #16181c; color: #e4e6ea } th, td { border-color: #363b42 } pre { background: #22262c }
  .passed { color: #6fce95 } .failed, .error { color: #ff8a80 }
  .warning { color: #f0bf5f } .skipped, .note { color: #9aa4b0 }
}
"""


def render(result: Result) -> str:
    """Return the report as an HTML document."""
    body = [
        f'<h1>pgsafe: <span class="{result.verdict}">{result.verdict}</span></h1>',
        f"<p>{escape(severities(result))}; {escape(counted(result))}.</p>",
    ]
    if result.interrupted is not None:
        body.append(f"<pre>{escape(result.interrupted)}</pre>")
    facts = [
        *(("source " + k, v) for k, v in result.source.items()),
        *(("server " + k, v) for k, v in result.server.items()),
    ]
    body += _table("Where", ("", ""), [(escape(name), escape(str(value))) for name, value in facts])
    if result.pitr is not None:
        told = recovery.facts(result.pitr)
        body += _table("Recovery", ("", ""), [(escape(name), escape(text)) for name, text in told])
    body += _table("Findings", ("severity", "object", "finding", "rows"), map(_finding, result.findings))
    body += _table(
        "Steps",
        ("step", "seconds", "outcome", "reason"),
        [
            (
                escape(step.name),
                f"{step.seconds:.2f}",
                f'<span class="{step.outcome.value}">{step.outcome.value}</span>',
                f"<pre>{escape(step.reason)}</pre>" if step.reason else "",
            )
            for step in result.steps
        ],
    )
    body += _table(
        "Changes",
        ("kind", "action", "object", "attribute", "before", "after"),
        [
            (
                escape(change.kind),
                change.action.value,
                escape(change.object),
                escape(change.attribute or ""),
                _attribute(change.before),
                _attribute(change.after),
            )
            for change in result.changes
        ],
    )
    gaps = [(escape(gap.object), escape(gap.reason)) for gap in result.not_verified]
    body += _table("Not verified", ("object", "reason"), gaps)
    unused = [(escape(name), escape(reason)) for name, reason in result.unused.items()]
    body += _table("Nothing to judge", ("check", "reason"), unused)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>pgsafe: {result.verdict}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def escape(text: str) -> str:
    """Return text that a browser shows as it stands, with its control and format characters to be seen."""
    return html.escape(visible(text))


def _finding(finding: Finding) -> Sequence[str]:
    told = [f"{escape(finding.message)} ({escape(finding.code)})"]
    if finding.before is not None or finding.after is not None:
        told.append(f"before {escape(_shown(finding.before))}, after {escape(_shown(finding.after))}")
    told += [f"by {escape(finding.revision)}"] if finding.revision is not None else []
    by = cause(finding)
    told += [] if by is None else [f"by {escape(by)}"]
    told += [f"announced: {escape(finding.reason)}"] if finding.reason is not None else []
    told += [f"remedy: {escape(finding.remedy)}"] if finding.remedy is not None else []
    severity = finding.severity.value
    rows = "<br>".join(escape(sample_text(sample)) for sample in finding.samples)
    return (f'<span class="{severity}">{severity}</span>', escape(finding.object), "<br>".join(told), rows)


def _shown(value: str | int | None) -> str:
    return "nothing" if value is None else str(value)


def _attribute(value: Attribute) -> str:
    if value is None:
        return ""
    return escape(", ".join(str(part) for part in value) if isinstance(value, tuple) else str(value))


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table of cells that are escaped already; nothing if there is no row."""
    lines = [f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows]
    if not lines:
        return []
    header = f"<tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>"
    return [f"<h2>{title}</h2>", "<table>", header, *lines, "</table>"]
