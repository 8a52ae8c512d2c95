"""A transaction of others that takes two locks in the other order, put beside the migration at its statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Literal

import psycopg

from ..retry.between import Between, Stop
from ..server.address import Address
from .sessions import PATIENCE, Other, Waits, until
from .values import Inversion

#: SQLSTATE of a deadlock.
DEADLOCK = "40P01"
#: Seconds in which the server sees a deadlock: deadlock_timeout, and what a busy machine takes.
_SEEN = 30.0


class Inverted:
    """The session, and what came of it."""

    def __init__(self, inversion: Inversion, server: Address, copy: Address, oids: Mapping[str, int]) -> None:
        self._inversion = inversion
        self._waits = Waits(server, copy.dbname)
        self._copy, self._oids = copy, oids
        #: Opened at its statement: a migration that begins waits until nobody else is there.
        self._other: Other | None = None
        self._between: Between | None = None
        #: The migration came to the statement, and the session had what it was to have.
        self.placed = False

    def stop(self) -> Stop:
        """Return where the migration is held."""
        return Stop(at=self._inversion.second.at, inside=self._place)

    def attend(self, between: Between) -> None:
        """Take what sees the migration's statements."""
        self._between = between

    def _place(self) -> Callable[[], bool]:
        """Before the statement is sent: take what it will have to wait for, and ask for what was locked before."""
        inversion = self._inversion
        # The migration goes on in any case.
        with suppress(psycopg.Error):
            # One that never gives up has its deadlock whenever the server looks for it: that need not take a second.
            self._other = other = Other(self._copy, self._oids, soon=inversion.second.patience == 0)
            self.placed = other.take(inversion.held)
            if self.placed and inversion.first.number < inversion.second.number:
                other.ask(inversion.wants)
                until(lambda: other.is_done or other.pid in self._waits.others())
        return self._follow

    def _follow(self) -> bool:
        """Once it was sent: close the circle if it is not closed yet, and wait for what the server makes of it."""
        if self._other is None:
            return False
        try:
            if self.placed:
                self._close(self._other)
        except psycopg.Error:
            self.placed = False
        finally:
            self._other.leave()
        return False

    def _close(self, other: Other) -> None:
        inversion = self._inversion
        if inversion.first.number == inversion.second.number:
            until(lambda: self._is_over() or self._is_waited_for(other))
            if self._is_over():
                return
            other.ask(inversion.wants)
        until(lambda: self._is_over() or other.is_done, _SEEN)
        other.wait(PATIENCE if self._is_over() else 0.0)

    def _is_over(self) -> bool:
        return self._between is not None and self._between.is_over(self._inversion.second.at)

    def _is_waited_for(self, other: Other) -> bool:
        return any(other.pid in blockers for blockers in self._waits.migration().values())

    def killed(self) -> Literal["migration", "other"] | None:
        """Return whom the server ended; None if nobody."""
        if self._other is not None and self._other.error is not None and self._other.error[0] == DEADLOCK:
            return "other"
        if self._between is not None and any(one.state == DEADLOCK for one in self._between.failures):
            return "migration"
        return None

    def close(self) -> None:
        """End its sessions."""
        if self._other is not None:
            self._other.close()
        self._waits.close()
