r"""SQL text as psql reads it, in one pass over a stream: statements, psql's own commands, rows of COPY, comments.

Everybody who has to know what stands in a plain dump, or to take something out of it, reads it by :func:`pieces`. A
piece has its line and its place in the stream, and text in strings, dollar quotes, comments and rows is never taken for
a command. :mod:`.dump` says what the pieces mean, :mod:`.edited` writes a dump without some of them. The time is linear
in the size, the memory is that of one chunk: of a long statement the first :data:`KEPT` bytes are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Literal

CHUNK = 1 << 20
#: Bytes of a statement, a comment or a command that are kept as text.
KEPT = 1 << 16
#: What a token's beginning may need to be seen whole: a dollar quote's tag.
_AHEAD = 4096

_WORD = rb"A-Za-z0-9_$\x80-\xff"
_NORMAL = (
    rb"(?P<simple>(?<![" + _WORD + rb"])'[^'\\]*'(?!'))"
    rb"|(?P<escape>(?<![" + _WORD + rb"])[eE]')"
    rb"|(?P<single>')|(?P<double>\")"
    rb"|(?P<dollar>(?<![" + _WORD + rb"])\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$)"
    rb"|(?P<comment>--)|(?P<block>/\*)"
    rb"|(?P<open>\()|(?P<close>\))|(?P<end>;)|(?P<command>\\)"
)
_TOKEN = re.compile(_NORMAL)
_TOKEN_OR_LINE = re.compile(_NORMAL + rb"|(?P<line>\n)")
#: A statement of a dump with --inserts, of which there may be millions: read in one go.
_INSERT = re.compile(
    rb"\s*insert into [^'\"$;\\/\-]*(?:(?:'[^'\\]*'|\"[^\"]*\"|-(?!-)|/(?!\*))[^'\"$;\\/\-]*)*;", re.IGNORECASE
)
_ESCAPED = re.compile(rb"\\.|''|'", re.DOTALL)
_STANDARD = re.compile(rb"'")
_DOUBLE = re.compile(rb'"')
_LINE_END = re.compile(rb"[\r\n]")
_BLOCK_EDGE = re.compile(rb"/\*|\*/")
_ROWS_END = re.compile(rb"(?:^|(?<=\n))\\\.(?:\r?\n|\r?\Z)")
_COPY_IN = re.compile(r"\s*copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
_ROUTINE = re.compile(r"\s*create\s+(?:or\s+replace\s+)?(?:function|procedure)\b", re.IGNORECASE)
_BODY_WORD = re.compile(r"[^\W\d][\w$]*")
_SET_ENCODING = re.compile(
    r"\s*set\s+(?:session\s+)?(?:client_encoding\s*(?:=|to)|names)\s*['\"]?([\w-]+)", re.IGNORECASE
)
_SET_STRINGS = re.compile(r"\s*set\s+(?:session\s+)?standard_conforming_strings\s*(?:=|to)\s*'?(\w+)", re.IGNORECASE)
#: Commands of psql that send what stands before them.
_SENDING = frozenset({"g", "gx", "gset", "gexec", "gdesc", "watch", "crosstabview", "bind_named", "sendpipeline"})
#: Commands of psql that take the rest of the line as it stands.
_WHOLE_LINE = frozenset({"!", "copy", "h", "help", "ef", "ev", "sf", "sv", "w", "write", "o", "out", "g", "gx"})
_COMMAND = re.compile(r"\\([A-Za-z_]+\+?|\S)?")
_ARGUMENT = re.compile(r"'(?:[^'\\]|\\.|'')*'?|\"[^\"]*\"?|`[^`]*`?|\\|[^'\"`\\]+", re.DOTALL)

#: Encodings of clients alone, in which the second byte of a character may be an ASCII one; by what Python calls them.
_UNSAFE = {
    "sjis": "cp932", "shiftjis": "cp932", "mskanji": "cp932", "win932": "cp932", "windows932": "cp932",
    "shiftjis2004": "shift_jis_2004", "big5": "cp950", "win950": "cp950", "windows950": "cp950", "gbk": "gbk",
    "win936": "gbk", "windows936": "gbk", "uhc": "cp949", "win949": "cp949", "windows949": "cp949",
    "gb18030": "gb18030", "johab": "johab",
}  # fmt: skip
_PAIR = re.compile(rb"[\x81-\xfe][\x00-\xff]")
_PAIR_OF_SJIS = re.compile(rb"[\x81-\x9f\xe0-\xfc][\x00-\xff]")

Kind = Literal["statement", "command", "rows", "comment"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that psql would do, or a line of comment.

    ``start`` and ``end`` are offsets in bytes into the stream.
    """

    kind: Kind
    #: A statement without comments and semicolon, strings in it; a command from its backslash on; a comment's line;
    #: of rows nothing.
    text: str
    #: Counted from 1.
    line: int
    start: int
    end: int
    #: False for what the end of the text cut: a string, a parenthesis, a comment, rows without ``\\.``. A statement
    #: that lacks nothing but its semicolon is whole, as it is for psql.
    whole: bool = True
    #: Whether a semicolon, or a command that sends it, ended the statement.
    ended: bool = True


def pieces(stream: IO[bytes]) -> Iterator[Piece]:
    """Yield what stands in a script, in order.

    :param stream: the text as bytes, without compression, not as UTF-16: :func:`.packing.text` gives it so.
    """
    return _Reader(stream).read()


class _Reader:
    """The text under reading: a window of it, and what was found of the statement at its place."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        #: The window, and the same with what psql does not look at masked.
        self.raw: bytes = b""
        self.window: bytes = b""
        #: Where the window begins in the stream, and the place in the window.
        self.base: int = 0
        self.at: int = 0
        self.over = False
        self.line: int = 1
        self.counted: int = 0
        self.codec = "utf-8"
        self.pair: re.Pattern[bytes] | None = None
        self.strings = True
        self.copies = 0
        self._clear()

    def _clear(self) -> None:
        self.parts: list[bytes] = []
        #: Without what stands in quotes and parentheses.
        self.outer: list[bytes] = []
        #: Whether a routine is made, once it was asked.
        self.routine: bool | None = None
        self.size = 0
        self.depth = 0
        self.body = 0
        self.seen = 0
        self.start: int | None = None
        self.start_line = 0

    # The window.

    def _more(self) -> bool:
        """Let what was read go, and read on; False at the end."""
        if self.over:
            return False
        keep = max(0, self.at - 1)
        self._count(self.base + self.at)
        chunk = self.stream.read(CHUNK)
        if not chunk:
            self.over = True
            return False
        self.raw = self.raw[keep:] + chunk
        self.base += keep
        self.at -= keep
        self._mask()
        return True

    def _mask(self) -> None:
        if self.pair is None:
            self.window = self.raw
        else:
            # From the place on alone: what stands before it was read under another encoding.
            self.window = self.raw[: self.at] + self.pair.sub(b"\xff\xff", self.raw[self.at :])

    def _count(self, to: int) -> None:
        """Count the lines up to an offset into the stream, which is in the window."""
        if to > self.counted:
            self.line += self.raw.count(b"\n", self.counted - self.base, to - self.base)
            self.counted = to

    def _line_at(self, place: int) -> int:
        """Return the line of a place in the window that was not counted yet."""
        self._count(self.base + place)
        return self.line

    # The statement.

    def _add(self, start: int, end: int, *, quoted: bool = False) -> None:
        """Let a part of the window belong to the statement."""
        if end <= start:
            return
        if self.start is None:
            head = self.raw[start:end]
            blank = len(head) - len(head.lstrip())
            if blank == len(head):
                return
            start += blank
            self.start = self.base + start
            self.start_line = self._line_at(start)
        if self.size < KEPT:
            part = self.raw[start : min(end, start + KEPT - self.size)]
            self.size += len(part)
            self.parts.append(part)
            if not self.depth:
                self.outer.append(b"''" if quoted else part)
        elif not quoted and not self.depth and self._is_routine():
            # The body of a routine is followed to its end.
            self.outer.append(self.raw[start:end])

    def _blank(self) -> None:
        if self.start is not None and self.size < KEPT:
            self.parts.append(b" ")
            self.outer.append(b" ")

    def _statement(self, end: int, *, whole: bool = True, ended: bool = True) -> Piece | None:
        """Return the statement that ends at a place in the window, None if there is none."""
        found = None
        if self.start is not None:
            text = b"".join(self.parts).decode(self.codec, "replace").strip()
            found = Piece("statement", text, self.start_line, self.start, self.base + end, whole, ended)
            if whole:
                self._note(text)
        self._clear()
        return found

    def _note(self, text: str) -> None:
        """Follow what changes how the rest is read."""
        if text[:6].lower() == "insert":
            return
        if _COPY_IN.match(b"".join(self.outer).decode("latin-1")):
            self.copies += 1
        head = text[:200]
        if found := _SET_ENCODING.match(head):
            self._encode(found[1])
        elif found := _SET_STRINGS.match(head):
            self.strings = found[1].lower() in {"on", "true", "yes", "1", "default"}

    def _encode(self, name: str) -> None:
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        codec = _UNSAFE.get(plain)
        self.pair = None if codec is None else _PAIR_OF_SJIS if codec in {"cp932", "shift_jis_2004"} else _PAIR
        self.codec = codec or _codec(plain)
        self._mask()

    def _in_body(self) -> bool:
        """Tell whether a semicolon here stands in the body of a routine, between BEGIN ATOMIC and its END."""
        if not self._is_routine():
            return False
        text = b"".join(self.outer).decode("latin-1")
        for found in _BODY_WORD.finditer(text, self.seen):
            word = found[0].lower()
            if word == "begin" or (self.body and word == "case"):
                self.body += 1
            elif self.body and word == "end":
                self.body -= 1
        # What was looked at is not looked at again; the head stays, by which a routine is known.
        self.outer = [text[:200].encode("latin-1")]
        self.seen = len(self.outer[0])
        return self.body > 0

    def _is_routine(self) -> bool:
        if self.routine is None:
            if len(self.outer) > 8:
                self.outer = [b"".join(self.outer)]
            self.routine = _ROUTINE.match(b"".join(self.outer)[:200].decode("latin-1")) is not None
        return self.routine

    def _until(self, place: int) -> int:
        """Return the last place up to here at which the window may be cut: not within a character."""
        if self.pair is None:
            return max(self.at, place)
        return max(self.at, self.raw.rfind(b"\n", self.at, max(self.at, place)) + 1)

    # Reading.

    def read(self) -> Iterator[Piece]:
        """Yield the pieces."""
        while True:
            while len(self.window) - self.at < _AHEAD and self._more():
                pass
            if self.start is None and not self.copies and (found := _INSERT.match(self.window, self.at)):
                self._add(self.at, found.end() - 1)
                self.at = found.end()
                if piece := self._statement(self.at):
                    yield piece
                continue
            found = (_TOKEN_OR_LINE if self.copies else _TOKEN).search(self.window, self.at)
            if not self.over and (found is None or found.end() > len(self.window) - _AHEAD):
                # It may be half a token: what is certain is taken, and the rest read with what follows.
                certain = self._until(len(self.window) - _AHEAD)
                if found is not None:
                    certain = min(certain, found.start())
                self._add(self.at, certain)
                self.at = certain
                self._more()
                continue
            if found is None:
                break
            self._add(self.at, found.start())
            self.at = found.end()
            yield from self._token(found)
        self._add(self.at, len(self.window))
        self.at = len(self.window)
        rest = self._statement(self.at, whole=self.depth == 0 and self.body == 0, ended=False)
        if rest is not None:
            yield rest
        if self.copies:
            end = self.base + self.at
            yield Piece("rows", "", self._line_at(self.at), end, end, whole=False)

    def _token(self, found: re.Match[bytes]) -> Iterator[Piece]:  # noqa: PLR0912 (one for each kind)
        kind = found.lastgroup
        start, end = found.span()
        if kind == "simple":
            self._add(start, end, quoted=True)
        elif kind in {"single", "escape"}:
            backslash = kind == "escape" or not self.strings
            yield from self._through(start, _ESCAPED if backslash else _STANDARD, backslash=backslash)
        elif kind == "double":
            yield from self._through(start, _DOUBLE, quoted=False)
        elif kind == "dollar":
            yield from self._through(start, re.compile(re.escape(found[0])))
        elif kind == "comment":
            yield self._comment(start)
        elif kind == "block":
            yield from self._block(start)
        elif kind == "open":
            self._add(start, end)
            self.depth += 1
        elif kind == "close":
            self._add(start, end)
            self.depth = max(0, self.depth - 1)
        elif kind == "end":
            if self.depth or self._in_body():
                self._add(start, end)
            elif (piece := self._statement(end)) is not None:
                yield piece
        elif kind == "command":
            yield from self._command(start)
        elif kind == "line":
            yield from self._rows()

    def _through(
        self, start: int, closing: re.Pattern[bytes], *, quoted: bool = True, backslash: bool = False
    ) -> Iterator[Piece]:
        """Read a quote to its end, which may be far away."""
        begun = start
        while True:
            found = closing.search(self.window, self.at)
            while found is not None and backslash and found[0] != b"'":
                self.at = found.end()
                found = closing.search(self.window, self.at)
            # In a text with backslashes a second quote may follow, and is none.
            if found is not None and (not backslash or self.over or found.end() < len(self.window)):
                self._add(begun, found.end(), quoted=quoted)
                self.at = found.end()
                return
            if self.over:
                self._add(begun, len(self.window), quoted=quoted)
                self.at = len(self.window)
                if (piece := self._statement(self.at, whole=False, ended=False)) is not None:
                    yield piece
                return
            # The closing words may be cut by the window's end.
            certain = self._until(len(self.window) - (1 if backslash else _AHEAD))
            certain = max(certain, begun)
            self._add(begun, certain, quoted=quoted)
            self.at = certain
            before = self.base
            self._more()
            begun = certain - (self.base - before)

    def _comment(self, start: int) -> Piece:
        """Read a comment to the end of its line."""
        line, at = self._line_at(start), self.base + start
        text = b""
        while True:
            found = _LINE_END.search(self.window, self.at)
            end = len(self.window) if found is None else found.start()
            text += self.raw[self.at : min(end, self.at + KEPT - len(text))] if len(text) < KEPT else b""
            self.at = end
            if found is not None or not self._more():
                break
        self._blank()
        return Piece("comment", "--" + text.decode(self.codec, "replace"), line, at, self.base + self.at)

    def _block(self, start: int) -> Iterator[Piece]:
        line, at = self._line_at(start), self.base + start
        depth = 1
        while depth:
            found = _BLOCK_EDGE.search(self.window, self.at)
            if found is None:
                self.at = max(self.at, len(self.window) - 1)
                if not self._more():
                    self.at = len(self.window)
                    yield Piece("comment", "/*", line, at, self.base + self.at, whole=False)
                    return
                continue
            depth += 1 if found[0] == b"/*" else -1
            self.at = found.end()
        self._blank()

    def _command(self, start: int) -> Iterator[Piece]:
        """Read a command of psql, and those behind it in its line."""
        while self.raw.find(b"\n", self.at) < 0 and len(self.raw) - self.at < KEPT and self._more():
            start = self.at - 1
        newline = self.raw.find(b"\n", self.at)
        stop = min(len(self.raw) if newline < 0 else newline, start + KEPT)
        text = self.raw[start:stop].decode("latin-1")
        line, offset = self._line_at(start), self.base + start
        if text.startswith("\\;"):
            # A separator: the statement is sent with the next semicolon.
            if (piece := self._statement(start)) is not None:
                yield piece
            self.at = start + 2
            return
        if text.startswith("\\:"):
            # A colon that begins no variable.
            self._add(start, start + 2)
            self.at = start + 2
            return
        for command, at, length in _commands(text):
            stop = start + at + length
            shown = command.encode("latin-1").decode(self.codec, "replace").strip()
            name = name_of(shown)
            if name == "\\":
                break
            if name in _SENDING and (piece := self._statement(start)) is not None:
                yield piece
            yield Piece("command", shown, line, offset + at, offset + at + length)
            if name == "copy" and _COPY_IN.match(shown[1:]):
                self.copies += 1
            if name == "encoding" and (words := shown.split()[1:]):
                self._encode(words[0].strip("'\""))
        self.at = stop
        while stop - start == KEPT and (newline := self.raw.find(b"\n", self.at)) != self.at:
            # Of a line without an end no more is kept.
            self.at = len(self.raw) if newline < 0 else newline
            if newline >= 0 or not self._more():
                break

    def _rows(self) -> Iterator[Piece]:
        """Go past the rows of a COPY, to the line that ends them."""
        self.copies -= 1
        line, begun = self._line_at(self.at), self.base + self.at
        while True:
            found = self._end_of_rows()
            if found is not None:
                self.at = found.end()
                yield Piece("rows", "", line, begun, self.base + self.at)
                return
            if self.over:
                self.at = len(self.raw)
                self.copies = 0
                yield Piece("rows", "", line, begun, self.base + self.at, whole=False)
                return
            # A line that may be the last one is looked at again, whole.
            self.at = max(self.at, len(self.raw) - 3)
            self._more()

    def _end_of_rows(self) -> re.Match[bytes] | None:
        at = self.at
        while (at := self.raw.find(b"\\.", at)) >= 0:
            if at == 0 or self.raw[at - 1 : at] == b"\n":
                found = _ROWS_END.match(self.raw, at)
                # Without its line end it is the last line, or not all of it was read.
                if found is not None and (found[0].endswith(b"\n") or self.over):
                    return found
            at += 2
        return None


def name_of(command: str) -> str:
    r"""Return which command of psql it is: ``connect`` for ``\connect shop``."""
    found = _COMMAND.match(command)
    return "" if found is None or found[1] is None else found[1]


def _commands(text: str) -> Iterator[tuple[str, int, int]]:
    r"""Yield the commands of a line, each with its place and length; ``\\`` ends them, and SQL follows."""
    at = 0
    while at < len(text) and text[at] == "\\":
        found = _COMMAND.match(text, at)
        assert found is not None
        if found[1] == "\\":
            # The place behind it: what follows is SQL again.
            yield "\\\\", at, 2
            return
        if (found[1] or "") in _WHOLE_LINE:
            yield text[at:], at, len(text) - at
            return
        end = found.end()
        while end < len(text):
            part = _ARGUMENT.match(text, end)
            assert part is not None
            if part[0] == "\\":
                break
            end = part.end()
        yield text[at:end], at, end - at
        at = end


def _codec(plain: str) -> str:
    """Return what Python calls an encoding of PostgreSQL; UTF-8 where it knows none."""
    known = {
        "utf8": "utf-8", "unicode": "utf-8", "sqlascii": "utf-8", "euckr": "euc_kr", "eucjp": "euc_jp",
        "euccn": "gb2312", "eucjis2004": "euc_jis_2004", "koi8r": "koi8_r", "koi8u": "koi8_u", "koi8": "koi8_r",
        "win1258": "cp1258", "win866": "cp866", "alt": "cp866", "win874": "cp874", "win": "cp1251",
    }  # fmt: skip
    if found := re.fullmatch(r"latin(\d+)", plain):
        return "iso8859_" + {5: "9", 6: "10", 7: "13", 8: "14", 9: "15", 10: "16"}.get(int(found[1]), found[1])
    if found := re.fullmatch(r"iso8859(\d+)", plain):
        return f"iso8859_{found[1]}"
    if found := re.fullmatch(r"win(?:dows)?(125\d)", plain):
        return f"cp{found[1]}"
    return known.get(plain, "utf-8")
