"""What stands between a migration and its server: it sees each statement, and breaks the connections at one of them."""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from ..reading.values import Cited
from ..server.address import Address
from .points import flat
from .values import Failure, Sent

_CHUNK = 1 << 16
_LENGTH = struct.Struct("!i")
#: What a client asks before it begins: encryption by TLS or GSSAPI, which is not offered here; and a cancellation.
_ENCRYPT, _CANCEL = {80877103, 80877104}, 80877102
#: With these libpq goes on without TLS where it is not offered.
PLAIN = frozenset({None, "disable", "allow", "prefer"})


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Where a run is broken off."""

    at: Sent
    #: Called before the statement is passed on, and what it returns once it was: that tells whether to break off.
    inside: Callable[[], Callable[[], bool]] | None = None
    #: The program is killed before its connections are broken; or it may connect again.
    kills: bool = False
    lets_in: bool = False


@dataclass
class _Talk:
    """One connection: the statements that are under way in it, by the messages of the protocol."""

    client: socket.socket
    server: socket.socket
    prepared: dict[bytes, str] = field(default_factory=dict[bytes, str])
    portals: dict[bytes, str] = field(default_factory=dict[bytes, str])
    #: Executed since the last Sync.
    pending: list[str] = field(default_factory=list[str])
    #: What each ReadyForQuery that is to come answers, and whether a Sync asked for it; the first is the greeting's.
    cycles: deque[tuple[list[str], bool]] = field(default_factory=lambda: deque([(list[str](), False)]))
    #: COPY ignored the Sync that was sent with it: another one follows its rows.
    again: bool = False


class Between:
    """Pass on what a migration and its server say; a context manager."""

    def __init__(self, server: Address, *stops: Stop) -> None:
        self._server = server
        self._stops = {(stop.at.text, stop.at.occurrence): stop for stop in stops}
        self._lock = threading.Lock()
        self._sent: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._talks: list[_Talk] = []
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        #: The point was reached, and every connection is broken.
        self.broken = False
        #: It connected again after that.
        self.returned = False
        self._kill: Callable[[], None] = lambda: None
        #: The statements that the server refused.
        self.failures: list[Failure] = []

    @property
    def failure(self) -> Failure | None:
        """The last statement that the server refused."""
        return self.failures[-1] if self.failures else None

    def is_over(self, sent: Sent) -> bool:
        """Tell whether a statement has ended."""
        with self._lock:
            return self._ended[sent.text] >= sent.occurrence

    def address(self, own: Address) -> Address:
        """Return the address by which the migration comes through here."""
        return own.with_(host="127.0.0.1", hostaddr=None, port=str(self._listening.getsockname()[1]))

    def __enter__(self) -> Between:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._close()
        for thread in self._threads:
            thread.join(10)
        for talk in self._talks:
            talk.client.close()
            talk.server.close()

    def running(self, kill: Callable[[], None]) -> None:
        """Take what kills the program that comes through here."""
        self._kill = kill

    def cut(self) -> None:
        """Break every connection, and take no new one unless the program may come again."""
        self.broken = True
        if any(stop.kills for stop in self._stops.values()):
            self._kill()
        self._close()

    def _close(self) -> None:
        for talk in self._talks:
            for one in (talk.client, talk.server):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self.broken and not any(stop.lets_in for stop in self._stops.values()):
                client.close()
                continue
            self.returned = self.broken
            try:
                server = _connected(self._server)
            except OSError:
                client.close()
                continue
            talk = _Talk(client=client, server=server)
            self._talks.append(talk)
            self._start(self._forth, talk)
            self._start(self._back, talk)

    def _forth(self, talk: _Talk) -> None:
        """Pass on what the client says."""
        with suppress(OSError, EOFError), talk.client.makefile("rb", _CHUNK) as stream:
            while True:
                head = _exactly(stream.read, 8)
                code = _LENGTH.unpack_from(head, 4)[0]
                if code not in _ENCRYPT:
                    break
                talk.client.sendall(b"N")
            talk.server.sendall(head + _exactly(stream.read, _LENGTH.unpack_from(head)[0] - 8))
            while code != _CANCEL:
                kind, body, whole = _message(stream.read)
                started = self._heard(talk, kind, body)
                talk.server.sendall(whole)
                if started is not None:
                    self._start(self._inside, started)
        _end(talk.server)

    def _inside(self, started: Callable[[], bool]) -> None:
        if started():
            self.cut()

    def _heard(self, talk: _Talk, kind: bytes, body: bytes) -> Callable[[], bool] | None:
        """Follow the client's statements; return what breaks off inside the one that is passed on next."""
        text: str | None = None
        if kind == b"Q":
            text = _text(body.rstrip(b"\0"))
            talk.cycles.append(([text], False))
        elif kind == b"P":
            name, query, _ = body.split(b"\0", 2)
            talk.prepared[name] = _text(query)
        elif kind == b"B":
            portal, name, _ = body.split(b"\0", 2)
            talk.portals[portal] = talk.prepared.get(name, "")
        elif kind == b"E":
            text = talk.portals.get(body.split(b"\0", 1)[0], "")
            talk.pending.append(text)
        elif kind == b"F":
            talk.cycles.append(([], False))
        elif kind in {b"c", b"f"}:
            talk.again = len(talk.cycles) > 0 and talk.cycles[-1][1]
        elif kind == b"S" and talk.again:
            talk.again = False
        elif kind == b"S":
            talk.cycles.append((talk.pending, True))
            talk.pending = []
        return None if text is None else self._begun(text)

    def _begun(self, text: str) -> Callable[[], bool] | None:
        with self._lock:
            self._sent[text] += 1
            stop = self._stops.get((text, self._sent[text]))
        return None if stop is None or stop.inside is None else stop.inside()

    def _back(self, talk: _Talk) -> None:
        """Pass on what the server says."""
        done = 0
        with suppress(OSError, EOFError), talk.server.makefile("rb", _CHUNK) as stream:
            while True:
                kind, body, whole = _message(stream.read)
                if kind == b"C":
                    done += 1
                elif kind == b"E":
                    self._refused(talk, body, done)
                elif kind == b"Z":
                    done = 0
                    if self._answered(talk, idle=body == b"I"):
                        self.cut()
                        break
                talk.client.sendall(whole)
        _end(talk.client)

    def _answered(self, talk: _Talk, *, idle: bool) -> bool:
        """Note which statements are over, and tell whether it is broken off here."""
        here = False
        with self._lock:
            for text in talk.cycles.popleft()[0] if talk.cycles else ():
                self._ended[text] += 1
                stop = self._stops.get((text, self._ended[text]))
                here = here or (stop is not None and stop.inside is None)
        return here and idle

    def _refused(self, talk: _Talk, body: bytes, done: int) -> None:
        fields = {part[:1]: part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}
        texts = (talk.cycles[0][0] if talk.cycles else []) or talk.pending
        text = texts[min(done, len(texts) - 1)] if texts else ""
        self.failures.append(
            Failure(
                statement=Cited.of(text.rstrip().removesuffix(";")).text,
                state=fields.get(b"C", ""),
                message=fields.get(b"M", ""),
            )
        )


def _connected(address: Address) -> socket.socket:
    host, port = (
        address.parameters.get("hostaddr") or address.parameters.get("host", ""),
        address.parameters.get("port", "5432"),
    )
    if not host.startswith("/"):
        return socket.create_connection((host, int(port)))
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"{host}/.s.PGSQL.{port}")
    return server


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def _exactly(read: Callable[[int], bytes], size: int) -> bytes:
    found = read(size) if size else b""
    if len(found) < size:
        raise EOFError
    return found


def _message(read: Callable[[int], bytes]) -> tuple[bytes, bytes, bytes]:
    """Return kind, content and the whole of the next message."""
    head = _exactly(read, 5)
    body = _exactly(read, _LENGTH.unpack_from(head, 1)[0] - 4)
    return head[:1], body, head + body


def _text(query: bytes) -> str:
    return flat(query.decode("utf-8", "replace"))
