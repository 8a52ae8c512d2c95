"""What points to a table that is replaced, and how it is made to point to the restored one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..catalog.names import bare
from ..catalog.values import Catalog, Constraint
from ..server.capabilities import PUBLISHED_PARTS
from ..server.connection import Connection, version
from . import routines

_DEPENDENTS = (Path(__file__).with_name("sql") / "dependents.sql").read_bytes()

_VIEWS = """
select c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname), c.relkind::text, pg_catalog.pg_get_viewdef(c.oid),
       coalesce(c.reloptions, '{}'), pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)), c.relispopulated
from pg_catalog.pg_rewrite r
join pg_catalog.pg_class c on c.oid = r.ev_class
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where r.oid = any (%s::oid[]) and r.rulename = '_RETURN' order by 2
"""
_RULES = """
select r.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname), c.relkind::text, pg_catalog.pg_get_ruledef(r.oid),
       pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner))
from pg_catalog.pg_rewrite r
join pg_catalog.pg_class c on c.oid = r.ev_class
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where r.oid = any (%s::oid[]) and r.rulename <> '_RETURN' order by 2, r.rulename
"""
_POLICIES = """
select p.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname), pg_catalog.quote_ident(p.polname),
       pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where p.oid = any (%s::oid[]) order by 2, 3
"""
_DEFAULTS = """
select f.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname), pg_catalog.quote_ident(a.attname),
       pg_catalog.pg_get_expr(f.adbin, f.adrelid)
from pg_catalog.pg_attrdef f
join pg_catalog.pg_class c on c.oid = f.adrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = f.adnum
where f.oid = any (%s::oid[]) and c.relkind in ('r', 'p') and a.attgenerated = '' order by 2, 3
"""
_FUNCTIONS = """
select p.oid, pg_catalog.pg_get_functiondef(p.oid) from pg_catalog.pg_proc p
where p.oid = any (%s::oid[]) and p.prosqlbody is not null order by p.oid::regprocedure::text
"""
# Column lists and row filters came with 15.
_PUBLISHED = """
select r.oid, pg_catalog.quote_ident(p.pubname), pg_catalog.format('%%I.%%I', n.nspname, c.relname),
       {columns}, {filter}
from pg_catalog.pg_publication_rel r
join pg_catalog.pg_publication p on p.oid = r.prpubid
join pg_catalog.pg_class c on c.oid = r.prrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where r.oid = any (%s::oid[]) order by 2, 3
"""
_LISTED = """(
    select pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) order by a.attnum) from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum = any (r.prattrs::pg_catalog.int2[])
)"""
_FILTER = "pg_catalog.pg_get_expr(r.prqual, r.prrelid)"
_SUBSCRIBED = """
select pg_catalog.format('%%I.%%I', n.nspname, c.relname)
from pg_catalog.pg_subscription_rel s
join pg_catalog.pg_class c on c.oid = s.srrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = any (%s::oid[]) order by 1
"""
_ALL_TABLES = "select pg_catalog.quote_ident(pubname) from pg_catalog.pg_publication where puballtables order by 1"


@dataclass(frozen=True, kw_only=True)
class Dependents:
    """What points to some tables: statements that let go of them, and that take hold of their successors."""

    #: For people: ``view public.rich``, ``policy …``.
    names: tuple[str, ...] = ()
    #: What cannot be carried over, each with its reason.
    refused: tuple[str, ...] = ()
    #: Columns that are used, ``schema.table.column``, and by what.
    used: frozenset[tuple[str, str]] = frozenset()
    #: Statements that lock what a statement of ``after`` alters; of a view LOCK TABLE would lock its tables, too.
    locks: tuple[str, ...] = ()
    #: Tables that are altered.
    altered: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    #: Materialised views: dropped, and made again by what pg_dump says of them. Those that held rows are filled again.
    materialized: tuple[str, ...] = ()
    populated: tuple[str, ...] = ()
    #: Foreign keys of other tables.
    keys: tuple[Constraint, ...] = ()
    notes: tuple[str, ...] = ()
    #: What their definitions were read from, so that one that changed meanwhile is seen.
    definitions: tuple[tuple[Any, ...], ...] = field(default=(), repr=False)


def outside(session: Connection, relations: Collection[int]) -> list[tuple[str, int, bool, list[str], str]]:
    """Return what points to relations and is not their own: class, OID, whether by their row type, columns, name."""
    return session.execute(_DEPENDENTS, {"relations": list(relations)}).fetchall()


def read(session: Connection, live: Catalog, moved: Sequence[str], above: Collection[str]) -> Dependents:
    """Read what points to tables.

    :param above: tables that some of them are partitions of: keys that lead there lead to them, too.
    """
    found = outside(session, [live.tables[name].oid for name in moved])
    reader = _Reader(session, found)
    reader.all()
    for (name,) in session.execute(_SUBSCRIBED, ([live.tables[one].oid for one in moved],)).fetchall():
        reader.refused.append(f"{name}: a subscription writes to it; take it out of the subscription first")
    keys = tuple(
        one
        for one in live.constraints.values()
        if one.form == "foreign key" and one.parent is None and one.table not in moved
        and (one.references in moved or one.references in above)
    )  # fmt: skip
    for (name,) in session.execute(_ALL_TABLES).fetchall():
        reader.notes.append(f"publication {name} is of all tables: of the one aside, too, until it is dropped")
    return Dependents(
        names=(*(f"foreign key {one.name}" for one in keys), *reader.names),
        refused=tuple(reader.refused),
        used=frozenset((column, described) for _, _, _, columns, described in found for column in columns),
        locks=tuple(reader.locks),
        altered=tuple(dict.fromkeys((*reader.altered, *(one.table for one in keys)))),
        before=(*(f"alter table {one.table} drop constraint {bare(one.name)}" for one in keys), *reader.before),
        after=tuple(reader.after),
        materialized=tuple(reader.materialized),
        populated=tuple(reader.populated),
        keys=keys,
        notes=tuple(reader.notes),
        definitions=tuple(reader.definitions),
    )


class _Reader:
    """Definitions as text, in which every name is qualified: run again, they mean what bears the name then."""

    def __init__(self, session: Connection, found: Sequence[tuple[str, int, bool, list[str], str]]) -> None:
        self.session = session
        self.found = found
        self.names: list[str] = []
        self.refused: list[str] = []
        self.locks: list[str] = []
        self.altered: list[str] = []
        self.before: list[str] = []
        self.after: list[str] = []
        self.materialized: list[str] = []
        self.populated: list[str] = []
        self.notes: list[str] = []
        self.definitions: list[tuple[Any, ...]] = []

    def all(self) -> None:
        known: set[int] = set()
        # Functions first: a view may call one.
        for read in (self._functions, self._views, self._rules, self._policies, self._defaults, self._publications):
            known.update(read())
        known.update(self._routines())
        for class_, oid, by_type, _, described in self.found:
            if class_ == "pg_proc" and oid in known:
                continue
            if by_type:
                self.refused.append(f"{described}: it names the table's row type")
            elif (class_, oid) == ("pg_class", oid) and self._is_child(oid):
                self.refused.append(f"{described}: it inherits from the table, and the backup has none of that name")
            elif oid not in known:
                self.refused.append(f"{described}: it cannot be made to point to another table")

    def _routines(self) -> Iterator[int]:
        """Make those again that name the table's row type: for another table they are other functions."""
        oids = [oid for class_, oid, by_type, _, _ in self.found if class_ == "pg_proc" and by_type]
        made: list[str] = []
        for one in routines.read(self.session, oids):
            yield one.oid
            if one.refused is not None:
                self.refused.append(one.refused)
                continue
            self.names.append(f"routine {one.name}")
            self.before.append(f"drop routine {one.name}")
            made += one.made
        self.after[:0] = made

    def _is_child(self, oid: int) -> bool:
        return self.session.execute("select from pg_catalog.pg_inherits where inhrelid = %s", (oid,)).rowcount > 0

    def _of(self, class_: str) -> list[int]:
        return [oid for of, oid, by_type, _, _ in self.found if of == class_ and not by_type]

    def _rows(self, query: str, class_: str) -> Iterator[tuple[Any, ...]]:
        oids = self._of(class_)
        for row in self.session.execute(query.encode(), (oids,)).fetchall() if oids else ():
            self.definitions.append(row)
            yield row

    def _functions(self) -> Iterator[int]:
        for oid, definition in self._rows(_FUNCTIONS, "pg_proc"):
            yield oid
            self.names.append(next(text for _, one, _, _, text in self.found if one == oid))
            self.after.append(definition)

    def _views(self) -> Iterator[int]:
        for oid, name, kind, definition, options, owner, populated in self._rows(_VIEWS, "pg_rewrite"):
            yield from (
                rule for class_, rule, _, _, _ in self.found if class_ == "pg_rewrite" and self._makes(rule, oid)
            )
            if kind == "m":
                self._materialized(oid, name, owner, populated=populated)
                continue
            self.names.append(f"view {name}")
            self.locks.append(f"alter view {name} owner to {owner}")
            shown = f" with ({', '.join(_option(one) for one in options)})" if options else ""
            self.after.append(f"create or replace view {name}{shown} as {definition}")

    def _makes(self, rule: int, view: int) -> bool:
        query = "select from pg_catalog.pg_rewrite where oid = %s and ev_class = %s and rulename = '_RETURN'"
        return self.session.execute(query, (rule, view)).rowcount > 0

    def _materialized(self, oid: int, name: str, owner: str, *, populated: bool) -> None:
        users = [described for _, _, _, _, described in outside(self.session, [oid])]
        if users:
            self.refused.append(
                f"materialized view {name}: it would be made again, and {', '.join(users[:3])} reads it"
            )
            return
        self.names.append(f"materialized view {name}")
        self.locks.append(f"alter materialized view {name} owner to {owner}")
        self.before.append(f"drop materialized view {name}")
        self.materialized.append(name)
        if populated:
            self.populated.append(name)

    def _rules(self) -> Iterator[int]:
        for oid, name, kind, definition, owner in self._rows(_RULES, "pg_rewrite"):
            yield oid
            self.names.append(f"rule on {name}")
            if kind == "v":
                self.locks.append(f"alter view {name} owner to {owner}")
            else:
                self.altered.append(name)
            self.after.append(definition.replace("CREATE RULE", "CREATE OR REPLACE RULE", 1))

    def _policies(self) -> Iterator[int]:
        for oid, table, name, using, check in self._rows(_POLICIES, "pg_policy"):
            yield oid
            self.names.append(f"policy {name} on {table}")
            self.altered.append(table)
            clauses = [f"using ({using})"] if using is not None else []
            clauses += [f"with check ({check})"] if check is not None else []
            self.after.append(f"alter policy {name} on {table} {' '.join(clauses)}")

    def _defaults(self) -> Iterator[int]:
        for oid, table, column, expression in self._rows(_DEFAULTS, "pg_attrdef"):
            yield oid
            self.names.append(f"default of {table}.{column}")
            self.altered.append(table)
            self.after.append(f"alter table {table} alter column {column} set default {expression}")

    def _publications(self) -> Iterator[int]:
        newer = PUBLISHED_PARTS.known_to(version(self.session))
        query = _PUBLISHED.format(
            columns=_LISTED if newer else "null::text[]", filter=_FILTER if newer else "null::text"
        )
        for oid, publication, table, columns, where in self._rows(query, "pg_publication_rel"):
            yield oid
            self.names.append(f"publication {publication}")
            self.before.append(f"alter publication {publication} drop table {table}")
            listed = f" ({', '.join(columns)})" if columns else ""
            filtered = f" where ({where})" if where is not None else ""
            self.after.append(f"alter publication {publication} add table {table}{listed}{filtered}")
            self.notes.append(
                f"publication {publication}: its subscribers are sent the restored rows of {table} as new ones"
            )


def _option(option: str) -> str:
    name, _, value = option.partition("=")
    return f"{name}='{value}'"
