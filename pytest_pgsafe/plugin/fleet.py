"""The members of a fleet, as one run has them: found before collection, told to xdist's workers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..config import Settings, Source
from ..errors import ConfigError, SourceError, UsageError
from ..fleet.found import Found
from ..fleet.names import nearest
from ..fleet.sampling import chosen, drawn
from ..fleet.values import Absence, Member
from ..server.address import Address
from .selection import ALL, Selection

if TYPE_CHECKING:
    from ..server.choose import Choice

#: How many members are tried until one says which server fits.
_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What a run judges of a fleet."""

    found: tuple[Found, ...]
    #: Names of those that are judged, in the fleet's order.
    judged: tuple[str, ...]
    #: How the sample was drawn, with its seed; None where there is none.
    sample: str | None = None
    #: When no further member is begun, as :func:`time.time` has it; None is never.
    until: float | None = None
    #: Sessions on the source's server that this process and those beside it may have at a time.
    sessions: int = 4
    #: Whether nobody was asked for the members: they are not known.
    unlisted: bool = False
    #: Names of members of which ``-k``, ``-m`` or ids select no check; known once the tests are collected.
    unselected: set[str] = field(default_factory=set[str], compare=False)

    def of(self, name: str) -> Found:
        """Return the member of a name."""
        return self.found[self._places[name]]

    def part(self, name: str) -> str:
        """Return what the names of a member's files in the run's folder begin with."""
        return f"member-{self._places[name]}-"

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """All members, those that are not judged too."""
        return tuple(_shown(one) for one in self.found)

    @property
    def absences(self) -> Mapping[str, tuple[Absence, str]]:
        """Why members are not judged, as far as that was wanted."""
        judged = frozenset(self.judged)
        left_out = Absence.NOT_SELECTED if self.sample is None else Absence.NOT_SAMPLED
        absent = {one.name: (left_out, "") for one in self.found if one.name not in judged}
        return {**absent, **dict.fromkeys(self.unselected, (Absence.NOT_SELECTED, ""))}

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {one.name: place for place, one in enumerate(self.found)}


def _shown(member: Found) -> Member:
    """Return a member as it may be shown, without a password."""
    if member.source.dsn is None:
        assert member.source.backup is not None
        return Member(name=member.name, source=member.source.backup.name, database=member.database)
    try:
        source = str(Address.named(member.source.dsn, member.origin))
    except ConfigError:
        # No address can hold its name: its own first check says so.
        source = member.origin
    return Member(name=member.name, source=source, database=member.database)


def member_of(fleet: Fleet, name: str) -> Member:
    """Return a member as it may be shown."""
    return _shown(fleet.of(name))


def settings_of(settings: Settings, member: Found) -> Settings:
    """Return what a member is judged by: the run's settings, with the member as the source."""
    return replace(settings, source=member.source, fleet=None)


def any_member(settings: Settings) -> Settings:
    """Return what a member is judged by that is a database, before it is known."""
    return replace(settings, source=Source(dsn="dbname=member"), fleet=None)


def unasked(settings: Settings) -> Fleet | None:
    """Return the fleet as far as it is known without asking a server; None if there is none.

    :raises ConfigError: a list, or a folder, cannot be used.
    """
    if settings.fleet is None or settings.static:
        return None
    from ..fleet.members import listed

    found = listed(settings.fleet)
    if found is None:
        return Fleet(found=(), judged=(), unlisted=True)
    return Fleet(found=found, judged=tuple(one.name for one in found))


def asked(settings: Settings, selection: Selection) -> Fleet | None:
    """Return the fleet, after asking who its members are; None if there is none.

    :raises UsageError: they cannot be had.
    """
    fleet = settings.fleet
    if fleet is None or settings.static:
        return None
    if settings.update:
        raise ConfigError(
            "--pgsafe-update: a baseline is written by one rehearsal, and a fleet has many",
            remedies=["write it by one member: --pgsafe-source=postgresql://host/MEMBER"],
        )
    from ..fleet.members import find
    from ..fleet.sizes import sizes

    begun, found = time.time(), find(fleet)
    names = tuple(one.name for one in found)
    text: str | None = None
    judged = _selected(names, selection)
    if judged is None:
        judged = names
        if fleet.sample is not None:
            sample = drawn(fleet.sample)
            judged = chosen(names, sample, sizes(found) if sample.largest else {})
            text = str(sample)
    return Fleet(
        found=found, judged=judged, sample=text, sessions=fleet.source_sessions,
        until=None if fleet.deadline is None else begun + fleet.deadline,
    )  # fmt: skip


def _selected(names: tuple[str, ...], selection: Selection) -> tuple[str, ...] | None:
    """Return the members that ids name, which no sample leaves out; None where they name none.

    :raises UsageError: there is no such member.
    """
    wanted = {member for member, _ in selection.members if member != ALL}
    for name in wanted:
        if name not in names:
            raise UsageError(f"the fleet has no member {name!r}", remedies=[nearest(name, names)])
    if not wanted or any(member == ALL for member, _ in selection.members) or selection.names:
        return None
    return tuple(name for name in names if name in wanted)


def look(settings: Settings, fleet: Fleet, *, here: bool) -> Choice | None:
    """Find out before the first step what is the same for every member: the migration, and the server that fits.

    A member that cannot be reached is an outcome of its own; after a few of them the server is left for later.

    :param here: whether the members are judged on this machine; what another one has, its workers find out.
    :raises UsageError: something is missing.
    """
    from ..rehearsal.preflight import choice_for, ways

    members = [fleet.of(name) for name in fleet.judged]
    ways(settings_of(settings, members[0]))
    for member in members[: _TRIES if here else 0]:
        own = settings_of(settings, member)
        try:
            return choice_for(own)
        except (ConfigError, SourceError):
            continue
    return None


def header(fleet: Fleet, choice: Choice | None = None) -> tuple[str, ...]:
    """Return lines for the head of the run."""
    if fleet.unlisted:
        return ("pgsafe fleet: its members are asked of a server, and nothing is asked here: none of them is listed",)
    origins = ", ".join(dict.fromkeys(one.origin for one in fleet.found))
    sample = "" if fleet.sample is None else f"; sample: {fleet.sample}"
    every = len(fleet.judged) == len(fleet.found)
    how_many = "all are" if every else f"{len(fleet.judged)} of them are"
    lines = [f"pgsafe fleet: {len(fleet.found)} members ({origins}), {how_many} judged{sample}"]
    lines.append(f"pgsafe fleet: at most {fleet.sessions} sessions at a time on the source's server")
    if choice is not None:
        lines.append(f"pgsafe server: {choice.kind}, {choice.origin}: {choice.reason}")
    return tuple(lines)
