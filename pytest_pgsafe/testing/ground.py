"""The scratch server of a process, and what the source is restored into there, to be cloned for each test.

Each worker of xdist has a server of its own: roles belong to a server, and a test may make some. Of local programs,
the first worker restores, stops its server, and all of them, itself included, start copies of it. Elsewhere each
worker restores the one backup that was taken in the run.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from filelock import FileLock
from psycopg import sql

from ..backup.archive import recognise
from ..backup.take import Backup
from ..config.values import Settings
from ..config.values import Source as Configured
from ..copy import restoring
from ..copy.backups import backup_of, backup_once
from ..copy.likeness import likeness
from ..copy.opened import opened
from ..copy.source import Source, examine
from ..errors import ConfigError, PgsafeError
from ..migrate import isolation
from ..rehearsal import hooks
from ..rehearsal.preflight import Plan
from ..server import preload
from ..server.address import Address
from ..server.base import Server
from ..server.choose import probe
from ..server.cluster import Template
from ..server.connection import connect
from ..server.extensions import check_extensions
from ..server.local import LocalServer

_NO_SOURCE = ("name it: --pgsafe-source=X, [source] in pgsafe.toml, or @pytest.mark.pgsafe(source=X)",)
_STATE = "cluster.json"


class Ground:
    """One process's server and databases."""

    def __init__(self, settings: Settings, *, folder: Path, worker: str = "", shared: bool = False) -> None:
        """Begin nothing yet.

        :param folder: a private one of the run, shared by its processes.
        :param worker: the name of xdist's worker; part of every database's name.
        :param shared: there are other workers.
        """
        self.settings = settings
        self.folder = folder
        self.worker = worker
        self._shared = shared
        self._restored: dict[Configured, Address] = {}
        self._server: Server | None = None
        self._sealed: Server | None = None
        self._roles: frozenset[str] = frozenset()
        #: How to connect to what was kept; empty until something is.
        self.kept: tuple[str, ...] = ()

    @cached_property
    def source(self) -> Source:
        """The configured source.

        :raises ConfigError: there is none.
        """
        return examine(self._configured)

    @property
    def _configured(self) -> Configured:
        if self.settings.source is None:
            raise ConfigError("no source is configured", remedies=_NO_SOURCE)
        return self.settings.source

    @property
    def server(self) -> Server:
        """The running server.

        :raises ServerError: it cannot be had.
        :raises StepError: the source cannot be restored.
        """
        if self._server is None:
            self._server = self._start()
            self._roles = self._roles_there(self._server)
        return self._server

    def restored(self, configured: Configured | None = None) -> Address:
        """Return the database that holds what the source does; it is for cloning alone.

        :param configured: None is the source of the configuration.
        """
        wanted = self._configured if configured is None else configured
        server = self.server
        if wanted not in self._restored:
            source = self.source if wanted == self.settings.source else examine(wanted)
            check_extensions(source.extensions, server.extensions(), server.describe()["origin"])
            self._restored[wanted] = self._restore(source, server)
            self._roles = self._roles_there(server)
        return self._restored[wanted]

    def fill(self, backup: Backup, name: str) -> Address:
        """Restore a backup into a new database."""
        address = self._refill(backup, self.server, self.named(name))
        self._roles = self._roles_there(self.server)
        return address

    def backup(self) -> Backup:
        """Return the run's backup: that which the source is, or one that is taken of it once."""
        if self.source.kind == "sql":
            return backup_once(self.restored(), self.folder / "backup", self.server.programs)
        return backup_of(self.source, self.folder, self.server.programs)

    def drop(self, address: Address) -> None:
        """Drop a database of a test, and the roles that came with it and own nothing elsewhere."""
        server = self.server
        server.drop(address)
        if not server.owns_cluster:
            return
        with connect(server.address(), read_only=False) as connection:
            for role in sorted(self._roles_there(server) - self._roles):
                # One that another database of the test still needs goes with that.
                with suppress(psycopg.Error):
                    connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))

    def keep(self) -> tuple[str, ...]:
        """Leave the server running after the run; return lines that say how to connect."""
        if not self.kept:
            self.kept = tuple(self.server.keep())
        return self.kept

    def close(self) -> None:
        """Stop what was started and drop what was made."""
        try:
            if self._server is not None:
                self._server.close()
        finally:
            if self._sealed is not None:
                with self._lock():
                    (self.folder / _STATE).unlink(missing_ok=True)
                    self._sealed.close()

    def _start(self) -> Server:
        configured = self.settings.source
        source = None if configured is None else self.source
        wanted = self.settings.server
        choice = probe(
            wanted.use, major=None if source is None else source.least_major, image=wanted.image,
            settings=preload.settings(wanted.preload), keep=wanted.keep, superuser=wanted.superuser,
            fitting=None if source is None else source.fitting,
            socket=None if source is None else source.socket,
        )  # fmt: skip
        choice.check_libraries(() if source is None else source.extensions, wanted.preload)
        if source is None or configured is None:
            return choice.start()
        plan = Plan(source=source, choice=choice, extensions=source.extensions)
        if choice.copy is None or not self._shared:
            return plan.start()
        with self._lock():
            state = self._state()
            if state is None:
                state = self._seal(plan, source)
            server = choice.copy(Template(data=Path(state["data"]), password=state["password"]))
            if not _alive(state["owner"]):
                # Whatever is being removed may have been copied in part.
                server.close()
                raise PgsafeError("the worker that restored the source ended while its server was copied")
        self._restored[configured] = server.address(state["dbname"])
        return server

    def _seal(self, plan: Plan, source: Source) -> dict[str, Any]:
        first = plan.start()
        try:
            address = self._restore(source, first)
            # What the choice can copy is one.
            assert isinstance(first, LocalServer)
            template = first.seal()
        except BaseException:
            first.close()
            raise
        self._sealed = first
        state = {
            "owner": os.getpid(), "data": str(template.data), "password": template.password, "dbname": address.dbname,
        }  # fmt: skip
        partial = self.folder / f"{_STATE}.partial"
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(state, file)
        partial.replace(self.folder / _STATE)
        return state

    def _state(self) -> dict[str, Any] | None:
        try:
            state: dict[str, Any] = json.loads((self.folder / _STATE).read_text("utf-8"))
        except OSError:
            return None
        return state if _alive(state["owner"]) else None

    def _lock(self) -> FileLock:
        return FileLock(self.folder / f"{_STATE}.lock")

    def _restore(self, source: Source, server: Server) -> Address:
        if source.kind != "sql":
            # The run's backup is shared; that of a source that a marker names is this process's own.
            own = self.settings.source is not None and source is self.source
            backup = backup_of(source, self.folder if own else self._private(), server.programs)
            return self._hooked(self._refill(backup, server, self.named("source")), server, source)
        like = likeness(None, self._settings(), whole=False)
        prepared = restoring.prepare(server, None, name=self.named("source"), like=like)
        restoring.fill(source, None, prepared, server)
        return self._hooked(_isolated(prepared.address), server, source)

    def _hooked(self, address: Address, server: Server, source: Source) -> Address:
        """Run what the configuration wants after the restore of its own source."""
        if self.settings.hooks.after_restore and self.settings.source is not None and source is self.source:
            with connect(address) as session:
                role = self.settings.role or restoring.owner(session, server)
            wanted = self.settings.hooks.after_restore
            hooks.run("after_restore", wanted, self.settings, server, address, role=role, source=source.address)
        return address

    def named(self, name: str) -> str:
        """Return a database's name with the worker's."""
        return f"{self.worker}_{name}" if self.worker else name

    def _refill(self, backup: Backup, server: Server, name: str) -> Address:
        facts = backup.facts
        writable = Source(shown="", archive=backup.archive)
        names = () if facts is not None else restoring.role_names(writable, backup)
        owners = restoring.owner_names(writable, backup)
        catalog = None if facts is None else facts.catalog
        # A test's server may hold copies of several sources.
        like = likeness(
            catalog, self._settings(), archive=backup.archive, role=self.settings.role, whole=False
        )  # fmt: skip
        prepared = restoring.prepare(server, catalog, names, name=name, owners=owners, like=like)
        restoring.fill(writable, backup, prepared, server)
        restoring.finish(catalog, prepared, server)
        return _isolated(prepared.address)

    def _settings(self) -> tuple[tuple[str, str], ...]:
        return () if self.settings.source is None else self.settings.source.settings

    def _private(self) -> Path:
        made = self.folder / f"own-{os.getpid()}-{len(list(self.folder.glob('own-*')))}"
        made.mkdir(mode=0o700)
        return made

    @staticmethod
    def _roles_there(server: Server) -> frozenset[str]:
        with connect(server.address()) as connection:
            return frozenset(str(name) for (name,) in connection.execute("select rolname from pg_catalog.pg_roles"))


def read_backup(path: Path) -> Backup:
    """Return a backup that lies somewhere: a folder of pgsafe's, or any dump.

    :raises ConfigError: it is none.
    :raises BackupError: it is not whole.
    """
    return opened(recognise(path))


def _isolated(address: Address) -> Address:
    with connect(address, read_only=False) as connection:
        isolation.isolate(connection)
    return address


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
