"""Whether what is about to be deployed is what was rehearsed (pure): each reason against it in a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pydantic import TypeAdapter, ValidationError

from .seal import KEY, fault
from .values import Entry

#: Two machines' clocks may differ by so much.
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Hashed:
    path: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Migration:
    """The migration; paths begin at the folder that pytest ran in."""

    #: The tool's word, as the configuration has it.
    kind: str
    #: How it is called for people.
    text: str
    #: What the tool was given; None of a command.
    path: str | None
    #: Files and folders that belong to it besides.
    also: Sequence[str]
    files: Sequence[Hashed]
    revisions: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a receipt has to say; it says more, for people."""

    #: Whether a step of the run migrated the copy.
    rehearsed: bool
    migration: Migration
    configuration: Sequence[Hashed]
    expires: str
    source: Mapping[str, str]
    findings: Mapping[str, int]
    not_verified: int


@dataclass(frozen=True, kw_only=True)
class Here:
    """What is about to be deployed: SHA-256 by path, as the receipt calls the paths."""

    files: Mapping[str, str]
    #: Of the configuration's files those that are here.
    configuration: Mapping[str, str]


_RECEIPT = TypeAdapter(Receipt)


def untrusted(entry: Entry, key: bytes | None) -> str | None:
    """Return why an entry is no receipt that can be trusted; None if it can."""
    if found := fault(entry, key):
        return found
    if key is None and entry.signature is not None:
        return f"it is signed, and {KEY} is not set: nobody can tell by whom"
    return None if entry.kind == "rehearsal" else f"it is of a {entry.kind}, and no receipt of a rehearsal"


def of(entry: Entry) -> Receipt:
    """Return what the entry of a rehearsal says.

    :raises ValueError: something is missing in it.
    """
    try:
        return _RECEIPT.validate_python(entry.facts)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def refusals(entry: Entry, receipt: Receipt, here: Here, *, now: datetime, max_age: timedelta | None) -> Iterator[str]:
    """Yield each reason for which a receipt does not cover what is here."""
    if entry.result != "passed":
        yield f"the rehearsal was not safe: its result is {entry.result}"
    if not receipt.rehearsed:
        yield "the migration was not rehearsed: no step of the run migrated the copy"
    yield from _of_time(entry.time, receipt.expires, now, max_age)
    wanted = {one.path: one.sha256 for one in receipt.migration.files}
    if not wanted:
        yield "the receipt names no file of the migration"
    for name, digest in wanted.items():
        if name not in here.files:
            yield f"{name}: was rehearsed, and is not here"
        elif here.files[name] != digest:
            yield f"{name}: is not what was rehearsed"
    yield from (f"{name}: is here, and was not rehearsed" for name in here.files if name not in wanted)
    for one in receipt.configuration:
        if here.configuration.get(one.path, one.sha256) != one.sha256:
            yield f"{one.path}: the configuration is not that of the rehearsal"


def _of_time(time: str, expires: str, now: datetime, max_age: timedelta | None) -> Iterator[str]:
    made, until = moment(time), moment(expires)
    if made is None or until is None:
        yield "the receipt does not say when it was made, or when it expires"
        return
    if made > now + _SKEW:
        yield f"the receipt is of the future: {time}, and now is {now:%Y-%m-%dT%H:%M:%SZ}"
    if until <= now:
        yield f"the receipt expired at {expires}"
    if max_age is not None and now - made > max_age:
        yield f"the receipt is older than the age that was asked for: it is of {time}"


def moment(text: str) -> datetime | None:
    """Return a moment that an entry tells, in UTC; None where it tells none."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
