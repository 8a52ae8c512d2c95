"""Poolers between us and a server: what their sessions are used for by others afterwards, nothing may be set in.

A pooler is known by what it does, not by its name: it tells another process number than the server's own. Whether it
lends a session for as long as we are there is found out by two connections that need one at the same time; whether it
clears a session before it lends it to others by a setting that is set to the very value that it has.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import psycopg
from psycopg.pq import TransactionStatus

from ..errors import SourceError
from .address import Address, Sessions
from .lost import ConnectionLost, Session

#: Nothing of it outlives it, whatever stands between.
PROCESS = b"begin; set local statement_timeout = 0; select pg_catalog.pg_backend_pid(); commit"
#: How many others want a session meanwhile, round by round: of two in turn the third asked is the first again,
#: and an application may come between.
_ROUNDS = (1, 2, 1)
#: Set to the value that it has: only where the value comes from is another, until the session is cleared.
_MARK = b"select pg_catalog.set_config('array_nulls', pg_catalog.current_setting('array_nulls'), false)"
_MARKED = b"select source = 'session' from pg_catalog.pg_settings where name = 'array_nulls'"
_THERE = "select count(*) from pg_catalog.pg_stat_activity where pid = %s"
_TRIES = 5
#: Seconds until a pooler has noticed that a client is gone.
_PAUSE = 0.1

_DIRECT = (
    "name the server itself, not the pooler: its own port (mostly 5432), the address that the provider calls"
    " direct, unpooled, session or migration URL (DIRECT_URL, without -pooler in the host's name)"
)

Open = Callable[[], Session]


def process_of(session: Session) -> int:
    """Return the number of the server's process behind a session."""
    cursor = session.execute(PROCESS)
    found: int | None = None
    more: bool | None = True
    while more:
        if cursor.description is not None:
            row = cursor.fetchone()
            found = None if row is None else int(row[0])
        more = cursor.nextset()
    assert found is not None
    return found


def examine(address: Address, session: Session, open_: Open) -> Sessions:
    """Say whose the sessions behind an address are, before anything is set in one.

    :param session: a new one.
    :param open_: opens another, in which nothing is set either.
    :raises SourceError: others would find in them what we set.
    """
    session.process = process_of(session)
    if session.process == session.info.backend_pid:
        return "own"
    session.close()
    if why := _shared(open_) or _left_as_is(open_):
        raise refusal(address, why)
    return "lent"


def demand_own(address: Address, what: str) -> None:
    """Refuse a pooler, whatever it does with its sessions, for what it cannot carry.

    :param address: that was connected to.
    :param what: completes “…: it carries no …”.
    :raises SourceError: it is one.
    """
    if address.sessions == "lent":
        raise SourceError(
            f"{address} is a connection pooler: it carries no {what}",
            looked_at=["the process number that the connection tells, and the server's own: they differ"],
            remedies=[_DIRECT],
        )


def refusal(address: Address, why: str) -> SourceError:
    """Return the error that says why nothing is done through a pooler, and what to do instead."""
    return SourceError(
        f"{address} is a connection pooler, and {why}: what pgsafe and pg_dump set in a session (read only,"
        " search_path, time zone …) would be left to the application behind it. Nothing was set.",
        looked_at=["the process number that the connection tells, and the server's own: they differ"],
        remedies=[
            _DIRECT,
            "or a database of the pooler with pool_mode = session and server_reset_query = DISCARD ALL",
        ],
    )


def _shared(open_: Open) -> str:
    """Say that a session is lent for a transaction or a statement only; empty if it is ours until we go."""
    for number in _ROUNDS:
        with ExitStack() as stack:
            one, *others = (stack.enter_context(_closing(open_)) for _ in range(1 + number))
            try:
                first = _in_transaction(one)
                one.execute(b"rollback")
            except psycopg.Error:
                return "a session of it is lent for one statement at a time (pool_mode = statement)"
            try:
                held = {_in_transaction(other) for other in others}
                again = _in_transaction(one)
            except ConnectionLost as error:
                if number > 1:
                    # A pool as small as that would have come back to the first in the round before.
                    break
                raise SourceError(
                    "a connection pooler has no second session for us, so it cannot be found out how it lends them",
                    looked_at=[error.message],
                    remedies=["name the server itself, not the pooler", "raise the pooler's pool_size"],
                ) from error
            if first in held or again != first:
                return "a session of it is lent for one transaction at a time (pool_mode = transaction)"
    return ""


def _in_transaction(session: Session) -> int:
    session.execute(b"begin")
    row = session.execute(b"select pg_catalog.pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])


def _left_as_is(open_: Open) -> str:
    """Say that a session is lent to others as we leave it; empty if it is cleared, or ended with us."""
    as_left = "it lends sessions on as they were left (server_reset_query is empty)"
    with _closing(open_) as first:
        if first.execute(_MARKED).fetchone() == (True,):
            return as_left
        first.execute(_MARK)
        process = process_of(first)
    with ExitStack() as stack:
        for _ in range(_TRIES):
            time.sleep(_PAUSE)
            session = stack.enter_context(_closing(open_))
            if process_of(session) == process:
                row = session.execute(_MARKED).fetchone()
                if row == (False,):
                    return ""
                session.execute(b"reset array_nulls")
                return as_left
            if session.execute(_THERE, (process,)).fetchone() == (0,):
                return ""
    return "it could not be found out whether it clears a session before it lends it on"


class _closing:  # noqa: N801 (a context manager of one use)
    """Open a session and close it; a pooler ends the server's session of a client that goes within a transaction."""

    def __init__(self, open_: Open) -> None:
        self._session = open_()

    def __enter__(self) -> Session:
        return self._session

    def __exit__(self, *_: object) -> None:
        with suppress(psycopg.Error):
            if self._session.info.transaction_status != TransactionStatus.IDLE:
                self._session.execute(b"rollback")
        self._session.close()
