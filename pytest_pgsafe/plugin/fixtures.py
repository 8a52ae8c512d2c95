"""Fixtures for tests of one's own. Their docstrings are what ``pytest --fixtures`` shows.

Nothing heavy is imported before a test asks for one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..visible import visible
from .marker import SKIPPED, wanted

if TYPE_CHECKING:
    from datetime import datetime

    from ..backup.proof import Proof
    from ..backup.take import Backup
    from ..config.values import Settings
    from ..rehearsal.values import Result
    from ..snapshot.values import Snapshot
    from ..testing.database import Readable, ScratchDatabase, SourceDatabase
    from ..testing.recovered import RecoveredDatabase
    from ..testing.server import ScratchServer
    from .own import OwnTests

__all__ = [
    "pgsafe_backup",
    "pgsafe_database",
    "pgsafe_recovered",
    "pgsafe_rehearsal",
    "pgsafe_restore",
    "pgsafe_server",
    "pgsafe_snapshot",
    "pgsafe_source",
    "pgsafe_verify",
]


@pytest.fixture(scope="session")
def pgsafe_server(request: pytest.FixtureRequest) -> Generator[ScratchServer]:
    """The scratch PostgreSQL server of this process, chosen as for the rehearsal; one for each worker of xdist.

    ``database()`` makes a database, for fixtures of a wider scope than ``pgsafe_database``:

        with pgsafe_server.database() as database: ...
    """
    own = _own(request)
    with _clear():
        server = own.server()
    yield server
    own.close()


@pytest.fixture
def pgsafe_database(request: pytest.FixtureRequest, pgsafe_server: ScratchServer) -> Generator[ScratchDatabase]:
    """A database of the test's own: a copy of the restored source, or empty where no source is configured.

    ``uri``, ``parameters``, ``connect()`` and ``execute()`` lead to it as a superuser; ``migrate()``, ``migrate(to=…)``
    and ``rollback()`` run what is configured; ``clone()`` copies it. ``@pytest.mark.pgsafe(source=…, migration=…,
    revision=…, empty=True)`` asks for another one. It is dropped after the test, unless --pgsafe-keep and a failure.
    """
    item: pytest.Item = request.node
    try:
        asked = wanted(item)
    except ValueError as error:
        raise pytest.fail.Exception(visible(str(error)), pytrace=False) from None
    own = _own(request)
    with _clear():
        database = pgsafe_server.database(own.named(item), release=own.releasing(item), **asked)
    yield database
    with _clear():
        database.drop()


@pytest.fixture(scope="session")
def pgsafe_source(pgsafe_server: ScratchServer) -> SourceDatabase:
    """The source, read only: the configured database itself, or what a backup or ``.sql`` files make of it.

    ``uri``, ``parameters``, ``connect()``, ``execute()``, ``snapshot()``.
    """
    with _clear():
        return pgsafe_server.source()


@pytest.fixture(scope="session")
def pgsafe_backup(request: pytest.FixtureRequest, pgsafe_server: ScratchServer) -> Backup:  # noqa: ARG001 (is running)
    """The backup of the source: taken once in a run, whoever needs it first, or the one that is the source.

    ``archive.path`` is the dump; ``facts`` and ``manifest`` are None for a dump that pgsafe did not take.
    """
    with _clear():
        return _own(request).backup()


@pytest.fixture
def pgsafe_restore(
    request: pytest.FixtureRequest, pgsafe_server: ScratchServer
) -> Generator[Callable[..., ScratchDatabase]]:
    """Restore a backup into a database of the test's own: ``pgsafe_restore(pgsafe_backup)``, or a path.

    Any dump will do; a backup of pgsafe's is proven against its manifest first. Without an argument it is the latest
    proven one under ``[backup] root``. Dropped after the test.
    """
    own = _own(request)
    made: list[ScratchDatabase] = []

    def restore(backup: Backup | str | Path | None = None) -> ScratchDatabase:
        __tracebackhide__ = True
        from ..testing.kept import latest

        chosen = latest(_settings(request), proven=True) if backup is None else backup
        made.append(pgsafe_server.restore(chosen, own.named(request.node), release=own.releasing(request.node)))
        return made[-1]

    yield restore
    with _clear():
        for database in made:
            database.drop()


@pytest.fixture
def pgsafe_verify(request: pytest.FixtureRequest) -> Callable[..., Proof]:
    """Prove a backup as ``pgsafe verify`` does, or fail: ``pgsafe_verify()``, ``pgsafe_verify(path, max_age="24h")``.

    Without a path it is the latest one under ``[backup] root``. What comes back says what each check found; the proof
    that is kept beside the backup is not replaced.
    """
    _own(request)

    def verify(backup: str | Path | None = None, *, max_age: str | None = None) -> Proof:
        __tracebackhide__ = True
        from ..testing.kept import verify as prove

        return prove(_settings(request), backup, max_age)

    return verify


@pytest.fixture
def pgsafe_recovered(request: pytest.FixtureRequest) -> Callable[..., AbstractContextManager[RecoveredDatabase]]:
    """A database of the cluster of ``[pitr]`` as it was at a moment, recovered from its base backup and WAL.

        with pgsafe_recovered(to="2026-11-22T14:30:00+00:00") as database: ...

    ``to`` is a datetime or a text, with its offset from UTC; instead of it ``lsn``, ``name`` (a restore point) or
    ``xid``, or nothing for the end of the archive; ``exclusive=True`` is just before it. ``dbname`` says which
    database, ``base`` and ``archive`` name other folders. The database has ``execute()``, ``connect()``,
    ``snapshot()``, ``database(name)``, ``last_transaction``, ``position`` and ``rto_seconds``; it is gone behind the
    block.
    """
    _own(request)

    @contextmanager
    def recovered(to: datetime | str | None = None, **words: Any) -> Generator[RecoveredDatabase]:
        __tracebackhide__ = True
        from ..testing.recovered import recovered_to

        with ExitStack() as stack:
            with _clear():
                database = stack.enter_context(recovered_to(_settings(request), to, **words))
            yield database

    return recovered


@pytest.fixture
def pgsafe_snapshot(request: pytest.FixtureRequest) -> Snapshots:
    """The facts of a database at one moment: ``pgsafe_snapshot(pgsafe_database)`` returns its catalog, counts, digests.

    ``pgsafe_snapshot.save(facts, "before.json")`` and ``pgsafe_snapshot.load("before.json")`` keep them in a file,
    which can be committed; a relative path is relative to the test's folder. ``assert_same`` compares them.
    """
    _own(request)
    return Snapshots(request.path.parent)


@pytest.fixture(scope="session")
def pgsafe_rehearsal(request: pytest.FixtureRequest) -> Result:
    """The result of the run's one rehearsal: ``findings``, ``changes``, ``steps``, ``trace``, ``verdict``.

    It is done once, whoever needs it first. A rehearsal that was broken off fails the test.
    """
    _own(request)
    if _settings(request).source is None:
        pytest.fail("pgsafe_rehearsal: no source is configured\n  remedy: name it: --pgsafe-source=X", pytrace=False)
    from .results import RESULTS

    result = request.config.stash[RESULTS].rehearsal
    if result.interrupted is not None:
        pytest.fail(f"the rehearsal reached no verdict: {result.interrupted}", pytrace=False)
    return result


class Snapshots:
    """Takes snapshots, and keeps them in files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, database: Readable) -> Snapshot:
        return database.snapshot()

    def save(self, snapshot: Snapshot, path: str | Path) -> None:
        """Write a snapshot; the same facts give the same bytes.

        :raises ConfigError: the file cannot be written.
        """
        from ..snapshot.file import save

        save(snapshot, self._folder / path)

    def load(self, path: str | Path) -> Snapshot:
        """Read a snapshot that was saved.

        :raises ConfigError: it is none.
        """
        from ..snapshot.file import load

        return load(self._folder / path)


def _settings(request: pytest.FixtureRequest) -> Settings:
    from .run import RUN

    return request.config.stash[RUN].settings


def _own(request: pytest.FixtureRequest) -> OwnTests:
    """Return what provides databases; skip the test while the feature is off.

    A test that asks for a fixture by ``getfixturevalue`` is not known beforehand.
    """
    own: Any = request.config.pluginmanager.get_plugin("pgsafe-own")
    if own is None:
        pytest.skip(SKIPPED)
    if own.dry:
        pytest.skip("pgsafe does nothing where no test is run")
    return own  # type: ignore[no-any-return]


@contextmanager
def _clear() -> Generator[None]:
    """Show an error of ours as it is meant for people, without the way through our code."""
    from ..errors import PgsafeError

    try:
        yield
    except PgsafeError as error:
        raise pytest.fail.Exception(visible(str(error)), pytrace=False) from None
