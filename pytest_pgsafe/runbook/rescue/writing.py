"""The live database: locked, written and proven in one transaction."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ...catalog.values import Catalog
from ...errors import RestoreError
from ...server.connection import Connection
from ...snapshot.foreign_keys import foreign_keys
from ...snapshot.sequences import values
from ...snapshot.session import encoded
from .table import STATE, Rows, pipe

#: Row triggers of INSERT that are a user's, of a table and its partitions.
_TRIGGERS = """
select quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(t.tgname), t.tgenabled::text
from pg_catalog.pg_trigger t
join pg_catalog.pg_class c on c.oid = t.tgrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 4 <> 0
  and (t.tgrelid = %(table)s::regclass
       or t.tgrelid in (select relid from pg_catalog.pg_partition_tree(%(table)s::regclass)))
order by 1, 2
"""
_ENABLE = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


def lock(session: Connection, tables: Sequence[str]) -> None:
    """Let nobody else write into the tables until the transaction ends; everybody may read.

    :raises psycopg.errors.LockNotAvailable: past lock_timeout.
    """
    for table in sorted(tables):
        session.execute(encoded(session, f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))


def write(rows: Rows, session: Connection) -> None:
    """Put rows back as they were: without the table's own triggers, and with its foreign keys."""
    if not rows.counts.get("missing"):
        return
    names = ", ".join(rows.writable)
    with _without_triggers(session, rows.part.table):
        missing = f"(SELECT {names} FROM {rows.put} WHERE {STATE} = 'missing')"  # noqa: S608
        pipe(rows.sides.recovered, missing, session, f"{rows.part.table} ({names})")
        session.execute("SET CONSTRAINTS ALL IMMEDIATE")


@contextmanager
def _without_triggers(session: Connection, table: str) -> Generator[None, None, None]:
    found = session.execute(_TRIGGERS.encode(), {"table": table}).fetchall()
    for owner, name, _ in found:
        session.execute(encoded(session, f"ALTER TABLE {owner} DISABLE TRIGGER {name}"))
    yield
    for owner, name, state in found:
        session.execute(encoded(session, f"ALTER TABLE {owner} {_ENABLE[state]} TRIGGER {name}"))


def orphans(session: Connection, catalog: Catalog, tables: Sequence[str]) -> dict[str, int]:
    """Count the orphans of every foreign key of some tables, or to them, by an anti-join."""
    keys = {
        name: one
        for name, one in catalog.constraints.items()
        if one.form == "foreign key" and (one.table in tables or one.references in tables)
    }
    found, missing = foreign_keys(session, replace(catalog, constraints=keys), samples=0)
    if missing:
        raise RestoreError(
            "foreign keys could not be looked at; nothing was kept",
            looked_at=[f"{one.object}: {one.reason}" for one in missing],
        )
    return {name: one.orphans for name, one in found.items()}


def no_more(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    """See that no foreign key has more orphans than it had.

    :raises RestoreError: one has; the caller rolls back.
    """
    if worse := [f"{name}: {number}" for name, number in after.items() if number > before.get(name, 0)]:
        raise RestoreError("rows that were put back point to what is not there; nothing was kept", looked_at=worse)


def behind(session: Connection, catalog: Catalog, largest: Mapping[str, int | None]) -> dict[str, int]:
    """Return sequences that would give a value which a row has, and the value that they are set to.

    :param largest: by sequence, of the rows as they will be.
    """
    counters, _ = values(session, [name for name in largest if name in catalog.sequences])
    found: dict[str, int] = {}
    for name, most in largest.items():
        counter = counters.get(name)
        if counter is None or most is None:
            continue
        up = catalog.sequences[name].increment > 0
        reached = counter.value if counter.is_called else counter.value - (1 if up else -1)
        if (most > reached) if up else (most < reached):
            found[name] = most
    return found


def advance(session: Connection, sequences: Mapping[str, int]) -> None:
    """Set sequences forward. They know no transaction: this comes last, and going forward harms nobody."""
    for name, value in sequences.items():
        session.execute("select pg_catalog.setval(%s::pg_catalog.regclass, %s)", (name, value))
