"""Tables that are missing: made again from a backup of the recovered database, with all that belongs to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...backup import contents
from ...backup.archive import Archive
from ...backup.contents import Choice
from ...backup.take import take
from ...catalog import read as catalog_of
from ...catalog.values import Catalog
from ...compare import restored_equals_source
from ...compare.restored import refuse
from ...errors import ConfigError, RestoreError
from ...server.address import Address
from ...server.base import Programs
from ...server.connection import Connection
from ...snapshot.session import encoded
from ...snapshot.take import take as read_facts
from ...snapshot.values import Snapshot
from .. import script
from .fallen import with_fallen
from .table import SCHEMA, pipe
from .values import Order, TableOutcome

#: Lines of an archive's table of contents, at most, that an answer shows.
_ENTRY = 3


@dataclass(frozen=True, kw_only=True)
class Missing:
    """Tables that are made again."""

    archive: Archive
    facts: Snapshot
    choice: Choice
    #: List files for pg_restore, in the order in which they are restored.
    listed: tuple[Path, ...]
    #: What is made, as pg_restore calls it.
    objects: tuple[str, ...]

    def outcomes(self, recovered: Connection) -> tuple[TableOutcome, ...]:
        """Return what is put back, with some rows of each table."""
        found: list[TableOutcome] = []
        for name in self.choice.tables:
            content = self.facts.tables.get(name)
            if content is None:
                # Of a partitioned table the rows are told of its partitions.
                found.append(TableOutcome(table=name, way="restored", rows=0))
                continue
            some = recovered.execute(f"select t::text from only {name} t limit 3".encode()).fetchall()  # noqa: S608
            samples = {"rows": tuple(str(row[0]) for row in some)} if some else {}
            found.append(TableOutcome(table=name, way="restored", rows=content.rows, samples=samples))
        return tuple(found)


def plan(
    tables: Sequence[str],
    *,
    recovered: Connection,
    address: Address,
    there: Catalog,
    programs: Programs,
    folder: Path,
    order: Order,
) -> Missing:
    """Take a backup of the recovered database, and choose what of it is missing in the live one.

    :param tables: that the recovered database has, and the live one has not.
    :param address: of the recovered database.
    :param folder: for the backup, if it is not to be kept, and for lists.
    """
    backup = take(address, order.save or folder / "backup", programs, durable=order.save is not None)
    facts = backup.facts
    assert facts is not None
    chosen = contents.resolve(facts.catalog, tables)
    if present := [name for name in chosen if name in there.tables]:
        # A part of a partitioned table that is there by itself.
        chosen = tuple(name for name in chosen if name not in present)
    choice = with_fallen(contents.choose(facts.catalog, chosen, there), facts.catalog, there, recovered)
    done = programs.run("pg_restore", ["--list", str(backup.archive.path)], files=[backup.archive.path])
    lists = choice.lists(done.stdout)
    objects = tuple(line.split(" ", _ENTRY)[_ENTRY] for text in lists for line in text.splitlines())
    listed = tuple(folder / f"{name}.list" for name, text in zip(("tables", "attached"), lists, strict=True) if text)
    for path, text in zip(listed, filter(None, lists), strict=True):
        path.write_text(text, encoding="utf-8")
    return Missing(archive=backup.archive, facts=facts, choice=choice, listed=listed, objects=objects)


def needed(missing: Missing, session: Connection, *, owners: bool) -> None:
    """See that the live server has the roles of what is made again.

    :raises ConfigError: some are missing.
    """
    if not owners:
        return
    roles = {name for (name,) in session.execute("select pg_catalog.quote_ident(rolname) from pg_catalog.pg_roles")}
    if absent := sorted({missing.facts.catalog.tables[name].owner for name in missing.choice.tables} - roles):
        raise ConfigError(
            f"the live server has no role {', '.join(absent)}, which owned what is to be put back",
            remedies=["create the role", "--no-owner puts tables back without owners and privileges"],
        )


def dangling(missing: Missing, recovered: Connection, live: Connection, there: Catalog) -> Iterator[str]:
    """Say which foreign keys cannot be made again: rows that they point to are gone, or new rows point nowhere."""
    catalog, choice = missing.facts.catalog, missing.choice
    for place, (name, key) in enumerate(catalog.constraints.items()):
        if key.form != "foreign key" or key.references is None or key.parent is not None or name in choice.left_out:
            continue
        own = key.table in choice.tables and key.references not in choice.tables
        if not own and name not in choice.inbound:
            continue
        table, columns = (key.references, key.reference_columns) if own else (key.table, key.columns)
        if not {f"{table}.{column}" for column in columns} <= set(there.columns):
            continue
        held, names = f"{SCHEMA}.held_{place}", ", ".join(columns)
        shape = f"CREATE UNLOGGED TABLE {held} AS SELECT {names} FROM {table} LIMIT 0"  # noqa: S608
        recovered.execute(encoded(recovered, shape))
        pipe(live, f"(SELECT {names} FROM {table})", recovered, f"{held} ({names})")  # noqa: S608
        child, parent = (key.table, held) if own else (held, key.references)
        match = " AND ".join(
            f"p.{theirs} = c.{ours}" for ours, theirs in zip(key.columns, key.reference_columns, strict=True)
        )
        whole = " AND ".join(f"c.{ours} IS NOT NULL" for ours in key.columns)
        text = f"SELECT count(*) FROM {child} c WHERE {whole} AND NOT EXISTS (SELECT FROM {parent} p WHERE {match})"  # noqa: S608
        row = recovered.execute(encoded(recovered, text)).fetchone()
        if row is not None and row[0]:
            yield f"{name} cannot be made again: {row[0]} rows of {key.table} point to what {key.references} lacks"


def apply(missing: Missing, session: Connection, programs: Programs, folder: Path, order: Order) -> None:
    """Make the tables in the transaction of a session, and prove that they equal the backup.

    :raises RestoreError: they do not; the caller rolls back.
    """
    for listed in missing.listed:
        script.run(
            session, missing.archive, programs, listed, folder, owners=order.owners, tablespaces=False,
            lock_timeout=order.lock_timeout,
        )  # fmt: skip
    choice = missing.choice
    restored = read_facts(session, catalog=contents.part_of(catalog_of.read(session), choice), jobs=1)
    wanted, there = contents.part(missing.facts, choice), contents.part(restored, choice)
    refuse(
        restored_equals_source(wanted, there, owners=order.owners),
        "nothing was kept: what was put back does not equal what was recovered",
    )
    for name in choice.inbound:
        key = restored.foreign_keys.get(name)
        if key is None or key.orphans:
            raise RestoreError(f"the foreign key {name} of another table was not made again, or has orphans")
