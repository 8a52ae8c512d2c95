"""CTRF, the common format of test reports: steps and checks as tests. Rows are shown by their keys, never by values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any

from ..checks.values import Severity
from ..rehearsal.values import Outcome, Result, Step
from ..visible import in_json, visible
from .overview import in_order
from .redact import keys_only
from .terminal import finding_lines

_STATUSES = {Outcome.PASSED: "passed", Outcome.FAILED: "failed", Outcome.SKIPPED: "skipped"}


def render(result: Result) -> str:
    """Return the report as CTRF."""
    result = keys_only(result)
    tests = [*(_step(step) for step in result.steps), *_checks(result)]
    if result.interrupted is not None:
        tests.append(broken_off(result.interrupted))
    return rendered(tests, result.time)


def broken_off(reason: str) -> dict[str, Any]:
    """Return the test that failed because the run did not come to its end."""
    return {"name": "pgsafe", "status": "failed", "duration": 0, "message": visible(reason)}


def rendered(tests: Sequence[dict[str, Any]], time: str | None) -> str:
    """Return these tests as CTRF.

    :param time: when the run ended, as RFC 3339 has it; None where that is not known.
    """
    counts = {status: sum(test["status"] == status for test in tests) for status in ("passed", "failed", "skipped")}
    took = sum(test["duration"] for test in tests)
    # When it ended is known, and what its steps took, one after the other; both are milliseconds since 1970.
    stop = took if time is None else round(datetime.fromisoformat(time).timestamp() * 1000)
    document = {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "results": {
            "tool": {"name": "pgsafe", "version": version("pytest-pgsafe")},
            "summary": {"tests": len(tests), **counts, "pending": 0, "other": 0, "start": stop - took, "stop": stop},
            "tests": list(tests),
        },
    }
    return in_json(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def _step(step: Step) -> dict[str, Any]:
    told = {"name": step.name, "status": _STATUSES[step.outcome], "duration": round(step.seconds * 1000)}
    return told if step.reason is None else {**told, "message": visible(step.reason)}


def _checks(result: Result) -> list[dict[str, Any]]:
    """Return a test for each check that found anything: what is no error fails none."""
    tests: list[dict[str, Any]] = []
    for check in dict.fromkeys(finding.check for finding in result.findings):
        found = in_order(finding for finding in result.findings if finding.check == check)
        failed = any(finding.severity is Severity.ERROR for finding in found)
        told = "\n\n".join("\n".join(finding_lines(finding)) for finding in found)
        status = "failed" if failed else "passed"
        tests.append({"name": f"pgsafe.toml::{check}", "status": status, "duration": 0, "message": visible(told)})
    return tests
