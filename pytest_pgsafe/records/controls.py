"""Which controls of SOC 2 and ISO 27001 an entry is evidence for; whether one is met, an auditor judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .values import Kind


@dataclass(frozen=True, kw_only=True)
class Control:
    """A control, and what entries show of it."""

    standard: str
    name: str
    asks: str
    kinds: tuple[Kind, ...]


CONTROLS = (
    Control(
        standard="SOC 2",
        name="A1.2",
        asks="data is backed up, and what it is recovered with is maintained",
        kinds=("backup", "verification", "daily", "prune", "push", "archive"),
    ),
    Control(
        standard="SOC 2",
        name="A1.3",
        asks="the recovery is tested",
        kinds=("verification", "daily", "restore", "rehearsal", "recovery", "rescue"),
    ),
    Control(
        standard="ISO 27001:2022",
        name="A.8.13",
        asks="backups are kept, and tested regularly by restoring them",
        kinds=("backup", "verification", "daily", "restore", "prune", "push", "archive", "recovery"),
    ),
)


def answered(kinds: Mapping[Kind, int]) -> Mapping[Control, Mapping[Kind, int]]:
    """Return for each control how many entries of which kind there are."""
    return {
        control: {kind: kinds[kind] for kind in control.kinds if kinds.get(kind)} for control in CONTROLS
    }  # fmt: skip
