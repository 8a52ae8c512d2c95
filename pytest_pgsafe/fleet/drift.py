"""Which members' schemas differ from most others', and in what: told by the comparison that tells of a migration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..catalog.values import Catalog
from ..compare import match
from ..compare.restored import same_on_majors
from ..compare.structure import ordered, structure
from ..compare.values import Action, Attribute, Change
from .own import NAME, canonical, named, own_names
from .schemas import MemberSchema
from .values import Difference, Drift, Group, Member

#: Differences of one group that are told.
MOST = 50
#: Schemas that are compared: those of most members.
COMPARED = 200
_SHOWN = 80
_TOO_MANY = f"more than {COMPARED} schemas are others, and only those of most members were compared"
_UNREADABLE = "what is known of its schema cannot be read"


def drift(members: Mapping[str, str | None], read: Callable[[str], MemberSchema]) -> Drift:
    """Compare the schemas of a fleet's members.

    :param members: the fingerprint of each, in order; None where it is not known.
    :param read: returns the schema of a fingerprint; OSError or ValueError if it cannot.
    """
    groups: dict[str, list[str]] = {}
    for name, found in members.items():
        if found is not None:
            groups.setdefault(found, []).append(name)
    unknown = tuple(name for name, found in members.items() if found is None)
    if not groups:
        return Drift(unknown=unknown)
    first, *others = sorted(groups, key=lambda found: -len(groups[found]))
    majority, told = list(groups[first]), list[Group]()
    if others:
        try:
            schema = read(first)
        except (OSError, ValueError):
            told = [Group(fingerprint=one, members=tuple(groups[one]), reason=_UNREADABLE) for one in others]
        else:
            reference = canonical(schema.catalog, schema.member)
            for number, one in enumerate(others):
                if number >= COMPARED:
                    told.append(Group(fingerprint=one, members=tuple(groups[one]), reason=_TOO_MANY))
                    continue
                group = _group(one, tuple(groups[one]), schema.major, reference, read)
                if group.differences or group.reason is not None:
                    told.append(group)
                else:
                    # Printed otherwise, and the same.
                    majority += group.members
    order = list(members)
    return Drift(
        majority=tuple(sorted(majority, key=order.index)),
        tied=any(len(group.members) >= len(majority) for group in told),
        groups=tuple(told),
        unknown=unknown,
    )


def differences(reference: Catalog, major: int, other: MemberSchema) -> tuple[Difference, ...]:
    """Return in what a schema is another.

    :param reference: as :func:`~.own.canonical` returns it, of a server of this major.
    """
    there = canonical(other.catalog, other.member, shared=named(reference))
    changes = structure(reference, there, match(reference, there, cloned=False), cloned=False)
    return tuple(
        Difference(kind=change.kind, object=change.object, text=_text(change))
        for change in ordered(changes)
        if not _same(change, other.member)
        and not (major != other.major and same_on_majors(change, (major, other.major)))
    )


def _group(
    found: str, members: tuple[str, ...], major: int, reference: Catalog, read: Callable[[str], MemberSchema]
) -> Group:
    try:
        told = differences(reference, major, read(found))
    except (OSError, ValueError):
        return Group(fingerprint=found, members=members, reason=_UNREADABLE)
    return Group(fingerprint=found, members=members, differences=told[:MOST], more=max(len(told) - MOST, 0))


def _same(change: Change, member: Member) -> bool:
    """Tell whether the two sides differ by a word alone that only looks like the member's name."""
    if change.action is not Action.CHANGED:
        return False
    before, after = repr(change.before), repr(change.after)
    return any(before == after.replace(NAME, name) for name in own_names(member))


def _text(change: Change) -> str:
    if change.action is Action.DROPPED:
        return f"{change.kind} {change.object} is missing"
    if change.action is Action.ADDED:
        return f"{change.kind} {change.object} is there besides"
    if change.action is Action.RENAMED:
        return f"{change.kind} {change.object} is called {change.after}"
    what = f"{change.kind} {change.object} has another {(change.attribute or 'definition').replace('_', ' ')}"
    return f"{what}: {' instead of '.join(_sides(change))}"


def _sides(change: Change) -> Iterator[str]:
    """Yield what it is here, and what it is elsewhere: of long texts the part where they begin to differ."""
    here, there = (" ".join(_value(value).split()) for value in (change.after, change.before))
    first = next((at for at, (one, two) in enumerate(zip(here, there, strict=False)) if one != two), 0)
    begin = 0 if max(len(here), len(there)) <= _SHOWN else max(first - _SHOWN // 4, 0)
    for text in (here, there):
        end = begin + _SHOWN
        yield f"{'…' * (begin > 0)}{text[begin:end]}{'…' * (len(text) > end)}"


def _value(value: Attribute) -> str:
    if value is None:
        return "none"
    return ", ".join(str(part) for part in value) or "none" if isinstance(value, tuple) else str(value)
