"""Keep a migration command from every network but the way to the copy, where the machine allows it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..server import enclosure
from ..server.address import Address
from ..server.base import Server
from . import enclosed

Network = Literal["auto", "isolated", "open"]
_UNKNOWN = "not enforced: nothing is known of it"
_HERE = frozenset({"127.0.0.1", "localhost"})
#: What tools say that wanted another network.
_MISSED = (
    "network is unreachable", "name resolution", "name or service not known", "nodename nor servname", "enotfound",
    "enetunreach", "eai_again", "could not resolve", "could not translate host name", "connection refused",
    "econnrefused", "connectionrefused", "connect call failed", "getaddrinfo",
)  # fmt: skip
#: What they say besides where it was open, and they came to a server that is not the copy's.
_STRANGER = ("password authentication failed", "no password supplied", "no pg_hba.conf entry")


@dataclass(frozen=True, kw_only=True)
class Enclosure:
    """A command that is run without a route to anything but the copy."""

    command: Sequence[str]
    #: What it has to say before it runs; None where the machine is to be asked.
    why_open: str | None
    status: Path

    @property
    def through(self) -> Sequence[str]:
        """What stands before the command that was given."""
        return self.command[:-1]

    @property
    def refused(self) -> bool:
        """Whether it must not run: it has to be kept from the network, and nothing can do that."""
        return not self.command

    def outcome(self) -> str:
        """Return ``isolated``, ``open``, or ``not enforced: …`` with the reason; for a command that has run."""
        if self.why_open is not None:
            return self.why_open
        return self._lines()[0]

    def missed(self) -> tuple[str, ...]:
        """Return the Unix sockets, each in a line, that the command wanted and was kept from."""
        return (
            () if self.why_open is not None else tuple(f"kept from the Unix socket {one}" for one in self._lines()[1:])
        )

    def _lines(self) -> list[str]:
        try:
            return self.status.read_text(encoding="utf-8").splitlines() or [_UNKNOWN]
        except OSError:
            return [_UNKNOWN]


def enclose(
    command: Sequence[str], address: Address, source: Address | None, *, network: Network, private: Path
) -> Enclosure:
    """Return what to run instead of a command.

    :param address: the copy's.
    :param source: what must not be reached.
    :param private: a folder for what is told.
    """
    status = private / "network"
    if network == "open":
        return Enclosure(command=command, why_open="open", status=status)
    host, port = address.parameters.get("host", ""), address.parameters.get("port", "5432")
    why = None
    if not sys.platform.startswith("linux"):
        why = "not enforced: it takes Linux"
    elif host not in _HERE:
        why = f"not enforced: the copy is not on this machine but on {host}"
    elif source is not None and (source.parameters.get("host"), source.parameters.get("port")) == (host, port):
        why = "not enforced: the source is on the same server as the copy"
    if why is not None:
        return Enclosure(command=() if network == "isolated" else command, why_open=why, status=status)
    must = "must" if network == "isolated" else "may"
    wrapped = (
        sys.executable,
        "-I",
        "-S",
        enclosed.__file__,
        str(status),
        must,
        host,
        port,
        enclosure.__file__,
        *command,
    )
    return Enclosure(command=wrapped, why_open=None, status=status)


def around(
    files: Sequence[Path], server: Server, address: Address, source: Address | None, *, network: Network, private: Path
) -> Enclosure | None:
    """Return what psql has to be run through for SQL files; None where there is nothing that it could do besides.

    Without a backslash psql does nothing but send statements, and in a container it is shut in already.

    :param address: the copy's.
    """
    if server.kind == "container" or not any(b"\\" in file.read_bytes() for file in files):
        return None
    return enclose(("psql",), address, source, network=network, private=private)


def remedy(outcome: str | None, printed: str) -> tuple[str, ...]:
    """Return what to say of a command that failed for want of a network, as far as its output shows that."""
    if outcome is None or not outcome.startswith("isolated") or not any(word in printed.lower() for word in _MISSED):
        return ()
    return (
        'it ran without a route to anything but the copy; if it needs more than that: [migration] network = "open"',
    )


def went_elsewhere(printed: str) -> bool:
    """Tell whether the output of a command that never came to the copy shows that it wanted another server."""
    return any(word in printed.lower() for word in (*_MISSED, *_STRANGER))
