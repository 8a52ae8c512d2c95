"""Which functions are known to change nothing."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def _read() -> tuple[frozenset[str], frozenset[str]]:
    text = files(__name__.rpartition(".")[0]).joinpath("functions.txt").read_text(encoding="utf-8")
    steady, _, volatile = text.partition("# Volatile")
    return _words(steady.partition("\n")[2]), _words(volatile.partition("\n")[2])


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def is_harmless(name: str) -> bool:
    """Tell whether it is a function of PostgreSQL's own that changes nothing."""
    bare = name.removeprefix("pg_catalog.")
    return any(bare in names for names in _read())


def is_steady(name: str) -> bool:
    """Tell whether it is one of them that gives one value in the whole statement: it is not volatile."""
    return name.removeprefix("pg_catalog.") in _read()[0]
