"""Read all facts of a database at one moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone

from psycopg.pq import TransactionStatus

from ..catalog.read import read as read_catalog
from ..catalog.values import Catalog
from ..server.connection import Connection
from . import sequences as sequences_of
from .digest import read_contents
from .extensions import contents as extension_contents
from .extensions import parts as extension_parts
from .foreign_keys import checked_by_restore, counted_by_restore, foreign_keys, proven
from .large_objects import large_objects
from .parallel import siblings
from .plan import Plan, plan_materialized_views, plan_tables
from .session import moment
from .untouched import Untouched
from .values import SequenceValue, Snapshot, TableContent

__all__ = ["sequences", "take"]

#: Bytes of tables for which a further session is opened: for less, opening it costs more than it saves.
_WORTH = 32 << 20
#: On a server of ours; more of them wait for the disk.
_JOBS = 4


def take(
    connection: Connection,
    *,
    catalog: Catalog | None = None,
    plans: Sequence[Plan] | None = None,
    jobs: int | None = None,
    snapshot: str | None = None,
    known: Callable[[Connection, Catalog], Untouched] | None = None,
    source: Snapshot | None = None,
    restored_next: bool = False,
) -> Snapshot:
    """Read the facts of a database in one REPEATABLE READ, READ ONLY transaction.

    A connection that is in a transaction already is read in that one, whatever its isolation. What cannot be read is
    listed in ``not_verified``; unlogged tables are read.

    :param connection: with pinned settings, as :func:`~pytest_pgsafe.server.connection.connect` opens it.
    :param catalog: the catalog of this very database, if it was read at the same moment already.
    :param plans: read these tables, in this way; None reads all.
    :param jobs: read with so many sessions at most, where the tables are large enough for it; None is one for each
        processor of this machine, up to four. In a transaction of the caller's, which may have written what no other
        session sees, it takes ``snapshot`` too.
    :param snapshot: what the caller's transaction has exported, and sees.
    :param known: tells, once the moment and its catalog are there, which facts hold still and need not be read.
    :param source: what this was restored from: foreign keys between tables that hold the same are not counted again,
        nor are those that the restore has checked.
    :param restored_next: foreign keys that a restore checks are left to it: who restores this counts them for it.
    :raises SnapshotError: the server failed, rather than one object.
    """
    shareable = snapshot is not None or connection.info.transaction_status == TransactionStatus.IDLE
    with moment(connection):
        if catalog is None:
            catalog = read_catalog(connection)
        planned, missing = plan_tables(catalog)
        planned = planned if plans is None else tuple(plans)
        held = Untouched() if known is None else known(connection, catalog)
        order = [plan.table for plan in planned]
        planned = tuple(plan for plan in planned if plan.table not in held.tables)
        stale = tuple(plan for plan in plan_materialized_views(catalog) if plan.table not in held.materialized_views)
        jobs = min(_JOBS, os.cpu_count() or 1) if jobs is None else jobs
        further = min(jobs - 1, sum(plan.size for plan in planned) // _WORTH) if shareable else 0
        with siblings(connection, snapshot, further) as others:
            tables, unread = read_contents([connection, *others], planned)
            views, unread_views = read_contents([connection, *others], stale)
            counted = held.foreign_keys
            if source is not None:
                counted = {**proven(source, catalog, tables), **counted_by_restore(source, catalog, tables)}
            left = checked_by_restore(catalog) if restored_next else frozenset[str]()
            keys, unread_keys = foreign_keys(connection, catalog, others=others, known=counted, left=left)
        extensions, unread_extensions = extension_contents(connection, catalog)
        parts = extension_parts(connection)
        counters, unread_sequences = sequences_of.values(connection, catalog.sequences)
        bounds, unread_bounds = sequences_of.bounds(connection, catalog, known=held.sequence_bounds)
        objects, unread_objects = large_objects(connection) if held.large_objects is None else (held.large_objects, ())
        row = connection.execute("SELECT pg_catalog.current_setting('server_version')").fetchone()
        assert row is not None
    named = {item.object for item in unread_sequences}
    return Snapshot(
        server_version=row[0],
        taken_at=datetime.now(timezone.utc),
        catalog=catalog,
        tables=_ordered({**tables, **held.tables}, order),
        materialized_views={**views, **held.materialized_views},
        sequences=counters,
        foreign_keys=keys,
        sequence_bounds=bounds,
        large_objects=objects,
        extension_tables=extensions,
        extension_parts=parts,
        not_verified=(
            *missing,
            *unread,
            *unread_views,
            *unread_extensions,
            *unread_sequences,
            *(item for item in unread_bounds if item.object not in named),
            *unread_keys,
            *unread_objects,
        ),
    )


def _ordered(contents: Mapping[str, TableContent], order: Sequence[str]) -> dict[str, TableContent]:
    return {name: contents[name] for name in order if name in contents}


def sequences(connection: Connection) -> dict[str, SequenceValue]:
    """Read every sequence as it stands now, whatever the transaction's snapshot; those without privilege are left out.

    :raises SnapshotError: the server failed, rather than one sequence.
    """
    return sequences_of.values(connection, sequences_of.names(connection))[0]
