"""Passwords in texts that are not ours: statements, what programs print, what servers say. Readers here are linear."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

HIDDEN = "********"
#: Shorter ones would hide ordinary words; where a password stands by its place it is hidden whatever its length.
SHORTEST = 4
_SQL = re.compile(r"(?P<before>\bPASSWORD\s+)(?:[eE]|[uU]&)?'(?:[^']|'')*(?:'|\Z)", re.IGNORECASE)
#: Options of foreign servers, user mappings and connection strings: ``password 'x'`` is the form above.
_CONNINFO = re.compile(r"(?P<before>\bpassword\s*=\s*)(?:\\?''(?:[^']|'''')*''|'[^']*'|[^\s'\"&,;)]+)", re.IGNORECASE)
_WORD = r"(?:password|passwd|passphrase|cipher-pass|pwd|secret)"
#: Up to a blank outside of quotes, as a shell reads it.
_SHELL = r"(?:'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\"|\\[^\n]|[^\s'\"]|['\"])+"
_PRINTED = (
    re.compile(
        rf"(?P<before>(?<![\w-])--(?!no-)(?:[\w-]*-)?{_WORD}(?:=|[\"'],[ \t]*|[ \t]+(?!--)))(?P<value>{_SHELL})",
        re.IGNORECASE,
    ),
    re.compile(rf"(?P<before>{_WORD}[\"']?[ \t]*=>?[ \t]*)(?P<value>{_SHELL})", re.IGNORECASE),
    # A line of a tool's settings: to its end, since nobody quotes there; not a column by its table's name.
    re.compile(rf"(?P<before>(?<!\.)(?<!\.\"){_WORD}[\"']?[ \t]*:[ \t]*)(?P<value>[^\s][^\n]*)", re.IGNORECASE),
)
_CLOSING = re.compile(r"['\")\]},;]*\Z")
_LOGIN = re.compile(r"://[^\s:/?#'\"@]*:")
_BLANK = re.compile(r"\s|\Z")
_PORT = re.compile(r"\d{1,5}(?!\w)")


def redact(text: str, *secrets: str, printed: bool = False) -> str:
    """Hide the secrets given, and passwords in SQL (``PASSWORD '…'``), conninfo strings and URLs.

    :param secrets: values to hide wherever they stand, also quoted or encoded; not those of less than
        :data:`SHORTEST` characters.
    :param printed: the text is a program's output or a command line: ``password: X``, ``PGPASSWORD=X`` and
        ``--password X`` are hidden too.
    """
    for form in sorted({one for secret in secrets for one in _forms(secret)}, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    if "://" in text:
        text = "".join(_without_logins(text))
    # Few statements hold any of it, and looking for a word is ten times as fast.
    if "pass" in (folded := text.lower()) or (printed and ("pwd" in folded or "secret" in folded)):
        text = _SQL.sub(rf"\g<before>'{HIDDEN}'", text)
        for pattern in _PRINTED if printed else ():
            text = pattern.sub(_hidden, text)
        text = _CONNINFO.sub(rf"\g<before>{HIDDEN}", text)
    return text


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it may be written: as it is, in URLs, in SQL and conninfo strings, in JSON, in Python."""
    if len(secret) < SHORTEST:
        return
    yield secret
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    yield secret.replace("'", "''")
    yield secret.replace("\\", "\\\\").replace("'", "\\'")
    yield from (secret.replace("'", written) for written in ("'\\''", "'\"'\"'"))
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield from (line for line in secret.splitlines() if len(line) >= SHORTEST)


def _hidden(found: re.Match[str]) -> str:
    """Keep the quotes that a password stands in, and what closes a text round it."""
    value = found["value"]
    closing = _CLOSING.search(value)
    after = closing[0] if closing else ""
    return found["before"] + (value[0] if value[0] in "'\"" and value[0] in after else "") + HIDDEN + after


def _without_logins(text: str) -> Iterator[str]:
    """Hide what stands between ``scheme://user:`` and the last ``@`` of the word; a raw password may hold anything."""
    done = 0
    #: The word that was looked at last: where it ends, and its last @.
    end = at = -1
    for found in _LOGIN.finditer(text):
        start = found.end()
        if start < done:
            continue
        if start > end:
            blank = _BLANK.search(text, start)
            end = blank.start() if blank is not None else len(text)
            at = text.rfind("@", start, end)
        stop = at
        if stop < start and not _PORT.match(text, start):
            # A password with a blank in it; not beyond the line.
            line = text.find("\n", start)
            stop = text.find("@", end, line if line >= 0 else len(text))
        if stop >= start:
            yield text[done:start] + HIDDEN
            done = stop
    yield text[done:]
