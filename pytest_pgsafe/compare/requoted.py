"""Names that one major writes in quotes and another does not: words that became keywords, as ``json`` in 17."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar, cast

from ..catalog.names import KEYWORDS_SINCE, unkeyed

T = TypeVar("T")


def otherwise(majors: tuple[int, int]) -> bool:
    """Tell whether two majors write a name otherwise."""
    return any(min(majors) < since <= max(majors) for since in KEYWORDS_SINCE.values())


def plain(value: T) -> T:
    """Return facts with all names and texts bare; what has none is the same object."""
    return cast("T", _plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return unkeyed(value)
    if isinstance(value, Mapping):
        return {_plain(name): _plain(one) for name, one in cast("Mapping[Any, Any]", value).items()}  # type: ignore[redundant-cast]
    if isinstance(value, (tuple, list, frozenset)):
        several = cast("tuple[Any, ...]", value)
        made = [_plain(one) for one in several]
        same = all(one is other for one, other in zip(several, made, strict=True))
        return several if same else type(several)(made)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {name: now for name in _names(type(value)) if (now := _plain(was := getattr(value, name))) is not was}
        return replace(value, **changed) if changed else value
    return value


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if one.init)
