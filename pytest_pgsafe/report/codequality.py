"""GitLab's Code Quality report, shown beside the lines of a merge request. Rows are shown by keys, never by values."""

from __future__ import annotations

import json
from typing import Any

from ..checks.values import Finding, Severity
from ..reading.values import Place
from ..rehearsal.values import Result
from ..visible import in_json, visible
from .located import place
from .overview import overview
from .redact import keys_only
from .sarif import NOWHERE, fingerprint
from .terminal import finding_lines

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}


def render(result: Result) -> str:
    """Return the report as Code Quality: what was not announced, and the steps that failed."""
    result = keys_only(result)
    summary = overview(result)
    entries = [_entry(f"step-{step.name}", f"step {step.name} failed: {step.reason or ''}") for step in summary.stopped]
    if result.interrupted is not None:
        entries.append(_entry("interrupted", result.interrupted))
    entries += [_finding(finding, place(result, finding)) for finding in result.findings if finding.reason is None]
    return in_json(json.dumps(entries, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def _entry(name: str, text: str) -> dict[str, Any]:
    return {
        "check_name": name,
        "description": visible(text),
        "fingerprint": fingerprint(name),
        "severity": "blocker",
        "location": {"path": NOWHERE, "lines": {"begin": 1}},
    }


def _finding(finding: Finding, where: Place | None) -> dict[str, Any]:
    file, line = (NOWHERE, 1) if where is None else (where.file, where.line or 1)
    return {
        "check_name": finding.code,
        "description": visible("\n".join(finding_lines(finding))),
        "fingerprint": fingerprint(finding.code, finding.object, finding.aspect or ""),
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": file, "lines": {"begin": line}},
    }
