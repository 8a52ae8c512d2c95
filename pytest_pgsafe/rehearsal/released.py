"""The step that tries what the release that is still running does, on the migrated copy, before its way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..checks.values import Evidence
from ..release import tries
from ..server.connection import connect
from .judged import Judged
from .known import Known, Stage
from .restored import Restored


def prepare(copy: Restored) -> None:
    """Gather the statistics by which statements are planned: a restore has none, and the clone takes them along."""
    if not copy.plan.asked.statements:
        return
    with copy.steps.step("analyze"), connect(copy.before, read_only=False) as session:
        session.execute("ANALYZE")


def go(judged: Judged) -> Stage[Evidence]:
    """Try what was asked and what the changes call for; return the evidence with what came."""
    restored, comparison = judged.restored, judged.evidence.comparison
    asked = restored.plan.asked
    if not asked.statements and not tries.called_for(comparison):
        yield Known(unused={"old_release": _nothing(asked.left_out)})
        return judged.evidence
    with (
        restored.steps.step("old_release"),
        connect(restored.before, read_only=False) as before,
        connect(judged.migrated.after, read_only=False) as after,
    ):
        released = tries.gather(comparison, before, after, asked=asked.statements)
        released = replace(released, left_out=(*asked.left_out, *released.left_out))
    yield Known(released=released)
    if not released.tried:
        yield Known(unused={"old_release": _nothing(released.left_out)})
    return replace(judged.evidence, released=released)


def _nothing(left_out: Sequence[str]) -> str:
    told = f": {'; '.join(left_out)}" if left_out else ""
    return f"nothing of the release that still runs was to be tried{told} (statements of it: [old_release] statements)"
