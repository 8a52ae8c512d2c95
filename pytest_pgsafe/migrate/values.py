"""What a migration did, as far as the server can say."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement as the server logged it."""

    text: str
    #: Milliseconds.
    duration: float | None = None
    #: SQLSTATE and message of the error it ended with.
    error: str | None = None
    #: Of the file that was run, where it is known.
    line: int | None = None
    #: What it created, changed or dropped (``table public.t``), the first 20 of each command.
    objects: tuple[str, ...] = ()
    #: What it left alone because something of that name was there, in the server's words.
    skipped: tuple[str, ...] = ()
    #: What tells the session that sent it from others; empty where it is not known.
    session: str = field(default="", compare=False)
    #: Rows that it inserted, updated, deleted, merged or returned; None where the server did not say.
    rows: int | None = None
    #: Rows that it read by sequential scans; None where the server did not say.
    scanned: int | None = None
    #: Bytes of WAL; None where that cannot be told.
    wal: int | None = None
    #: Bytes of temporary files.
    temporary: int = 0


@dataclass(frozen=True, kw_only=True)
class Lock:
    """A strong lock that a transaction of the migration held on a relation that was there before."""

    relation: str
    #: ``AccessExclusiveLock`` and so on: pg_locks.mode.
    mode: str
    #: The statement that took it.
    statement: str
    #: Milliseconds from when it was taken to the end of its transaction; None where it could not be seen.
    held: float | None = None
    #: The table was rewritten while it was held.
    rewritten: bool = False
    #: Not seen, but what PostgreSQL's documentation says of the statement.
    derived: bool = False
    #: Rows of the relation that DDL read by sequential scans while it was held; None where that cannot be told.
    scanned: int | None = None
    #: Milliseconds of ``held`` until the statement that took it had ended.
    own: float | None = None
    #: Milliseconds that the statement waited for it; None where no wait was logged (``deadlock_timeout``).
    waited: float | None = None
    #: Of the later statements of its transaction that work on rows, the one that took longest: why it was held on.
    prolonged: Statement | None = None
    #: The statement that read it, where that is a later one than the one that took it.
    reader: str | None = None
    #: Milliseconds of lock_timeout when it was asked for; 0 is none, None is not known.
    patience: float | None = field(default=None, compare=False)
    #: Which of the run's statements took it, from 0; None where that is not known.
    number: int | None = field(default=None, compare=False)
    #: The virtual transaction that held it; empty where it is not known.
    transaction: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One revision of several that were run; the last one is where a failed run ended."""

    #: The file's name, Alembic's revision, Django's ``app.name``.
    name: str
    #: None where the tool does not tell.
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Everything that was observed of one run."""

    seconds: float
    #: Sessions other than pgsafe's own that were opened on the copy.
    sessions: int
    #: Who ran it; None where that is not known.
    role: str | None = None
    statements: tuple[Statement, ...] = ()
    locks: tuple[Lock, ...] = ()
    #: Bytes of WAL written.
    wal: int | None = None
    #: Bytes that the database has grown by when it ended, and at most meanwhile, temporary files included (sampled).
    growth: int | None = None
    peak: int | None = None
    #: Statements and locks are what the server saw; False where its log cannot be read, and both are empty then.
    observed: bool = False
    #: In the order in which they ran; empty where there are none, or the tool does not tell.
    revisions: tuple[Revision, ...] = ()
    #: How far a command was kept from other networks: ``isolated``, ``open``, ``not enforced: …``; None for SQL files.
    network: str | None = None
    #: What the migration printed, for people.
    output: str = field(default="", compare=False)
