"""A cluster recovered in a container: carried in, without a network, gone with the container.

The container has no network at all: the server answers on a socket in a private folder of this machine, where the
engine shares folders with it. Elsewhere (a remote engine, Docker Desktop) it is a port of the engine's loopback
address, and a password.
"""

from __future__ import annotations

import contextlib
import io
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg

from ..errors import ServerError
from . import carrying
from .address import Address
from .carrying import Container
from .connection import connect
from .container import DATA, PORT, ContainerServer, testcontainers_reaper
from .engine import Engine, image_state, publishes_on_loopback
from .inside import ContainerPrograms, execute
from .keeper import SOCKET_PATH
from .owned import SETTINGS, configuration
from .private import private_folder
from .recovered import CONFIGURATION, HBA, TABLESPACES, harmless, lowest
from .version import Version

#: Inside: where the server's own socket is, and the one that this machine shares.
_SOCKET, _SHARED = "/pgsafe/socket", "/pgsafe/shared"
#: Tablespaces become links that stay within the data directory, as in a recovery on this machine.
_PREPARE = f"""
cd {DATA} && mkdir -p log {TABLESPACES} {_SOCKET} {_SHARED} || exit 1
for space in pg_tblspc/*; do
  test -d "$space" || continue
  mv "$space" {TABLESPACES}/ && ln -s "../{TABLESPACES}/${{space##*/}}" "$space" || exit 1
done
chown -R postgres {DATA} {_SOCKET} && chmod -R go-rwx {DATA} && chmod 777 {_SHARED} && chmod -R a+rX "$0"
"""
_START_WAL = re.compile(r"\(file (?P<name>[0-9A-F]{24})\)")
_SEGMENT, _HISTORY = re.compile(r"[0-9A-F]{24}"), re.compile(r"[0-9A-F]{8}\.history")
_START = f"exec postgres -D {DATA} >{_SOCKET}/start.log 2>&1"
#: What a data directory has of the server that it was copied from.
_NOT_CARRIED = frozenset(
    {*CONFIGURATION, "standby.signal", "postmaster.pid", "postmaster.opts", "tablespace_map", "log"}
)


class RecoveredContainer(ContainerServer):
    """A cluster that was recovered and promoted in a container. It archives nothing, and reaches nobody."""

    def __init__(self, engine: Engine, image: str, *, reason: str) -> None:
        super().__init__(engine, image, reason=reason)
        self._folders = ExitStack()
        self._shared: Path | None = None
        self._superuser = ""
        self._process = ""

    @classmethod
    def recover(
        cls,
        engine: Engine,
        image: str,
        data: Path,
        *,
        version: Version,
        wal: Path,
        settings: Mapping[str, str],
        superuser: str,
        wait: float,
        socket: bool = True,
    ) -> RecoveredContainer:
        """Carry a data directory and WAL into a container, recover there, and wait until it is promoted.

        :param data: as pg_basebackup wrote it, its tablespaces within it; it is only read.
        :param version: the cluster's; its major counts.
        :param wal: the folder of WAL that ``restore_command`` reads: copies of what the recovery may need lie in a
            folder of the same name inside, and nothing is written back.
        :param settings: ``restore_command``, ``recovery_target_…``.
        :param superuser: a role of the cluster's.
        :param wait: seconds for the recovery.
        :param socket: whether a socket that this machine shares is tried; else it is a port.
        :raises ServerError: it ended before; the end of its log is in ``looked_at``.
        """
        server = cls(engine, image, reason="recovery")
        try:
            server._superuser = superuser
            server.begin(version, reached=True, socket=socket)
            server._carry(data, wal, settings)
            server._await(wait)
            server._enter()
        except BaseException:
            server.close()
            raise
        return server

    def begin(self, version: Version, *, reached: bool = False, socket: bool = True) -> None:
        """Start a container in which nothing runs yet.

        :param reached: whether its server will be asked from here; else it has no network, and no socket to share.
        :raises ServerError: it does not start.
        """
        errors: Any = import_module("docker.errors")
        requests: Any = import_module("requests")
        self.version = version
        try:
            self._watch()
            if not reached or not (socket and self._share()):
                self._empty(reached=reached)
        except (errors.DockerException, requests.RequestException) as error:
            image_state(self._engine, self.image)
            raise ServerError(f"no container of {self.image} could be started: {error}") from error
        self.programs = ContainerPrograms(
            version, origin=f"image {self.image}", container=self._inner, inside=self._seen_inside,
            outward=self._outward,
        )  # fmt: skip

    @property
    def _inner(self) -> Container:
        return self._started[0].get_wrapped_container()

    def _share(self) -> bool:
        """Start a container that shares a folder with this machine; tell whether it really does."""
        folder = self._folders.enter_context(private_folder("recover")) / "s"
        if not self._engine.is_local or len(str(folder / ".s.PGSQL.65535")) > SOCKET_PATH:
            return False
        folder.mkdir()
        (folder / "here").touch()
        self._empty(folder)
        if execute(self._inner, ["test", "-e", f"{_SHARED}/here"]) == 0:
            self._shared = folder
            return True
        # The engine's machine is another one than this.
        self._started.pop().stop()
        return False

    def _empty(self, shared: Path | None = None, *, reached: bool = False) -> None:
        container = self._container(self.image)
        arguments: dict[str, Any] = {"entrypoint": ["sleep", "infinity"], "init": True, "shm_size": "1g", "user": "0"}
        if shared is not None:
            container.with_volume_mapping(str(shared), _SHARED, "rw")
        if reached:
            self._loopback = publishes_on_loopback(self._engine)
            if self._loopback:
                container.ports = {f"{PORT}/tcp": ("127.0.0.1", None)}  # type: ignore[dict-item]
            else:
                container.with_exposed_ports(PORT)
        else:
            arguments["network_mode"] = "none"
        self._started.remove(container)
        self._prepared(container, **arguments)
        with testcontainers_reaper(self._engine, wanted=False):
            container.start()

    def _carry(self, data: Path, wal: Path, settings: Mapping[str, str]) -> None:
        """Put the cluster and its WAL in, with our configuration instead of the cluster's."""
        content = {f"{DATA}/{name}": b"" for name in CONFIGURATION}
        hosts = "" if self._shared is not None else "host all all all scram-sha-256\n"
        content |= {f"{DATA}/pg_hba.conf": f"{HBA}{hosts}".encode(), f"{DATA}/recovery.signal": b"", f"{wal}/": b""}
        carried: list[tuple[str, Path]] = []
        for path in sorted(data.rglob("*")):
            name = path.relative_to(data)
            if name.parts[0] in _NOT_CARRIED:
                continue
            if path.is_symlink():
                raise ServerError("the base backup has links, which may lead out of it", looked_at=[str(path)])
            if path.is_dir():
                content[f"{DATA}/{name}/"] = b""
            else:
                carried.append((f"{DATA}/{name}", path))
        carried += [(str(path), path) for path in sorted(wal.iterdir()) if _needed(path, data)]
        # First what programs read: the settings depend on it.
        del content[f"{DATA}/postgresql.conf"]
        self._put(content, carried)
        self._ask(["sh", "-c", _PREPARE, str(wal)])
        own = {
            "listen_addresses": "" if self._shared is not None else "*",
            "unix_socket_directories": f"{_SOCKET}, {_SHARED}",
            "log_destination": "csvlog" if self._csvlog else "jsonlog",
            **harmless(self.version),
            **lowest(self._ask(["pg_controldata", DATA])),
        }
        self._put({f"{DATA}/postgresql.conf": configuration({**SETTINGS, **own, **settings}).encode()}, ())
        self._ask(["chown", "postgres", f"{DATA}/postgresql.conf"])

    def _put(self, content: Mapping[str, bytes], carried: Iterable[tuple[str, Path]]) -> None:
        if not self._inner.put_archive("/", carrying.packed(content, carried)):
            raise ServerError("files could not be carried into the container", looked_at=[self.image])

    def _ask(self, command: Sequence[str]) -> str:
        """Run a command inside, and return what it printed.

        :raises ServerError: it failed.
        """
        out, err = io.BytesIO(), io.BytesIO()
        if execute(self._inner, command, out=out, err=err, environment={"LC_ALL": "C"}) != 0:
            said = (err.getvalue() or out.getvalue()).decode("utf-8", "replace").splitlines()
            raise ServerError(f"{command[0]} failed in a container of {self.image}", looked_at=said[-10:])
        return out.getvalue().decode("utf-8", "replace")

    def _await(self, wait: float) -> None:
        """Start the server, and wait until postmaster.pid says that it is ready: with hot_standby off, recovered."""
        api = self._inner.client.api
        run = api.exec_create(self._inner.id, ["sh", "-c", _START], user="postgres")["Id"]
        api.exec_start(run, detach=True)
        until = time.monotonic() + wait
        while True:
            out = io.BytesIO()
            execute(self._inner, ["sed", "-n", "8p", f"{DATA}/postmaster.pid"], out=out)
            if out.getvalue().strip() == b"ready":
                return
            ended = not api.exec_inspect(run)["Running"]
            if ended or time.monotonic() > until:
                why = "did not start" if ended else f"did not recover within {wait:g} s"
                raise ServerError(f"the server in a container of {self.image} {why}", looked_at=self._tail())
            time.sleep(0.05)

    def _tail(self) -> list[str]:
        suffix = "csv" if self._csvlog else "json"
        script = f"tail -n 5 {_SOCKET}/start.log; tail -n 15 {DATA}/log/pgsafe.{suffix}"
        out = io.BytesIO()
        execute(self._inner, ["sh", "-c", script], out=out)
        return out.getvalue().decode("utf-8", "replace").splitlines()

    def _enter(self) -> None:
        if self._shared is not None:
            self._address = Address({"host": str(self._shared), "port": str(PORT), "user": self._superuser})
        else:
            password = secrets.token_urlsafe(24)
            self._let_in(password)
            host, port = self._published(self._started[0])
            self._address = Address({"host": host, "port": port, "user": self._superuser, "password": password})
        try:
            with connect(self.address("template1")) as session:
                self.version = Version(session.info.server_version)
                recovering = session.execute("select pg_catalog.pg_is_in_recovery()").fetchone()
        except psycopg.Error as error:
            raise ServerError(f"the recovered server does not answer: {error}", looked_at=self._tail()) from error
        if recovering != (False,):
            raise ServerError("the recovered server was not promoted")

    def _let_in(self, password: str) -> None:
        """Give the superuser a password that nobody else knows; the file with it is root's, and goes with the rest."""
        quoted = self._superuser.replace('"', '""')
        self._put({f"{_SOCKET}/in.sql": f"alter role \"{quoted}\" password '{password}';\n".encode()}, ())
        psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", _SOCKET, "-U", self._superuser, "-d", "template1"]
        self._ask([*psql, "-f", f"{_SOCKET}/in.sql"])

    def _seen_inside(self, address: Address) -> Address | None:
        if not self._is_here(address):
            return None
        return address.with_(host=_SOCKET, hostaddr=None, port=str(PORT), password=None)

    def keep(self) -> Sequence[str]:
        *_, removal = super().keep()
        name = self._inner.name
        return (f"connect: docker exec -it {name} psql -h {_SOCKET} -U {self._superuser} DATABASE", removal)

    def _passfile(self) -> str:
        # The socket inside asks for no password.
        return ""

    def close(self) -> None:
        super().close()
        with contextlib.suppress(OSError):
            self._folders.close()


def _needed(path: Path, data: Path) -> bool:
    """Tell whether a recovery of a data directory may read a file of the archive: not what was written before it."""
    name = path.name
    if not path.is_file() or _HISTORY.fullmatch(name):
        return path.is_file()
    label = (data / "backup_label").read_text("utf-8", "replace")
    start = _START_WAL.search(label)
    # The same on every timeline: the first eight digits are the timeline's.
    return _SEGMENT.fullmatch(name) is not None and (start is None or name[8:] >= start["name"][8:])
