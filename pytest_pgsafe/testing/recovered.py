"""A cluster recovered to a moment, for a test of one's own to look at."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from ..config.values import Settings
from ..errors import ConfigError
from ..pitr.bases import find
from ..pitr.place import place_for
from ..pitr.recover import Recovered, recover
from ..pitr.target import Target
from ..server.address import Address
from ..server.connection import connect
from ..server.recovering import Recovering
from .database import Readable

_REMEDIES = ('write [pitr] base = "…" and archive = "…" into pgsafe.toml', "pgsafe_recovered(base=…, archive=…)")
#: Databases that come with every cluster.
_USUAL = frozenset({"postgres", "template0", "template1"})


class RecoveredDatabase(Readable):
    """A database of a cluster that was recovered. It is a copy: what is written there is gone after the test."""

    def __init__(self, address: Address, *, server: Recovering, recovered: Recovered) -> None:
        super().__init__(address)
        self._server = server
        self._recovered = recovered

    @property
    def last_transaction(self) -> datetime | None:
        """When the last transaction ended that was recovered; None if there was none after the base backup."""
        return self._recovered.last_transaction

    @property
    def position(self) -> str:
        """The last position of the WAL that was replayed."""
        return str(self._recovered.position)

    @property
    def rto_seconds(self) -> float:
        """How long it took, from the beginning to a server that answered."""
        return self._recovered.seconds

    @property
    def base(self) -> str:
        """The base backup's name."""
        return self._recovered.base.name

    def database(self, name: str) -> RecoveredDatabase:
        """Return another database of the same cluster."""
        return RecoveredDatabase(self._server.address(name), server=self._server, recovered=self._recovered)


@contextmanager
def recovered_to(
    settings: Settings,
    to: datetime | str | None = None,
    *,
    lsn: str | None = None,
    name: str | None = None,
    xid: int | str | None = None,
    exclusive: bool = False,
    dbname: str | None = None,
    base: str | Path | None = None,
    archive: str | Path | None = None,
) -> Generator[RecoveredDatabase, None, None]:
    """Yield a database of a cluster that was recovered to a moment; afterwards the cluster is gone.

    Paths are relative to the configuration's folder.

    :param to: a time with its offset from UTC; without any target it is the end of the archive.
    :param lsn: a position in the WAL instead; ``name`` a restore point, ``xid`` a transaction.
    :param exclusive: just before it.
    :param dbname: None is the only database that does not come with every cluster.
    :param base: another folder of base backups than the configured one; so is ``archive``.
    :raises ConfigError: no single target, or nothing to recover from.
    :raises RestoreError: the target cannot be reached.
    """
    told = settings.pitr
    where = [
        settings.folder / Path(given).expanduser() if given is not None else configured
        for given, configured in (
            (base, None if told is None else told.base),
            (archive, None if told is None else told.archive),
        )
    ]
    if where[0] is None or where[1] is None:
        raise ConfigError("no base backups or no WAL archive are named", remedies=_REMEDIES)
    target = _target(to, lsn, name, None if xid is None else str(xid), exclusive=exclusive)
    bases = find(where[0])
    place = place_for(bases[-1][1], settings.server.use, settings.server.image)
    with recover(bases, where[1], target, place) as (server, recovered):
        yield RecoveredDatabase(
            server.address(_only(server) if dbname is None else dbname), server=server, recovered=recovered
        )


def _target(
    to: datetime | str | None, lsn: str | None, name: str | None, xid: str | None, *, exclusive: bool
) -> Target:
    if sum(one is not None for one in (to, lsn, name, xid)) > 1:
        raise ConfigError("a recovery has one target", remedies=["one of to, lsn, name and xid, or none"])
    if to is not None:
        return Target.time(to.isoformat() if isinstance(to, datetime) else to, inclusive=not exclusive)
    if lsn is not None:
        return Target.lsn(lsn, inclusive=not exclusive)
    if name is not None:
        return Target.name(name)
    return Target(kind="end") if xid is None else Target.xid(xid, inclusive=not exclusive)


def _only(server: Recovering) -> str:
    with connect(server.address("template1")) as session:
        found = [row[0] for row in session.execute("select datname from pg_catalog.pg_database order by 1")]
    own = [name for name in found if name not in _USUAL]
    if len(own) == 1:
        return str(own[0])
    told = f"the cluster has {len(own)} databases" if own else "the cluster has no database of its own"
    raise ConfigError(f"{told}: which is meant?", looked_at=found, remedies=["pgsafe_recovered(dbname=…)"])
