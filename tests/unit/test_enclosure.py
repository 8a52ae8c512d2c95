"""What a program that is shut in may not do, tried by one: nothing here is asked of PostgreSQL."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.server import enclosure

#: Enters as a server's process does, and then tries one thing.
TRY = """
import ctypes, importlib.util, os, platform, signal, socket, sys
spec = importlib.util.spec_from_file_location("enclosure", sys.argv[1])
enclosure = importlib.util.module_from_spec(spec)
sys.modules["enclosure"] = enclosure
spec.loader.exec_module(enclosure)
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
machine = enclosure._MACHINES[platform.machine()]
ptrace, unshare = (machine.refused[place] for place in (3, 7))
place, other, port = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if sys.argv[6] == "shut":
    enclosure.enter(enclosure.Rules(reads=("/usr", "/lib"), writes=(place + "/own",), reaches=False), libc)
try:
    exec(sys.argv[5])
except OSError as error:
    print("refused:", error)
else:
    print("done")
"""
ATTEMPTS = {
    "a signal to another process": "os.kill(other, signal.SIGUSR1)",
    "looking into another process": "call(ptrace, 0x4206, other, None, None)",
    "a namespace of its own": "call(unshare, 0x10000000)",
    "a TCP connection": "socket.create_connection(('127.0.0.1', port)).close()",
    "a datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', port))",
    "a message with an address": "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('127.0.0.1', port))",
    "a Unix socket": "socket.socket(socket.AF_UNIX).connect(place + '/socket')",
    "a datagram to one": "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', place + '/datagrams')",
    "a program": "os.execv('/bin/true', ['true'])",
    "a file of others": "open('/proc/%d/environ' % other).read()",
    "a file for others": "open(place + '/made', 'w')",
    "a name for a file of its own elsewhere": "os.link(place + '/own/file', place + '/linked')",
    "a secret": "open(place + '/secret').read()",
}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder with a server's sockets, and with a part that is the program's own."""
    if sys.platform != "linux" or enclosure.missing():
        pytest.skip(f"not on this machine: {enclosure.missing()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "own").mkdir()
        (folder / "own" / "file").write_text("own")
        (folder / "secret").write_text("secret")
        yield folder


def tried(place: Path, attempt: str, how: str) -> str:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.socket(socket.AF_UNIX) as stream,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
        subprocess.Popen(["sleep", "300"]) as other,
    ):
        try:
            for one, name in ((stream, "socket"), (datagrams, "datagrams")):
                (place / name).unlink(missing_ok=True)
                one.bind(str(place / name))
            stream.listen()
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", TRY, enclosure.__file__, str(place), str(other.pid),
                 str(listening.getsockname()[1]), attempt, how],
                capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
        finally:
            other.kill()
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_what_is_shut_in_reaches_nobody(place: Path, attempt: str) -> None:
    assert tried(place, attempt, "shut").startswith("refused:")
    # The attempt is none that fails anyway; a program that was started says nothing.
    assert tried(place, attempt, "open") in {"done", ""}


def test_what_it_may_do_works(place: Path) -> None:
    own = "open(place + '/own/made', 'w').write('x'); os.kill(os.getpid(), 0); os.listdir('/usr'); socket.socketpair()"
    assert tried(place, own, "shut") == "done"
