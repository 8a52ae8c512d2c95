"""What the definition of a view, or the body of a function, reads: by the names in it (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from ..catalog.names import bare, unquoted
from ..catalog.values import Catalog
from ..compare.renames import tokens

#: Collections of the catalog in which a name is looked for.
_COLLECTIONS = ("tables", "views", "functions", "types")
_WORDS = re.compile(r'"(?:[^"]|"")+"|[\w$]+')


class Reads:
    """Names of a catalog by the words that stand for them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._whole: dict[str, list[str]] = {}
        self._bare: dict[str, list[str]] = {}
        self._types: dict[str, set[str]] = {}
        for column in catalog.columns.values():
            if column.type in catalog.types:
                self._types.setdefault(column.table, set()).add(column.type)
        for collection in _COLLECTIONS:
            names: Iterable[str] = getattr(catalog, collection)
            for name in names:
                called = name.partition("(")[0] if collection == "functions" else name
                self._whole.setdefault(called, []).append(name)
                self._bare.setdefault(unquoted(bare(called)), []).append(name)

    def of(self, name: str) -> frozenset[str]:
        """Return the tables, views, functions and types that a view or a function names, and those that these do."""
        return self._below([name]) - {name}

    def said(self, text: str) -> frozenset[str]:
        """Return what an expression that the server wrote names, and what that names."""
        return self._below([*self._all(self._whole, tokens(text))])

    def near(self, table: str) -> frozenset[str]:
        """Return a table with what its policies, rules and enabled triggers name, and what these do."""
        catalog = self._catalog
        policies = (one for one in catalog.policies.values() if one.table == table)
        rules = (one.definition for one in catalog.rules.values() if one.table == table)
        said = [text for one in policies for text in (one.using, one.check) if text is not None]
        named = {one for text in (*said, *rules) for one in self._all(self._whole, tokens(text))}
        triggers = (one for one in catalog.triggers.values() if one.table == table and one.enabled != "disabled")
        return frozenset({table}) | self._below([*named, *(one.function for one in triggers)])

    def _below(self, names: Iterable[str]) -> frozenset[str]:
        """Return objects, and those that they name."""
        found = set(names)
        waiting = list(found)
        while waiting:
            for one in self._named(waiting.pop()):
                if one not in found:
                    found.add(one)
                    waiting.append(one)
        return frozenset(found)

    def _named(self, name: str) -> Iterator[str]:
        catalog = self._catalog
        if name in catalog.views:
            # The server wrote it, with schemas.
            yield from self._all(self._whole, tokens(catalog.views[name].definition))
        elif name in catalog.functions:
            yield from self._all(
                self._bare, (unquoted(word) for word in _WORDS.findall(catalog.functions[name].definition))
            )
        elif name in catalog.tables:
            yield from self._types.get(name, ())

    @staticmethod
    def _all(names: Mapping[str, list[str]], said: Iterable[str]) -> Iterator[str]:
        for word in set(said):
            yield from names.get(word, ())
