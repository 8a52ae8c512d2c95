"""What a server stored among the options of its columns, tables and indexes, in the words of pg_dump.

A pg_dump that does not know it for the server's own writes it like an option, and a server that does not know it
refuses the whole table. It is taken out of definitions alone: rows, and texts that only look so, stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .options import Place, is_documented

__all__ = ["KINDS", "Option", "documented", "options", "take_out"]


@dataclass(frozen=True, order=True)
class Option:
    """An option that PostgreSQL does not document."""

    place: Place
    #: Without quotes, with the prefix ``toast.`` where it has that.
    name: str
    value: str = field(compare=False)
    #: Of an index.
    access_method: str = ""


Unwanted = Callable[[Option], bool]

#: What hides words: strings, quoted names, bodies of functions.
_HIDDEN = re.compile(
    rb"""'[^']*' | "[^"]*" | (?P<tag>\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$).*?(?P=tag) | --[^\n]*""",
    re.VERBOSE | re.DOTALL,
)
#: The statements of pg_dump that have options, as they begin.
_COLUMN = re.compile(
    rb"\s*(?P<statement>ALTER (?:FOREIGN )?TABLE (?:ONLY )?\S+ ALTER COLUMN \S+ SET \((?P<list>[^()]*)\);?)"
)
_LIST = re.compile(rb"\bWITH \((?P<list>[^()]*)\)")
_KINDS: tuple[tuple[Place, re.Pattern[bytes]], ...] = (
    ("table", re.compile(rb"\s*CREATE (?:UNLOGGED |FOREIGN )*TABLE ")),
    ("table", re.compile(rb"\s*CREATE MATERIALIZED VIEW ")),
    ("view", re.compile(rb"\s*CREATE (?:OR REPLACE )?VIEW ")),
    ("index", re.compile(rb"\s*CREATE (?:UNIQUE )?INDEX ")),
    ("index", re.compile(rb"\s*ALTER TABLE (?:ONLY )?\S+\s+ADD CONSTRAINT ")),
)
_METHOD = re.compile(rb"\bUSING (\w+)")
_ITEM = re.compile(rb"\s*(?P<name>[A-Za-z_\x80-\xff][\w.]*)(?:=(?P<value>.*))?\s*", re.DOTALL)
_STATEMENT = re.compile(rb"[^;]*;?")
#: Entries of an archive whose definitions have options.
KINDS = frozenset({"TABLE", "FOREIGN TABLE", "MATERIALIZED VIEW", "VIEW", "INDEX", "CONSTRAINT", "RULE"})


def take_out(definition: bytes, unwanted: Unwanted) -> tuple[bytes, tuple[Option, ...]]:
    """Return a definition of pg_dump with blanks in the place of options, as long as it was, and what they were.

    :param unwanted: is asked of each option that PostgreSQL does not document.
    """
    taken: list[Option] = []
    result = bytearray(definition)
    for start, end, text, gone in _edits(definition, unwanted):
        taken += gone
        result[start:end] = text.ljust(end - start)
    return bytes(result), tuple(taken)


def documented(definition: str) -> str:
    """Return a definition as PostgreSQL prints it, without the options that PostgreSQL does not document."""
    result = definition.encode()
    for start, end, text, _ in reversed(list(_edits(result, lambda _: True))):
        head = result[:start] if text else result[:start].rstrip()
        result = head + text + result[end:]
    return result.decode()


def _edits(definition: bytes, unwanted: Unwanted) -> Iterator[tuple[int, int, bytes, list[Option]]]:
    if b"SET (" not in definition and b"WITH (" not in definition:
        return
    # As long as the text, so that what is found in it stands in the text at the same place.
    seen = _HIDDEN.sub(lambda found: b"Q" * len(found[0]), definition)
    for statement in _STATEMENT.finditer(seen):
        yield from _lists(seen, definition, statement, unwanted)


def _lists(
    seen: bytes, definition: bytes, statement: re.Match[bytes], unwanted: Unwanted
) -> Iterator[tuple[int, int, bytes, list[Option]]]:
    """Yield what is put from where to where, and the options that are gone then."""
    found = _listed(seen, *statement.span())
    if found is None:
        return
    kept: list[bytes] = []
    taken: list[Option] = []
    for start, stop in _items(seen, found.start, found.end):
        option = _option(definition[start:stop], found.place, found.access_method)
        if option is not None and not is_documented(option.place, option.name) and unwanted(option):
            taken.append(option)
        else:
            kept.append(definition[start:stop].strip())
    if taken and kept:
        yield found.start, found.end, b", ".join(kept), taken
    elif taken:
        yield *found.whole, b"", taken


@dataclass(frozen=True)
class _Listed:
    """A list of options, and what goes when none of them is left."""

    place: Place
    start: int
    end: int
    whole: tuple[int, int]
    access_method: str = ""


def _listed(seen: bytes, begin: int, end: int) -> _Listed | None:
    if column := _COLUMN.match(seen, begin, end):
        return _Listed("column", column.start("list"), column.end("list"), column.span("statement"))
    place: Place | None = next((one for one, words in _KINDS if words.match(seen, begin, end)), None)
    found = _LIST.search(seen, begin, end)
    if place is None or found is None:
        return None
    method = _METHOD.search(seen, begin, end) if place == "index" else None
    name = "" if place != "index" else "btree" if method is None else method[1].decode("ascii", "replace")
    return _Listed(place, found.start("list"), found.end("list"), found.span(), name)


def _items(seen: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    while True:
        comma = seen.find(b",", start, end)
        yield start, end if comma < 0 else comma
        if comma < 0:
            return
        start = comma + 1


def _option(item: bytes, place: Place, method: str) -> Option | None:
    found = _ITEM.fullmatch(item.replace(b'"', b""))
    if found is None:
        return None
    value = (found["value"] or b"").strip().decode("utf-8", "replace")
    if value.startswith("'"):
        value = value[1:-1].replace("''", "'")
    return Option(place, found["name"].decode("utf-8", "replace"), value, method)


def options(statement: str) -> tuple[Option, ...]:
    """Return the options in a definition that PostgreSQL does not document."""
    if not statement.lstrip().startswith(("CREATE ", "ALTER ")):
        return ()
    return take_out(statement.encode(), lambda _: True)[1]
