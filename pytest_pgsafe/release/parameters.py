"""Parameters of a statement as drivers write them (``%s``, ``%(name)s``, ``:name``, ``?``), as ``$1`` (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_QUOTED = (
    r"(?P<quoted>(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\""
    + r"|(?<![\w$])(?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag))"
)
#: Each with a group for what a parameter is known by, where it has a name.
_STYLES = (
    # psycopg and Django: a percent sign that is meant stands twice, also within strings.
    re.compile(r"%(?P<double>%)|%\((?P<name>\w+)\)[sbt]|%[sbt](?!\w)"),
    # SQLAlchemy's text(), Hibernate, PDO: not a cast, not a slice of an array.
    re.compile(rf"{_QUOTED}|(?<![:\w\]]):(?P<name>[A-Za-z_]\w*)", re.DOTALL),
    # JDBC, ODBC, ActiveRecord: its operator ? stands twice.
    re.compile(rf"{_QUOTED}|(?P<double>\?)\?|\?(?![|&])", re.DOTALL),
)


def readings(text: str) -> Iterator[str]:
    """Yield a statement as the server may take it: as it stands, then by the ways in which drivers write parameters.

    What a sign means is not known from the text alone (``%`` and ``?`` are operators too): the first that the server
    takes is what was meant.
    """
    yield text
    for style in _STYLES:
        written = _written(text, style)
        if written != text:
            yield written


def _written(text: str, style: re.Pattern[str]) -> str:
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        groups = found.groupdict()
        if groups.get("quoted") is not None:
            return found[0]
        if groups.get("double") is not None:
            return groups["double"]
        name = groups.get("name")
        key = f"{len(numbers)}" if name is None else f":{name}"
        return f"${numbers.setdefault(key, len(numbers) + 1)}"

    return style.sub(number, text)
