"""A rescue from its beginning to its end: found, recovered, worked out, and with ``apply`` written and proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from ...catalog import read as catalog_of
from ...catalog.names import bare, container, means
from ...catalog.values import Catalog
from ...errors import ConfigError
from ...pitr import relations
from ...pitr.bases import find
from ...pitr.harm import Harm, judge
from ...pitr.moments import Moments
from ...pitr.search import SHOWN, Found, Wanted, search
from ...progress import SILENT, Progress
from ...server import programs as programs_of
from ...server.address import Address
from ...server.connection import Connection, connect
from ...server.private import private_folder
from ...server.programs import LocalPrograms
from ...server.version import Version
from ..steps import Steps
from ..target import Target
from . import objects, rows, writing
from .live import failed, largest, named, now_of
from .objects import Missing
from .table import SCHEMA, Part, Rows, Sides
from .values import Order, Rescue, TableOutcome


def rescue(root: Path, archive: Path, into: Address, order: Order, progress: Progress = SILENT) -> Rescue:
    """Find the transaction that harmed tables, recover to just before it, and put back what it took away.

    :param root: a base backup, or the folder of several.
    :param into: the live database. Without ``order.apply`` it is only read.
    :raises ConfigError: nothing was found, or several transactions were: each is named.
    :raises StepError: the recovery failed, or what was put back is not what was recovered: then nothing is kept.
    """
    target = Target.open(named(into))
    if target.state() == "absent":
        raise ConfigError(
            f"there is no database {target.wanted} to put anything back into",
            looked_at=[str(into)],
            remedies=["create it, empty: every table is missing then", "pgsafe pitr recover shows what was in it"],
        )
    bases = find(root)
    programs = programs_of.find(Version.parse(bases[-1][1].server_version).major)
    with (
        private_folder("rescue", swept=True) as folder,
        Moments(bases=bases, archive=archive, programs=programs, wait=order.wait, progress=progress) as moments,
    ):
        address = target.address(target.wanted)
        return _Rescue(
            address=address, order=order, folder=folder, programs=programs, moments=moments, steps=Steps(progress)
        ).all(bases[-1][1].system)


@dataclass
class _Rescue:
    """A rescue under way."""

    address: Address
    order: Order
    folder: Path
    programs: LocalPrograms
    moments: Moments
    steps: Steps
    notes: list[str] = field(default_factory=list[str])
    #: What was worked out.
    missing: Missing | None = None
    planned: dict[str, Rows] = field(default_factory=dict[str, Rows])
    sequences: dict[str, int] = field(default_factory=dict[str, int])

    def all(self, system: int) -> Rescue:
        dbname = self.order.dbname or self.address.dbname
        with self.steps.step("search"):
            found = self._search(system, dbname)
        harm = self._one(found)
        with self.steps.step("recover"):
            server, recovered = self.moments.before(harm.commit)
            with connect(server.address("postgres")) as session:
                if session.execute("select from pg_database where datname = %s", (dbname,)).fetchone() is None:
                    raise ConfigError(f"there was no database {dbname} just before transaction {harm.commit.xid}")
            with connect(server.address(dbname)) as session:
                # By now everything that it took away has a name.
                state = relations.read(session, harm.commit.lsn)
            found.known.states.append(state)
            harm = judge(harm.commit, state.database, found.known)
        keys: dict[str, int] = {}
        with (
            connect(server.address(dbname), read_only=False) as ours,
            connect(self.address, read_only=not self.order.apply, lock_timeout=self.order.lock_timeout) as live,
        ):
            ours.execute(f"create schema {SCHEMA}".encode())
            catalog = catalog_of.read(ours)
            names = self._names(found, harm, catalog)
            there = catalog_of.read(live)
            absent = [name for name in names if name not in there.tables]
            self._leaves(catalog, there, names, absent)
            if absent:
                with self.steps.step("extract"):
                    self.missing = objects.plan(
                        absent, recovered=ours, address=server.address(dbname), there=there, programs=self.programs,
                        folder=self.folder, order=self.order,
                    )  # fmt: skip
                    objects.needed(self.missing, live, owners=self.order.owners)
                    self.notes += [
                        f"{name}: left out, the table that it points to is not there"
                        for name in self.missing.choice.left_out
                    ]
                    self.notes += objects.dangling(self.missing, ours, live, there)
            kept = [name for name in names if name not in absent]
            parts = rows.ordered([self._part(name, harm, catalog) for name in kept], catalog)
            try:
                if self.order.apply:
                    keys = self._apply(parts, ours, live, catalog, there)
                else:
                    with self.steps.step("compare"), live.transaction():
                        live.execute("set transaction isolation level repeatable read")
                        self._plan(parts, Sides(recovered=ours, live=live, ours=catalog, theirs=there))
            except psycopg.Error as error:
                raise failed(error, applied=self.order.apply) from error
            outcomes = self._outcomes(ours)
        if self.order.save is not None and self.missing is None:
            self.notes.append("every table is there: no backup was needed, and none is kept")
        commit = harm.commit
        return Rescue(
            applied=self.order.apply, database=self.address.dbname, time=commit.time, xid=commit.xid, lsn=commit.lsn,
            did=tuple(str(act) for act in harm.acts), looked_at=found.looked_at,
            recovered_until=recovered.last_transaction, position=recovered.position, tables=outcomes,
            objects=() if self.missing is None else self.missing.objects, foreign_keys=keys, notes=tuple(self.notes),
            steps=self.steps.done,
        )  # fmt: skip

    def _search(self, system: int, dbname: str) -> Found:
        order = self.order
        wanted = Wanted(
            dbname=dbname, tables=order.tables, rows=order.rows, after=order.after, before=order.before, xid=order.xid
        )
        with connect(self.address) as live:
            now = now_of(live, system) if dbname == self.address.dbname else None
        return search(wanted, self.moments, now)

    def _one(self, found: Found) -> Harm:
        """Return the transaction that is meant.

        :raises ConfigError: there are several.
        """
        if len(found.harms) == 1:
            return found.harms[0]
        more = [f"and {len(found.harms) - SHOWN} before these"] if len(found.harms) > SHOWN else []
        raise ConfigError(
            f"{len(found.harms)} transactions harmed {', '.join(self.order.tables) or 'the database'}: which is meant?",
            looked_at=[*more, *(str(harm) for harm in found.harms[-SHOWN:]), *found.looked_at],
            remedies=[
                f"--xid={found.harms[-1].commit.xid} takes the last one",
                "--after and --before narrow the search",
            ],
        )

    def _names(self, found: Found, harm: Harm, catalog: Catalog) -> list[str]:
        """Return the tables that are wanted, as the recovered database calls them."""
        harmed = [act.relation.name for act in harm.acts if act.kind != "altered" and act.relation.kind != "m"]
        if self.order.every:
            names = [name for name in dict.fromkeys(harmed) if name in catalog.tables]
            roots = {name for name in names if catalog.tables[name].form == "partitioned table"}
            return [name for name in names if not roots & set(catalog.tables[name].parents)]
        chosen: list[str] = []
        for wanted in self.order.tables:
            meant = [name for name in catalog.tables if means(name, wanted)]
            if len(meant) != 1:
                raise ConfigError(
                    f"--table={wanted}: just before transaction {harm.commit.xid} it means"
                    f" {'none' if not meant else 'several: ' + ', '.join(meant)}",
                    looked_at=[str(harm), *found.looked_at],
                )
            chosen += meant
        covered = {*chosen, *(one.name for one in catalog.tables.values() if set(one.parents) & set(chosen))}
        if others := [name for name in dict.fromkeys(harmed) if name not in covered and name in catalog.tables]:
            self.notes.append(
                f"the transaction harmed {', '.join(others[:10])} too: --table for each, or --all-tables, puts it back"
            )
        return list(dict.fromkeys(chosen))

    def _leaves(self, catalog: Catalog, there: Catalog, names: Sequence[str], absent: list[str]) -> None:
        """Add partitions that are missing of tables that are there."""
        grown = True
        while grown:
            grown = False
            for one in catalog.tables.values():
                if one.name in there.tables or one.name in absent or one.partition_bound is None:
                    continue
                if any(parent in names or parent in absent for parent in one.parents):
                    absent.append(one.name)
                    grown = True

    def _part(self, name: str, harm: Harm, catalog: Catalog) -> Part:
        kinds = {act.kind for act in harm.acts if act.relation.name == name}
        parts = {act.relation.name for act in harm.acts if act.kind in {"truncated", "dropped"}}
        below = [one.name for one in catalog.tables.values() if name in one.parents]
        whole = bool(kinds & {"dropped", "truncated"}) or bool(parts & set(below))
        restored = () if self.missing is None else self.missing.choice.tables
        return Part(
            table=name,
            xids=None if whole else harm.commit.xids,
            without=tuple(catalog.tables[one].oid for one in restored),
        )

    def _plan(self, parts: Sequence[Part], sides: Sides) -> None:
        restored = () if self.missing is None else self.missing.choice.tables
        for number, part in enumerate(parts):
            self.planned[part.table] = rows.plan(part, number, sides, self.planned, restored)
        for table, planned in self.planned.items():
            # The rows as they will be are on the recovered server.
            most = {
                name: largest(sides.recovered, planned.expected, one.column or "", up=one.increment > 0)
                for name, one in sides.theirs.sequences.items()
                if one.column is not None and container(one.column) == table and bare(one.column) in planned.columns
            }
            self.sequences |= writing.behind(sides.live, sides.theirs, most)

    def _apply(
        self, parts: Sequence[Part], ours: Connection, live: Connection, catalog: Catalog, there: Catalog
    ) -> dict[str, int]:
        """Write everything in one transaction, and prove it before it is committed."""
        with live.transaction():
            with self.steps.step("put back"):
                writing.lock(live, [part.table for part in parts])
                touched = [part.table for part in parts]
                before = writing.orphans(live, there, touched)
                if self.missing is not None:
                    objects.apply(self.missing, live, self.programs, self.folder, self.order)
                    touched += self.missing.choice.tables
                # Of what is there now, under the lock.
                there = catalog_of.read(live)
                self._plan(parts, Sides(recovered=ours, live=live, ours=catalog, theirs=there))
                for table in self.planned.values():
                    writing.write(table, live)
            with self.steps.step("verify"):
                for table in self.planned.values():
                    rows.prove(table)
                keys = writing.orphans(live, there, touched)
                writing.no_more(before, keys)
                writing.advance(live, self.sequences)
        return keys

    def _outcomes(self, ours: Connection) -> tuple[TableOutcome, ...]:
        restored = () if self.missing is None else self.missing.outcomes(ours)
        outcomes = [*restored, *(table.outcome() for table in self.planned.values())]
        if self.sequences:
            done = "were set" if self.order.apply else "would be set"
            said = ", ".join(f"{name} to {value}" for name, value in self.sequences.items())
            self.notes.append(f"sequences {done} past the rows: {said}")
        return tuple(replace(one) for one in outcomes)
