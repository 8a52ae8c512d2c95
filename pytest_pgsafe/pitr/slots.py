"""Who receives a server's WAL, and for whom it keeps some: a slot that nobody uses fills the server's disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg
from psycopg.rows import class_row

from ..errors import SnapshotError
from ..server.connection import Connection

#: The name by which pg_receivewal goes, unless it is told another.
RECEIVEWAL = "pg_receivewal"


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A replication slot, or a receiver that uses none."""

    #: None for a receiver without a slot.
    name: str | None
    active: bool
    #: reserved, extended, unreserved, lost, or nothing where none was ever kept.
    wal_status: str
    #: Bytes that may be written before the slot is lost; None is without a limit.
    safe_wal_size: int | None
    #: Bytes of WAL that are kept for it.
    kept: int | None
    #: The application that receives.
    receiver: str | None


def read(connection: Connection) -> tuple[Slot, ...]:
    """Return a server's slots and receivers.

    :raises SnapshotError: it does not say it to this role.
    """
    try:
        with connection.cursor(row_factory=class_row(Slot)) as cursor:
            return tuple(cursor.execute(_query()).fetchall())
    except psycopg.Error as error:
        raise SnapshotError(
            "the server does not say for whom it keeps WAL",
            looked_at=[str(error).strip()],
            remedies=["ask with a superuser, or a role of pg_monitor"],
        ) from error


def received(slots: Sequence[Slot]) -> bool:
    """Tell whether an archive is fed by pg_receivewal."""
    return any(slot.active and slot.receiver == RECEIVEWAL for slot in slots)


def dangers(slots: Sequence[Slot]) -> tuple[str, ...]:
    """Say what will go wrong if nobody does anything."""
    said: list[str] = []
    for slot in slots:
        if slot.name is None:
            if slot.receiver == RECEIVEWAL:
                said.append("pg_receivewal receives without a slot: what is removed before it was received is missing")
        elif slot.wal_status == "lost":
            said.append(f"slot {slot.name} is lost: WAL was removed before it was received; {_drop(slot.name)}")
        elif not slot.active and slot.kept is not None:
            until = (
                "until its disk is full"
                if slot.safe_wal_size is None
                else f"for {max(slot.safe_wal_size, 0) >> 20} MB more, and then the slot is lost"
            )
            said.append(
                f"slot {slot.name} is inactive: the server keeps {max(slot.kept, 0) >> 20} MB of WAL for it,"
                f" and goes on {until}; receive, or {_drop(slot.name)}"
            )
    return tuple(said)


def _drop(name: str) -> str:
    return f"drop it: select pg_drop_replication_slot('{name}')"


@cache
def _query() -> bytes:
    return (Path(__file__).parent / "sql" / "slots.sql").read_bytes()
