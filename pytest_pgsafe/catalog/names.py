"""Names as the catalog writes them: parts joined by dots, each as ``quote_ident`` prints it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

_PART = re.compile(r'"(?:[^"]|"")*"|[^."]+')

#: Words that quote_ident writes in quotes from a major on: they became keywords.
KEYWORDS_SINCE: Mapping[str, int] = {
    **dict.fromkeys(("json_array", "json_arrayagg", "json_object", "json_objectagg", "system_user"), 16),
    **dict.fromkeys(
        ("json", "json_exists", "json_query", "json_scalar", "json_serialize", "json_table", "json_value",
         "merge_action"), 17,
    ),
}  # fmt: skip
_KEYWORD = re.compile(f'"({"|".join(KEYWORDS_SINCE)})"')


def split(name: str) -> tuple[str, ...]:
    """Return the parts of a qualified name; a function's argument types stay with its last part."""
    head, parenthesis, arguments = _split_quoted(name) if '"' in name else name.partition("(")
    parts = tuple(_PART.findall(head))
    return (*parts[:-1], parts[-1] + parenthesis + arguments) if parts else (name,)


def _split_quoted(name: str) -> tuple[str, str, str]:
    # A parenthesis may stand inside a quoted part.
    outside = re.sub(r'"(?:[^"]|"")*"', lambda found: "_" * len(found.group()), name)
    at = outside.find("(")
    return (name, "", "") if at < 0 else (name[:at], "(", name[at + 1 :])


def bare(name: str) -> str:
    """Return the last part."""
    return split(name)[-1]


def container(name: str) -> str:
    """Return the name without its last part: a column's table, a table's schema; empty for a bare name."""
    return ".".join(split(name)[:-1])


def unquoted(part: str) -> str:
    """Return what a quoted part means."""
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def unkeyed(text: str) -> str:
    """Return names, or a text, without the quotes that newer majors alone write around words that became keywords."""
    return _KEYWORD.sub(r"\1", text) if '"' in text else text


def means(name: str, wanted: str) -> bool:
    """Tell whether ``wanted``, qualified or not, quoted or not, may stand for ``name``."""
    if name == wanted:
        return True
    whole, tail = split(name), split(wanted)
    if len(tail) > len(whole):
        return False
    return all(
        unquoted(ours) == unquoted(theirs) for ours, theirs in zip(reversed(whole), reversed(tail), strict=False)
    )


def covers(name: str, pattern: str) -> bool:
    """Tell whether a name is meant by a pattern, in which ``*`` outside quotes stands for any part or piece of one."""
    if "*" not in pattern:
        return means(name, pattern)
    whole, tail = split(name), split(pattern)
    return len(tail) <= len(whole) and all(map(_fits, whole[len(whole) - len(tail) :], tail))


def is_pattern(wanted: str) -> bool:
    """Tell whether ``*`` stands for something in it."""
    return any("*" in part and not part.startswith('"') for part in split(wanted))


def _fits(part: str, pattern: str) -> bool:
    if pattern.startswith('"'):
        return unquoted(part) == unquoted(pattern)
    wanted = ".*".join(re.escape(piece) for piece in pattern.split("*"))
    return re.fullmatch(wanted, unquoted(part), re.DOTALL) is not None


def parts(name: str) -> tuple[str, ...]:
    """Return the parts of a dotted name as they are meant: ``a."B.""c"`` is ``('a', 'B."c')``."""
    return tuple(unquoted(part) for part in split(name))


def matches(pattern: Sequence[str], name: Sequence[str]) -> bool:
    """Tell whether a pattern's parts, each with ``*`` and ``?``, fit the last parts of a name, as both are meant."""
    tail = tuple(name)[-len(pattern) :]
    return len(tail) == len(pattern) and all(map(fnmatchcase, tail, pattern))
