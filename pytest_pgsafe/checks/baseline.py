"""The baseline: what each migration does, as a file that people review.

::

    # Any comment.

    [phase4.sql]
    PGS203 column-dropped public.sales.customer_name  # phase 4: read through customers
    PGS535 added public.sales.discount (column)

An effect is its check's code and name, its object, and in parentheses which of several it is. No counts, keys or
values: they are others every day. What follows ``#`` is the reason; an effect that would be an error needs one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..errors import ConfigError

FILE_NAME = "pgsafe.baseline"
#: Stands for a reason until a person writes one.
NO_REASON = "reason?"
HEAD = (
    "# What each migration does: written by pytest --pgsafe --pgsafe-update, reviewed in the pull request.",
    f"# What would be an error needs a reason: write it in place of “{NO_REASON}”.",
)
_SIGN = re.compile(r"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|(?P<sign>(?:^|\s)#)")
_ENTRY = re.compile(r"(?P<code>PGS\d{3})\s+(?P<name>\S+)\s+(?P<object>\S.*)")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a section."""

    effect: str
    reason: str | None = None
    #: Comment lines above it.
    comments: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)

    @property
    def code(self) -> str:
        return self.effect.partition(" ")[0]

    @property
    def object(self) -> str:
        return self.effect.split(" ", 2)[2].partition(" (")[0]


@dataclass(frozen=True, kw_only=True)
class Section:
    """What is written of one migration."""

    migration: str
    entries: tuple[Entry, ...] = ()
    #: Comment lines above its head, and after its last entry.
    comments: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    #: As it stands in the file, so that nobody else's section is written anew.
    lines: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The whole file."""

    head: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()

    def section(self, migration: str) -> Section | None:
        """Return what is written of a migration; None if nothing is."""
        return next((section for section in self.sections if section.migration == migration), None)


def parse(text: str, names: Mapping[str, str], *, name: str = FILE_NAME) -> Baseline:
    """Read a baseline.

    :param names: of the checks whose effects can be listed, by code.
    :raises ConfigError: with file and line.
    """
    lines = [line.rstrip() for line in text.removeprefix("\ufeff").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    starts = [number for number, line in enumerate(lines) if line.startswith("[")]
    firsts: list[int] = []
    for number in starts:
        first = number
        while first and lines[first - 1].startswith("#"):
            first -= 1
        firsts.append(first)
    for number, line in enumerate(lines[: starts[0]] if starts else lines):
        if line and not line.startswith("#"):
            raise _wrong(name, number, f"{line!r} stands before the first section", "write [MIGRATION] above it")
    sections: list[Section] = []
    for start, first, end in zip(starts, firsts, [*firsts[1:], len(lines)], strict=False):
        section = _section(lines[:end], start, names, name)
        section = replace(section, comments=tuple(lines[first:start]), lines=tuple(lines[first:end]))
        if any(section.migration == other.migration for other in sections):
            raise _wrong(name, start, f"a second section [{section.migration}]", "keep one of them")
        sections.append(section)
    return Baseline(head=tuple(lines[: firsts[0]] if firsts else lines), sections=tuple(sections))


def _section(lines: Sequence[str], start: int, names: Mapping[str, str], name: str) -> Section:
    head = lines[start]
    if not head.endswith("]") or not head[1:-1].strip():
        raise _wrong(name, start, f"{head!r} is no head of a section", "write it as [MIGRATION]")
    entries: list[Entry] = []
    comments: list[str] = []
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line.startswith("#"):
            comments.append(line)
        elif line:
            entry = _entry(line, number, names, name)
            if any(entry.effect == other.effect for other in entries):
                raise _wrong(name, number, f"{entry.effect} stands there twice", "keep one of the lines")
            entries.append(replace(entry, comments=tuple(comments)))
            comments = []
    return Section(
        migration=head[1:-1].strip(),
        entries=tuple(entries),
        rest=tuple(comments),
    )


def _entry(line: str, number: int, names: Mapping[str, str], name: str) -> Entry:
    sign = next((found for found in _SIGN.finditer(line) if found["sign"] is not None), None)
    effect = line if sign is None else line[: sign.start()]
    reason = None if sign is None else line[sign.end() :].strip()
    found = _ENTRY.fullmatch(effect.strip())
    remedy = "write CODE NAME OBJECT  # REASON, or have it written: --pgsafe-update"
    if found is None:
        raise _wrong(name, number, f"{line!r} is no effect", remedy)
    if found["code"] not in names:
        raise _wrong(name, number, f"{found['code']} is no effect that can be listed", remedy)
    if names[found["code"]] != found["name"]:
        raise _wrong(name, number, f"{found['code']} is {names[found['code']]}, and not {found['name']}", remedy)
    effect = f"{found['code']} {found['name']} {found['object'].strip()}"
    return Entry(effect=effect, reason=None if reason in (None, "", NO_REASON) else reason, line=number + 1)


def _wrong(name: str, number: int, fault: str, remedy: str) -> ConfigError:
    return ConfigError(f"{name}:{number + 1}: {fault}", remedies=[remedy])


def written(section: Section, wanting: Collection[str]) -> Section:
    """Return a section with the lines that say what it holds.

    :param wanting: effects that need a reason.
    """
    return replace(section, lines=tuple(_lines(section, wanting)))


def _lines(section: Section, wanting: Collection[str]) -> Iterator[str]:
    yield from section.comments
    yield f"[{section.migration}]"
    for entry in section.entries:
        yield from entry.comments
        reason = NO_REASON if entry.reason is None and entry.effect in wanting else entry.reason
        yield entry.effect if reason is None else f"{entry.effect}  # {reason}"
    yield from section.rest


def render(baseline: Baseline, section: Section) -> str:
    """Return the file with one section written anew, or put in by its name; all else stays as it stands."""
    head = list(baseline.head if baseline.head or baseline.sections else HEAD)
    others = [one for one in baseline.sections if one.migration != section.migration]
    place = next(
        (at for at, one in enumerate(baseline.sections) if one.migration == section.migration),
        sum(one.migration < section.migration for one in others),
    )
    parts = [head, *(list(one.lines) for one in (*others[:place], section, *others[place:]))]
    for lines in parts:
        while lines and not lines[-1]:
            lines.pop()
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"
