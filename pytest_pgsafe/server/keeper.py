"""Keep one PostgreSQL server: start it, and leave nothing of it when whoever asked for it is gone.

Run as a script, by :mod:`.local`, in a process and session of its own. One line of JSON on standard input says what to
start, one line on standard output answers. The end of standard input, which comes however the owner ends, or
SIGTERM, stops the server and removes its folder; the line ``keep`` before it leaves both until SIGTERM.

A server that runs what others wrote is shut in (:mod:`.enclosure`), and root's has a user of its own.

Only the standard library, and everything imported up front: once root's keeper has become the unprivileged user, that
user may not be able to read the interpreter's files. The owner's process writes no secret into it.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PREFIX = "pgsafe-"
#: The file that a folder's process holds locked while it lives; what stands in it says whose the folder is.
LOCK = "lock"
#: What a mark begins with: a mark of another form is none of ours.
FORMAT = "pgsafe-folder/1"
#: Bytes in sockaddr_un.sun_path, without the terminator: 107 on Linux, 103 on the BSDs and macOS.
SOCKET_PATH = 103
#: Seconds: until a server answers, until it has stopped.
START, STOP = 60.0, 10.0
#: Seconds between two looks at the owner while a program runs.
LOOK = 0.2
#: Seconds for the reason of a failed start to reach the log's file.
COLLECTED = 3.0
TRIES = 5
PR_SET_PDEATHSIG = 1
#: Known to this process alone until it writes it into a mark.
TOKEN = secrets.token_hex(16)


class NoServerError(Exception):
    """The server cannot be had; the message goes to the owner."""


class Keeper:
    def __init__(self, wanted: dict[str, Any]) -> None:
        self.wanted = wanted
        self.owner: int = wanted["owner"]
        self.folder = Path()
        self.made: tuple[int, int] | None = None
        self.server: subprocess.Popen[bytes] | None = None
        self.kept = False
        self.pending = b""
        self.poll = select.poll()
        self.poll.register(0, select.POLLIN)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.enclosure = _loaded(wanted["enclosure"]["module"]) if wanted.get("enclosure") else None
        #: Loaded now: who the server's user is may not be able to read it later.
        self.segments = _loaded(wanted["segments"])
        self.ways = [_loaded(path) for path in wanted["ways"]]
        #: How the template is copied, and why in no better way.
        self.copy: Any = None
        self.refused: list[str] = []
        self.shut = self.enclosure is not None
        #: Why the server is not shut in although it should be.
        self.opened = ""

    def start(self) -> dict[str, Any]:
        configuration = self._fill()
        data = self.copy.written
        reason = ""
        for _ in range(TRIES):
            port = _free_port()
            (data / "postgresql.conf").write_text(f"{configuration}\n{self._settings(port)}", "utf-8")
            self._spawn(data)
            if self._ready(data):
                pid = self.server.pid if self.server else 0
                if self.copy.entered:
                    _become(self.wanted["uid"], self.wanted["gid"])
                told = {
                    "folder": str(self.folder),
                    "data": str(self.copy.data),
                    "port": port,
                    "pid": pid,
                    "opened": self.opened,
                }
                return {**told, **self._way()}
            reason = self._reason()
            if self.shut and self.wanted["enclosure"]["may_open"] and "Address already in use" not in reason:
                self.shut, self.opened = False, f"the server did not start so: {_last(reason)}"
                continue
            # Somebody took the port after it was found free.
            if "Address already in use" not in reason:
                break
        raise NoServerError(f"the server did not start\n{reason}")

    def watch(self) -> None:
        """Return when the server has to stop: at the end of standard input, or when the owner is gone.

        A process forked from the owner may hold the other end of the pipe open; hence the look at our parent.
        """
        while not self._ended(1.0):
            pass
        if self.kept:
            while self.server is not None and self.server.poll() is None:
                time.sleep(0.5)

    def stop(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        server = self.server
        # Immediate first would do for the data, which are thrown away; fast lets clients see why they were ended.
        for number, seconds in ((signal.SIGINT, 3.0), (signal.SIGQUIT, STOP), (signal.SIGKILL, STOP)):
            if server is None or server.poll() is not None:
                break
            server.send_signal(number)
            try:
                server.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        # Whatever has the name by now: only the folder that was made is removed.
        if self.folder != Path() and place_of(self.folder) == self.made:
            self.segments.release(self.folder / "data", os.geteuid())
            shutil.rmtree(self.folder, ignore_errors=True)

    def _ended(self, seconds: float) -> bool:
        """Wait so long at most for the owner to say or be something."""
        if self.poll.poll(seconds * 1000):
            said = os.read(0, 4096)
            if not said:
                return True
            self.pending += said
            self.kept = self.kept or b"keep\n" in self.pending
        return os.getppid() != self.owner

    def _make_folder(self) -> Path:
        refused: list[str] = []
        for place in self.wanted["places"]:
            path = Path(place) / f"{PREFIX}{secrets.token_hex(6)}"
            if len(str(path / "s" / ".s.PGSQL.65535")) > SOCKET_PATH:
                refused.append(f"{place}: too long for a socket")
                continue
            try:
                path.mkdir(mode=0o700)
                (path / "s").mkdir(mode=0o700)
            except OSError as error:
                refused.append(f"{place}: {error.strerror}")
                continue
            hold(path)
            self.made = place_of(path)
            return path
        raise NoServerError("no folder for the server's data\n" + "\n".join(refused))

    def _choose(self) -> None:
        """Find the best way to copy the template that works here."""
        template = Path(self.wanted["template"])
        for way in self.ways:
            self.copy = way.Copy(template, self.folder)
            try:
                self.copy.attempt()
            except OSError as error:
                self.refused.append(f"{self.copy.name}: {error.strerror or error}")
            else:
                return

    def _way(self) -> dict[str, str]:
        """Say how it is copied, and why in no better way."""
        return {"copy": self.copy.name, "refused": "; ".join(self.refused)}

    def probe(self) -> dict[str, Any]:
        """Find out how a template would be copied."""
        self.folder = self._make_folder()
        self._choose()
        return self._way()

    def _run(self, command: list[str]) -> tuple[int, str]:
        """Run a program, as long as the owner is there; return its exit status and what it said."""
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=lambda: self._follow(signal.SIGKILL),  # noqa: PLW1509 there is one thread
        ) as child:  # fmt: skip
            try:
                while True:
                    try:
                        said = child.communicate(timeout=LOOK)[1]
                    except subprocess.TimeoutExpired:
                        if self._ended(0):
                            raise NoServerError("the owner is gone") from None
                    else:
                        return child.returncode, said.decode("utf-8", "replace")
            except BaseException:
                child.kill()
                raise

    def _shares(self) -> bool:
        """Tell whether files of the data directory can share their blocks."""
        reflink = self.ways[0]
        try:
            reflink.Copy(self.copy.written, self.folder).attempt()
        except OSError:
            return False
        return True

    def _settings(self, port: int) -> str:
        # No quote and no backslash in it: the folder is a temporary one.
        # A server that must be able to connect to itself is kept from every Unix socket instead, and its own with it.
        sockets = "" if self.shut and self.wanted["enclosure"]["connects"] else f"{self.folder}/s"
        shared = self.wanted["reflinked"] if self.wanted["reflinked"] and self._shares() else ""
        return f"{shared}{self.wanted['configuration']}port = {port}\nunix_socket_directories = '{sockets}'\n"

    def _fill(self) -> str:
        """Make the folder, and the data directory in it, as the server's user; return its configuration."""
        template = Path(self.wanted["template"])
        if not self.shut:
            _become(self.wanted["uid"], self.wanted["gid"])
            self.wanted |= {"uid": None, "gid": None}
        uid, gid = self.wanted["uid"], self.wanted["gid"]
        if uid is not None:
            _act_as(uid, gid)
        self.folder = self._make_folder()
        # The template is another user's.
        if uid is not None:
            _act_as(0, 0)
        self._choose()
        configuration = (template / "postgresql.conf").read_text("utf-8")
        try:
            if self.wanted.get("move"):
                shutil.move(template, self.copy.data)
            else:
                self.copy.make(self._run)
        except OSError as error:
            raise NoServerError(f"the cluster could not be copied\n{error}") from error
        if uid is None:
            return configuration
        self._give(self.folder)
        if self.copy.entered:
            # Its process has to be root until it has entered.
            _act_as(uid, gid)
        else:
            _become(uid, gid)
        return configuration

    def _give(self, top: Path) -> None:
        """Let the server's user own everything below a folder."""
        uid, gid = self.wanted["uid"], self.wanted["gid"]
        if uid is None:
            return
        for folder, _, names in os.walk(top):
            os.chown(folder, uid, gid)
            for name in names:
                os.chown(os.path.join(folder, name), uid, gid, follow_symlinks=False)  # noqa: PTH118 thousands

    def _spawn(self, data: Path) -> None:
        (data / "postmaster.pid").unlink(missing_ok=True)
        with (self.folder / "start.log").open("wb") as log:
            try:
                self.server = subprocess.Popen(
                    [self.wanted["postgres"], "-D", str(self.copy.data)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    preexec_fn=self._prepare,  # noqa: PLW1509 there is one thread
                )
            except (subprocess.SubprocessError, PermissionError) as error:
                if not self.shut:
                    raise
                self.server = None
                log.write(f"FATAL:  it cannot be shut in: {error}\n".encode())

    def _follow(self, number: signal.Signals) -> None:
        # A keeper that was killed outright cannot stop what it started: the kernel does.
        if sys.platform == "linux":
            self.libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)

    def _prepare(self) -> None:
        if self.copy.entered:
            self._enter()
        self._follow(signal.SIGQUIT)
        if not self.shut:
            return
        wanted = self.wanted["enclosure"]
        own = [str(self.copy.data), str(self.folder / "s")]
        assert self.enclosure is not None
        writes = [*wanted["writes"], *own]
        rules = self.enclosure.Rules(wanted["reads"], writes, wanted["executes"], reaches=False)
        try:
            self.enclosure.enter(rules, self.libc, connects=wanted["connects"])
        except OSError as error:
            os.write(2, f"{error}\n".encode())
            raise

    def _enter(self) -> None:
        uid, gid = self.wanted["uid"], self.wanted["gid"]
        if uid is not None:
            _act_as(0, 0)
        try:
            self.copy.enter(None if uid is None else (uid, gid), self._give)
        except OSError as error:
            os.write(2, f"FATAL:  {self.copy.name}: {error.strerror or error}\n".encode())
            raise
        _become(uid, gid)

    def _ready(self, data: Path) -> bool:
        """Wait until postmaster.pid says so, as pg_ctl does; False when the server has ended."""
        until = time.monotonic() + self.wanted.get("wait", START)
        while time.monotonic() < until:
            if self.server is None or self.server.poll() is not None:
                return False
            try:
                lines = (data / "postmaster.pid").read_text("utf-8", "replace").splitlines()
            except OSError:
                lines = []
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return True
            if self._ended(0.005):
                raise NoServerError("the owner is gone")
        return False

    def _reason(self) -> str:
        """Return the end of the server's log; its collector may write the reason a moment after the server ended."""
        until = time.monotonic() + COLLECTED
        while "FATAL" not in (said := self._log_tail()) and time.monotonic() < until:
            time.sleep(0.02)
        return said

    def _log_tail(self) -> str:
        lines: list[str] = []
        for path in (self.folder / "start.log", *sorted((self.folder / "data" / "log").glob("*"))):
            lines += path.read_text("utf-8", "replace").splitlines()[-10:]
        return "\n".join(lines)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def hold(path: Path) -> int:
    """Mark a folder as ours, and lock it for as long as this process lives, and no child of it.

    :returns: the handle that holds the lock.
    """
    return sign(path, LOCK)


def sign(path: Path, name: str) -> int:
    """Write a mark that is true of one folder alone: whoever copies it has another folder, and another file.

    :param name: of the mark's file, which is locked.
    :returns: the handle that holds the lock.
    """
    handle = os.open(path / name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    device, inode = place_of(path) or (0, 0)
    pid = os.getpid()
    mark = {
        "format": FORMAT,
        "device": device,
        "inode": inode,
        "file": os.fstat(handle).st_ino,
        "pid": pid,
        "started": started(pid),
        "boot": boot(),
        "host": socket.gethostname(),
        "token": TOKEN,
    }
    os.write(handle, json.dumps(mark).encode() + b"\n")
    return handle


def place_of(path: Path) -> tuple[int, int] | None:
    """Return what a folder is to its file system, whatever it is called: device and inode; None if there is none."""
    try:
        state = path.lstat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def started(pid: int) -> str:
    """Return when a process began, in the kernel's ticks: a number that is used again began at another time.

    Empty where that is not to be told (macOS), and of a process that is gone, also if nobody has waited for it yet.
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return "" if state[0] == "Z" else state[19]
    except (OSError, IndexError):
        return ""


def boot() -> str:
    """Return what tells this run of the machine from every other; empty where there is nothing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        return ""


def _become(uid: int | None, gid: int | None) -> None:
    """Let root's keeper become the server's user for good."""
    if uid is None or gid is None:
        return
    os.seteuid(0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _act_as(uid: int, gid: int) -> None:
    """Let root's keeper do as a user does, for a while."""
    os.seteuid(0)
    os.setgroups([])
    os.setegid(gid)
    os.seteuid(uid)


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["nothing was said"])[-1]


def _loaded(path: str) -> Any:
    """Load a module by its path: Python's isolated mode does not look into this folder."""
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks for its own module there.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _leave(*_: object) -> None:
    raise SystemExit(0)


def main() -> None:
    # Ctrl-C is for the owner, who stops us in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    line = b""
    while not line.endswith(b"\n"):
        said = os.read(0, 1)
        if not said:
            return
        line += said
    wanted = json.loads(line)
    os.umask(0o077)
    os.chdir("/")
    keeper = Keeper(wanted)
    signal.signal(signal.SIGTERM, _leave)
    try:
        try:
            answer = keeper.probe() if wanted.get("probe") else keeper.start()
        except (NoServerError, OSError) as error:
            answer = {"error": str(error)}
        os.write(1, json.dumps(answer).encode() + b"\n")
        if "error" not in answer:
            keeper.watch()
    except BrokenPipeError:
        pass
    finally:
        keeper.stop()


if __name__ == "__main__":
    main()
