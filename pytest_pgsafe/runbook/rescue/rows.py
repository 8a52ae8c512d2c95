"""Rows of a table that is there: those that are missing are put back, no other is touched.

All is worked out on the recovered server, where the live table's rows are copied to: which are missing by their key,
which of them would collide with a row that is there now, or point to one that is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...catalog.values import Catalog, Column, Constraint
from ...errors import ConfigError, RestoreError
from ...snapshot.key import choose_key
from ...snapshot.session import encoded
from .table import SCHEMA, STATE, Part, Rows, Sides, ask, columns_of, count, do, keys_of, pipe


def ordered(parts: Sequence[Part], catalog: Catalog) -> tuple[Part, ...]:
    """Return the parts with those that others point to first, as far as foreign keys have no circles."""
    left, found = {part.table: part for part in parts}, list[Part]()
    while left:
        ready = [
            name
            for name in left
            if not any(key.references in left and key.references != name for key in keys_of(catalog, name))
        ] or list(left)[:1]
        found += [left.pop(name) for name in ready]
    return tuple(found)


def plan(part: Part, number: int, sides: Sides, planned: Mapping[str, Rows], restored: Sequence[str]) -> Rows:
    """Work out what is to be put back into one table; the live database is only read.

    :param planned: tables whose rows are put back before.
    :param restored: tables that are made again as a whole.
    :raises ConfigError: the live table cannot take the rows.
    """
    table, recovered = part.table, sides.recovered
    ours, theirs = columns_of(sides.ours, table), columns_of(sides.theirs, table)
    columns = tuple(name for name in ours if name in theirs)
    writable = tuple(name for name in columns if theirs[name].generated is None)
    unset = [
        name for name, one in theirs.items()
        if name not in ours and one.not_null and one.default is None and one.identity is None and one.generated is None
    ]  # fmt: skip
    if unset or not writable:
        raise ConfigError(
            f"{table} has columns now that its rows had none of: {', '.join(unset)}",
            remedies=["give them a default, or restore the table beside it: --save=DIR keeps the backup"],
        )
    key = choose_key(sides.ours, table)
    key = key if set(key) <= set(columns) else ()
    found = Rows(
        part=part, number=number, sides=sides, columns=columns, writable=writable, key=key,
        expected=f"{SCHEMA}.live_{number}",
    )  # fmt: skip
    if gone := [name for name in ours if name not in theirs]:
        found.notes.append(f"the live table lacks {', '.join(gone)}: what they held is not put back")
    _copy_live(found, ours, theirs)
    found.live = count(recovered, f"SELECT pg_catalog.count(*) FROM {found.expected}")  # noqa: S608
    _compare(found)
    for place, one in enumerate(keys_of(sides.theirs, table)):
        if set(one.columns) <= set(columns):
            _prune(found, one, f"{SCHEMA}.parents_{number}_{place}", planned, restored)
    _simulate(found)
    for one in keys_of(sides.theirs, table):
        if one.references == table and key and set(one.columns) <= set(columns):
            _withdraw(found, one)
    states = ask(recovered, f"SELECT {STATE}, pg_catalog.count(*) FROM {found.put} GROUP BY 1")  # noqa: S608
    found.counts = {str(state): int(count) for state, count in states}
    return found


def _copy_live(found: Rows, ours: Mapping[str, Column], theirs: Mapping[str, Column]) -> None:
    """Copy the live table's rows beside the recovered ones, under the same unique indexes."""
    recovered, names = found.sides.recovered, ", ".join(found.columns)
    do(recovered, f"CREATE UNLOGGED TABLE {found.expected} (LIKE {found.part.table} INCLUDING INDEXES)")
    for name in ours:
        if name not in theirs:
            do(recovered, f"ALTER TABLE {found.expected} DROP COLUMN {name}")
        elif ours[name].not_null and not theirs[name].not_null:
            do(recovered, f"ALTER TABLE {found.expected} ALTER COLUMN {name} DROP NOT NULL")
    # ON CONFLICT takes none that is checked later.
    deferrable = ask(
        recovered,
        "SELECT pg_catalog.quote_ident(conname), pg_catalog.pg_get_constraintdef(oid)"  # noqa: S608
        " FROM pg_catalog.pg_constraint"
        f" WHERE conrelid = '{found.expected}'::pg_catalog.regclass AND condeferrable",
    )
    for name, definition in deferrable:
        now = str(definition).replace(" INITIALLY DEFERRED", "").replace(" DEFERRABLE", "")
        do(recovered, f"ALTER TABLE {found.expected} DROP CONSTRAINT {name}, ADD {now}")
    live = f"(SELECT {names} FROM {found.source})"  # noqa: S608 (names as the catalog quotes them)
    pipe(found.sides.live, live, recovered, f"{found.expected} ({names})")
    do(recovered, f"ANALYZE {found.expected}")


def _compare(found: Rows) -> None:
    """Tell of each harmed row whether it is missing, there, or there with other values."""
    columns = found.columns
    ours, theirs = (", ".join(f"{side}.{name}" for name in columns) for side in "pl")
    harmed = "true"
    if found.part.xids is not None:
        # The deletions were recovered, and not their commit: the rows are alive, and still bear the transaction.
        harmed = f"p.xmax::pg_catalog.text = ANY ('{{{','.join(map(str, found.part.xids))}}}')"
    if found.part.without:
        harmed += f" AND p.tableoid <> ALL ('{{{','.join(map(str, found.part.without))}}}')"
    if found.key:
        same = " AND ".join(f"l.{name} = p.{name}" for name in found.key)
        text = (
            f"SELECT {ours}, CASE WHEN l.{found.key[0]} IS NULL THEN 'missing'"  # noqa: S608
            f" WHEN ROW({ours})::text = ROW({theirs})::text THEN 'there' ELSE 'changed' END AS {STATE}"
            f" FROM {found.source} p LEFT JOIN {found.expected} l ON {same} WHERE {harmed}"
        )
    else:
        # Of equal rows those that were harmed are missing before the others.
        text = (
            f"SELECT {ours}, CASE WHEN l.n IS NULL THEN 'missing' ELSE 'there' END AS {STATE} FROM"  # noqa: S608
            f" (SELECT p.*, {harmed} AS harmed, ROW({ours})::text AS r, pg_catalog.row_number() OVER"
            f" (PARTITION BY ROW({ours})::text ORDER BY {harmed}) AS n FROM {found.source} p) p"
            f" LEFT JOIN (SELECT ROW({theirs})::text AS r, pg_catalog.row_number() OVER"
            f" (PARTITION BY ROW({theirs})::text) AS n FROM {found.expected} l) l ON l.r = p.r AND l.n = p.n"
            " WHERE p.harmed"
        )
        found.notes.append(f"{found.part.table} has no key: rows are told apart by all of their values")
    do(found.sides.recovered, f"CREATE UNLOGGED TABLE {found.put} AS {text}")
    do(found.sides.recovered, f"ANALYZE {found.put}")


def _prune(found: Rows, key: Constraint, name: str, planned: Mapping[str, Rows], restored: Sequence[str]) -> None:
    """Leave out rows whose referenced row is neither there nor put back."""
    recovered = found.sides.recovered
    assert key.references is not None
    pairs = list(zip(key.columns, key.reference_columns, strict=True))
    if key.references == found.part.table:
        parents = found.expected
    elif key.references in planned:
        parents = planned[key.references].expected
    elif key.references in restored:
        parents = key.references
    else:
        parents = name
        shape = ", ".join(f"{ours} AS {theirs}" for ours, theirs in pairs)
        do(recovered, f"CREATE UNLOGGED TABLE {name} AS SELECT {shape} FROM {found.put} LIMIT 0")  # noqa: S608
        theirs = ", ".join(key.reference_columns)
        pipe(found.sides.live, f"(SELECT {theirs} FROM {key.references})", recovered, f"{name} ({theirs})")  # noqa: S608
    whole = " AND ".join(f"p.{ours} IS NOT NULL" for ours in key.columns)
    match = " AND ".join(f"q.{theirs} = p.{ours}" for ours, theirs in pairs)
    text = (
        f"UPDATE {found.put} p SET {STATE} = 'orphan' WHERE {STATE} = 'missing' AND {whole}"  # noqa: S608
        f" AND NOT EXISTS (SELECT FROM {parents} q WHERE {match})"
    )
    if key.references == found.part.table:
        text += f" AND NOT EXISTS (SELECT FROM {found.put} q WHERE q.{STATE} = 'missing' AND {match})"
    # A row that stays out may be what another of them points to.
    while recovered.execute(encoded(recovered, text)).rowcount and key.references == found.part.table:
        pass


def _simulate(found: Rows) -> None:
    """Put the rows in beside the live ones: what a unique index or an exclusion refuses, stays out."""
    names = ", ".join(found.columns)
    recovered = found.sides.recovered
    do(
        recovered,
        f"INSERT INTO {found.expected} ({names}) SELECT {names} FROM {found.put}"  # noqa: S608
        f" WHERE {STATE} = 'missing'"
        " ON CONFLICT DO NOTHING",
    )
    if found.key:
        same = " AND ".join(f"l.{name} = p.{name}" for name in found.key)
    else:
        ours, theirs = (", ".join(f"{side}.{name}" for name in found.columns) for side in "pl")
        same = f"ROW({ours})::text = ROW({theirs})::text"
    do(
        recovered,
        f"UPDATE {found.put} p SET {STATE} = 'taken' WHERE {STATE} = 'missing'"  # noqa: S608
        f" AND NOT EXISTS (SELECT FROM {found.expected} l WHERE {same})",
    )


def _withdraw(found: Rows, key: Constraint) -> None:
    """Take out again what points to a row of the same table that stays out, and what points to that."""
    match = " AND ".join(
        f"q.{theirs} = p.{ours}" for ours, theirs in zip(key.columns, key.reference_columns, strict=True)
    )
    whole = " AND ".join(f"p.{ours} IS NOT NULL" for ours in key.columns)
    same = " AND ".join(f"l.{name} = p.{name}" for name in found.key)
    recovered = found.sides.recovered
    orphans = (
        f"UPDATE {found.put} p SET {STATE} = 'orphan' WHERE {STATE} = 'missing' AND {whole}"  # noqa: S608
        f" AND NOT EXISTS (SELECT FROM {found.expected} q WHERE {match})"
    )
    while recovered.execute(encoded(recovered, orphans)).rowcount:
        do(recovered, f"DELETE FROM {found.expected} l USING {found.put} p WHERE {STATE} = 'orphan' AND {same}")  # noqa: S608


def prove(found: Rows) -> None:
    """See that the live table holds exactly what it held, and what was put back.

    :raises RestoreError: it does not; the caller rolls back.
    """
    recovered, names = found.sides.recovered, ", ".join(found.columns)
    after = f"{SCHEMA}.after_{found.number}"
    do(recovered, f"CREATE UNLOGGED TABLE {after} AS SELECT {names} FROM {found.expected} LIMIT 0")  # noqa: S608
    pipe(found.sides.live, f"(SELECT {names} FROM {found.source})", recovered, f"{after} ({names})")  # noqa: S608
    one, other = (f"SELECT ROW({names})::text FROM {table}" for table in (after, found.expected))  # noqa: S608
    wrong = count(
        recovered,
        f"SELECT pg_catalog.count(*) FROM (({one} EXCEPT ALL {other}) UNION ALL ({other} EXCEPT ALL {one})) d",  # noqa: S608
    )
    if wrong:
        raise RestoreError(
            f"{found.part.table} does not hold what it should after its rows were put back; nothing was kept",
            looked_at=[f"{wrong} rows are others than expected"],
            remedies=["a default or a trigger may have changed them"],
        )
