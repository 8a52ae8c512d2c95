"""Sessions in the way of the migration's locks, and those who come while it waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

import psycopg

from ..retry.between import Between, Stop
from ..retry.values import Sent
from ..server.address import Address
from .conflicts import conflict
from .order import READS, WRITES
from .sessions import PATIENCE, Other, Waits, until
from .values import Hold, Queue, Taken, Waiter, Wanted, Who

#: SQLSTATE of a statement that gave up at its lock_timeout.
GAVE_UP = "55P03"
_WHO: tuple[tuple[Who, str], ...] = (("reader", READS), ("writer", WRITES))


class Queued:
    """Those who are in the way at one statement, and what came of it."""

    def __init__(
        self, holds: Sequence[Hold], locks: Sequence[Taken], server: Address, copy: Address, oids: Mapping[str, int], *,
        clients: int, patience: float,
    ) -> None:  # fmt: skip
        """Prepare it.

        :param holds: of one statement.
        :param locks: all that the migration takes.
        :param clients: so many sessions come meanwhile at most.
        :param patience: seconds for which it is waited that the migration gives up; 0 is not at all.
        """
        self._holds = holds
        self._locks = locks
        self._copy = copy
        self._oids = oids
        self._clients = clients
        self._patience = patience
        self._waits = Waits(server, copy.dbname)
        self._holders: dict[int, tuple[Other, Hold]] = {}
        self._comers: list[tuple[Hold, Who, Wanted, Other]] = []
        self._between: Between | None = None
        self._waited: dict[Hold, float | None] = {}
        #: The migration came to the statement.
        self.reached = False

    @property
    def at(self) -> Sent:
        """The statement."""
        return self._holds[0].taken.at

    def stop(self) -> Stop:
        """Return where the migration is held."""
        return Stop(at=self.at, inside=self._place)

    def attend(self, between: Between) -> None:
        """Take what sees the migration's statements."""
        self._between = between

    def _place(self) -> Callable[[], bool]:
        """Before the statement is sent: be in its way."""
        self.reached = True
        # The migration goes on in any case.
        with suppress(psycopg.Error):
            for hold in self._holds:
                # Of what was locked before somebody who is in the way cannot be had.
                if not self._is_locked(hold):
                    other = Other(self._copy, self._oids)
                    self._holders[other.pid] = (other, hold)
                    other.take(hold.held)
        return self._follow

    def _is_locked(self, hold: Hold) -> bool:
        return any(
            one.transaction == hold.taken.transaction and one.number < hold.taken.number
            and one.relation == hold.held.relation and conflict(one.mode, hold.held.mode)
            for one in self._locks
        )  # fmt: skip

    def _follow(self) -> bool:
        """Once it was sent: as long as it waits, see who waits behind it, and then let it go on."""
        ahead = dict(self._holders)
        with suppress(psycopg.Error):
            while ahead and until(lambda: self._is_over() or bool(self._in_the_way(ahead))):
                found = self._in_the_way(ahead)
                if not found:
                    break
                other, hold = ahead.pop(found[0])
                self._look(hold)
                other.leave()
        for other, _ in self._holders.values():
            other.leave()
        return False

    def _in_the_way(self, ahead: Mapping[int, object]) -> list[int]:
        waits = self._waits.migration()
        return [pid for pid in ahead if any(pid in blockers for blockers in waits.values())]

    def _look(self, hold: Hold) -> None:
        """See who waits behind the waiting migration, and whether it gives up."""
        started = time.monotonic()
        self._waited[hold] = None
        own = set(self._waits.migration())
        for who, wanted in self._comers_at(hold):
            comer = Other(self._copy, self._oids)
            comer.ask(wanted, leave=True)
            until(lambda comer=comer: comer.is_done or comer.pid in self._waits.others())  # type: ignore[misc]
            if self._waits.others().get(comer.pid, frozenset()) & own:
                self._comers.append((hold, who, wanted, comer))
            else:
                comer.close()
        if self._patience and until(self._is_over, self._patience) and self._has_given_up():
            patience = hold.taken.patience
            self._waited[hold] = patience / 1000 if patience else round(time.monotonic() - started, 1)

    def _comers_at(self, hold: Hold) -> Iterator[tuple[Who, Wanted]]:
        """Yield who comes: to the relation, and to what the transaction has locked already."""
        held = [
            one.relation for one in self._locks
            if one.transaction == hold.taken.transaction and one.number < hold.taken.number
        ]  # fmt: skip
        wanted: list[tuple[Who, Wanted]] = [
            (who, Wanted(relation=relation, mode=mode))
            for relation in dict.fromkeys((hold.held.relation, *held))
            for who, mode in _WHO
        ]
        yield from wanted[: self._clients]

    def _is_over(self) -> bool:
        return self._between is not None and self._between.is_over(self.at)

    def _has_given_up(self) -> bool:
        return self._between is not None and any(one.state == GAVE_UP for one in self._between.failures)

    @property
    def gave_up(self) -> bool:
        """Whether the migration gave up waiting."""
        return any(seconds is not None for seconds in self._waited.values())

    def found(self) -> Iterator[Queue]:
        """Yield where the migration waited, and who waited behind it; after the run."""
        for hold, seconds in self._waited.items():
            waiters = tuple(self._waiters(hold))
            yield Queue(hold=hold, waiters=waiters, gave_up=seconds)

    def _waiters(self, hold: Hold) -> Iterator[Waiter]:
        for behind, who, wanted, comer in self._comers:
            if behind is hold:
                comer.wait(PATIENCE)
                yield comer.waiter(who, wanted)

    def close(self) -> None:
        """End all sessions."""
        for other in (*(one for one, _ in self._holders.values()), *(one[-1] for one in self._comers)):
            other.close()
        self._waits.close()
