"""Where a recovery is to end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from ..errors import ConfigError
from .base import Base
from .wal import Lsn

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
        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError as error:
            raise ConfigError(f"{text!r} is no time", remedies=["write 2026-11-22T14:30:00+00:00"]) from error
        if moment.tzinfo is None:
            raise ConfigError(
                f"{text!r} does not say its offset from UTC, and would be another moment on another machine",
                remedies=[f"write {text}+00:00 for UTC"],
            )
        return cls(kind="time", value=moment.astimezone(timezone.utc).isoformat(), inclusive=inclusive)

    @classmethod
    def lsn(cls, text: str, *, inclusive: bool = True) -> Target:
        """Read a position in the WAL.

        :raises ConfigError: it is none.
        """
        try:
            return cls(kind="lsn", value=str(Lsn.parse(text)), inclusive=inclusive)
        except ValueError as error:
            raise ConfigError(str(error)) from error

    def settings(self) -> dict[str, str]:
        """Return PostgreSQL's settings for it."""
        chosen = {"recovery_target_action": "promote", "recovery_target_timeline": "latest"}
        if self.kind != "end":
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
