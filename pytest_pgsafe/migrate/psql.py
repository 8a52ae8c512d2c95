"""Run SQL files with psql: meta-commands, COPY from the file and CONCURRENTLY work as they do in production."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

from ..server.address import Address
from ..server.base import Server
from . import process
from .enclosed import REFUSED
from .network import Network, around, remedy
from .sessions import activity, noted
from .tools import Migration
from .values import Revision

_PSQL_ERROR = re.compile(
    r"^psql:(?P<file>.+?):(?P<line>\d+): [^\s:]+:\s+(?P<state>[0-9A-Z]{5}): (?P<text>.*)", re.MULTILINE
)
#: What VERBOSITY=verbose prints besides the SQLSTATE: where in PostgreSQL's own source; and the state of a notice.
_LOCATION = re.compile(r"^(?:psql:.+?: )?[^\s:]+:  \w+, \w+\.[cly]:\d+\n?", re.MULTILINE)
_NO_STATE = re.compile(r"^((?:psql:.+?:\d+: )?[^\s:]+:  )00000: ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class End:
    """How a run ended; ``problem`` is None when it went well."""

    output: str
    problem: str | None = None
    line: int | None = None
    looked_at: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    revisions: tuple[Revision, ...] = ()
    #: How far a command was kept from other networks.
    network: str | None = None


def psql(
    migration: Migration,
    server: Server,
    address: Address,
    *,
    transaction: bool,
    deadline: float | None,
    folder: Path,
    private: Path,
    source: Address | None = None,
    network: Network = "auto",
) -> End:
    r"""Run the files, each in a session of its own unless they are one transaction.

    :param private: a folder for what psql prints.
    :param source: what must not be reached.
    :param network: as for a command: what psql does besides (``\connect``, ``\!``) reaches the copy alone.
    """
    # The SQLSTATE shows only with VERBOSITY=verbose. -w: nobody is there to type a password.
    options = ["-X", "-w", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose"]
    if server.kind != "container":
        options += ["-c", f"\\cd {_quoted(str(folder.absolute()))}"]
    if transaction:
        options.append("--single-transaction")
        batches = [migration.files]
    else:
        # A session for each file: what one of them sets does not leak into the next.
        batches = [(file,) for file in migration.files]
    printed: list[str] = []
    revisions: list[Revision] = []
    end = None if deadline is None else time.monotonic() + deadline
    kept_from: str | None = None
    for number, batch in enumerate(batches):
        stdout = private / f"stdout-{number}"
        arguments = [*options, *(argument for file in batch for argument in ("-f", str(file)))]
        names = ", ".join(file.name for file in batch)
        started = time.monotonic()
        left = None if end is None else max(end - time.monotonic(), 0.001)
        enclosure = around(batch, server, address, source, network=network, private=private)
        if enclosure is not None and enclosure.refused:
            return replace(refused(names, enclosure.outcome()), revisions=tuple(revisions))
        with noted(server, address.dbname, left) as noticed:
            try:
                done = server.programs.run(
                    "psql",
                    arguments,
                    address=address,
                    stdout=stdout,
                    files=batch,
                    deadline=left,
                    through=() if enclosure is None else enclosure.through,
                )
            except TimeoutError:
                done = None
        if enclosure is not None:
            kept_from = enclosure.outcome()
        if migration.folder and not transaction:
            revisions.append(Revision(name=batch[0].name, seconds=round(time.monotonic() - started, 3)))
        if done is None:
            printed.append(process.excerpt(stdout))
            seen = tuple(noticed) if noticed else activity(server, address.dbname)
            told = stopped(f"psql -f {names}", deadline or 0, seen, "".join(printed))
            return replace(told, revisions=tuple(revisions), network=kept_from)
        said = _NO_STATE.sub(r"\1", _LOCATION.sub("", done.stderr))
        printed.append(process.excerpt(stdout) + said)
        stdout.unlink()
        if done.returncode == REFUSED and kept_from is not None and kept_from != "isolated":
            return replace(refused(names, kept_from), revisions=tuple(revisions))
        if done.returncode:
            failed = _psql_failed(names, done.returncode, done.stderr, "".join(printed))
            helped = (*failed.remedies, *remedy(kept_from, "".join(printed)))
            looked = (*failed.looked_at, *(() if enclosure is None else enclosure.missed()))
            return replace(
                failed, revisions=tuple(revisions), network=kept_from, remedies=helped, looked_at=looked
            )  # fmt: skip
    return End(output="".join(printed), revisions=tuple(revisions), network=kept_from)


def refused(what: str, why: str) -> End:
    """Tell of a migration that was not run because it cannot be kept from other networks."""
    return End(
        output="",
        problem=f"not run: {what} cannot be kept from other networks, which [migration] network demands",
        looked_at=(why,),
        remedies=('run it where a network namespace is allowed, or say [migration] network = "auto"',),
        network=why,
    )


def _quoted(argument: str) -> str:
    """Quote an argument of a psql command."""
    return "'" + argument.replace("\\", "\\\\").replace("'", "''") + "'"


def _psql_failed(names: str, status: int, stderr: str, output: str) -> End:
    ran = f"psql -f {names}: exit status {status}"
    errors = list(_PSQL_ERROR.finditer(stderr))
    if not errors:
        return End(output=output, problem=f"{names} failed: psql ended with exit status {status}", looked_at=(ran,))
    last = errors[-1]
    place = f"{Path(last['file']).name}:{last['line']}"
    return End(
        output=output,
        problem=f"{place}: SQLSTATE {last['state']}: {last['text'].strip()}",
        line=int(last["line"]),
        looked_at=(ran,),
    )


def stopped(what: str, deadline: float, activities: tuple[str, ...], output: str) -> End:
    """Tell of a run that was stopped past its deadline, and of what its sessions were doing."""
    waiting = next((line for line in activities if " waits for " in line and ", which " in line), None)
    return End(
        output=output,
        problem=f"the migration was stopped: {what} had not ended after {deadline:g} s"
        + ("" if waiting is None else f"; {waiting}"),
        looked_at=tuple(f"at that time: {line}" for line in activities if line != waiting)
        or ("at that time: no session on the copy",),
        remedies=(
            'allow it more time: [migration] timeout = "2h"'
            if waiting is None
            else "it would wait for ever: end the transaction that holds the lock before this statement",
        ),
    )
