"""A base that is built for later runs, and nothing besides."""

from __future__ import annotations

from dataclasses import replace

from ..base.values import Base
from ..config.values import Settings
from ..errors import ServerError
from ..server.private import private_folder
from . import kept
from .known import Known
from .preflight import preflight
from .steps import Steps
from .values import Outcome
from .wish import wish


def built(settings: Settings) -> tuple[Base | None, tuple[str, ...]]:
    """Build the base of the configured source, or find that of a backup; a database is restored anew.

    :returns: the base, or None and what failed, in a line each.
    :raises UsageError: nothing could be begun, or no base can be kept of this.
    """
    settings = replace(settings, server=replace(settings.server, cache=True), migration=None, rollback=None)
    plan = preflight(settings)
    wanted = wish(settings, plan)
    if isinstance(wanted, str):
        raise ServerError(f"no base can be kept: {wanted}")
    steps, known = Steps(), Known(plan=plan)
    with private_folder("base", swept=True) as folder:
        if wanted.alive is None:
            obtained = kept.obtain(settings, plan, steps, folder, known)
        else:
            obtained = kept.anew(wanted, settings, plan, steps=steps, backups=folder, known=known)
    if obtained.base is not None:
        obtained.base.release()
        return obtained.base.base, ()
    failed = [f"{step.name}: {step.reason}" for step in steps.done if step.outcome is not Outcome.PASSED]
    return None, tuple(failed)
