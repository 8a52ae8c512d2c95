"""``pgsafe explain``: what a code means."""

from __future__ import annotations

from difflib import get_close_matches

import click

from ..errors import UsageError
from . import options
from .answer import Answer, give


@click.command("explain")
@click.argument("code")
@options.as_json
def command(*, code: str, as_json: bool) -> int:
    """Say what a finding means, what comes of it and what to do: CODE is PGS201, 201 or values-changed."""
    from ..checks import EVERY

    wanted = code.strip().casefold().removeprefix("pgs")
    found = [check for check in EVERY if wanted in {check.code.casefold().removeprefix("pgs"), check.name}]
    if not found:
        # All of them would hide the one that was meant: those of a number's group, or the nearest names.
        group = wanted[:1] if wanted.isdecimal() else ""
        close = get_close_matches(wanted, [check.name for check in EVERY], n=3)
        near = [check for check in EVERY if (group and check.code[3] == group) or check.name in close]
        listed = ", ".join(f"{check.code} {check.name}" for check in near or EVERY)
        told = f"do you mean one of these? {listed}" if near else f"known are {listed}"
        raise UsageError(f"there is no check {code!r}", remedies=[told])
    check = found[0]
    lines = [
        f"{check.code} {check.name}",
        f"  reported by: pgsafe.toml::{check.check}, {check.severity.value} by default",
        f"  when: {check.condition}",
        f"  what happens: {check.effect}",
        f"  what to do: {check.remedy}",
    ]
    data = {
        "code": check.code,
        "name": check.name,
        "item": check.check,
        "severity": check.severity.value,
        "condition": check.condition,
        "effect": check.effect,
        "remedy": check.remedy,
    }
    return give("explain", Answer(passed=True, lines=lines, data=data), as_json=as_json)
