"""Whether names say that one column is a copy of another: ``customer_name`` of ``customers.name``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..catalog.names import bare, unquoted
from ..catalog.values import Column, Constraint

__all__ = ["alike", "relates"]

#: Words that say nothing of what a column is about.
_EMPTY = frozenset({"id", "is", "at", "on", "by", "to", "of", "the", "no", "nr", "fk", "num", "total", "value"})


def alike(copy: str, source: Column | str, key: Constraint) -> bool:
    """Tell whether a column's name speaks of its source: of the source's name, or of what the key points at.

    :param copy: a bare name; ``source`` a column, or the bare name of a table whose rows are counted.
    """
    mine = _words(copy)
    if isinstance(source, str):
        return bool(mine & (_words(source) | {"count", "number"}))
    theirs = _words(source.column)
    about = _words(bare(key.references or "")) | {word for name in key.columns for word in _words(name)}
    # product_category is about a product, and says its category; category is what the key category_id points at.
    return bool(mine & theirs) or mine <= about


def relates(copy: str, source: str, via: Sequence[str]) -> float:
    """Return how much of a name is made of its source's and its key's: of several that agree, the likeliest."""
    mine = _words(copy)
    words = _words(source) | {word for name in via for word in _words(name)}
    return len(mine & words) / max(1, len(mine | _words(source)))


def _words(name: str) -> frozenset[str]:
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", unquoted(name))
    return frozenset(_singular(word) for word in re.split(r"[^a-zA-Z0-9]+", plain.lower()) if word) - _EMPTY


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
