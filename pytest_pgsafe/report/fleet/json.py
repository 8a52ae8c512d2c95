"""The JSON report of a fleet: the keys of ``pgsafe-report/1``, with ``fleet`` beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...fleet.values import Cause, Difference, Drift, FleetResult, Judged
from ...visible import in_json
from .. import json as single
from .digest import digest, findings


def document(fleet: FleetResult, pages: Mapping[str, str]) -> dict[str, Any]:
    """Return the report as JSON's own types.

    :param pages: by member, where its own report lies, relative to this one.
    """
    found = single.document(digest(fleet))
    told = [cause for cause, _ in findings(fleet)]
    for finding, cause in zip(found["findings"], told, strict=True):
        finding["members"] = list(cause.members)
    differs = _differs(fleet.drift)
    return {
        **found,
        "fleet": {
            "sample": fleet.sample,
            "members": [_member(one, pages, differs) for one in fleet.members],
            "causes": [_cause(cause) for cause in fleet.causes],
            "causes_left_out": fleet.more_causes,
            "drift": _drift(fleet.drift),
        },
    }


def render(fleet: FleetResult, pages: Mapping[str, str]) -> str:
    """Return the report as text."""
    return in_json(json.dumps(document(fleet, pages), indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def _member(one: Judged, pages: Mapping[str, str], differs: Mapping[str, int]) -> dict[str, Any]:
    lock = one.lock
    return {
        "name": one.member.name,
        "source": one.member.source,
        "database": one.member.database,
        "result": one.verdict,
        "absent": None if one.absent is None else one.absent.value,
        "reason": one.reason,
        "relations": one.relations,
        "rows": one.rows,
        "not_verified": one.not_verified,
        "seconds": one.seconds,
        "migration_seconds": one.migration,
        "longest_lock": None
        if lock is None
        else {"relation": lock.relation, "mode": lock.mode, "held_seconds": lock.seconds},
        "findings": {level: one.severities.get(level, 0) for level in ("error", "warning", "note")},
        "codes": dict(one.codes),
        "schema": one.fingerprint,
        "differences": differs.get(one.member.name),
        "report": pages.get(one.member.name),
    }


def _cause(cause: Cause) -> dict[str, Any]:
    finding = cause.finding
    return {
        "level": cause.level,
        "code": None if finding is None else finding.code,
        "object": None if finding is None else finding.object,
        "step": None if cause.step is None else cause.step.name,
        "message": cause.text,
        "announce": cause.announce,
        "members": list(cause.members),
    }


def _differs(drift: Drift) -> dict[str, int]:
    found = dict.fromkeys(drift.majority, 0)
    for group in drift.groups:
        found.update(dict.fromkeys(group.members, len(group.differences) + group.more))
    return found


def _drift(drift: Drift) -> dict[str, Any]:
    return {
        "majority": list(drift.majority),
        "tied": drift.tied,
        "not_known": list(drift.unknown),
        "groups": [
            {
                "schema": group.fingerprint,
                "members": list(group.members),
                "differences": [_difference(one) for one in group.differences],
                "differences_left_out": group.more,
                "reason": group.reason,
            }
            for group in drift.groups
        ],
    }


def _difference(one: Difference) -> dict[str, str]:
    return {"kind": one.kind, "object": one.object, "text": one.text}
