"""What sessions of others saw beside the migration, for the JSON report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..traffic.values import Deadlock, Queue, Scripts, Traffic


def document(traffic: Traffic) -> dict[str, Any]:
    """Return it as the report has it."""
    return {
        "probes": traffic.probes,
        "left_out": list(traffic.left_out),
        "longest_wait": _longest(traffic),
        "queues": [_queue(one) for one in traffic.queues],
        "deadlocks": [_deadlock(one) for one in traffic.deadlocks],
        "scripts": None if traffic.scripts is None else _scripts(traffic.scripts),
    }


def _longest(traffic: Traffic) -> Mapping[str, Any] | None:
    waits = [(queue, waiter) for queue in traffic.queues for waiter in queue.waiters]
    if not waits:
        return None
    queue, waiter = max(waits, key=lambda one: float("inf") if one[0].longest is None else one[0].longest)
    statement = str(queue.hold.taken.at.cited)
    return {"who": waiter.who, "relation": waiter.relation, "statement": statement, "seconds": queue.longest}


def _queue(queue: Queue) -> Mapping[str, Any]:
    return {
        "statement": str(queue.hold.taken.at.cited),
        "relation": queue.hold.taken.relation,
        "mode": queue.hold.taken.mode,
        "behind": queue.hold.who,
        "waited": [
            {"who": one.who, "relation": one.relation, "seconds": one.seconds, "error": one.error}
            for one in queue.waiters
        ],
        "gave_up_seconds": queue.gave_up,
        "left": [f"{one.kind} {one.object}" for one in queue.left],
    }


def _scripts(scripts: Scripts) -> Mapping[str, Any]:
    return {
        "runs": scripts.runs,
        "deadlocks": scripts.deadlocks,
        "waited": [vars(one) for one in scripts.waited],
        "errors": [vars(one) for one in scripts.refused],
    }


def _deadlock(deadlock: Deadlock) -> Mapping[str, Any]:
    inversion = deadlock.inversion
    return {
        "statement": str(inversion.second.at.cited),
        "holds": f"{inversion.first.mode} of {inversion.first.relation}",
        "waits_for": f"{inversion.second.mode} of {inversion.second.relation}",
        "other": inversion.does,
        "killed": list(deadlock.killed),
    }
