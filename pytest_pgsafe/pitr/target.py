"""Where a recovery is to end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

from ..errors import ConfigError
from .base import Base
from .wal import Lsn

#: As PostgreSQL and ISO 8601 write it; the name of a zone means two moments when the clocks go back.
_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:[.,](?P<fraction>\d+))?\s*"
    r"(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?"
)
#: Bytes of a restore point's name, with its end.
_NAME = 64
Kind = Literal["time", "lsn", "name", "xid", "end"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A time, a position, a restore point, a transaction, or the end of the archive."""

    kind: Kind
    #: As PostgreSQL reads it: a time has its offset.
    value: str = ""
    #: Whether the transaction, or what lies exactly there, is recovered too; a restore point always is.
    inclusive: bool = True

    def __str__(self) -> str:
        if self.kind == "end":
            return "the end of the archive"
        kinds = {"time": "", "lsn": "LSN ", "name": "restore point ", "xid": "transaction "}
        return f"{'' if self.inclusive else 'just before '}{kinds[self.kind]}{self.value}"

    @classmethod
    def time(cls, text: str, *, inclusive: bool = True) -> Target:
        """Read a moment.

        :raises ConfigError: it is none, or says no offset: it would move with the machine's time zone.
        """
        match = _TIME.fullmatch(text.strip())
        try:
            if match is None:
                raise ValueError(text)
            moment = datetime.fromisoformat(f"{match['day']}T{match['time']}").replace(
                microsecond=int((match["fraction"] or "")[:6].ljust(6, "0")), tzinfo=_zone(match["zone"])
            )
            utc = None if moment.tzinfo is None else moment.astimezone(timezone.utc)
        except (ValueError, OverflowError) as error:
            raise ConfigError(
                f"{text!r} is no time that means one moment alone", remedies=["write 2026-11-22T14:30:00+00:00"]
            ) from error
        if utc is None:
            raise ConfigError(
                f"{text!r} does not say its offset from UTC, and would be another moment on another machine",
                remedies=[f"write {text}+00:00 for UTC"],
            )
        return cls(kind="time", value=utc.isoformat(), inclusive=inclusive)

    @classmethod
    def lsn(cls, text: str, *, inclusive: bool = True) -> Target:
        """Read a position in the WAL.

        :raises ConfigError: it is none.
        """
        try:
            return cls(kind="lsn", value=str(Lsn.parse(text)), inclusive=inclusive)
        except ValueError as error:
            raise ConfigError(str(error)) from error

    @classmethod
    def name(cls, text: str) -> Target:
        """Read a restore point's name.

        :raises ConfigError: PostgreSQL knows none like it.
        """
        if not 0 < len(text.encode()) < _NAME:
            raise ConfigError(f"a restore point's name has 1 to {_NAME - 1} bytes, {text!r} has {len(text.encode())}")
        return cls(kind="name", value=text)

    @classmethod
    def xid(cls, text: str, *, inclusive: bool = True) -> Target:
        """Read a transaction's number, of 64 bits as ``pg_current_xact_id()`` gives it, or of 32.

        :raises ConfigError: it is none. PostgreSQL would take a word for 0, and 0700 for 448.
        """
        if re.fullmatch(r"[1-9][0-9]{0,18}", text) is None:
            raise ConfigError(f"{text!r} is no transaction's number", remedies=["write --xid=735"])
        return cls(kind="xid", value=str(int(text) % (1 << 32)), inclusive=inclusive)

    def settings(self, base: Base | None = None) -> dict[str, str]:
        """Return PostgreSQL's settings for it, from a base backup."""
        chosen = {"recovery_target_action": "promote", "recovery_target_timeline": "latest"}
        if base is not None and self.kind == "lsn" and not self.inclusive and Lsn.parse(self.value) == base.end_lsn:
            # A position ends a recovery at the record there, which may be missing: the base backup itself is whole.
            chosen["recovery_target"] = "immediate"
        elif self.kind != "end":
            chosen[f"recovery_target_{self.kind}"] = self.value
            chosen["recovery_target_inclusive"] = "on" if self.inclusive else "off"
        return chosen

    def after(self, base: Base) -> bool:
        """Tell whether a base backup is old enough: from a newer one PostgreSQL opens with rows after the target."""
        if self.kind == "time":
            return base.ended_at <= datetime.fromisoformat(self.value)
        if self.kind == "lsn":
            return base.end_lsn <= Lsn.parse(self.value)
        # A name or a transaction that is not found ends the recovery with an error.
        return True


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text in {"Z", "z"}:
        return timezone.utc
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
