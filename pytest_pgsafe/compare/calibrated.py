"""What a server and its programs change by themselves when they dump and restore: no difference of anybody's source.

A calibration is the same comparison, of a small schema of our own. What differs there excuses a difference of a source
that has the same shape, and no other: what was said is gone, or new, word by word. Only texts that PostgreSQL prints
are excused; never options that it documents, switches, rows, values, or objects that are missing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from .renames import tokens
from .values import Action, Change

__all__ = ["Shape", "excused", "shapes"]

_NUMBER = re.compile(r"^\d[\d.]*$")
#: What PostgreSQL prints from what it has parsed. A switch, an option, an owner, a row is what it is.
_PRINTED = frozenset({"definition", "default", "using", "check", "predicate", "partition_key", "partition_bound"})


@dataclass(frozen=True, order=True)
class Shape:
    """How an object's definition differs: words that are gone, and words that are new; numbers count as one word."""

    kind: str
    attribute: str
    gone: tuple[str, ...]
    new: tuple[str, ...]

    def covers(self, other: Shape) -> bool:
        """Tell whether another difference is of this shape."""
        return (
            (self.kind, self.attribute) == (other.kind, other.attribute)
            and set(other.gone) <= set(self.gone)
            and set(other.new) <= set(self.new)
        )


def shapes(changes: Iterable[Change]) -> tuple[Shape, ...]:
    """Return the shapes of what differs in a calibration, without what is never excused."""
    found = {_shape(change) for change in changes}
    return tuple(sorted(one for one in found if one is not None))


def excused(changes: Sequence[Change], own: Collection[Shape]) -> tuple[tuple[Change, ...], tuple[Shape, ...]]:
    """Return the changes that no calibration shows, and the shapes of the others, each once."""
    kept: list[Change] = []
    found: set[Shape] = set()
    for change in changes:
        one = _shape(change)
        covering = None if one is None else next((shape for shape in own if shape.covers(one)), None)
        if covering is None:
            kept.append(change)
        else:
            found.add(covering)
    return tuple(kept), tuple(sorted(found))


def _shape(change: Change) -> Shape | None:
    if change.action is not Action.CHANGED or change.attribute not in _PRINTED:
        return None
    before, after = _words(change.before), _words(change.after)
    gone, new = tuple(sorted(before - after)), tuple(sorted(after - before))
    return Shape(change.kind, change.attribute, gone, new) if gone or new else None


def _words(value: object) -> set[str]:
    text = value if isinstance(value, str) else ""
    return {"#" if _NUMBER.match(word) else word for word in tokens(text)}
