"""The scratch server as tests see it: databases for them, made and dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..backup.take import Backup
from ..config import forms
from ..errors import ConfigError
from ..migrate.tools import of
from ..server.address import Address
from .database import ScratchDatabase, SourceDatabase
from .ground import Ground, read_backup
from .migrating import Ways
from .plain import plain

_ORIGIN = "pgsafe marker"


class ScratchServer:
    """The scratch server of this process. A database that is made here is dropped by its maker, or with the server."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    @property
    def version(self) -> str:
        """The server's version: ``15.18``."""
        return str(self._ground.server.version)

    @property
    def kind(self) -> str:
        """``container``, ``local`` or ``existing``."""
        return self._ground.server.kind

    @property
    def uri(self) -> str:
        """A libpq URI of its database ``postgres``, **with the password**."""
        return self._ground.server.address().url()

    @plain
    def database(
        self,
        name: str = "test",
        *,
        source: str | Path | Sequence[str | Path] | None = None,
        migration: str | Path | None = None,
        rollback: str | Path | None = None,
        empty: bool = False,
        revision: str | None = None,
        release: Callable[[Address], None] | None = None,
    ) -> ScratchDatabase:
        """Make a database: a copy of the restored source, or an empty one where no source is configured.

        It is a context manager that drops it. Paths are relative to the configuration's folder.

        :param name: what it is for; the full name has a prefix, xdist's worker and something unique.
        :param source: another source than the configured one: a URI, a backup, or ``.sql`` files.
        :param migration: another migration than the configured one, in the same forms; its way back is ``rollback``.
        :param empty: an empty database, source or not.
        :param revision: migrate it up to this revision at once.
        :param release: how it is dropped; None drops it and the roles that came with it.
        :raises ConfigError: what was asked for cannot be meant.
        :raises PgsafeError: the source cannot be restored.
        """
        ground, settings = self._ground, self._ground.settings
        if empty and source is not None:
            raise ConfigError("empty=True and source=… cannot both be meant", remedies=["keep one of them"])
        words = [] if source is None else [source] if isinstance(source, (str, Path)) else list(source)
        configured = settings.source
        if words:
            configured = forms.source([str(word) for word in words], base=settings.folder, origin=_ORIGIN)
        if configured is None and settings.fleet is not None and not empty:
            raise ConfigError(
                "a fleet is configured, and no test knows which member it is about",
                remedies=["@pytest.mark.pgsafe(source=…) names a database", "empty=True is an empty one"],
            )
        empty = empty or configured is None
        ways = self._ways(migration, rollback, empty=empty)
        if empty:
            address = ground.server.create(ground.named(name))
            origin = address.dbname
        else:
            restored = ground.restored(configured)
            address = ground.server.clone(restored, ground.named(name))
            origin = restored.dbname
        made = ScratchDatabase(address, server=ground.server, ways=ways, origin=origin, release=release or ground.drop)
        if revision is not None:
            try:
                made.migrate(revision)
            except BaseException:
                made.drop()
                raise
        return made

    @plain
    def restore(
        self, backup: Backup | str | Path, name: str = "restored", *, release: Callable[[Address], None] | None = None
    ) -> ScratchDatabase:
        """Restore a backup into a new database.

        :param backup: what ``pgsafe_backup`` gives, or the path of a backup of pgsafe's or of any dump.
        :raises ConfigError: it is no backup.
        :raises StepError: it is not whole, or cannot be restored completely.
        """
        ground = self._ground
        found = backup if isinstance(backup, Backup) else read_backup(ground.settings.folder / Path(backup))
        address = ground.fill(found, name)
        return ScratchDatabase(
            address, server=ground.server, ways=self._ways(None, None, empty=False), origin=address.dbname,
            release=release or ground.drop,
        )  # fmt: skip

    def source(self) -> SourceDatabase:
        """Return the source, read only; what a backup or ``.sql`` files make of it is a copy for all tests.

        :raises ConfigError: there is none.
        """
        ground = self._ground
        address = ground.source.address
        if address is None:
            address = ground.server.clone(ground.restored(), ground.named("read"))
        if address.sessions == "lent":
            # A pooler refuses options.
            return SourceDatabase(address)
        options = f"{address.parameters.get('options', '')} -c default_transaction_read_only=on".strip()
        return SourceDatabase(address.with_(options=options))

    def _ways(self, migration: str | Path | None, rollback: str | Path | None, *, empty: bool) -> Ways:
        settings, source = self._ground.settings, self._ground.settings.source
        forward, back = settings.migration, settings.rollback
        if migration is not None:
            # The configured way back undoes another migration.
            forward, back = forms.way(str(migration), base=settings.folder, origin=_ORIGIN), None
        if rollback is not None:
            back = forms.way(str(rollback), base=settings.folder, origin=_ORIGIN, bare_command=True)
        return Ways(
            settings=settings,
            migration=None if forward is None else of(forward),
            rollback=None if back is None else of(back, way_back=True),
            source=None if source is None or source.dsn is None else self._ground.source.address,
            empty=empty,
        )
