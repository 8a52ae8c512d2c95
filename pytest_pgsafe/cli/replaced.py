"""What ``pgsafe restore --table --replace`` says of the live tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..runbook.replace import Swapped


def lines(swapped: Swapped, *, dry_run: bool) -> Iterator[str]:
    """Yield lines for people."""
    would = "would be " if dry_run else ""
    yield from map(str, swapped.since)
    for one in swapped.orphans:
        yield f"accepted, and the key is NOT VALID: {one}"
    for name in swapped.carried:
        yield f"{would}pointed to the restored table: {name}"
    for name in swapped.aside:
        yield f"{would}aside: {name}"
    if dry_run:
        yield "dry run: it was done and rolled back, nothing was changed"
    else:
        for schema in swapped.schemas:
            yield f"when nobody misses it: DROP SCHEMA {schema} CASCADE"


def as_data(swapped: Swapped) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "aside": list(swapped.aside),
        "since": [asdict(one) for one in swapped.since],
        "orphans": [asdict(one) for one in swapped.orphans],
        "carried": list(swapped.carried),
    }
