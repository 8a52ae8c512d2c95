"""What the next major, or an extension in its version there, brings no more: looked for in functions' texts.

A view that names it fails in the restore. A function's body is text: it fails when somebody calls it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..reading.majors import FEATURES, shapes
from ..server.connection import Connection
from .asking import ask
from .values import Missing

#: Schema and name as quote_ident writes them, and the column; of a function there is none.
_Provided = tuple[str, str, "str | None"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Gone:
    """What only the source has."""

    namespace: str
    object: str
    #: None of a function, and of a relation that went as a whole.
    column: str | None = None
    is_function: bool = False

    def __str__(self) -> str:
        """Return how a statement writes it."""
        if self.is_function:
            return f"{self.object}()"
        return self.object if self.column is None else f"{self.object}.{self.column}"

    def named(self, words: Sequence[str]) -> bool:
        """Tell whether a statement names it, by its words: with its own schema or without any."""
        if self.column is not None and self.column not in words:
            return False
        return any(
            one == self.object
            and (words[at + 1 : at + 2] == ["("]) == self.is_function
            and (words[at - 1] != "." or words[at - 2] == self.namespace)
            for at, one in enumerate(words)
            if at
        )


def compare(source: Connection, server: Connection, functions: Mapping[str, str]) -> Iterator[Missing]:
    """Yield what functions name that the source's server has and the next major's has not.

    :param functions: of the database: their definitions by name.
    """
    gone = tuple(_gone(ask(source, "provided"), ask(server, "provided")))
    # What is known to be gone by its name alone is told of a backup's functions too, and so not here.
    known = [feature.pattern for feature in FEATURES if feature.gone]
    own = {name.partition("(")[0].rpartition(".")[2] for name in functions}
    looked_for = [
        one
        for one in gone
        if not one.is_function
        or (one.object not in own and not any(pattern.search(f"{one.object} (") for pattern in known))
    ]
    for name, text in functions.items():
        read = [shape.words.split(" ") for shape in shapes(text)]
        found = {str(one) for words in read for one in looked_for if one.named(words)}
        yield from (Missing(function=name, named=shown) for shown in sorted(found))


def _gone(before: Iterable[_Provided], after: Iterable[_Provided]) -> Iterator[_Gone]:
    there: dict[tuple[str, str], set[str | None]] = defaultdict(set)
    for namespace, name, column in after:
        there[namespace, name].add(column)
    whole: set[tuple[str, str]] = set()
    for namespace, name, column in before:
        columns = there.get((namespace, name), set())
        if column is None:
            if None not in columns:
                yield _Gone(namespace=namespace, object=name, is_function=True)
        elif not columns - {None}:
            if (namespace, name) not in whole:
                whole.add((namespace, name))
                yield _Gone(namespace=namespace, object=name)
        elif column not in columns:
            yield _Gone(namespace=namespace, object=name, column=column)
