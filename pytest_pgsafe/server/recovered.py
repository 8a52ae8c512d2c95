"""A server of our own that recovers a cluster of somebody else's, from a base backup and an archive."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from ..errors import ServerError
from .address import Address
from .base import Programs
from .capabilities import EVENT_TRIGGERS_OFF
from .cluster import Template
from .connection import connect
from .local import LocalServer, order, start_keeper
from .marked import own as own_mark
from .private import private_folder
from .programs import LocalPrograms
from .scratch import full_name
from .surrendered import strip
from .user import ServerUser, server_user
from .version import Version

#: Of the cluster's own configuration nothing is used: it may archive, load libraries, listen, or fill this machine.
CONFIGURATION = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf")
#: Where a recovered server has its tablespaces, within its own data directory.
TABLESPACES = "pgsafe_tablespaces"
#: Roles and passwords are the cluster's; nobody else can enter the socket's folder.
HBA = "local all all trust\n"
#: A standby needs at least the primary's; what pg_control holds is compared when it starts.
_FLOORS = ("max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_xacts", "max_locks_per_xact")
#: It may have been raised after the base backup; without room for a prepared transaction the replay ends.
_LEAST = {"max_prepared_xacts": 1000}
_NAMES = {"max_prepared_xacts": "max_prepared_transactions", "max_locks_per_xact": "max_locks_per_transaction"}


class RecoveredServer(LocalServer):
    """A cluster that was recovered and promoted. It answers on its socket alone, and archives nothing."""

    @classmethod
    def recover(
        cls,
        programs: LocalPrograms,
        data: Path,
        *,
        settings: Mapping[str, str],
        superuser: str,
        wait: float,
        take: bool = False,
    ) -> RecoveredServer:
        """Copy a data directory, let PostgreSQL recover it, and wait until it is promoted.

        :param data: as pg_basebackup wrote it, its tablespaces within it; it is only read.
        :param take: the data directory is nobody's backup: it may be moved instead.
        :param settings: ``restore_command``, ``recovery_target_…``.
        :param superuser: a role of the cluster's.
        :param wait: seconds for the whole recovery.
        :raises ServerError: it ended before; the end of its log is in ``looked_at``.
        """
        user = server_user()
        folder = programs.readable_by(user)
        server = cls(programs, process=start_keeper(), reason="recovery")
        try:
            with _staged(data, user, take=take) as staged:
                server._start(folder, staged, user, settings, superuser=superuser, wait=wait)
        except BaseException:
            server.close()
            raise
        return server

    def _start(
        self, folder: Path, data: Path, user: ServerUser | None, settings: Mapping[str, str], *, superuser: str,
        wait: float,
    ) -> None:  # fmt: skip
        """Let PostgreSQL recover a data directory that is ours, and enter when it is promoted."""
        own = {"listen_addresses": "", **harmless(self.programs.version), **floors(self.programs, data)}
        template = Template(data=data, password="", moved=True)
        wanted = order(folder, template, user, self.programs.version, {**own, **settings})
        started = self._ask({**wanted, "wait": wait})
        self._folder = Path(started["folder"])
        self._postmaster = int(started["pid"])
        self._enter(int(started["port"]), superuser)

    def _enter(self, port: int, superuser: str) -> None:
        # What a role or a database of the cluster loads may not be here.
        options = "-c session_preload_libraries= -c local_preload_libraries="
        self._address = Address(
            {"host": str(self._folder / "s"), "port": str(port), "user": superuser, "options": options}
        )
        try:
            # postgres may have been dropped.
            with connect(self.address("template1")) as session:
                self.version = Version(session.info.server_version)
                recovering = session.execute("select pg_catalog.pg_is_in_recovery()").fetchone()
        except psycopg.Error as error:
            raise ServerError(f"the recovered server does not answer: {error}") from error
        if recovering != (False,):
            raise ServerError("the recovered server was not promoted")

    def claim(self, dbname: str) -> str:
        """Make one of its databases a scratch database; return its new name.

        :raises psycopg.Error: as the server says it.
        """
        name = full_name("before")
        with connect(self.address("template1"), read_only=False) as session:
            old, new = sql.Identifier(dbname), sql.Identifier(name)
            session.execute(sql.SQL("ALTER DATABASE {} WITH CONNECTION LIMIT -1 IS_TEMPLATE false").format(old))
            session.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, new))
            [(oid,)] = session.execute("select oid from pg_catalog.pg_database where datname = %s", (name,)).fetchall()
            self._sign(session, own_mark(int(oid), name))
        return name

    def surrender(self, password: str) -> Template:
        """Stop it, and return its cluster for one scratch server, which takes it before this object is closed.

        :param password: of the role :data:`~.owned.SUPERUSER`.
        :raises ServerError: it does not stop.
        """
        self._stop()
        strip(self.data, self.programs)
        # Its subscriptions are dropped later; until then nothing asks for changes. A segment that is used again would
        # still hold what was written into it before.
        settings = {"max_logical_replication_workers": "0", "wal_recycle": "off"}
        return Template(data=self.data, password=password, moved=True, settings=settings)


@contextmanager
def _staged(data: Path, user: ServerUser | None, *, take: bool) -> Generator[Path, None, None]:
    """Yield a copy of a data directory that the server's user owns, without its configuration, asked to recover."""
    with private_folder("recover") as place:
        staged = place / "data"
        if take:
            shutil.move(data, staged)
        else:
            _room(data, place)
            try:
                shutil.copytree(data, staged, symlinks=True)
            except OSError as error:
                # shutil.Error has one line for each of all files.
                raise ServerError("the base backup cannot be copied", looked_at=[str(error)[:500]]) from error
        # A backup may be kept read only; PostgreSQL writes, and insists on the folder's mode.
        for path in (staged, *staged.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o700 if path.is_dir() else 0o600)
        _enclose(staged)
        without_configuration(staged)
        if user is not None:
            for path in (place, *place.rglob("*")):
                os.chown(path, user.uid, user.gid, follow_symlinks=False)
        yield staged


def _room(data: Path, place: Path) -> None:
    """Refuse a copy for which the disk has no room.

    :raises ServerError: how much is needed and free, and where.
    """
    needed = sum(path.lstat().st_size for path in data.rglob("*"))
    free = shutil.disk_usage(place).free
    if needed > free:
        raise ServerError(
            f"there is no room for the recovery: the base backup has {needed >> 20} MB, {free >> 20} MB are free",
            looked_at=[str(place.parent)],
            remedies=["set TMPDIR to a folder with more room"],
        )


def _enclose(staged: Path) -> None:
    """Let nothing lead out of a data directory: what a link leads to, recovery would write to.

    :raises ServerError: something does.
    """
    # By this file PostgreSQL makes links to where the source has its tablespaces.
    (staged / "tablespace_map").unlink(missing_ok=True)
    # Folders instead of links: older minors refuse them, and newer ones unless a setting allows it.
    for path in sorted((staged / "pg_tblspc").iterdir()):
        if path.is_dir() and not path.is_symlink():
            (staged / TABLESPACES).mkdir(exist_ok=True)
            path.rename(staged / TABLESPACES / path.name)
            path.symlink_to(Path("..", TABLESPACES, path.name))
    nothing_leads_out(staged, staged)


def nothing_leads_out(data: Path, inside: Path) -> None:
    """Refuse a data directory with links that lead out of a folder.

    :raises ServerError: with each of them.
    """
    inside = inside.resolve()
    if out := [str(path) for path in data.rglob("*") if path.is_symlink() and inside not in path.resolve().parents]:
        raise ServerError("the base backup has links that lead out of it: a recovery would write there", looked_at=out)


def without_configuration(staged: Path, *, recover: bool = True) -> None:
    """Take a cluster's configuration and logs out of its data directory, and ask it to recover.

    :param recover: else it was stopped in order.
    """
    for file in CONFIGURATION:
        (staged / file).unlink(missing_ok=True)
        (staged / file).touch(mode=0o600)
    (staged / "pg_hba.conf").write_text(HBA, "utf-8")
    for file in ("standby.signal", "postmaster.pid", "postmaster.opts"):
        (staged / file).unlink(missing_ok=True)
    if recover:
        (staged / "recovery.signal").touch(mode=0o600)
    if (staged / "log").is_symlink():
        (staged / "log").unlink()
    (staged / "log").mkdir(exist_ok=True)
    for path in (staged / "log").iterdir():
        path.unlink() if path.is_file() else shutil.rmtree(path)


def harmless(version: Version) -> dict[str, str]:
    """Return settings by which a recovered cluster writes to nothing of its source's.

    A subscription that it was recovered with would go on where the source's stands, and take its changes away.
    """
    settings = {"archive_mode": "off", "max_logical_replication_workers": "0"}
    # With hot_standby the server is ready as soon as it is consistent, long before the target.
    settings["hot_standby"] = "off"
    # A trigger on login is run by whoever looks.
    return {**settings, "event_triggers": "off"} if EVENT_TRIGGERS_OFF.known_to(version) else settings


def floors(programs: Programs, data: Path) -> dict[str, str]:
    """Return the settings below which the cluster's WAL cannot be replayed, as its control file has them."""
    return lowest(programs.run("pg_controldata", [str(data)]).stdout)


def lowest(printed: str) -> dict[str, str]:
    """Return the same from what pg_controldata printed."""
    found: dict[str, str] = {}
    for line in printed.splitlines():
        name, _, value = line.partition(":")
        name = name.removesuffix(" setting")
        if name in _FLOORS and value.strip().isdigit():
            found[_NAMES.get(name, name)] = str(max(int(value), _LEAST.get(name, 10)))
    return found
