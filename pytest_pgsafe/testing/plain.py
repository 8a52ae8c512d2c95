"""Errors as a test shows them: where the test called, and what went wrong, without the way through our code."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ..errors import PgsafeError

Given = ParamSpec("Given")
Value = TypeVar("Value")


def plain(function: Callable[Given, Value]) -> Callable[Given, Value]:
    """Let errors of ours, and failed assertions, out of a function without their traceback in it."""

    @wraps(function)
    def called(*args: Given.args, **kwargs: Given.kwargs) -> Value:
        __tracebackhide__ = True
        try:
            return function(*args, **kwargs)
        except (PgsafeError, AssertionError) as error:
            raise error.with_traceback(None)  # noqa: B904 (the very same)

    return called
