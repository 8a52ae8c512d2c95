"""An archive made to fit the server that it is restored into: without what another server stored for itself."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from ..catalog import stored
from ..catalog.options import is_own
from ..catalog.stored import Option, Unwanted
from ..errors import RestoreError
from ..server.connection import Connection
from ..server.private import private_folder
from . import toc

Connected = Callable[[], AbstractContextManager[Connection]]

__all__ = ["omissions", "refused", "strip", "without"]

#: A column of a type that an access method of PostgreSQL can index.
_INDEXED = {"btree": "n", "hash": "n", "brin": "n", "gin": "words", "gist": "area", "spgist": "area"}
_PROBE = "create temporary table pgsafe_probe (n int, words tsvector, area box) on commit drop"
_UNKNOWN = "22023"


def refused(found: Sequence[Option], connected: Connected) -> frozenset[Option]:
    """Return the options of a dump that a server is not to be given: those of servers, and those that it does not know.

    :param found: as the dump says them.
    :param connected: opens a session of the database that it is restored into, which may write; called only if there
        is something to ask.
    """
    rest = list(dict.fromkeys(option for option in found if not is_own(option.name)))
    gone = {option for option in found if is_own(option.name)}
    if rest:
        with connected() as session:
            gone.update(option for option in rest if not _takes(session, option))
    return frozenset(gone)


@contextmanager
def without(path: Path, gone: frozenset[Option]) -> Generator[Path]:
    """Yield an archive without these options: itself where there are none, else a copy.

    :param path: not packed.
    :raises RestoreError: its table of contents cannot be read.
    """
    if not gone:
        yield path
        return
    with private_folder("fitted", swept=True) as folder:
        target = folder / path.name
        if path.is_dir():
            target.mkdir(mode=0o700)
            for file in path.iterdir():
                if file.name == "toc.dat":
                    shutil.copyfile(file, target / file.name)
                else:
                    _shared(file, target / file.name)
        else:
            shutil.copyfile(path, target)
        _strip(target, gone.__contains__)
        yield target


def strip(path: Path) -> tuple[str, ...]:
    """Take out of an archive of our own, in place, what only the source's server can have put there; tell what it was.

    :raises RestoreError: its table of contents cannot be read.
    """
    return omissions(_strip(path, lambda option: is_own(option.name)))


def omissions(options: Iterable[Option]) -> tuple[str, ...]:
    """Say what was taken out."""
    counted = Counter((option.name, option.place) for option in options)
    return tuple(
        f"{name}: left out of {count} {_counted(place, count)}, where the source's server stores it: "
        "PostgreSQL documents no such option"
        for (name, place), count in sorted(counted.items())
    )


def _counted(place: str, count: int) -> str:
    return place if count == 1 else "indexes" if place == "index" else f"{place}s"


def _takes(session: Connection, option: Option) -> bool:
    """Ask a server whether it knows an option, by a table that is gone at once."""
    if option.place == "index" and option.access_method not in _INDEXED:
        # Of an extension, which the target may not have yet: it is asked by the restore.
        return True
    name: sql.Composable = sql.SQL(".").join(map(sql.Identifier, option.name.split(".")))
    given = sql.SQL("{} = {}").format(name, sql.Literal(option.value))
    statement = {
        "column": sql.SQL("alter table pgsafe_probe alter column n set ({})").format(given),
        "table": sql.SQL("create temporary table pgsafe_probe_2 (t text) with ({})").format(given),
        "view": sql.SQL("create temporary view pgsafe_probe_2 with ({}) as select 1").format(given),
        "index": sql.SQL("create index on pgsafe_probe using {} ({}) with ({})").format(
            sql.Identifier(option.access_method), sql.Identifier(_INDEXED.get(option.access_method, "n")), given
        ),
    }[option.place]
    try:
        with session.transaction(force_rollback=True):
            session.execute(_PROBE)
            session.execute(statement)
    except psycopg.Error as error:
        return error.sqlstate != _UNKNOWN
    return True


def _shared(path: Path, target: Path) -> None:
    """Give a file that is only read a second name; pg_restore takes no symbolic link."""
    try:
        os.link(path, target)
    except OSError:
        # Another file system, or somebody else's file.
        shutil.copyfile(path, target)


def _strip(path: Path, unwanted: Unwanted) -> list[Option]:
    """Blank options where they stand: nothing moves, so that every position in the archive stays right."""
    found: list[Option] = []
    try:
        file, start = _contents(path)
        with file.open("r+b") as stream:
            for place, text, taken in list(_definitions(file, start, unwanted)):
                stream.seek(place)
                stream.write(text)
                found += taken
    except (OSError, ValueError, KeyError, tarfile.TarError) as error:
        raise RestoreError("the archive's table of contents cannot be read", looked_at=[f"{path}: {error}"]) from error
    return found


def _contents(path: Path) -> tuple[Path, int]:
    """Return the file that has an archive's table of contents in it, and where that begins."""
    if path.is_dir():
        return path / "toc.dat", 0
    with path.open("rb") as stream:
        if stream.read(len(toc.MAGIC)) == toc.MAGIC:
            return path, 0
    with tarfile.open(path) as members:
        return path, members.getmember("toc.dat").offset_data


def _definitions(path: Path, start: int, unwanted: Unwanted) -> Iterator[tuple[int, bytes, tuple[Option, ...]]]:
    """Yield the definitions that have an unwanted option: where they begin, how they are without, and the options."""
    with path.open("rb") as stream:
        stream.seek(start)
        _, entries = toc.read(stream)
        for entry in entries:
            if entry.kind in stored.KINDS:
                stream.seek(start + entry.place)
                text, taken = stored.take_out(stream.read(entry.length), unwanted)
                if taken:
                    yield start + entry.place, text, taken
