"""Values of the catalog and of snapshots to and from JSON, by their dataclasses."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from types import GenericAlias
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter

Value = TypeVar("Value")

#: Nothing is converted on the way in, and a key that no field has is an error.
_STRICT = ConfigDict(strict=True, extra="forbid", ser_json_inf_nan="constants")


@cache
def _adapter(kind: Hashable) -> TypeAdapter[tuple[Any]]:
    # A dataclass of the standard library has no configuration of its own and takes no other from TypeAdapter; inside a
    # tuple it takes the tuple's, and so do the dataclasses inside it.
    return TypeAdapter(cast("Any", GenericAlias(tuple, (kind,))), config=_STRICT)


def dumps(value: object) -> bytes:
    """Write a frozen dataclass as JSON; integers of any size are written exactly."""
    return _adapter(cast("Hashable", type(value))).dump_json((value,))[1:-1]


def loads(kind: type[Value], data: bytes) -> Value:
    """Read a value of this dataclass back; it equals the one that was written.

    :raises ValueError: not JSON, a key is missing or unknown, or a value has another type (pydantic's ValidationError,
        which is one, names the path).
    """
    value: Value = _adapter(cast("Hashable", kind)).validate_json(b"[" + data + b"]")[0]
    return value
