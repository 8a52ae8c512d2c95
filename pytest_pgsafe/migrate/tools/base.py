"""What a migration tool has to say of itself: one file in this folder for each tool, or a class of another package."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from ...errors import ConfigError
from ..values import Revision
from .operations import Script
from .tables import BookkeepingTable

if TYPE_CHECKING:
    from typing_extensions import LiteralString, Self

    from ...config.values import Way


class Rows(Protocol):
    """A copy's bookkeeping, read."""

    def __call__(self, table: str, query: LiteralString) -> list[tuple[object, ...]] | None:
        """Return the rows of a query; ``{}`` in it is the table, None where there is no such table.

        :param table: its name; in whatever schema it is, unless that is said too (``own.changes``).
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Copy:
    """Where a tool is run: what it may be told of the database."""

    #: Fills ``{url}``, ``{url:DRIVER}``, ``{host}``, ``{port}``, ``{user}``, ``{password}`` and ``{dbname}`` in.
    fill: Callable[[str], str] = field(repr=False)
    #: A folder that nobody else reads, and that is gone after the run.
    private: Path
    #: The environment of pgsafe itself.
    environ: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A command that runs a tool."""

    #: The program and its arguments. No password may stand there: arguments can be read by everybody.
    command: Sequence[str]
    #: Where it runs; None is the configuration's folder.
    folder: Path | None = None
    #: Variables besides those that lead libpq to the copy.
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


class Migration(ABC):
    """A migration, or a way back, as its tool runs it: what a tool is to pgsafe. Each tool's is a frozen dataclass."""

    #: Where the tool remembers what is applied: these tables may change, and their rows are revisions.
    tables: ClassVar[tuple[BookkeepingTable, ...]] = ()
    #: What to do instead, where only statements in ``.sql`` files can be read.
    alternative: ClassVar[str]
    #: It does not tell which revisions it runs: what it writes into its table is seen in the server's log.
    noted: ClassVar[bool] = False
    #: What psql runs, in order; empty where the tool has a command.
    files: tuple[Path, ...] = ()
    #: The files are those of a folder: which of them are pending, pgsafe finds out. Every other tool does it by itself.
    folder: bool = False

    @classmethod
    @abstractmethod
    def made(cls, way: Way, *, way_back: bool) -> Self:
        """Make one of the configuration's value; a path that it names is there.

        :param way_back: it is the rollback: it goes back to where the source is.
        :raises ConfigError: it is not the tool's, or the tool is not installed.
        """

    @classmethod
    def sources(cls, way: Way) -> tuple[Path, ...]:
        """Return the files that the migration consists of, applied ones too; empty where the tool cannot tell.

        The tool itself need not be installed: where a receipt is verified, it may not be.

        :raises ConfigError: the project does not say where they are.
        """
        del way
        return ()

    @classmethod
    def named(cls, way: Way) -> Mapping[str, Path]:
        """Return the files that it consists of by the names under which statements are told to stand in them.

        :raises ConfigError: the project does not say where they are.
        """
        return {file.name: file for file in cls.sources(way)}

    @abstractmethod
    def __str__(self) -> str:
        """Return the command line for people, without passwords."""

    @abstractmethod
    def job(self, copy: Copy) -> Job:
        """Return what runs it on a copy.

        :raises ConfigError: the project does not say what the tool needs.
        """

    def only(self, files: Sequence[Path]) -> Migration:
        """Return it with these of its files alone."""
        del files
        return self

    def to(self, revision: str) -> Migration:
        """Return the part of it that leads to a revision.

        :raises ConfigError: the tool cannot be told how far to go.
        """
        raise ConfigError(
            f"migrate(to={revision!r}): a command cannot be told how far to go",
            looked_at=[str(self)],
            remedies=[
                "name a folder of .sql files, or a tool that knows revisions, or run another command up to there"
            ],
        )

    def back_to(self, before: Rows, after: Rows) -> Migration | None:
        """Return the way back to where ``before`` is; None if nothing is to be undone.

        :param before: the copy as it was restored, ``after`` the migrated one.
        :raises MigrationError: how far to go back cannot be told.
        """
        del before, after
        return self

    def revisions(self, printed: str, copy: Copy) -> tuple[Revision, ...]:
        """Return which revisions ran, in order, by what the tool printed or left in the private folder."""
        del printed, copy
        return ()

    def written(self, revisions: Sequence[str]) -> Mapping[str, Script]:
        """Return the Python files in which revisions are written, by the revisions, as far as that can be told.

        Nothing of the project is imported.
        """
        del revisions
        return {}

    def parts(self, revisions: Sequence[str]) -> tuple[tuple[str, Migration], ...]:
        """Return the revisions that ran, each as a migration of its own; empty where they cannot be run one by one."""
        del revisions
        return ()

    def at(self, copy: Rows) -> tuple[str, ...] | None:
        """Return the revisions that a copy is at; None where the tool tells by itself that nothing is to be done."""
        del copy
        return None
