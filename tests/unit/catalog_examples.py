"""Values of every class of the catalog, made from the annotations of their fields."""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import types
import typing
from typing import Any

from pytest_pgsafe.catalog import values

CLASSES = [
    value for _, value in sorted(inspect.getmembers(values, inspect.isclass)) if value.__module__ == values.__name__
]


def samples(hint: Any) -> list[Any]:
    """Return values of a type that all differ from each other."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return [None if one is type(None) else sample for one in arguments for sample in samples(one)]
    if origin is tuple:
        first, second = samples(arguments[0])[:2]
        return [(first, second), (second, first), (first,), ()]
    if origin is collections.abc.Mapping:
        first, second = samples(arguments[1])[:2]
        return [{"a": first}, {"a": second}, {"b": first}, {}]
    if dataclasses.is_dataclass(hint):
        made = example(hint)
        names = [field.name for field in dataclasses.fields(made) if field.compare]
        return [made, dataclasses.replace(made, **{names[0]: other(hint, names[0], getattr(made, names[0]))})]
    known: dict[Any, list[Any]] = {
        bool: [False, True],
        int: [1, 2**70],
        float: [0.5, 1.5],
        str: ["a", "b"],
        type(None): [None],
    }
    return known[hint]


def example(kind: Any) -> Any:
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: samples(hints[field.name])[0] for field in dataclasses.fields(kind)})


def other(kind: Any, name: str, value: object) -> object:
    return next(sample for sample in samples(typing.get_type_hints(kind)[name]) if sample != value)
