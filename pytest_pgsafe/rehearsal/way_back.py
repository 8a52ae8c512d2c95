"""The way back, and forth again; or the restore of the backup, where nothing else leads back."""

from __future__ import annotations

import time

from psycopg import sql

from ..backup.take import Backup
from ..catalog.names import container, split, unquoted
from ..checks.bookkeeping import keeps_books
from ..compare.repeated import Repeated, differences, varying
from ..compare.restored import refuse
from ..compare.values import Change, Comparison
from ..copy import restoring
from ..copy.comparing import compare_databases
from ..copy.likeness import Likeness
from ..copy.source import Source
from ..migrate.run import FailedRun
from ..migrate.tools import Migration
from ..server.address import Address
from ..server.base import Server
from ..server.connection import connect
from ..snapshot.since import Since, begin, take_since
from ..snapshot.take import take as read_facts
from ..snapshot.values import Snapshot
from .fresh import fresh
from .restored import Restored

#: Kinds of changes that are about what a database holds.
CONTENT = frozenset({"rows", "values", "foreign key", "large objects"})


def back(rollback: Migration, after: Address, restored: Restored, since: Since | None = None) -> Comparison:
    """Run the way back, and compare what is there then with what was there before the migration.

    :param since: when ``after`` was made.
    :raises FailedRun: it failed.
    """
    restored.runner.run(rollback, after)
    with connect(restored.before) as one, connect(after, read_only=False) as two:
        now, _ = take_since(two, since)
        return compare_databases(one, two, restored.facts, now, restored.settings.report.samples)


def led_back(comparison: Comparison) -> bool:
    """Tell whether the content is what it was, where sequences stand and what tools keep for themselves apart."""
    catalog = comparison.before.catalog
    return not any(change.kind in CONTENT and not keeps_books(catalog, _table(change)) for change in comparison.changes)


def again(
    migration: Migration, after: Address, migrated: Snapshot, comparison: Comparison, restored: Restored,
    *, since: Since | None = None,
) -> Repeated:  # fmt: skip
    """Run the migration once more where its way back ended, and compare its result with the first.

    What differs may differ each time: now(), random values. So a third run, on a fresh copy, tells what two runs from
    the same state have in common; it is done only if something differs.

    :param migrated: the facts after the first run.
    :param comparison: from before the migration to after its way back.
    :param since: when ``after`` was made.
    """
    _set_back(after, comparison)
    try:
        restored.runner.forth(migration, after)
    except FailedRun as error:
        return Repeated(failed=_why(error))
    with connect(after) as session:
        now, _ = take_since(session, since)
    if not any(_counts(change, now) for change in differences(migrated, now)):
        return Repeated()
    with fresh(restored, "again") as copy:
        moment = begin(copy.address, restored.facts, ours=restored.server.owns_cluster)
        try:
            copy.runner.forth(migration, copy.address)
        except FailedRun as error:
            return Repeated(unclear=_why(error))
        with connect(copy.address) as one, connect(after, read_only=False) as two:
            facts, _ = take_since(one, moment)
            samples = restored.settings.report.samples
            return Repeated(
                comparison=compare_databases(one, two, facts, now, samples), varying=varying(migrated, facts)
            )


def _counts(change: Change, facts: Snapshot) -> bool:
    return change.kind not in CONTENT or not keeps_books(facts.catalog, _table(change))


def _table(change: Change) -> str:
    return change.object if change.kind == "rows" else container(change.object)


def _why(error: FailedRun) -> str:
    said = [f"the server said: {one.error}" for one in error.trace.statements if one.error is not None]
    hint = next((line for line in error.looked_at if line.startswith("the end of its output")), "")
    last = f"its output ended: {hint.strip().splitlines()[-1].strip()}" if hint else ""
    return "; ".join(dict.fromkeys(filter(None, (error.message, *said[-1:], last))))


def _set_back(after: Address, comparison: Comparison) -> None:
    """Put sequences where they were: they take no part in a transaction, so that ids would differ for that alone."""
    moved: dict[str, tuple[int, bool]] = {}
    kept = {_table(change) for change in comparison.changes if change.kind in CONTENT}
    for change in comparison.changes:
        sequence = comparison.before.catalog.sequences.get(change.object)
        if change.kind != "sequence value" or sequence is None:
            continue
        if sequence.column is None or container(sequence.column) not in kept:
            moved[change.object] = comparison.before.sequences[change.object].next
    if not moved:
        return
    with connect(after, read_only=False) as session:
        for name, (value, called) in moved.items():
            identifier = sql.Identifier(*(unquoted(part) for part in split(name)))
            session.execute(
                sql.SQL("select setval({}::regclass, {}, {})").format(
                    sql.Literal(identifier.as_string(session)), sql.Literal(value), sql.Literal(called)
                )
            )


def restore(source: Source, backup: Backup, reference: Snapshot, server: Server, *, like: Likeness) -> float:
    """Restore the backup into a scratch database, prove it equal, and drop it; return the seconds of the restore alone.

    :param reference: the facts that came with the backup; without them what the first restore held.
    :param like: as the first restore had it.
    :raises RestoreError: it cannot be restored, or is not equal.
    """
    started = time.monotonic()
    names = () if backup.facts is not None else restoring.role_names(source, backup)
    catalog = None if backup.facts is None else backup.facts.catalog
    owners = restoring.owner_names(source, backup)
    prepared = restoring.prepare(server, catalog, names, owners=owners, like=like)
    try:
        restoring.fill(source, backup, prepared, server)
        seconds = time.monotonic() - started
        restoring.finish(reference.catalog, prepared, server)
        with connect(prepared.address) as session:
            again = read_facts(session)
        changes = restoring.unequal(reference, again, prepared)
    finally:
        server.drop(prepared.address)
    refuse(changes, "the backup restored once more is not equal to what it was taken of")
    return seconds
