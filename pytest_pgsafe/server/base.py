"""What every scratch server can do, whichever kind it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Literal

from ..errors import ServerError
from .address import Address
from .connection import connect
from .version import Version

Kind = Literal["local", "container", "existing"]
#: What COMMENT ON DATABASE says of a database that pgsafe made and may drop.
MARK = "pgsafe scratch database"
SCRATCH_PREFIX = "pgsafe_"


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A client program that ended by itself."""

    command: tuple[str, ...]
    returncode: int
    #: What it printed, unless it went to a file.
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)


class Programs(ABC):
    """Client programs of one PostgreSQL major (``psql``, ``pg_dump``, ``pg_restore`` …), wherever they are."""

    version: Version
    #: For people: the folder, or the image.
    origin: str

    @abstractmethod
    def run(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        address: Address | None = None,
        stdin: Path | None = None,
        stdout: Path | IO[bytes] | None = None,
        files: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        deadline: float | None = None,
        confined: bool = False,
        through: Sequence[str] = (),
    ) -> Completed:
        """Run a program to its end.

        The address goes through a private service file: the program is given ``service=pgsafe`` by ``PGSERVICE``, so
        ``arguments`` name no database (for programs that insist, ``--dbname=service=pgsafe``).

        :param stdout: a file or open stream for the output; without one it is captured.
        :param files: local paths (files or folders) that ``arguments`` mention; a container is given them.
        :param deadline: seconds; past it the program is ended with SIGTERM and :class:`TimeoutError` raised.
        :param confined: it reads what others wrote: where Linux allows it, it can neither write a file nor run another
            program. A container is confinement enough.
        :param through: a command of this machine that runs it, put before it; a container needs none.
        :raises TimeoutError: past the deadline.
        :raises ServerError: there is no such program.
        """


class Server(ABC):
    """A running PostgreSQL server in which pgsafe may make databases.

    A context manager: leaving it drops every database that was made and stops what was started.
    """

    kind: ClassVar[Kind]
    version: Version
    programs: Programs
    #: Whether what a dump of others holds may run as a superuser here: it is ours alone, or that was asked for.
    superuser: bool = True

    @abstractmethod
    def address(self, dbname: str = "postgres", *, user: str | None = None) -> Address:
        """Return the address of a database of this server, as seen from this process.

        :param user: None is the superuser that pgsafe itself uses; any other role can log in with the address returned
            (servers of ours trust their own random password for every role).
        """

    @abstractmethod
    def create(self, name: str, *, options: Mapping[str, str] | None = None) -> Address:
        """Create an empty, marked database from template0.

        :param name: what it is for (``before``); the full name has a prefix and is unique: it is in the address.
        :param options: of CREATE DATABASE: ``encoding``, ``lc_collate``, ``lc_ctype``, ``icu_locale`` …
        :raises CopyError:
        """

    @abstractmethod
    def clone(self, source: Address, name: str) -> Address:
        """Make a physical copy of a marked database: same OIDs, same column numbers; settings, owner and ACL too.

        Sessions on ``source`` are ended first.

        :raises CopyError:
        """

    @property
    def layered(self) -> bool:
        """Whether :meth:`another` copies no byte that is not written: what it started from stays, and is shared."""
        return False

    def another(self) -> Server:
        """Start another server on what this one was started from, as it was then.

        :raises ServerError: it does not start, or this one was started from nothing that stays.
        """
        raise ServerError(f"a server of kind {self.kind} was started from nothing that stays")

    @abstractmethod
    def drop(self, address: Address) -> None:
        """Drop a database that pgsafe made and marked; anything else is refused.

        :raises CopyError:
        """

    @property
    @abstractmethod
    def owns_cluster(self) -> bool:
        """Whether roles may be created, settings changed and logs read: the cluster is ours alone."""

    @abstractmethod
    def log(self, *, since: int = 0) -> tuple[Sequence[Mapping[str, object]], int]:
        """Return the records of the structured server log from position ``since``, and the position after them.

        Records have the keys of jsonlog on every major (``message``, ``pid``, ``dbname``, ``application_name``,
        ``error_severity``, ``state_code`` …).
        An existing server returns none.
        """

    def extensions(self) -> frozenset[str]:
        """Return the names of the extensions that can be created here."""
        with connect(self.address()) as session:
            return frozenset(name for (name,) in session.execute("select name from pg_available_extensions"))

    @abstractmethod
    def describe(self) -> Mapping[str, str]:
        """For the report: ``kind``, ``version``, ``origin`` (folder, image or address) and why it was chosen."""

    @abstractmethod
    def keep(self) -> Sequence[str]:
        """Leave the server and its databases running after :meth:`close`, and after this process.

        :returns: lines for people: how to connect (without the password), how to remove it.
        """

    @abstractmethod
    def close(self) -> None:
        """Drop and stop everything that was made. Safe to call twice."""

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


Scratch = AbstractContextManager[Server]
