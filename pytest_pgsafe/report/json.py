"""The JSON report of the contract, ``pgsafe-report/1``. Its schema is ``schema.json`` beside this file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from ..checks.values import Finding
from ..compare.values import Attribute, Change
from ..rehearsal.values import Release, Result, Tries
from ..snapshot.values import Reread, RowSample
from ..visible import in_json
from . import costs, recovery, traffic, upgrade

FORMAT = "pgsafe-report/1"
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,15}")


def document(result: Result) -> dict[str, Any]:
    """Return the report as JSON's own types."""
    return {
        "format": FORMAT,
        "pgsafe": version("pytest-pgsafe"),
        **({} if result.time is None else {"time": result.time}),
        "result": result.verdict,
        "interrupted": result.interrupted,
        "source": {
            "server_version": None,
            "database": None,
            **_known(result.source),
            **({} if result.settings is None else {"settings": dict(result.settings)}),
        },
        "server": {"kind": None, "version": None, **_known(result.server)},
        "steps": [
            {"name": step.name, "seconds": step.seconds, "outcome": step.outcome.value, "reason": step.reason}
            for step in result.steps
        ],
        "network": None if result.trace is None else result.trace.network,
        "revisions": [
            {"name": revision.name, "seconds": revision.seconds}
            for revision in (() if result.trace is None else result.trace.revisions)
        ],
        "changes": [_change(change) for change in result.changes],
        "findings": [_finding(finding) for finding in result.findings],
        "compared": {
            "relations": result.relations,
            "rows": result.rows,
            **({} if result.reread is None else _reread(result.reread)),
            "not_verified": [{"object": gap.object, "reason": gap.reason} for gap in result.not_verified],
        },
        **costs.migration(result),
        **({} if result.measured is None else costs.document(result.measured)),
        "unused": dict(result.unused),
        "retry": None if result.retry is None else _retry(result.retry),
        "works": None if result.works is None else vars(result.works),
        "traffic": None if result.traffic is None else traffic.document(result.traffic),
        **upgrade.document(result),
        "old_release": None if result.old_release is None else _release(result.old_release),
        **({} if result.read is None else {"read": vars(result.read)}),
        **({} if result.pitr is None else {"pitr": recovery.document(result.pitr)}),
    }


def render(result: Result) -> str:
    """Return the report as text."""
    return in_json(json.dumps(document(result), indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of the report."""
    loaded: Mapping[str, Any] = json.loads(
        files(__name__.rpartition(".")[0]).joinpath("schema.json").read_text(encoding="utf-8")
    )
    return loaded


def plain(value: Attribute) -> str | int | float | bool | list[str | None] | None:
    """Return an attribute as JSON can hold it; JSON has no NaN and no infinity."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float) and (value != value or value in {float("inf"), float("-inf")}):  # noqa: PLR0124
        return str(value)
    return value


def key_value(value: str | None) -> str | int | None:
    """Return a key's value: an integer as a number, as far as every reader of JSON has it exactly (53 bits)."""
    if value is not None and _INTEGER.fullmatch(value) and abs(int(value)) < 2**53:
        return int(value)
    return value


def _retry(tries: Tries) -> dict[str, Any]:
    return {"points": tries.points, "left_out": list(tries.left_out)}


def _reread(reread: Reread) -> dict[str, Any]:
    """Return how many tables were read after the migration, how many were not, and why all were if they were."""
    return {"read_again": len(reread.touched), "untouched": len(reread.untouched), "read_all": reread.why}


def _release(release: Release) -> dict[str, Any]:
    return {
        "statements": release.statements, "probes": release.probes, "run": release.run,
        "left_out": list(release.left_out),
    }  # fmt: skip


def _known(facts: Mapping[str, str]) -> dict[str, str]:
    """Return what is known: a source of files has no version of a server."""
    return {name: value for name, value in facts.items() if value}


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "action": change.action.value,
        "object": change.object,
        "attribute": change.attribute,
        "before": plain(change.before),
        "after": plain(change.after),
        **_cause(change),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "check": finding.check,
        "severity": finding.severity.value,
        "object": finding.object,
        "message": finding.message,
        "before": finding.before,
        "after": finding.after,
        "samples": [_sample(sample) for sample in finding.samples],
        "reason": finding.reason,
        "remedy": finding.remedy,
        "revision": finding.revision,
        **_cause(finding),
    }


def _cause(found: Change | Finding) -> dict[str, Any]:
    cited = found.statement
    place = None if cited is None else {"file": cited.file, "line": cited.line, "text": cited.text}
    return {"statement": place, "declared": found.declared}


def _sample(sample: RowSample) -> dict[str, Any]:
    return {
        "key": {column: key_value(value) for column, value in sample.key.items()},
        "before": None if sample.before is None else dict(sample.before),
        "after": None if sample.after is None else dict(sample.after),
    }
