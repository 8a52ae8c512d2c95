"""Run a command where nothing can be reached but one TCP port of this machine. Run as a program; Linux.

    python -I -S enclosed.py STATUS MUST HOST PORT SOCKET… -- COMMAND …

The command gets a network of its own, with a loopback interface alone. What connects there to PORT is carried by this
process, which stays outside, to HOST:PORT. Unix sockets of PostgreSQL servers are covered up, also those named. STATUS
is the file that is told how far that went; where nothing of it is allowed the command runs as it is, unless MUST is
``must``. Nothing of pgsafe is imported: it has to start fast.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

NEW_MOUNTS, NEW_USER, NEW_NETWORK = 0x00020000, 0x10000000, 0x40000000
_PRIVATE, _BIND = (1 << 18) | (1 << 14), 1 << 12
_SET_FLAGS, _UP = 0x8914, 0x1 | 0x8 | 0x40
_SERVER_SOCKET = re.compile(r"/\.s\.PGSQL\.\d+$")
#: Exit status when the command must be enclosed and cannot be.
REFUSED = 126
#: Seconds that a connection is given to end once the command has ended.
MOMENT = 2.0


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit status, or end by the signal that has ended it."""
    status, must, host, port, *rest = arguments
    end = rest.index("--")
    hidden, command = rest[:end], rest[end + 1 :]
    ours, theirs = socket.socketpair()
    child = os.fork()
    if not child:
        ours.close()
        _enclosed(command, int(port), hidden, theirs)
    theirs.close()
    told, handles, *_ = socket.recv_fds(ours, 4096, 1)
    said = told.decode("utf-8", "replace") or "not enforced: its process has ended"
    allowed = said == "isolated" or must != "must"
    if not handles and allowed:
        os.waitpid(child, 0)
        child = os.fork()
        if not child:
            ours.close()
            _execute(command)
    # The command is told to end by the same signal, and may use its connections until it has.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(status, "w", encoding="utf-8") as file:
        file.write(said)
    carried: list[threading.Thread] = []
    if handles and allowed:
        listener = socket.socket(fileno=handles[0])
        threading.Thread(target=_accept, args=(listener, (host, int(port)), carried), daemon=True).start()
        ours.sendall(b"go")
    ours.close()
    _, result = os.waitpid(child, 0)
    until = time.monotonic() + MOMENT
    for thread in carried:
        thread.join(max(until - time.monotonic(), 0))
    if os.WIFSIGNALED(result):
        signal.signal(os.WTERMSIG(result), signal.SIG_DFL) if os.WTERMSIG(result) != signal.SIGKILL else None
        os.kill(os.getpid(), os.WTERMSIG(result))
    return os.waitstatus_to_exitcode(result)


def _enclosed(command: Sequence[str], port: int, hidden: Sequence[str], outside: socket.socket) -> None:
    """Leave this machine's network, hand the listening socket out and become the command."""
    try:
        covered = [*hidden, *_server_sockets()]
        libc = ctypes.CDLL(None, use_errno=True)
        _leave(libc)
        listener = _listen(port)
    except (OSError, AttributeError) as error:
        outside.sendall(f"not enforced: {getattr(error, 'strerror', None) or error}".encode())
        os._exit(REFUSED)
    said = "isolated"
    left = [path for path in covered if not _cover(libc, path)]
    if left:
        said = f"not enforced for Unix sockets: {', '.join(left[:5])}"
    socket.send_fds(outside, [said.encode()], [listener.fileno()])
    listener.close()
    if outside.recv(2) != b"go":
        os._exit(REFUSED)
    outside.close()
    _execute(command)


def _execute(command: Sequence[str]) -> None:
    """Become the command, with the environment as it was: Python's start may have added to its own."""
    with open("/proc/self/environ", "rb") as file:
        pairs = (line.partition(b"=") for line in file.read().split(b"\0") if line)
        environment = {name: value for name, _, value in pairs}
    try:
        os.execvpe(command[0], list(command), environment)
    except OSError as error:
        print(f"{command[0]}: {error}", file=sys.stderr, flush=True)
    os._exit(127)


def _leave(libc: ctypes.CDLL) -> None:
    """Enter new network and mount namespaces; where that takes a user namespace, as the same user there."""
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(NEW_NETWORK | NEW_MOUNTS):
        if libc.unshare(NEW_USER | NEW_NETWORK | NEW_MOUNTS):
            number = ctypes.get_errno()
            raise OSError(number, f"no network namespace is allowed here: {os.strerror(number)}")
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        import fcntl

        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sH22x", b"lo", _UP))


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(100)
    return listener


def _server_sockets() -> list[str]:
    """Return the paths of the sockets on which PostgreSQL servers, or their poolers, listen."""
    with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as file:
        words = (line.split(maxsplit=7) for line in file)
        paths = {word[7].rstrip("\n") for word in words if len(word) == 8}
    return sorted(path for path in paths if _SERVER_SOCKET.search(path) and path.startswith("/"))


def _cover(libc: ctypes.CDLL, path: str) -> bool:
    """Put /dev/null over a socket, for this process and what it starts; tell whether it cannot be reached any more."""
    if not os.path.exists(path):  # or in a folder that is closed to us
        return True
    # Else what is mounted here would be mounted for everybody.
    if libc.mount(b"none", b"/", None, _PRIVATE, None):
        return False
    return not libc.mount(b"/dev/null", os.fsencode(path), None, _BIND, None)


def _accept(listener: socket.socket, address: tuple[str, int], carried: list[threading.Thread]) -> None:
    while True:
        try:
            inner, _ = listener.accept()
        except OSError:
            return
        try:
            outer = socket.create_connection(address)
        except OSError:
            inner.close()
            continue
        for one in (inner, outer):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ways = [threading.Thread(target=_carry, args=pair, daemon=True) for pair in ((inner, outer), (outer, inner))]
        carried += ways
        for way in ways:
            way.start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Carry one direction to its end, and tell the other side of the end."""
    with suppress(OSError):
        while content := source.recv(1 << 16):
            target.sendall(content)
    for one, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with suppress(OSError):
            one.shutdown(how)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
