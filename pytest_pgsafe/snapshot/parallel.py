"""Several sessions that read one snapshot, and are kept busy until nothing is left."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from typing import TypeVar

import psycopg

from ..server.connection import Connection, sibling
from .session import failed, moment

__all__ = ["cut", "share", "siblings"]

Task = TypeVar("Task")
Found = TypeVar("Found")

#: The first session may hold locks for which others wait, and whoever wants the same lock after them waits for us.
_PATIENCE = "100ms"


@contextmanager
def siblings(
    connection: Connection, snapshot: str | None, number: int
) -> Generator[tuple[Connection, ...], None, None]:
    """Open up to so many sessions beside one that is in a transaction, which see what it sees.

    A server without room for them is no reason to fail: they save time, and nothing else.

    :param snapshot: exported by ``connection``; None exports one, where its transaction has written nothing.
    """
    with ExitStack() as stack:
        opened: list[Connection] = []
        workers = "0"
        if number > 0:
            exported = "pg_catalog.pg_export_snapshot()" if snapshot is None else "NULL"
            row = connection.execute(
                f"SELECT {exported}, pg_catalog.current_setting('max_parallel_workers_per_gather')".encode()
            ).fetchone()
            assert row is not None
            snapshot, workers = snapshot or str(row[0]), str(row[1])
        with suppress(psycopg.Error):
            for _ in range(number):
                other = stack.enter_context(sibling(connection))
                stack.enter_context(moment(other))
                # An identifier of the server's own making, in a statement that takes no parameters.
                other.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'".encode())
                other.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'".encode())
                other.execute(f"SET LOCAL max_parallel_workers_per_gather = {workers}".encode())
                opened.append(other)
        yield tuple(opened)


def share(
    connections: Sequence[Connection], tasks: Iterable[Task], work: Callable[[Connection, Task], Sequence[Found]]
) -> list[Found]:
    """Have tasks worked off by several sessions, each one at a time; return what was found, in no order.

    The first session works in this thread. What another one gets no lock for is left to it, since it may hold the lock
    already. An exception ends all of them, Ctrl-C too.

    :raises Exception: the first that ``work`` raised.
    """
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    left: queue.SimpleQueue[Task] = queue.SimpleQueue()
    stop = threading.Event()

    def until_empty(source: queue.SimpleQueue[Task], connection: Connection, *, first: bool) -> list[Found]:
        found: list[Found] = []
        while not stop.is_set():
            try:
                task = source.get_nowait()
            except queue.Empty:
                break
            try:
                found += work(connection, task)
            except psycopg.errors.LockNotAvailable as error:
                if first:
                    stop.set()
                    raise failed("a table that stays locked", error, connection) from error
                left.put(task)
            except BaseException:
                stop.set()
                raise
        return found

    first, *others = connections
    with ThreadPoolExecutor(max(1, len(others))) as pool:
        futures = [pool.submit(until_empty, waiting, other, first=False) for other in others]
        try:
            found = until_empty(waiting, first, first=True)
            for future in futures:
                found += future.result()
            return found + until_empty(left, first, first=True)
        except BaseException:
            stop.set()
            _end(futures, others)
            raise


def _end(futures: Sequence[Future[list[Found]]], connections: Sequence[Connection]) -> None:
    """Cancel what other sessions are doing until each of them has seen that it shall stop."""
    while wait(futures, timeout=0.2).not_done:
        for connection, future in zip(connections, futures, strict=True):
            if not future.done():
                with suppress(psycopg.Error):
                    connection.cancel()


def cut(sizes: Sequence[int], sessions: int, least: int) -> list[int]:
    """Return where a table is cut into pieces: large ones first, small ones last, so that all sessions end together.

    :param sizes: of its partitions, in blocks: each piece is a range of blocks of all of them.
    :param least: blocks of the smallest piece.
    :returns: the first block of each piece; the last one is open.
    """
    starts = [0]
    rest = sum(sizes)
    while rest > least:
        target = rest - max(least, rest // (2 * sessions))
        low, high = starts[-1] + 1, max(sizes)
        while low < high:
            middle = (low + high) // 2
            if _beyond(sizes, middle) <= target:
                high = middle
            else:
                low = middle + 1
        rest = _beyond(sizes, low)
        if rest:
            starts.append(low)
    return starts


def _beyond(sizes: Sequence[int], block: int) -> int:
    return sum(max(0, size - block) for size in sizes)
