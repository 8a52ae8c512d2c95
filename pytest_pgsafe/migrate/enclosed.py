"""Run a command where nothing can be reached but one TCP port of this machine. Run as a program; Linux.

    python -I -S enclosed.py STATUS MUST HOST PORT ENCLOSURE COMMAND …

The command gets a network of its own, with a loopback interface alone. What connects there to PORT is carried by this
process, which stays outside, to HOST:PORT. Of Unix sockets it reaches its own and those of the system's log and names:
the kernel asks this process about each connection. STATUS is the file that is told how far that went, and then, a line
each, which sockets were refused; where nothing of it is allowed the command runs as it is, unless MUST is ``must``.
ENCLOSURE is the file of :mod:`pytest_pgsafe.server.enclosure`. Nothing of pgsafe is imported: it has to start fast.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
import socket
import stat
import struct
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
_SET_FLAGS, _UP = 0x8914, 0x1 | 0x8 | 0x40
#: seccomp.h: what the kernel asks, and how it is answered.
_ASKED, _ANSWER = struct.Struct("=QII iI Q 6Q"), struct.Struct("=Qqi I")
_RECEIVE, _ANSWERS, _VALID = 0xC0502100, 0xC0182101, 0x40082102
_GO_ON = 1
_ENETUNREACH = 101
#: Of the system's own daemons: what is told them is a line of a log, or the name of a user or a host.
_HARMLESS = ("/dev/log", "/run/systemd/journal/", "/run/nscd/", "/var/run/nscd/", "/run/systemd/userdb/")
#: Exit status when the command must be enclosed and cannot be.
REFUSED = 126
#: Seconds that a connection is given to end once the command has ended.
MOMENT = 2.0


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit status, or end by the signal that has ended it."""
    status, must, host, port, enclosure, *command = arguments
    ours, theirs = socket.socketpair()
    child = os.fork()
    if not child:
        ours.close()
        _enclosed(command, int(port), enclosure, theirs)
    theirs.close()
    told, handles, *_ = socket.recv_fds(ours, 4096, 2)
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
        for asking in handles[1:]:
            threading.Thread(target=_answer, args=(asking, status), daemon=True).start()
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


def _enclosed(command: Sequence[str], port: int, enclosure: str, outside: socket.socket) -> None:
    """Leave this machine's network, hand the listening socket out and become the command."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        _leave(libc)
        handles = [_listen(port).detach()]
    except (OSError, AttributeError) as error:
        outside.sendall(f"not enforced: {getattr(error, 'strerror', None) or error}".encode())
        os._exit(REFUSED)
    said = "isolated"
    try:
        handles.append(_loaded(enclosure).listen(libc))
    except OSError as error:
        said = f"not enforced for Unix sockets: {error.strerror}"
    socket.send_fds(outside, [said.encode()], handles)
    for handle in handles:
        os.close(handle)
    if outside.recv(2) != b"go":
        os._exit(REFUSED)
    outside.close()
    _execute(command)


def _loaded(path: str) -> Any:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("enclosure", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


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
    """Enter a new network namespace; where that takes a user namespace, as the same user there."""
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(NEW_NETWORK):
        if libc.unshare(NEW_USER | NEW_NETWORK):
            number = ctypes.get_errno()
            raise OSError(number, f"no network namespace is allowed here: {os.strerror(number)}")
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sH22x", b"lo", _UP))


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(100)
    return listener


def _answer(asking: int, status: str) -> None:
    """Say of each connection that is asked for whether it is made."""
    poll = select.poll()
    poll.register(asking, select.POLLIN)
    refused: set[str] = set()
    while True:
        [(_, event)] = poll.poll()
        if event != select.POLLIN:  # nobody is left who could ask
            return
        asked = bytearray(_ASKED.size)
        try:
            fcntl.ioctl(asking, _RECEIVE, asked)
            number, pid, _, _, _, _, _, place, length, *_ = _ASKED.unpack(asked)
            path = _elsewhere(pid, place, length)
            # Whoever asked may be gone, and its number another process's.
            fcntl.ioctl(asking, _VALID, struct.pack("=Q", number))
            answer = _ANSWER.pack(number, 0, 0, _GO_ON) if path is None else _ANSWER.pack(number, 0, -_ENETUNREACH, 0)
            fcntl.ioctl(asking, _ANSWERS, answer)
        except OSError:
            continue
        if path is not None and path not in refused:
            refused.add(path)
            with open(status, "a", encoding="utf-8") as file:
                file.write(f"\n{path!r}")


def _elsewhere(pid: int, place: int, length: int) -> str | None:
    """Return the path of the Unix socket that a process wants to connect to, if it leads out of what is its own.

    A server of another network namespace has its socket in a folder like any other, and a socket has as many names as
    links: so it is asked whose it is, not what it is called.
    """
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(place)
            address = memory.read(min(length, 110))
    except (OSError, ValueError, OverflowError):
        return "?"
    family = int.from_bytes(address[:2], sys.byteorder)
    name = address[2:].split(b"\0", 1)[0]
    # Abstract ones are of this network alone.
    if family != socket.AF_UNIX or not name:
        return None
    path = os.fsdecode(name)
    try:
        wanted = _stat(pid, path)
        real = os.path.realpath(_seen(pid, path))
        own = not stat.S_ISSOCK(wanted.st_mode) or any(
            real == one or (one.endswith("/") and real.startswith(one)) for one in map(_real, _HARMLESS)
        )
        return None if own or any(_same(pid, one, wanted) for one in _bound(pid)) else path
    except FileNotFoundError:
        return None
    except OSError:
        return path


def _seen(pid: int, path: str) -> str:
    """Return a path as a process sees it."""
    return f"/proc/{pid}/root{path}" if path.startswith("/") else f"/proc/{pid}/cwd/{path}"


def _stat(pid: int, path: str) -> os.stat_result:
    return os.stat(_seen(pid, path))


def _real(path: str) -> str:
    return os.path.realpath(path) + ("/" if path.endswith("/") else "")


def _same(pid: int, path: str, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(_stat(pid, path), wanted)
    except OSError:
        return False


def _bound(pid: int) -> list[str]:
    """Return the paths of the sockets that are bound in a process's network."""
    with open(f"/proc/{pid}/net/unix", encoding="utf-8", errors="surrogateescape") as file:
        words = (line.rstrip("\n").split(maxsplit=7) for line in file)
        return [word[7] for word in words if len(word) == 8 and word[7][:1] not in {"", "@"}]


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
