"""A server of our own on this machine, for one run."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import psycopg

from ..errors import ServerError
from . import cluster, copies, enclosure, keeper, private, segments, serverlog
from .address import Address
from .base import Kind
from .capabilities import COPY_METHOD, JSON_LOG, SHARED_STATISTICS
from .connection import connect
from .owned import SETTINGS, SUPERUSER, OwnedServer, configuration
from .programs import REMEDIES, LocalPrograms
from .user import ServerUser, own_user, server_user
from .version import Version

#: Seconds until the keeper has to answer, and to be gone.
START, STOP = 90.0, 40.0

#: The way to copy a cluster that copies every byte.
PLAIN = copies.plain.Copy.name

#: Settings by which the server itself runs programs.
COMMANDS = frozenset(
    {"archive_command", "restore_command", "archive_cleanup_command", "recovery_end_command", "ssl_passphrase_command"}
)


class LocalServer(OwnedServer):
    """A cluster copied from a template, run by a keeper process that removes it when this process is gone.

    It listens on the loopback address, and on a socket in a folder of its own.
    """

    kind: ClassVar[Kind] = "local"

    def __init__(self, programs: LocalPrograms, *, process: subprocess.Popen[bytes], reason: str) -> None:
        super().__init__()
        self.programs = programs
        self._local = programs
        self.version: Version = programs.version
        self._process = process
        self._owner = os.getpid()
        self._kept = False
        self._reason = reason
        self._folder = Path()
        #: Where its processes alone see its data directory; None where all do.
        self._layers: Path | None = None
        self._postmaster = 0
        self._shut = "not enclosed: it was not asked for"
        self._copied = ""
        self._another: Callable[[], LocalServer] | None = None

    @classmethod
    def start(
        cls,
        programs: LocalPrograms,
        *,
        settings: Mapping[str, str] | None = None,
        reason: str = "local programs",
        template: cluster.Template | None = None,
        enclosed: bool = False,
    ) -> LocalServer:
        """Start a server.

        :param settings: of postgresql.conf, over :data:`~.owned.SETTINGS`.
        :param reason: for the report: why this server was chosen.
        :param template: the stopped cluster that it is a copy of, with all databases and roles; None is an empty one.
        :param enclosed: for a copy of what others wrote: it runs as a user of its own, can start no program, and
            reaches neither files of others nor a network, as far as this machine allows it. A server whose settings
            name commands is not.
        :raises ServerError: it did not start; the end of its log is in the message.
        """
        commands = sorted(name for name, value in (settings or {}).items() if name in COMMANDS and value)
        shut = enclosed and not commands
        user = own_user() if shut else server_user()
        folder = programs.readable_by(user)
        fresh = template is None
        if template is None:
            template = cluster.template(programs, folder, server_user())
        server = cls(programs, process=start_keeper(), reason=reason)
        try:
            wanted = order(folder, template, user, programs.version, {**(settings or {}), **template.settings})
            if shut:
                wanted |= shut_in(wanted, programs.version, fresh=fresh)
            started = server._ask(wanted)
            if shut:
                server._shut = _told(user, started["opened"], programs.version)
            elif enclosed:
                server._shut = f"not enclosed: its settings name commands ({', '.join(commands)})"
            if template.moved:
                server._copied = "none: it is the cluster itself"
            elif not fresh:
                server._copied = copied(started)
            if template.stays and started["copy"] != PLAIN:
                server._another = partial(
                    cls.start, programs, settings=settings, reason=reason, template=template, enclosed=enclosed
                )
            server._folder = Path(started["folder"])
            server._layers = None if started["data"] == str(server.data) else Path(started["data"])
            server._postmaster = int(started["pid"])
            server._take_over(int(started["port"]), template.password)
        except BaseException:
            server.close()
            raise
        return server

    @classmethod
    def probe_copy(cls, programs: LocalPrograms, template: cluster.Template) -> str:
        """Say for people in which way a copy of a stopped cluster would be made here: each way is tried.

        :raises ServerError: nothing could be tried.
        """
        user = own_user()
        server = cls(programs, process=start_keeper(), reason="probe")
        try:
            wanted = order(programs.readable_by(user), template, user, programs.version, {})
            return copied(server._ask({**wanted, "probe": True}))
        finally:
            server.close()

    @property
    def local(self) -> LocalPrograms:
        """The programs, by their folder."""
        return self._local

    @property
    def layered(self) -> bool:
        return self._another is not None

    def another(self) -> LocalServer:
        if self._another is None:
            raise ServerError("this server was started from nothing that stays")
        return self._another()

    @property
    def data(self) -> Path:
        """The data directory; of a copy that is an overlay, what was written there since it began."""
        return self._folder / "data"

    @property
    def keeper(self) -> int:
        """The process that stops the server when this one is gone."""
        return self._process.pid

    def log(self, *, since: int = 0) -> tuple[Sequence[Mapping[str, object]], int]:
        suffix = "json" if JSON_LOG.known_to(self.version) else "csv"
        return serverlog.read(self.data / "log" / f"pgsafe.{suffix}", since)

    def describe(self) -> Mapping[str, str]:
        told = {
            "kind": self.kind,
            "version": str(self.version),
            "origin": self.programs.origin,
            "reason": f"{self._reason} ({self._local.found_by})",
            "enclosure": self._shut,
        }
        return told if not self._copied else {**told, "copy": self._copied}

    def keep(self) -> Sequence[str]:
        service = self._folder / "service.conf"
        handle = os.open(service, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("[pgsafe]\n" + "".join(f"{key}={value}\n" for key, value in self._address.parameters.items()))
        assert self._process.stdin is not None
        self._process.stdin.write(b"keep\n")
        self._process.stdin.flush()
        self._kept = True
        return (
            f"connect: PGSERVICEFILE={service} {self._local.folder / 'psql'} 'service=pgsafe dbname=DATABASE'",
            f"stop and remove it: kill {self._process.pid}",
        )

    def seal(self) -> cluster.Template:
        """Stop the server, for copies of it to be started from what it holds, as long as this object is not closed.

        :raises ServerError: it does not stop.
        """
        if self._layers is not None:
            return self._sealed(self._layers)
        self._stop()
        return cluster.Template(data=self.data, password=self._address.parameters["password"])

    def _sealed(self, layers: Path) -> cluster.Template:
        """Stop a server whose data directory is an overlay, and copy what it shows: it is gone with the server."""
        # A handle keeps it there.
        handle = os.open(f"/proc/{self._postmaster}/root{layers}", os.O_PATH | os.O_DIRECTORY)
        data = self._folder / "sealed"
        try:
            self._stop()
            command = ["cp", "-a", f"/proc/self/fd/{handle}/.", str(data)]
            done = subprocess.run(command, pass_fds=(handle,), capture_output=True, text=True, check=False)
        finally:
            os.close(handle)
        if done.returncode:
            raise ServerError("the stopped cluster could not be copied", looked_at=done.stderr.splitlines()[:5])
        return cluster.Template(data=data, password=self._address.parameters["password"])

    def _stop(self) -> None:
        os.kill(self._postmaster, signal.SIGINT)
        end = time.monotonic() + STOP
        # The keeper goes on: it removes the folder when it is told to, or its owner is gone.
        while (self.data / "postmaster.pid").exists():
            if time.monotonic() > end:
                raise ServerError(f"the scratch server did not stop within {STOP:g} s", looked_at=[str(self.data)])
            time.sleep(0.01)

    def close(self) -> None:
        # A process forked from the owner must not stop its server.
        if self._process.stdin is None or self._process.stdin.closed or os.getpid() != self._owner:
            return
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        if self._kept:
            self._process.stdout.close()
            # It is not ours to wait for any more; without a status Popen would warn of a child that still runs.
            self._process.returncode = 0
            return
        # The keeper holds the other end until it has removed everything.
        if not select.select([self._process.stdout], [], [], STOP)[0]:
            self._process.kill()
        self._process.stdout.close()
        self._process.wait()

    def _ask(self, wanted: Mapping[str, object]) -> Mapping[str, str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(wanted).encode() + b"\n")
            self._process.stdin.flush()
        said = b""
        wait = wanted.get("wait", START)
        assert isinstance(wait, (int, float))
        # The keeper says by itself when it has waited long enough.
        if select.select([self._process.stdout], [], [], max(START, wait + 30))[0]:
            said = self._process.stdout.readline()
        try:
            answer: Mapping[str, str] = json.loads(said)
        except ValueError:
            answer = {"error": f"its keeper failed: {said.decode('utf-8', 'replace')!r}"}
        if "error" in answer:
            first, *rest = answer["error"].splitlines() or [""]
            raise ServerError(f"no local PostgreSQL {self.version}: {first}", looked_at=rest, remedies=REMEDIES)
        return answer

    def _take_over(self, port: int, password: str) -> None:
        """Look at the server, and change the password that all copies of the template have."""
        self._address = Address({"host": "127.0.0.1", "port": str(port), "user": SUPERUSER, "password": password})
        try:
            with connect(self.address(), read_only=False) as session:
                self.version = Version(session.info.server_version)
                self._replace_password(session)
        except psycopg.Error as error:
            raise ServerError(
                f"the local PostgreSQL {self.version} was started, but does not answer: {error}", remedies=REMEDIES
            ) from error


def copied(told: Mapping[str, str]) -> str:
    """Return for people how a copy is made, and, where every byte is copied, why."""
    return f"{told['copy']} ({told['refused']})" if told["copy"] == PLAIN and told["refused"] else told["copy"]


def shut_in(wanted: Mapping[str, object], version: Version, *, fresh: bool) -> dict[str, object]:
    """Return what a keeper is asked for besides, to shut a server in.

    :param fresh: nothing of anybody else's is in its data directory: if it does not start so, it may start openly.
    """
    kept = cluster.surroundings()
    libraries = [
        part for name in ("LD_LIBRARY_PATH", "TZDIR", "ICU_DATA") for part in kept.get(name, "").split(":") if part
    ]
    rules = enclosure.of_server(str(wanted["postgres"]), libraries)
    return {
        "enclosure": {
            "module": enclosure.__file__,
            "reads": (*rules.reads, *(enclosure.OWN_ADDRESS if connects(version) else ())),
            "writes": rules.writes,
            "executes": rules.executes,
            "connects": connects(version),
            "may_open": fresh,
        }
    }


def connects(version: Version) -> bool:
    """Tell whether a server connects to itself: up to 14 it sends its statistics so."""
    return not SHARED_STATISTICS.known_to(version)


def _told(user: ServerUser | None, opened: str, version: Version) -> str:
    if opened:
        return f"not enclosed: {opened}"
    whose = "" if user is None else f" as user {user.uid}"
    missing = enclosure.missing(connects=connects(version))
    return f"enclosed{whose}" + (f", but for {' and '.join(missing)}" if missing else "")


def start_keeper() -> subprocess.Popen[bytes]:
    private.sweep()
    return subprocess.Popen(
        # Isolated and without site-packages: it starts in 0.05 s.
        [sys.executable, "-I", "-S", keeper.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=cluster.surroundings(),
        cwd="/",
        start_new_session=True,
    )


def order(
    folder: Path, template: cluster.Template, user: ServerUser | None, version: Version, settings: Mapping[str, str]
) -> dict[str, object]:
    """Return what a keeper is asked for.

    :param folder: of the programs.
    :param template: what it copies.
    """
    own = {
        "listen_addresses": "127.0.0.1",
        "log_destination": "jsonlog" if JSON_LOG.known_to(version) else "csvlog",
        # In files of the data directory, which go with it: POSIX's would outlive a server that was killed, and others
        # of the same user have theirs there.
        "dynamic_shared_memory_type": "mmap",
    }
    return {
        "owner": os.getpid(),
        "segments": segments.__file__,
        "uid": None if user is None else user.uid,
        "gid": None if user is None else user.gid,
        "postgres": str(folder / "postgres"),
        "template": str(template.data),
        "move": template.moved,
        #: What is configured where files share their blocks.
        "reflinked": configuration({"file_copy_method": "clone"} if COPY_METHOD.known_to(version) else {}),
        "ways": copies.ways(stays=template.stays),
        "places": list(dict.fromkeys([tempfile.gettempdir(), *private.ROOMY])),
        "configuration": configuration({**SETTINGS, **own, **settings}),
    }
