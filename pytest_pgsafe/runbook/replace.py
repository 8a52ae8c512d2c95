"""Tables of a live database replaced by those of a backup, in one transaction: all of it, or nothing at all.

The live ones are moved aside into a schema that says when; whatever pointed to them points to the restored ones
afterwards, and the transaction ends in a commit only when the restored ones equal the backup and nothing else is left
pointing aside.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from ..backup import contents, edited
from ..backup import dump as dumps
from ..backup.archive import Archive
from ..catalog import read as catalog_of
from ..catalog.names import bare, container, unquoted
from ..catalog.options import is_own
from ..catalog.values import Catalog, Grant
from ..errors import RestoreError
from ..progress import Progress
from ..server.connection import Connection, connect, for_programs
from ..snapshot.session import encoded
from ..snapshot.values import Snapshot
from . import keys, proven, script, since
from .dependents import Dependents
from .plan import Plan, plan
from .target import Target

#: How long one attempt waits for its locks, in seconds, and how many there are.
WAIT = 5.0
ATTEMPTS = 6

_BLOCKERS = """
select distinct 'process ' || a.pid || ' of ' || coalesce(a.usename, '?') || ' (' || coalesce(a.state, '?') || '): '
       || left(coalesce(a.query, ''), 100)
from pg_catalog.pg_locks l
join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.relation = any (%s::oid[]) and l.granted and l.pid <> pg_catalog.pg_backend_pid()
  and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
order by 1 limit 5
"""
_OUTGOING = """
select pg_catalog.quote_ident(c.conname), c.conrelid from pg_catalog.pg_constraint c
where c.contype = 'f' and c.conrelid = any (%s::oid[]) and c.confrelid <> all (%s::oid[]) and c.conparentid = 0
"""


@dataclass(frozen=True, kw_only=True)
class Swapped:
    """What was done, or with a dry run would be."""

    #: Names of the live tables now.
    aside: tuple[str, ...]
    #: The schemas that they are in.
    schemas: tuple[str, ...]
    since: tuple[since.Since, ...]
    orphans: tuple[keys.Orphans, ...]
    #: What points to the restored tables now, and pointed to the live ones.
    carried: tuple[str, ...]
    notes: tuple[str, ...]
    restored: Snapshot


@dataclass
class Swap:
    """A replacement under way."""

    archive: Archive
    facts: Snapshot
    target: Target
    plan: Plan
    folder: Path
    owners: bool
    accept: bool
    dry_run: bool
    progress: Progress
    notes: list[str] = field(default_factory=list[str])

    def run(self) -> Swapped:
        """Replace the tables.

        :raises RestoreError: nothing was changed.
        """
        done: list[Swapped] = []
        address = self.target.address(self.target.wanted).with_(options="-c default_transaction_read_only=off")
        with connect(address, read_only=False) as session:
            self._locked(session, done)
        return done[0]

    def _locked(self, session: Connection, done: list[Swapped]) -> None:
        """Do it in a transaction that has every lock from its beginning, so that it waits for nobody later."""
        materialized = self._materialized()
        for attempt in range(1, ATTEMPTS + 1):
            blocked: list[str] = []
            self.notes.clear()
            try:
                with session.transaction():
                    self._lock(session)
                    if self._changed(session):
                        materialized = self._materialized()
                        continue
                    done.append(self._swap(session, materialized))
                    if self.dry_run:
                        # Of this transaction alone, and quietly.
                        raise psycopg.Rollback
                return
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
                if done:
                    raise
                relations = [
                    self.plan.live.tables[name].oid for name in self.plan.locked if name in self.plan.live.tables
                ]
                blocked = [text for (text,) in session.execute(_BLOCKERS, (relations,)).fetchall()]
                if attempt == ATTEMPTS:
                    raise RestoreError(
                        f"the tables could not be locked in {ATTEMPTS} attempts of {WAIT:g} s: nothing was changed",
                        looked_at=blocked or [str(error).splitlines()[0]],
                        remedies=["end these sessions, or stop the application with --stop, and restore again"],
                    ) from error
            self.progress(f"waits for {blocked[0]}" if blocked else "once more")
            time.sleep(random.uniform(0.1, 1.0))  # noqa: S311 (lets others through, guards nothing)
        raise RestoreError("the tables and what points to them change all the time: nothing was changed")

    def _lock(self, session: Connection) -> None:
        self.progress("locks")
        session.execute(f"set local lock_timeout = '{int(WAIT * 1000)}ms'".encode())
        with suppress(psycopg.errors.InsufficientPrivilege), session.transaction():
            # Of two sessions that wait for each other the one that looks first is ended: not the application's.
            session.execute("set local deadlock_timeout = '50ms'")
        self._do(session, self.plan.dependents.locks)
        names = ", ".join(self.plan.locked)
        if names:
            self._do(session, [f"lock table {names} in access exclusive mode"])
        session.execute("set local lock_timeout = 0")

    def _changed(self, session: Connection) -> bool:
        """Look once more, now that nobody can change it: what is done has to be what was looked at."""
        now = plan(session, self.facts, self.plan.tables)
        changed = now.seen != self.plan.seen
        self.plan = now
        return changed

    def _materialized(self) -> bytes:
        """Return how pg_dump would make the materialised views again: index, owner, privileges and comments as well."""
        names = self.plan.dependents.materialized
        if not names:
            return b""
        path = self.folder / "materialized.sql"
        patterns = [f"--table={_pattern(name)}" for name in names]
        address = for_programs(self.target.address(self.target.wanted))
        done = self.target.programs.run("pg_dump", ["--schema-only", *patterns], address=address, stdout=path)
        if done.returncode:
            raise RestoreError("pg_dump failed", looked_at=done.stderr.strip().splitlines()[-4:])
        gone = frozenset(option for option in dumps.read(path).options if is_own(option.name))
        if gone:
            edited.write(path, self.folder / "fitting.sql", edited.Edits(stored=gone))
            path = self.folder / "fitting.sql"
        return path.read_bytes()

    def _swap(self, session: Connection, materialized: bytes) -> Swapped:
        dependents = self.plan.dependents
        self.progress("aside")
        schemas = self._aside(session, dependents)
        self.progress("restore")
        self._restore(session)
        moved = {name: f"{schemas[container(name)]}.{bare(name)}" for name in self.plan.moved}
        self.progress("compare with the live tables")
        differences = tuple(self._differences(session, moved))
        self.progress("everything that points to them")
        try:
            self._do(session, dependents.after)
            if materialized:
                script.define(session, materialized)
                self._take_back(session, self.plan.live, lambda one: one.object in dependents.materialized)
            live = self.plan.live
            self._take_back(session, live, lambda one: one.object_kind == "function" and one.object in live.functions)
            self._do(session, [f"refresh materialized view {name}" for name in dependents.populated])
        except psycopg.Error as error:
            raise RestoreError(
                "something that uses the live table cannot use the restored one: nothing was changed",
                looked_at=str(error).strip().splitlines()[:4],
                remedies=["drop it, or make it as it was when the backup was taken, and restore again"],
            ) from error
        self.progress("foreign keys")
        self._do(session, [f"analyze {', '.join(self.plan.tables)}"])
        orphans = keys.make(session, self.plan.keys, accept=self.accept)
        self.progress("verify")
        restored = proven.prove(session, self.facts, self.plan, orphans, owners=self.owners)
        self._sequences(session, schemas)
        return Swapped(
            aside=tuple(moved.values()),
            schemas=tuple(schemas.values()),
            since=differences,
            orphans=orphans,
            carried=dependents.names,
            notes=(*dependents.notes, *self.plan.notes, *_silenced(self.plan), *self.notes, *self._not_compared()),
            restored=restored,
        )

    def _not_compared(self) -> Iterator[str]:
        for gap in contents.part(self.facts, self.plan.choice).not_verified:
            yield f"{gap.object}: {gap.reason}"

    def _differences(self, session: Connection, moved: dict[str, str]) -> Iterator[since.Since]:
        for name in self.plan.tables:
            if name not in moved or set(self.facts.catalog.tables[name].parents) & set(self.plan.tables):
                continue
            try:
                with session.transaction():
                    found = since.compare(session, name, moved[name], self.plan.live, self.facts.catalog)
            except psycopg.Error as error:
                # Its files may be damaged: the more reason to replace it.
                self.notes.append(f"{name}: the live table cannot be read: {str(error).splitlines()[0]}")
            else:
                yield found

    def _aside(self, session: Connection, dependents: Dependents) -> dict[str, str]:
        """Move the live tables aside; return the new schema of each old one."""
        self._do(session, dependents.before)
        self._do(session, self.plan.detach)
        oids = [self.plan.live.tables[name].oid for name in self.plan.moved]
        names = {self.plan.live.tables[name].oid: name for name in self.plan.moved}
        # Else what was moved aside would forbid to delete rows of live tables.
        for constraint, table in session.execute(_OUTGOING, (oids, oids)).fetchall():
            self._do(session, [f"alter table {names[table]} drop constraint {constraint}"])
            self.notes.append(f"{names[table]}.{constraint}: the table aside no longer has this foreign key")
        now = datetime.now(timezone.utc)
        schemas: dict[str, str] = {}
        for schema in dict.fromkeys(container(name) for name in self.plan.moved):
            old = unquoted(schema).encode()[:38].decode(errors="ignore")
            # No capital letters: it can be typed without quotes.
            name = stem = f"{old}_replaced_{now:%Y%m%d_%H%M%S}"
            for number in count(2):
                if session.execute("select from pg_catalog.pg_namespace where nspname = %s", (name,)).rowcount == 0:
                    break
                name = f"{stem}_{number}"
            new = sql.Identifier(name)
            session.execute(sql.SQL("create schema {}").format(new))
            said = (
                f"tables that pgsafe restore replaced on {now:%Y-%m-%d %H:%M:%S} UTC, by {self.target.address().user}"
            )
            session.execute(sql.SQL("comment on schema {} is {}").format(new, sql.Literal(said)))
            [(schemas[schema],)] = session.execute("select pg_catalog.quote_ident(%s)", (name,)).fetchall()
        self._do(session, [f"alter table {name} set schema {schemas[container(name)]}" for name in self.plan.moved])
        for name in self.plan.statistics:
            self._do(session, [f"alter statistics {name} set schema {schemas[self.plan.statistics[name]]}"])
        return schemas

    def _restore(self, session: Connection) -> None:
        listed = self.target.programs.run("pg_restore", ["--list", str(self.archive.path)], files=[self.archive.path])
        chosen = self.folder / "tables.list"
        chosen.write_text(self.plan.choice.listed(listed.stdout), encoding="utf-8")
        self.notes += script.run(session, self.archive, self.target.programs, chosen, self.folder, owners=self.owners)
        if self.owners:
            restored = contents.grants(catalog_of.read(session), self.plan.choice)
            self._take_back(session, self.facts.catalog, lambda one: one.name in restored)
        self._do(session, self.plan.attach)

    def _take_back(self, session: Connection, wanted: Catalog, of: Callable[[Grant], bool]) -> None:
        """Take back what default privileges of this database have given to what was made anew."""
        for name, grant in catalog_of.read(session).grants.items():
            if name not in wanted.grants and of(grant) and not grant.to_owner and proven.known(grant, self.facts):
                self._do(session, [_revoke(grant.object_kind, grant.object, grant.privilege, grant.grantee)])

    def _sequences(self, session: Connection, schemas: dict[str, str]) -> None:
        """Let sequences go on where the live ones were, if that is further: no key is given out a second time."""
        for name, one in self.facts.catalog.sequences.items():
            live = self.plan.live.sequences.get(name)
            if name not in self.plan.sequences or live is None or container(name) not in schemas:
                continue
            old = f"{schemas[container(name)]}.{bare(name)}"
            query = f"select o.last_value, n.last_value from {old} o, {name} n"  # noqa: S608 (the catalog's names)
            [(before, now)] = session.execute(encoded(session, query), prepare=False).fetchall()
            further = before > now if one.increment > 0 else before < now
            if further and one.minimum <= before <= one.maximum:
                session.execute("select pg_catalog.setval(%s::regclass, %s)", (name, before))
                self.notes.append(f"{name} goes on after {before}, where the live one was; the backup had {now}")

    def _do(self, session: Connection, statements: Collection[str]) -> None:
        for text in statements:
            session.execute(encoded(session, text), prepare=False)


def _silenced(plan: Plan) -> Iterator[str]:
    for key in plan.dependents.keys:
        if key.enabled != "origin":
            yield f"{key.name}: its triggers were {key.enabled}, and are those of a usual key now"


def _pattern(name: str) -> str:
    """Return a name as a pattern of pg_dump that means it alone."""
    return ".".join('"' + unquoted(part).replace('"', '""') + '"' for part in (container(name), bare(name)))


def _revoke(kind: str, name: str, privilege: str, grantee: str) -> str:
    what, on = privilege, name
    if kind == "column":
        what, on = f"{privilege} ({bare(name)})", container(name)
    word = {"sequence": "sequence", "function": "routine"}.get(kind, "table")
    return f"revoke {what} on {word} {on} from {grantee}"
