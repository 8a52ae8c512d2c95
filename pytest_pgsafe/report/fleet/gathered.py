"""What is told of a fleet: its members' results are read one at a time, and none is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ...fleet.drift import drift
from ...fleet.gather import Gathering
from ...fleet.schemas import Schemas
from ...fleet.values import Absence, FleetResult, Member
from ...rehearsal.values import Result
from ..redact import keys_only


@dataclass(frozen=True, kw_only=True)
class Told:
    """A fleet, for who may see values and for everybody."""

    whole: FleetResult
    #: Rows by their keys alone.
    public: FleetResult


def gathered(
    members: Iterable[Member],
    *,
    read: Callable[[str], Result | None],
    absences: Mapping[str, tuple[Absence, str]],
    schemas: Schemas,
    sample: str | None = None,
    interrupted: str | None = None,
) -> Told:
    """Return what is told of a fleet.

    :param read: returns the result of a member's name, already redacted; None if it was never begun.
    :param absences: why members have no result, as far as that is known without one.
    """
    whole, public = Gathering(), Gathering()
    for member in members:
        known = absences.get(member.name)
        result = None if known is not None else read(member.name)
        if known is None and result is None:
            known = (Absence.NOT_BEGUN, "")
        if known is not None:
            for one in (whole, public):
                one.absent(member, *known)
        elif result is not None:
            found = schemas.of(member.name)
            whole.add(member, result, found)
            public.add(member, keys_only(result), found)
    drifted = drift(whole.fingerprints, schemas.read)
    return Told(
        whole=whole.result(drifted, sample=sample, interrupted=interrupted),
        public=public.result(drifted, sample=sample, interrupted=interrupted),
    )
