"""Two databases that are both alive, in; the comparison of their facts, with the rows that differ, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..compare import compare, differing, differing_extensions, differing_views, match, same_version
from ..compare.values import Comparison
from ..config.values import Samples
from ..server.connection import Connection
from ..snapshot import extensions
from ..snapshot.align import align, align_plans, align_views
from ..snapshot.difference import difference
from ..snapshot.values import Snapshot, TableDifference


def compare_databases(
    before: Connection,
    after: Connection,
    facts: Snapshot,
    now: Snapshot,
    samples: Samples,
    *,
    where: Mapping[str, Mapping[str, str]] | None = None,
    cloned: bool = True,
) -> Comparison:
    """Compare a database with its physical clone, after something ran there.

    Only tables whose counts and digests do not prove them equal are read again.

    :param facts: of ``before``; ``now`` of ``after``.
    :param where: by table and bare column, in which rows values were announced to change.
    :param cloned: else ``after`` is another database, whose objects are known by their names alone.
    :raises SnapshotError: rows cannot be read.
    """
    identity = match(facts.catalog, now.catalog, cloned=cloned)
    tables, columns = identity.tables, identity.columns
    unproven = set(differing(facts, now, tables=tables, columns=columns))
    found: dict[str, TableDifference] = {}
    for pair in align(facts.catalog, now.catalog, tables=tables, columns=columns):
        name = pair.before.table
        if name in unproven:
            predicates = None if where is None else where.get(name)
            rows = difference(before, after, pair.before, pair.after, values=samples, where=predicates)
            found[name] = _joined(found[name], rows) if name in found else rows
    found |= _of_extensions(before, after, facts, now, samples)
    views = differing_views(facts, now, views=identity.of("views"))
    shown = {
        pair.before.table: difference(before, after, pair.before, pair.after, values=samples)
        for pair in align_views(facts.catalog, now.catalog, views=views)
    }
    return compare(facts, now, cloned=cloned, differences=found, views=shown)


def _of_extensions(
    before: Connection, after: Connection, facts: Snapshot, now: Snapshot, samples: Samples
) -> dict[str, TableDifference]:
    names = differing_extensions(facts, now)
    if not names:
        return {}
    ours, theirs = extensions.members(before), extensions.members(after)
    found: dict[str, TableDifference] = {}
    for name in names:
        whole = same_version(facts, now, ours[name].extension)
        old = ours[name].plan(facts.catalog, configuration=not whole)
        if name in theirs:
            pair = align_plans(old, theirs[name].plan(now.catalog, configuration=not whole))
            found[name] = difference(before, after, pair.before, pair.after, values=samples)
        else:
            held = facts.holds(name)
            gone = 0 if held is None else held.rows
            found[name] = TableDifference(
                before=name, after=name, key=old.key, gone=gone, added=0, changed={}, nulled={}
            )
    return found


def _joined(first: TableDifference, second: TableDifference) -> TableDifference:
    """Join two readings of one table, each of some of its columns."""
    return replace(
        first,
        changed={**first.changed, **second.changed},
        nulled={**first.nulled, **second.nulled},
        changed_samples={**first.changed_samples, **second.changed_samples},
        outside={**first.outside, **second.outside},
        outside_samples={**first.outside_samples, **second.outside_samples},
    )
