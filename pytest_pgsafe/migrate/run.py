"""Run a migration on the copy, and nowhere else."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg

from ..errors import MigrationError
from ..passwords import redact
from ..server.address import SECRETS, Address
from ..server.base import Server
from ..server.private import private_folder
from . import marks, process
from .enclosed import REFUSED
from .environment import cleaned, fill, given, path_with_python, wanted
from .gauge import Gauged, gauged
from .network import Network, enclose, remedy, went_elsewhere
from .observe import Observer
from .psql import End, psql, refused, stopped
from .sessions import activity, waits
from .stuck import ended, watched
from .tools import Copy, Migration
from .trace import read_trace
from .values import Lock, Statement, Trace
from .watch import Seen, Watch

#: Lines of the output that a message shows.
SHOWN = 20
#: How a project is told where the copy is.
_ADDRESSED = (
    "let the project take its address from DATABASE_URL or from PGHOST, PGPORT, PGUSER and PGDATABASE",
    'or name the variables that it reads: [migration] env = { NAME = "{url}" }, with a driver "{url:asyncpg}"; of an '
    'address in parts: env = { DB_HOST = "{host}", DB_PORT = "{port}", DB_USER = "{user}", DB_PASSWORD = '
    '"{password}", DB_NAME = "{dbname}" }',
)
_SECRET_NAME = re.compile(r"PASS|PWD|SECRET|TOKEN|CREDENTIAL|API_?KEY", re.IGNORECASE)


class FailedRun(MigrationError):  # noqa: N818  a run that has failed, not a kind of error
    """A migration that ended with an error, was stopped, or did not run on the copy; with what was seen of it."""

    def __init__(
        self, message: str, *, trace: Trace, looked_at: tuple[str, ...] = (), remedies: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, looked_at=looked_at, remedies=remedies)
        self.trace = trace


def run(
    migration: Migration,
    server: Server,
    address: Address,
    *,
    role: str,
    transaction: bool = False,
    env: Mapping[str, str] | None = None,
    deadline: float | None = None,
    lock_wait: float | None = None,
    folder: Path,
    source: Address | None = None,
    network: Network = "auto",
    observed: bool = True,
    via: Callable[[Address], Address] | None = None,
    running: Callable[[Callable[[], None]], None] = lambda _: None,
) -> Trace:
    """Run a migration on a scratch database and return what was seen of it.

    :param address: the scratch database; nobody else is on it while this runs.
    :param role: who runs it.
    :param transaction: SQL files: all in one transaction; else each statement for itself, as psql does.
    :param env: further variables of a command; ``{url}`` and its like are filled in.
    :param deadline: seconds.
    :param lock_wait: seconds that a statement may wait for a lock whose holder does nothing.
    :param folder: where a command runs: the configuration's folder.
    :param source: the address that the command must not be able to reach by its environment.
    :param network: whether a command is kept from every network but the way to the copy: ``auto`` where the machine
        allows it, ``isolated`` or it does not run at all, ``open``.
    :param observed: put event triggers into the copy for the time of the run, and take them out again.
    :param via: tells the address by which the migration is to come to the one that is given.
    :param running: is given what kills a command outright, with all that it has started.
    :raises FailedRun: with the trace.
    :raises ConfigError: a placeholder in ``env`` that nothing can fill.
    """
    own = server.address(address.dbname, user=role)
    if via is not None:
        own = via(own)
    secrets = (*_passwords(own, server.address(), source), *_given(env or {}))
    end: End | None = None
    try:
        with ExitStack() as stack:
            private = stack.enter_context(private_folder("migration"))
            observer = None
            if observed and server.owns_cluster:
                observer = stack.enter_context(Observer(server, address.dbname, role=role))
            watch = Watch(server, address.dbname)
            gauge = stack.enter_context(gauged(server, address.dbname)) if observed else Gauged()
            started = time.monotonic()
            waiting = stack.enter_context(watched(server, address.dbname, lock_wait))
            if migration.files:
                end = psql(
                    migration, server, own, transaction=transaction, deadline=deadline, folder=folder, private=private,
                    source=source, network=network,
                )  # fmt: skip
            else:
                end = _command(
                    migration, server, own, env={} if env is None else env, deadline=deadline, folder=folder,
                    private=private, source=source, network=network, running=running,
                )  # fmt: skip
            seconds = time.monotonic() - started
            if waiting:
                end = ended(str(migration), waiting, end)
            seen = watch.finish()
    except (MigrationError, psycopg.OperationalError) as error:
        if end is None or end.problem is None:
            raise
        raise _copy_lost(end, error, secrets) from error
    trace = replace(_trace(migration, end, seen, observer, gauge, seconds=seconds, secrets=secrets), role=role)
    if end.problem is None and not seen.sessions:
        end = _not_here(migration, address, seen, end)
    elif end.problem is not None and not (seen.sessions or migration.files) and went_elsewhere(end.output):
        end = _elsewhere(end, address)
    if end.problem is not None:
        raise _failed(end, trace, secrets)
    return trace


def _passwords(*addresses: Address | None) -> Iterator[str]:
    for address in addresses:
        if address is not None:
            yield from (value for name, value in address.parameters.items() if name in SECRETS and value)


def _given(env: Mapping[str, str]) -> Iterator[str]:
    """Yield what ``[migration] env`` gives under the name of a secret."""
    for name, value in env.items():
        if _SECRET_NAME.search(name) and "{" not in value:
            yield value


def _command(
    migration: Migration,
    server: Server,
    address: Address,
    *,
    env: Mapping[str, str],
    deadline: float | None,
    folder: Path,
    private: Path,
    source: Address | None,
    network: Network,
    running: Callable[[Callable[[], None]], None],
) -> End:
    environment, removed = cleaned(os.environ, source)
    output = private / "output"
    activities: list[str] = []
    with given(address, private) as added:
        environment.update(added)
        environment["PATH"] = path_with_python(environment.get("PATH", os.defpath))
        copy = Copy(fill=partial(fill, address=address), private=private, environ=os.environ)
        job = migration.job(copy)
        where = folder if job.folder is None else job.folder
        environment.update(job.environment)
        environment.update({name: fill(value, address) for name, value in env.items()})
        enclosure = enclose(list(job.command), address, source, network=network, private=private)
        if enclosure.refused:
            return refused(str(migration), enclosure.outcome())
        try:
            status = process.execute(
                enclosure.command, folder=where, environment=environment, output=output, deadline=deadline,
                running=running,
                before_stop=lambda: activities.extend(
                    (*waits(server, address.dbname), *activity(server, address.dbname))
                ),
            )  # fmt: skip
        except TimeoutError:
            printed = process.excerpt(output)
            told = stopped(str(migration), deadline or 0, tuple(activities), printed)
            return replace(told, revisions=migration.revisions(printed, copy), network=enclosure.outcome())
        except OSError as error:
            return End(output="", problem=f"{migration} could not be started: {error}", looked_at=(str(where),))
    printed = process.excerpt(output)
    revisions = migration.revisions(printed, copy)
    kept_from = enclosure.outcome()
    if not status:
        return End(output=printed, revisions=revisions, network=kept_from)
    if network == "isolated" and status == REFUSED and kept_from != "isolated":
        return refused(str(migration), kept_from)
    ended = f"signal {-status}" if status < 0 else f"exit status {status}"
    hidden = (f"taken out of its environment: {', '.join(removed)}",) if removed else ()
    return End(
        output=printed,
        problem=f"the migration failed: {migration} ended with {ended}",
        looked_at=(f"ran in {where}", *hidden, *enclosure.missed()),
        remedies=(
            *wanted((name for name in removed if name not in environment), printed, os.environ, source),
            *remedy(kept_from, printed),
        ),
        revisions=revisions,
        network=kept_from,
    )


def _not_here(migration: Migration, address: Address, seen: Seen, end: End) -> End:
    elsewhere = [f"{count} session(s) on {dbname}" for dbname, count in sorted(seen.elsewhere.items())]
    return End(
        output=end.output,
        problem=f"not run on the copy: {migration} ended with 0 and never opened a session on it",
        looked_at=(f"the copy: {address}", *elsewhere),
        network=end.network,
        remedies=(*_ADDRESSED, "check what it did reach instead: it may have run on another database"),
    )


def _elsewhere(end: End, address: Address) -> End:
    """Say that a command failed on its way to another server; that way is opened last: it may lead to the source."""
    first = (
        'if it needs something else first, as a secret store: [migration] network = "open"; it can then reach whatever '
        "address its own files hold, the source's too",
    )
    return replace(
        end,
        problem=f"{end.problem}; it never opened a session on the copy, and wanted another server",
        looked_at=(f"the copy: {address}", *end.looked_at),
        remedies=(*_ADDRESSED, *(first if end.remedies else ())),
    )


def _trace(
    migration: Migration, end: End, seen: Seen, observer: Observer | None, gauge: Gauged, *, seconds: float,
    secrets: tuple[str, ...],
) -> Trace:  # fmt: skip
    statements: tuple[Statement, ...] = ()
    locks: tuple[Lock, ...] = ()
    if observer is not None and seen.complete:
        statements, locks = read_trace(
            seen.records, observer.dbname, observer.relations, secrets=secrets, flushed=observer.flushed, gauge=gauge
        )
        if end.line is not None and statements and statements[-1].error is not None:
            statements = (*statements[:-1], replace(statements[-1], line=end.line))
    revisions = end.revisions
    if migration.noted and observer is not None and seen.complete and end.problem is None:
        revisions = marks.revisions(seen.records, observer.dbname)
    return Trace(
        seconds=seconds,
        sessions=seen.sessions,
        statements=statements,
        locks=locks,
        wal=seen.wal,
        growth=gauge.growth,
        peak=gauge.peak,
        observed=observer is not None and seen.complete,
        revisions=revisions,
        network=end.network,
        output=redact(end.output, *secrets, printed=True),
    )


def _copy_lost(end: End, error: Exception, secrets: tuple[str, ...]) -> MigrationError:
    """Say that the server ended under the migration: what it said last, it said to the migration."""
    told = error.looked_at if isinstance(error, MigrationError) else (str(error),)
    return MigrationError(
        "the scratch server ended, or lets nobody in, after the migration failed",
        looked_at=tuple(
            redact(line, *secrets, printed=True) for line in (end.problem or "", *_printed(end.output), *told)
        ),
        remedies=("see what the server's process met: memory, a library, a defect; the migration may have caused it",),
    )


def _printed(output: str) -> tuple[str, ...]:
    lines = output.rstrip().splitlines()
    return ("\n    ".join(["the end of its output:", *lines[-SHOWN:]]),) if lines else ()


def _failed(end: End, trace: Trace, secrets: tuple[str, ...]) -> FailedRun:
    said = list(end.looked_at)
    errors = [statement for statement in trace.statements if statement.error is not None]
    if errors and end.line is None:
        said.append(f"the server said: {errors[-1].error}")
        said.append(f"of the statement: {errors[-1].text[:500]}")
    said += _printed(trace.output)
    return FailedRun(
        redact(end.problem or "", *secrets, printed=True),
        trace=trace,
        looked_at=tuple(redact(line, *secrets, printed=True) for line in said),
        remedies=end.remedies,
    )
