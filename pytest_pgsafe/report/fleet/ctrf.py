"""A fleet as CTRF: a test for each member."""

from __future__ import annotations

from typing import Any

from ...fleet.values import FleetResult, Judged
from ...visible import visible
from .. import ctrf
from .overview import cause_text

_STATUSES = {"passed": "passed", "failed": "failed", "error": "failed", None: "skipped"}


def render(fleet: FleetResult) -> str:
    """Return the report as CTRF.

    :param fleet: rows in it are shown by their keys alone.
    """
    causes: dict[str, list[str]] = {}
    for cause in fleet.causes:
        for name in cause.members:
            of = "" if name == cause.members[0] else f" (of {cause.members[0]}; here alike)"
            causes.setdefault(name, []).append(f"{cause_text(cause)}{of if cause.finding is not None else ''}")
    tests = [_test(one, causes.get(one.member.name, [])) for one in fleet.members]
    if fleet.interrupted is not None:
        tests.append(ctrf.broken_off(fleet.interrupted))
    return ctrf.rendered(tests, fleet.time)


def _test(one: Judged, causes: list[str]) -> dict[str, Any]:
    told = "\n".join(causes) if causes else one.reason
    test: dict[str, Any] = {
        "name": f"pgsafe.toml[{one.member.name}]",
        "status": _STATUSES[one.verdict],
        "duration": round(one.seconds * 1000),
    }
    return test if told is None else {**test, "message": visible(told)}
