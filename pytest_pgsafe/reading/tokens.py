"""The words of one statement, one after the other. Whoever reads them has to read them all."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .values import UnreadError

_TOKEN = re.compile(
    r"""
      (?P<quoted> (?:[uU]&)?"(?:[^"]|"")+" )
    | (?P<text> (?:[eE]'(?:[^'\\]|\\.|'')*'|(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*')
              | (?P<dollar>\$(?:[^\W\d]\w*)?\$) )
    | (?P<number> \d[\w.]*|\.\d\w* )
    | (?P<word> [^\W\d][\w$]* )
    | (?P<sign> ::|:=|=>|[^\s] )
    """,
    re.VERBOSE | re.DOTALL,
)
_TAG = re.compile(r"(?=(\$(?:[^\W\d]\w*)?\$))")
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
#: Words that can be no name without quotes, at least not at the place where one is read here.
_RESERVED = frozenset(
    {
        "all", "analyse", "analyze", "and", "any", "array", "as", "check", "column", "constraint", "create", "default",
        "from", "grant", "group", "having", "if", "in", "into", "not", "null", "on", "only", "or", "order", "primary",
        "references", "select", "set", "table", "to", "union", "unique", "using", "where", "with",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Token:
    #: ``word``, ``quoted``, ``text`` (a string), ``number`` or ``sign``.
    kind: str
    #: As it stands; a word in lower case.
    text: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a statement without comments."""
    position = 0
    tags: Mapping[str, Sequence[int]] | None = None
    while found := _TOKEN.search(text, position):
        kind, start, position = found.lastgroup, found.start(), found.end()
        assert kind is not None
        if (tag := found["dollar"]) is not None:
            tags = _tags(text) if tags is None else tags
            places = tags[tag]
            at = bisect_left(places, position)
            # Without its end it is no string.
            kind, position = ("sign", start + 1) if at == len(places) else ("text", places[at] + len(tag))
        written = text[start:position]
        yield Token(kind, written.lower() if kind == "word" else written, start, position)


def _tags(text: str) -> Mapping[str, Sequence[int]]:
    """Return where each dollar tag stands: one pass, however many of them are never closed."""
    places: dict[str, list[int]] = {}
    for found in _TAG.finditer(text):
        places.setdefault(found[1], []).append(found.start())
    return places


class Words:
    """A statement under reading.

    :raises UnreadError: of each method that reads, when something else stands there.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = list(tokens(text))
        self._at = 0

    @property
    def done(self) -> bool:
        return self._at >= len(self._tokens)

    def peek(self, ahead: int = 0) -> str:
        """Return the next token's text, a blank text at the end."""
        at = self._at + ahead
        return self._tokens[at].text if at < len(self._tokens) else ""

    def take(self, phrase: str) -> bool:
        """Go past words if they are the next ones; tell whether they were."""
        words = phrase.split()
        here = self._tokens[self._at : self._at + len(words)]
        if [token.text for token in here] != words:
            return False
        self._at += len(words)
        return True

    def one_of(self, *phrases: str) -> str | None:
        """Go past the first of several phrases that stands there, and return it."""
        return next((phrase for phrase in phrases if self.take(phrase)), None)

    def demand(self, phrase: str) -> None:
        """Go past words that have to stand there."""
        if not self.take(phrase):
            self.fail()

    def end(self) -> None:
        """Demand that nothing is left."""
        if not self.done:
            self.fail()

    def fail(self) -> None:
        """Say that what stands here is not known."""
        raise UnreadError(f"it is not known what {self._next()!r} says here" if not self.done else "it breaks off")

    def part(self) -> str:
        """Read one part of a name and return it as ``quote_ident`` prints it."""
        if self.done:
            self.fail()
        token = self._tokens[self._at]
        if token.kind == "quoted" and token.text[0] == '"':
            meant = token.text[1:-1].replace('""', '"')
            self._at += 1
            return meant if _PLAIN.fullmatch(meant) else token.text
        if token.kind != "word" or token.text in _RESERVED:
            self.fail()
        self._at += 1
        return token.text if token.text.isascii() or _PLAIN.fullmatch(token.text) else f'"{token.text}"'

    def name(self) -> str:
        """Read a name, qualified or not."""
        parts = [self.part()]
        while self.take("."):
            parts.append(self.part())
        return ".".join(parts)

    def names(self) -> list[str]:
        """Read names with commas between them."""
        found = [self.name()]
        while self.take(","):
            found.append(self.name())
        return found

    def group(self) -> str:
        """Read a parenthesis to its end and return what stands in it."""
        first = self._tokens[self._at] if not self.done else None
        self.demand("(")
        assert first is not None
        depth = 1
        while depth:
            if self.done:
                self.fail()
            depth += {"(": 1, ")": -1}.get(self.peek(), 0)
            self._at += 1
        return self.text[first.end : self._tokens[self._at - 1].start].strip()

    def until(self, *stops: str) -> str:
        """Return the text up to one of these tokens outside of parentheses, or up to the end."""
        start, depth = self._at, 0
        while not self.done and (depth or self.peek() not in stops):
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(self.peek(), 0)
            self._at += 1
        if self._at == start:
            return ""
        return self.text[self._tokens[start].start : self._tokens[self._at - 1].end]

    def ahead(self, *stops: str) -> str:
        """Return what :meth:`until` would, and stay where it stands."""
        at = self._at
        found = self.until(*stops)
        self._at = at
        return found

    def value(self) -> str:
        """Read one token, whatever it is."""
        if self.done:
            self.fail()
        self._at += 1
        return self._tokens[self._at - 1].text

    def _next(self) -> str:
        return " ".join(token.text for token in self._tokens[self._at : self._at + 3])
