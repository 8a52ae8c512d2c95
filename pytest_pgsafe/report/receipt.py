"""What the entry of a rehearsal says of it: a receipt, when it stands alone (pure)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..checks.values import Severity
from ..rehearsal.values import Outcome, Result


def facts(result: Result) -> dict[str, Any]:
    """Return what a run found, as JSON's own types; the migration's files and the times are for the caller to add."""
    cost = None if result.measured is None else result.measured.cost
    return {
        "rehearsed": any(step.name == "migrate" and step.outcome is Outcome.PASSED for step in result.steps),
        "source": {name: text for name, text in result.source.items() if text},
        "server": {name: text for name, text in result.server.items() if text},
        "revisions": [one.name for one in (() if result.trace is None else result.trace.revisions)],
        "steps": [{"name": step.name, "outcome": step.outcome.value, "seconds": step.seconds} for step in result.steps],
        "seconds": None if cost is None else cost.seconds,
        "findings": {
            level.value: sum(finding.severity is level for finding in result.findings) for level in reversed(Severity)
        },
        "codes": dict(sorted(Counter(finding.code for finding in result.findings).items())),
        "compared": {"relations": result.relations, "rows": result.rows},
        "not_verified": len(result.not_verified),
    }
