"""Run a program that ends with its owner, whatever ends that one, and that leaves nothing behind. Run as a program.

    python -I -S supervisor.py OWNER PIPE USER GRACE STUCK COMMAND …

The program gets a session of its own. It is ended when the other end of PIPE is closed, which comes however the owner
ends, when OWNER is our parent no longer, or by SIGTERM; what it has started is ended with it, also what is in another
session by then (Linux: whatever loses its parent becomes our child). USER is ``UID:GID`` or ``-``, GRACE the seconds
between SIGTERM and SIGKILL, STUCK the seconds of processor time without a byte read or written after which it is ended
too; 0 is never. Nothing of pgsafe is imported: it has to start fast.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
#: Exit statuses: the command cannot be started; it was ended for getting nowhere.
NOT_STARTED, STUCK = 127, 125
#: Seconds between two looks at what it does.
LOOK = 1.0


def _woken(*_: object) -> None:
    """Let a signal wake whoever waits: a handler of Python's own is what writes into the pipe."""


class Supervisor:
    def __init__(self, owner: int, pipe: int, grace: float, stuck: float) -> None:
        self.owner, self.pipe, self.grace, self.stuck = owner, pipe, grace, stuck
        self.libc = ctypes.CDLL(None)
        self.child = 0
        self.result: int | None = None
        self.moved, self.used = -1, 0.0
        self.woken, self.waker = os.pipe()
        for end in (self.woken, self.waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False)
        self.ending = False
        signal.signal(signal.SIGTERM, self._tell)
        signal.signal(signal.SIGCHLD, _woken)
        # Ctrl-C is for the owner, who ends us in order.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if sys.platform == "linux":
            self.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def _tell(self, *_: object) -> None:
        self.ending = True

    def run(self, command: Sequence[str], user: str) -> int:
        """Run the command; return its exit status, a signal as a negative number."""
        self.child = os.fork()
        if not self.child:
            self._become(command, user)
        poll = select.poll()
        poll.register(self.pipe, select.POLLIN)
        poll.register(self.woken, select.POLLIN)
        stuck = False
        while self._reaped():
            ready = {handle for handle, _ in poll.poll(LOOK * 1000)}
            if self.woken in ready:
                os.read(self.woken, 4096)
            if self.ending or self.pipe in ready or os.getppid() != self.owner:
                break
            if not ready and self.stuck and self._nowhere():
                os.write(2, f"ended: {self.stuck:g} s of processor time without a byte read or written\n".encode())
                stuck = True
                break
        self._end()
        return STUCK if stuck else self.result or 0

    def _become(self, command: Sequence[str], user: str) -> None:
        """Become the command, with the environment as it was: Python's start may have added to its own."""
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        for handle in (self.pipe, self.woken, self.waker):
            os.close(handle)
        # Before the change of user, who may read neither this nor the interpreter's files: this loads one.
        environment = _environment()
        os.get_exec_path()
        try:
            os.setsid()
            if user != "-":
                uid, gid = map(int, user.split(":"))
                os.setgroups([])
                os.setgid(gid)
                os.setuid(uid)
            if sys.platform == "linux":
                # If we are killed outright. After the change of user, which takes it away.
                self.libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            os.execvpe(command[0], list(command), environment)
        except OSError as error:
            os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(NOT_STARTED)

    def _reaped(self) -> bool:
        """Wait for whoever has ended; tell whether the command still runs."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                if pid == self.child:
                    self.result = os.waitstatus_to_exitcode(status)
        return self.result is None

    def _end(self) -> None:
        """End the command if it still runs, and all that it left."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            until = time.monotonic() + self.grace
            told: set[int] = set()
            while left := self._left():
                # What begins only now is told as well; what was told is given time.
                for pid in left if number == signal.SIGKILL else left - told:
                    with suppress(OSError):
                        os.kill(pid, number)
                told |= left
                if time.monotonic() > until:
                    break
                time.sleep(0.01)

    def _left(self) -> set[int]:
        """Return what of the command, and of what it started, still runs."""
        self._reaped()
        found = set(descendants(os.getpid()))
        if not found and sys.platform != "linux":
            with suppress(OSError):
                # macOS answers EPERM for a group of which only dead processes are left.
                os.killpg(self.child, 0)
                found = {-self.child}
        return found

    def _nowhere(self) -> bool:
        """Tell whether the command has used so much of the processor since it read or wrote anything."""
        moved, used = 0, 0.0
        for pid in descendants(os.getpid()):
            with suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{pid}/io", encoding="ascii") as file:
                    moved += sum(int(line.split()[1]) for line in file if line.startswith(("rchar", "wchar")))
                used += sum(map(int, _state(pid)[11:13])) / os.sysconf("SC_CLK_TCK")
        if moved != self.moved:
            self.moved, self.used = moved, used
        return used - self.used >= self.stuck


def _environment() -> dict[bytes, bytes]:
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = (line.partition(b"=") for line in file.read().split(b"\0") if line)
            return {name: value for name, _, value in pairs}
    except OSError:
        return dict(os.environb)


def _state(pid: int) -> list[str]:
    """Return what the kernel says of a process, from its state on."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def descendants(pid: int) -> Iterator[int]:
    """Yield the processes below one; dead ones that nobody has waited for are none."""
    children: dict[int, list[int]] = {}
    try:
        names = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return
    for name in names:
        with suppress(OSError, ValueError, IndexError):
            state = _state(int(name))
            if state[0] != "Z":
                children.setdefault(int(state[1]), []).append(int(name))
    begun = [pid]
    while begun:
        found = children.get(begun.pop(), [])
        yield from found
        begun += found


def main(arguments: Sequence[str]) -> int:
    owner, pipe, user, grace, stuck, *command = arguments
    return Supervisor(int(owner), int(pipe), float(grace), float(stuck)).run(command, user)


if __name__ == "__main__":
    outcome = main(sys.argv[1:])
    if outcome < 0:
        # Whoever looks at us is to see what ended the program.
        if sys.platform == "linux":
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError, ValueError):
            signal.signal(-outcome, signal.SIG_DFL)
        os.kill(os.getpid(), -outcome)
    sys.stdout.flush()
    os._exit(outcome)
