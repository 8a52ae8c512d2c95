"""SARIF 2.1.0, which code hosts show beside the lines of a pull request. Rows are shown by keys, never by values."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from typing import Any

from ..checks import EVERY
from ..checks.values import Finding, Severity
from ..reading.values import Place
from ..rehearsal.values import Result
from ..visible import in_json, visible
from .located import place
from .overview import overview
from .redact import keys_only
from .terminal import finding_lines

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
#: Where what no statement is known of is shown: the file that the checks are named by.
NOWHERE = "pgsafe.toml"


def render(result: Result) -> str:
    """Return the report as SARIF."""
    result = keys_only(result)
    summary = overview(result)
    codes = {finding.code for finding in result.findings}
    notes = [_notification(f"step {step.name} failed: {step.reason or ''}") for step in summary.stopped]
    if result.interrupted is not None:
        notes.append(_notification(result.interrupted))
    run = {
        "tool": {
            "driver": {
                "name": "pgsafe",
                "version": version("pytest-pgsafe"),
                "rules": [
                    {
                        "id": check.code,
                        "name": "".join(word.capitalize() for word in check.name.split("-")),
                        "shortDescription": {"text": check.condition},
                        "fullDescription": {"text": check.effect},
                        "help": {"text": check.remedy},
                        "defaultConfiguration": {"level": _LEVELS[check.severity]},
                    }
                    for check in EVERY
                    if check.code in codes
                ],
            }
        },
        "invocations": [
            {"executionSuccessful": result.verdict != "error" and not notes, "toolExecutionNotifications": notes}
        ],
        "results": [_result(finding, place(result, finding)) for finding in result.findings],
        "properties": {"verdict": summary.verdict, "headline": [*summary.headline]},
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return in_json(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def _result(finding: Finding, where: Place | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"artifactLocation": {"uri": NOWHERE}}
    if where is not None:
        shown = {"artifactLocation": {"uri": where.file}, "region": {"startLine": where.line or 1}}
    return {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": visible("\n".join(finding_lines(finding)))},
        "locations": [
            {"physicalLocation": shown, "logicalLocations": [{"fullyQualifiedName": visible(finding.object)}]}
        ],
        "partialFingerprints": {"pgsafe/v1": fingerprint(finding.code, finding.object, finding.aspect or "")},
        **({} if finding.reason is None else {"suppressions": [_suppression(finding.reason)]}),
    }


def fingerprint(*parts: str) -> str:
    """Return what is the same for a finding in the next run, also where rows and numbers are others."""
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()


def _suppression(reason: str) -> dict[str, str]:
    return {"kind": "external", "justification": visible(reason)}


def _notification(text: str) -> dict[str, Any]:
    return {"level": "error", "message": {"text": visible(text)}}
