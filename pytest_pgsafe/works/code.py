"""Code that is stored in the database: the bodies of functions are checked by PostgreSQL itself, views are planned."""

# ruff: noqa: S608 (names that quote_ident wrote, and numbers of our own)

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..catalog.names import split
from ..catalog.values import Function
from ..compare.values import Comparison
from .side import Side
from .values import Answer, Attempt, Kind

_LANGUAGE = re.compile(r"^ LANGUAGE (?P<language>\S+)", re.MULTILINE)
_PATH = re.compile(r"^ SET search_path TO (?P<path>.+)$", re.MULTILINE)
#: What PostgreSQL checks a body with when a function is made; of SQL that is all of it, of PL/pgSQL its syntax.
_VALIDATORS = {"sql": "pg_catalog.fmgr_sql_validator", "plpgsql": "pg_catalog.plpgsql_validator"}
_VIEWS = 50


@dataclass(frozen=True, kw_only=True)
class _One:
    """Something to be checked on both sides."""

    before: str
    after: str


def tried(comparison: Comparison, before: Side, after: Side) -> Iterator[Attempt | None]:
    """Check every function and plan every view on the copy after, and on the copy before what fails there.

    Yield None for what is sound.
    """
    yield from _functions(comparison, before, after)
    yield from _views(comparison, before, after)


def language(function: Function) -> str:
    """Return what a function is written in."""
    found = _LANGUAGE.search(function.definition)
    return "" if found is None else found["language"]


def path(function: Function) -> str | None:
    """Return the search path that a function sets itself, as SET takes it."""
    found = _PATH.search(function.definition)
    return None if found is None else found["path"]


def _functions(comparison: Comparison, before: Side, after: Side) -> Iterator[Attempt | None]:
    groups: dict[tuple[str, str | None], list[_One]] = {}
    for old, new in comparison.objects.get("functions", {}).items():
        function = after.catalog.functions[new]
        validator = _VALIDATORS.get(language(function))
        if validator is not None and function.form != "aggregate":
            groups.setdefault((validator, path(function)), []).append(_One(before=old, after=new))
    for (validator, own), some in groups.items():
        text = f"SELECT {validator}(f) FROM pg_catalog.unnest(ARRAY[{{}}]::pg_catalog.oid[]) f"

        def check(side: Side, names: Sequence[str], own: str | None = own, text: str = text) -> Answer:
            with side.trying():
                if own is not None:
                    side.run(f"SET LOCAL search_path TO {own}")
                return side.end(text.format(", ".join(str(side.catalog.functions[name].oid) for name in names)))

        def found(side: Side, name: str, own: str | None = own, text: str = text) -> Answer:
            # Names without a schema are looked for where the function is, too: whoever calls it has a path of his own.
            said = check(side, [name])
            if said.worked or own is not None:
                return said
            with side.trying():
                side.run(f"SET LOCAL search_path TO {split(name)[0]}, public")
                return side.end(text.format(side.catalog.functions[name].oid))

        checked = _Check(kind="body", shown="the body of {}", together=check, alone=found)
        yield from checked.on(some, before, after)


def _views(comparison: Comparison, before: Side, after: Side) -> Iterator[Attempt | None]:
    planned = _Check(
        kind="plan", shown="SELECT * FROM {}", together=_plan, alone=lambda side, name: _plan(side, [name])
    )
    groups: dict[str, list[_One]] = {}
    for old, new in comparison.objects.get("views", {}).items():
        if old in before.catalog.views and new in after.catalog.views:
            groups.setdefault(after.catalog.views[new].owner, []).append(_One(before=old, after=new))
    for some in groups.values():
        for start in range(0, len(some), _VIEWS):
            yield from planned.on(some[start : start + _VIEWS], before, after)


def _plan(side: Side, names: Sequence[str]) -> Answer:
    parts: list[str] = []
    for name in names:
        view = side.catalog.views[name]
        source = f"({view.definition.rstrip().rstrip(';')})" if view.materialized else name
        parts.append(f"SELECT pgsafe_v::pg_catalog.text FROM {source} pgsafe_v")
    with side.trying():
        if side.superuser:
            side.become(side.catalog.views[names[0]].owner)
        return side.end(f"EXPLAIN {' UNION ALL '.join(parts)}")


@dataclass(frozen=True, kw_only=True)
class _Check:
    """How many are checked at once, and each by itself."""

    kind: Kind
    #: The statement for people, with a place for the name.
    shown: str
    together: Callable[[Side, Sequence[str]], Answer]
    alone: Callable[[Side, str], Answer]

    def on(self, some: Sequence[_One], before: Side, after: Side) -> Iterator[Attempt | None]:
        """Check all, and where one of them fails halves of them, down to each by itself."""
        if self.together(after, [one.after for one in some]).worked:
            yield from (None for _ in some)
            return
        if len(some) > 1:
            middle = len(some) // 2
            yield from self.on(some[:middle], before, after)
            yield from self.on(some[middle:], before, after)
            return
        [one] = some
        now = self.alone(after, one.after)
        if now.error is None:
            yield None
            return
        was = self.alone(before, one.before)
        yield Attempt(kind=self.kind, object=one.before, statement=self.shown.format(one.after), before=was, after=now)
