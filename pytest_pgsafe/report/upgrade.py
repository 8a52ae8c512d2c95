"""The next major, for JSON and for people: how long each way to it takes, and what was compared."""

from __future__ import annotations

from typing import Any

from ..rehearsal.values import Outcome, Result
from ..upgrade.values import Upgrade


def document(result: Result) -> dict[str, Any]:
    """Return ``major`` of the JSON report; nothing where no major was asked for."""
    upgrade = result.upgrade
    if upgrade is None:
        return {}
    checked = None if upgrade.refusals is None else "refused" if upgrade.refusals else "passed"
    return {
        "major": {
            "source_version": upgrade.source,
            "server_version": upgrade.server,
            "seconds": _seconds(result, upgrade),
            "pg_upgrade_check": checked,
            "keys_sorted": len(upgrade.orders),
        }
    }


def lines(result: Result) -> list[str]:
    """Return how long each way takes, for people."""
    if result.upgrade is None:
        return []
    names = {"dump": "dump, and facts", "restore": "restore", "pg_upgrade_copy": "pg_upgrade by copy"}
    names["pg_upgrade_link"] = "pg_upgrade by link"
    known = {name: taken for name, taken in _seconds(result, result.upgrade).items() if taken is not None}
    told = [f"{names[name]} {taken:.1f} s" for name, taken in known.items()]
    return [f"from PostgreSQL {result.upgrade.source} to {result.upgrade.server}: {', '.join(told)}"]


def _seconds(result: Result, upgrade: Upgrade) -> dict[str, float | None]:
    """Return the seconds of each way as far as it was gone: of pg_upgrade those of a run that did not fail."""
    dump = next((one.seconds for one in result.steps if (one.name, one.outcome) == ("backup", Outcome.PASSED)), None)
    ran = {one.mode: round(one.seconds, 3) for one in upgrade.transfers if not one.failed}
    restore = None if upgrade.restored is None else round(upgrade.restored, 3)
    return {
        "dump": dump,
        "restore": restore,
        "pg_upgrade_copy": ran.get("copy"),
        "pg_upgrade_link": ran.get("link"),
    }
