"""What the configuration file says of a migration's effects, as values: rules, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from . import forms
from .values import Budget, Denormalized, LockBudget, Reference

if TYPE_CHECKING:
    from .sections import Document


def denormalized(document: Document) -> tuple[Denormalized, ...]:
    """Return the rules of ``[[denormalized]]``."""
    found: list[Denormalized] = []
    for entry in document.denormalized:
        ((kind, source),) = entry.sources().items()
        found.append(
            Denormalized(
                column=entry.column,
                source=source.rstrip(" \t\n;") if kind == "sql" else source,
                via=entry.via,
                kind=cast("Any", "copy" if kind == "source" else kind),
                by=entry.by,
                where=entry.where,
            )
        )
    return tuple(found)


def budget(document: Document) -> Budget:
    """Return the limits of ``[budget]``, in seconds and bytes."""
    section, lock = document.budget, document.budget.lock

    def size(text: str | None) -> int | None:
        return None if text is None else forms.size(text)

    def time(text: str | None) -> float | None:
        return None if text is None else forms.duration(text)

    return Budget(
        migrate=time(section.migrate),
        lock=None if lock is None else LockBudget(mode=lock.mode, longer_than=forms.duration(lock.longer_than)),
        wal=size(section.wal),
        growth=size(section.growth),
        peak=size(section.peak),
        wait=time(section.wait),
    )


def references(document: Document) -> tuple[Reference, ...]:
    """Return the references of ``[foreign_keys]`` that no constraint declares."""
    return tuple(
        Reference(column=column, references=entry.references, where=entry.where)
        for column, entry in document.foreign_keys.items()
        if not isinstance(entry, str)
    )


def policies(document: Document) -> dict[str, str]:
    """Return the policies of ``[foreign_keys]``, by column."""
    return {
        column: policy
        for column, entry in document.foreign_keys.items()
        if (policy := entry if isinstance(entry, str) else entry.policy) is not None
    }
