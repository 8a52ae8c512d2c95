"""The step that tries what the release that is still running does, on the migrated copy, before its way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..checks.values import Evidence
from ..migrate.run import FailedRun
from ..migrate.tools import Command
from ..release import tries
from ..release.values import Own
from ..server.address import Address
from ..server.connection import connect
from ..snapshot.values import NotVerified
from .judged import Judged
from .known import Known, Stage
from .restored import Restored

#: Lines of a command's output that a message shows.
LAST = 5


def prepare(copy: Restored) -> Restored:
    """Gather the statistics by which statements are planned: a restore has none, and the clone takes them along."""
    if not copy.plan.asked.statements:
        return copy
    with copy.steps.step("analyze"), connect(copy.before, read_only=False) as session:
        session.execute("ANALYZE")
    # A clone that was made before has none of them.
    return replace(copy, ready=None)


def go(judged: Judged) -> Stage[Evidence]:
    """Try what was asked and what the changes call for; return the evidence with what came."""
    restored, comparison = judged.restored, judged.evidence.comparison
    asked = restored.plan.asked
    command = restored.settings.old_release.run
    if not asked.statements and command is None and not tries.called_for(comparison):
        yield Known(unused={"old_release": _nothing(asked.left_out)})
        return judged.evidence
    with (
        restored.steps.step("old_release"),
        connect(restored.before, read_only=False) as before,
        connect(judged.migrated.after, read_only=False) as after,
    ):
        released = tries.gather(comparison, before, after, asked=asked.statements)
        released = replace(released, left_out=(*asked.left_out, *released.left_out))
    if command is not None:
        with restored.steps.step("old_release_run"):
            released = replace(released, own=_own(command, judged))
    yield Known(released=released)
    if released.own is not None and released.own.outcome == "not verified":
        why = f"{released.own.command} fails on the copy before the migration too: {released.own.failed_before}"
        yield Known(not_verified=(NotVerified(object="old_release", reason=why),))
    if not released.tried:
        yield Known(unused={"old_release": _nothing(released.left_out)})
    return replace(judged.evidence, released=released)


def _own(command: str, judged: Judged) -> Own:
    """Run the release's own tests on a clone of the migrated copy, and if they fail on one of the copy before."""
    restored, tests = judged.restored, Command(command=command)
    failed = _failed(tests, judged.migrated.after, restored)
    before = None if failed is None else _failed(tests, restored.before, restored)
    return Own(command=str(tests), failed=failed, failed_before=before)


def _failed(tests: Command, address: Address, restored: Restored) -> str | None:
    """Return why a command fails on a clone, and how its output ended; None if it does not."""
    clone = restored.server.clone(address, "release")
    try:
        restored.runner.run(tests, clone)
    except FailedRun as error:
        lines = [line.strip() for line in error.trace.output.splitlines() if line.strip()][-LAST:]
        said = error.message.removeprefix("the migration failed: ").replace("the migration ", "it ", 1)
        return "; its output ended: ".join([said, " | ".join(lines)] if lines else [said])
    finally:
        restored.server.drop(clone)
    return None


def _nothing(left_out: Sequence[str]) -> str:
    told = f": {'; '.join(left_out)}" if left_out else ""
    return f"nothing of the release that still runs was to be tried{told} (what it sends: [old_release] statements)"
