"""A TCP proxy of the tests' own: it forwards, until it is told to stall (nothing is closed) or to cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

_CHUNK = 1 << 16


class Proxy:
    """Forward connections to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._flows = threading.Event()
        self._flows.set()
        self._lets_in = True
        self._stopped: set[socket.socket] = set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self.bytes = 0
        self._moment: tuple[int, Callable[[], object]] | None = None
        self._start(self._accept)

    @property
    def connections(self) -> int:
        """How many were opened so far."""
        return len(self._pairs)

    def at(self, number: int, harm: Callable[[], object]) -> None:
        """Do something when a connection is opened, counted from 1, before anything is forwarded on it."""
        self._moment = number, harm

    def stall(self, *, new: bool = True) -> None:
        """Forward nothing more; with ``new=False`` connections that are opened later are let through."""
        if new:
            self._flows.clear()
        else:
            self._stopped |= {one for pair in self._pairs for one in pair}

    def cut(self) -> None:
        """Close everything, and take nothing new."""
        self._lets_in = False
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for pair in self._pairs:
            for one in pair:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the proxy."""
        self.cut()
        self._flows.set()
        self._over.set()
        for thread in self._threads:
            thread.join(10)
        for one in (end for pair in self._pairs for end in pair):
            one.close()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._pairs.append((client, server))
            if self._moment is not None and self._moment[0] == len(self._pairs):
                self._moment[1]()
            for one, two in ((client, server), (server, client)):
                self._start(self._forward, one, two)

    def _forward(self, one: socket.socket, two: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(_CHUNK):
                self._flows.wait()
                if one in self._stopped:
                    # What was read is lost; nothing is closed.
                    self._over.wait()
                    return
                two.sendall(data)
                self.bytes += len(data)
        for end in (one, two):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
