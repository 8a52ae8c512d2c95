"""Definitions that differ only by what was renamed.

PostgreSQL keeps definitions as trees of OIDs and prints them with the names of now, so renaming one column changes
the text of each view, index, constraint and trigger that uses it. Those are consequences of one change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..catalog.names import bare, split

_PART = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_TOKEN = re.compile(
    rf"""
      (?P<body>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)   # a function's body: PostgreSQL never rewrites it, so it is opaque
    | (?P<string>'(?:[^']|'')*')
    | (?P<chain>{_PART}(?:\.{_PART})*)
    | (?P<number>\d[\w.]*)
    | (?P<space>\s+)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens(text: str) -> list[str]:
    """Return the words of a definition; ``a.b.c`` is one word, a dollar-quoted body is one, space is none."""
    return [found.group() for found in _TOKEN.finditer(text) if found.lastgroup != "space"]


def words(text: str) -> list[str]:
    """Return the words of a definition, and what stands between them: joined they are the text."""
    return [found.group() for found in _TOKEN.finditer(text)]


@dataclass(frozen=True, kw_only=True)
class Renames:
    """Names before and after of everything that has another name now."""

    #: Qualified old name to qualified new name.
    full: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Bare old name to the bare names that something of that name has now.
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    @classmethod
    def of(cls, maps: Iterable[Mapping[str, str]]) -> Renames:
        """Collect the pairs that differ."""
        full: dict[str, str] = {}
        parts: dict[str, set[str]] = {}
        for pairs in maps:
            for old, new in pairs.items():
                if old == new:
                    continue
                old_name, new_name = _callable_name(old), _callable_name(new)
                full[old], full[old_name] = new, new_name
                if len(split(old)) > 1 and bare(old_name) != bare(new_name):
                    parts.setdefault(bare(old_name), set()).add(bare(new_name))
        return cls(full=full, parts={old: frozenset(new) for old, new in parts.items()})

    def same(self, before: str, after: str) -> bool:
        """Tell whether two texts are equal but for renamed identifiers."""
        if before == after:
            return True
        if not self.full:
            return False
        if self.full.get(before) == after:
            return True
        return self._walk(tokens(before), tokens(after))

    def _walk(self, old: list[str], new: list[str]) -> bool:
        here = there = 0
        while here < len(old) or there < len(new):
            if here < len(old) and there < len(new) and self._word(old[here], new[there]):
                here, there = here + 1, there + 1
            # A view keeps its column's name: t.old becomes t.new AS old, and t.old AS new becomes t.new.
            elif _alias(new, there) and here > 0 and new[there + 1] == bare(old[here - 1]):
                there += 2
            elif _alias(old, here) and there > 0 and old[here + 1] == bare(new[there - 1]):
                here += 2
            else:
                return False
        return True

    def _word(self, old: str, new: str) -> bool:
        if old == new or self.full.get(old) == new:
            return True
        if old.startswith("'") and new.startswith("'"):
            # nextval('public.old_seq'::regclass)
            return self.full.get(old[1:-1].replace("''", "'")) == new[1:-1].replace("''", "'")
        if old.startswith(("$", "'")):
            return False
        before, after = split(old), split(new)
        return len(before) == len(after) and all(
            ours == theirs or theirs in self.parts.get(ours, ()) for ours, theirs in zip(before, after, strict=True)
        )


def _alias(words: list[str], at: int) -> bool:
    return at + 1 < len(words) and words[at].upper() == "AS"


def _callable_name(name: str) -> str:
    """Return a function's name without its argument types."""
    if not name.endswith(")"):
        return name
    parts = split(name)
    return ".".join((*parts[:-1], parts[-1].partition("(")[0]))
