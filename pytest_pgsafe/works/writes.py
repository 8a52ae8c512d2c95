"""Rows written as they are: a row inserted again, updated to itself, deleted. What is refused now was not before."""

# ruff: noqa: S608 (names that quote_ident wrote, and literals of our own)

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import psycopg

from ..catalog.names import bare, container
from ..catalog.values import Catalog, Trigger
from ..compare.values import Action, Comparison
from ..snapshot.expressions import literal
from ..snapshot.plan import foreign_below
from ..snapshot.values import NotVerified
from .reach import reaching_out
from .side import Side, answer
from .values import Answer, Attempt, Unwritten

_EVENTS = re.compile(r" (?:BEFORE|AFTER) (?P<events>.*?) ON ", re.DOTALL)
#: A change of one of these on a table may refuse its rows.
_KINDS = frozenset({"table", "column", "constraint", "index", "trigger", "rule", "policy"})
#: Of the columns, those that a statement for people names.
_SHOWN = 5
#: Rows of a table, until one of them is written.
ROWS = 4
#: The SQLSTATEs of what names something that is not there: no row changes that.
_CODE = ("42",)
#: Bytes of a row that are sent back.
_LARGEST = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Write:
    """What is to be tried on one table."""

    #: Its names before and after.
    before: str
    after: str
    events: tuple[str, ...]
    #: Who writes; None for the table's owner.
    role: str | None = None
    #: Its triggers or rules, or what they run, are others: what they write is compared.
    fires_otherwise: bool = False


@dataclass(frozen=True, kw_only=True)
class _Row:
    tid: str
    table: int
    text: str
    key: Mapping[str, str]


def choose(comparison: Comparison, reached: Collection[str] = ()) -> tuple[tuple[Write, ...], tuple[NotVerified, ...]]:
    """Return the tables whose rows are written: those with triggers, and those whose definition changed.

    :param reached: tables about whose rows code decides otherwise, by their names before.
    """
    after = comparison.after.catalog
    changed = touched(comparison)
    events: dict[str, set[str]] = {}
    calls: dict[str, set[str]] = {}
    for trigger in after.triggers.values():
        if trigger.enabled in {"origin", "always"}:
            events.setdefault(trigger.table, set()).update(_events(trigger))
            calls.setdefault(trigger.table, set()).add(trigger.function)
    foreign = foreign_below(after)
    chosen: list[Write] = []
    untried: list[NotVerified] = []
    for before, now in sorted(comparison.tables.items()):
        wanted = events.get(now, set[str]()) | ({"INSERT", "UPDATE"} if before in changed else set[str]())
        # Its rows are tried by way of the table that it is a part of.
        if not wanted or now in foreign or after.tables[now].partition_bound is not None:
            continue
        way = reaching_out(after, calls.get(now, ()))
        if way is not None:
            untried.append(NotVerified(object=before, reason=f"its rows were not written: {way}"))
            continue
        events_ = tuple(event for event in _ORDER if event in wanted)
        chosen.append(Write(before=before, after=now, events=events_, fires_otherwise=before in reached))
    return tuple(chosen), tuple(untried)


_ORDER = ("INSERT", "UPDATE", "DELETE")


def touched(comparison: Comparison) -> frozenset[str]:
    """Return the tables, by their names before, of whose definition something changed."""
    names = {new: old for old, new in comparison.tables.items()}
    domains: set[str] = set()
    found: set[str] = set()
    for change in comparison.changes:
        if change.kind not in _KINDS:
            continue
        value = change.old if change.old is not None else change.new
        table = change.object if change.kind == "table" else getattr(value, "table", container(change.object))
        table = names.get(table, table) if change.action is Action.ADDED else table
        (found if table in comparison.tables else domains).add(table)
    if domains:
        found |= {column.table for column in comparison.before.catalog.columns.values() if column.type in domains}
    return frozenset(found & comparison.tables.keys())


def _events(trigger: Trigger) -> frozenset[str]:
    found = _EVENTS.search(trigger.definition)
    words = set(re.findall(r"INSERT|UPDATE|DELETE", found["events"])) if found else set[str]()
    return frozenset(words)


def tried(write: Write, before: Side, after: Side, comparison: Comparison) -> Iterator[Attempt | Unwritten | None]:
    """Try each event on the copy after, and on the copy before what failed there; None for what worked.

    Nothing is yielded where the table holds no row.
    """
    content = comparison.before.tables.get(write.before)
    key = () if content is None else content.key
    pairs = {name: comparison.columns.get(f"{write.before}.{name}") for name in key}
    known = {name: bare(there) for name, there in pairs.items() if there is not None}
    theirs = tuple(known.values()) if len(known) == len(key) else ()
    for event in write.events:
        tries = _rows(after, write, event, theirs)
        if not tries:
            return
        row, now = tries[0]
        done = next(((row, one) for row, one in tries if one.error is None and one.rows), None)
        row, now = done if done is not None else (row, now)
        named = {name: row.key[there] for name, there in known.items()} if theirs else None
        if done is not None or any(one.unknown for _, one in tries):
            compared = done is not None and write.fires_otherwise
            yield _unwritten(write, event, _before(before, write, event, named), now, comparison) if compared else None
            continue
        was = _before(before, write, event, named)
        if was is not None:
            yield Attempt(
                kind="write" if write.role is None else "access", object=write.before,
                statement=shown(after, write.after, event), role=write.role, before=was, after=now,
            )  # fmt: skip


def _unwritten(write: Write, event: str, was: Answer | None, now: Answer, comparison: Comparison) -> Unwritten | None:
    """Return the other tables in which a row was written before, and none is now."""
    if was is None or not was.worked or not was.rows:
        return None
    there = {comparison.tables.get(name, name): name for name in was.wrote}
    gone = sorted(name for now_called, name in there.items() if now_called not in now.wrote | {write.after})
    gone = [name for name in gone if name in comparison.tables and name != write.before]
    instead = tuple(sorted(now.wrote - there.keys() - {write.after}))
    return Unwritten(object=write.before, event=event, table=gone[0], instead=instead) if gone else None


def again(side: Side, table: str, *, without: str) -> Answer | None:
    """Insert a row again and leave a column to its default; None if there is no row, or it cannot be tried."""
    with side.trying():
        row = _row(side, table, (), None)
        return None if row is None else _write(side, table, "INSERT", row, without=without)


def _rows(side: Side, write: Write, event: str, key: Sequence[str]) -> list[tuple[_Row, Answer]]:
    """Write a row, and where it is refused for what it holds, others: a rule may be about one of them alone."""
    tries: list[tuple[_Row, Answer]] = []
    for at in range(ROWS):
        with side.trying():
            row = _row(side, write.after, key, None, skip=at, role=write.role)
            now = None if row is None else _observed(side, write.after, event, row, write)
        if row is None or now is None:
            break
        tries.append((row, now))
        if now.unknown or now.rows or (now.error is not None and now.error.state.startswith(_CODE)):
            break
    return tries


def _before(side: Side, write: Write, event: str, key: Mapping[str, str] | None) -> Answer | None:
    with side.trying():
        row = _row(side, write.before, tuple(key or ()), key, role=write.role)
        if row is None and key is not None:
            row = _row(side, write.before, (), None, role=write.role)
        return None if row is None else _observed(side, write.before, event, row, write)


def _observed(side: Side, table: str, event: str, row: _Row, write: Write) -> Answer | None:
    """Write a row, and where that is asked see in which tables rows were written."""
    if not write.fires_otherwise:
        return _write(side, table, event, row, role=write.role)
    was = side.wrote()
    found = _write(side, table, event, row, role=write.role)
    if found is None or not found.worked:
        return found
    return replace(found, wrote=frozenset(name for name, rows in side.wrote().items() if rows > was.get(name, 0)))


def _row(
    side: Side,
    table: str,
    key: Sequence[str],
    wanted: Mapping[str, str] | None,
    *,
    skip: int = 0,
    role: str | None = None,
) -> _Row | None:
    """Return some row, or the one of a key, that a role sees; None if there is none."""
    shown = "".join(f", pgsafe_t.{name}::pg_catalog.text" for name in key)
    where = " AND ".join(f"pgsafe_t.{name} = {literal(value)}" for name, value in (wanted or {}).items())
    text = (
        f"SELECT pgsafe_t.ctid::pg_catalog.text, pgsafe_t.tableoid::pg_catalog.int8, pgsafe_t::pg_catalog.text{shown}"
        f" FROM {rows_of(side.catalog, table)} pgsafe_t{f' WHERE {where}' if where else ''} LIMIT 1 OFFSET {skip}"
    )
    try:
        if role is not None:
            side.become(role)
        found = side.rows(text)
        if role is not None:
            side.become("NONE")
    except psycopg.Error:
        return None
    if not found or len(str(found[0][2])) > _LARGEST:
        return None
    tid, oid, row, *values = found[0]
    named = {name: str(value) for name, value in zip(key, values, strict=True)}
    return _Row(tid=str(tid), table=int(str(oid)), text=str(row), key=named)


def _write(
    side: Side, table: str, event: str, row: _Row, *, without: str | None = None, role: str | None = None
) -> Answer | None:
    """Write a row within what is tried, as its owner or as a role; None if that cannot be tried here."""
    source = rows_of(side.catalog, table)
    place = f"pgsafe_t.ctid = {literal(row.tid)} AND pgsafe_t.tableoid = {row.table}"
    owner = side.catalog.tables[table].owner
    try:
        if event == "INSERT":
            if not side.superuser:
                return None
            # Its own key is fresh once it is gone, which nobody notices: neither triggers nor rows that refer to it.
            free(side, source, place)
        side.become(owner if role is None else role)
    except psycopg.Error as error:
        return answer(error) if answer(error).unknown else None
    if event == "INSERT":
        names = [column.column for column in side.written(table) if column.column != without]
        return side.end(insert(table, names, row.text))
    if event == "UPDATE":
        names = [column.column for column in side.written(table) if column.identity != "always"]
        sets = ", ".join(f"{name} = pgsafe_t.{name}" for name in names)
        return side.end(f"UPDATE {source} pgsafe_t SET {sets} WHERE {place}") if names else None
    return side.end(f"DELETE FROM {source} pgsafe_t WHERE {place}")


def insert(table: str, names: Sequence[str], row: str) -> str:
    """Return the statement that inserts some columns of a row, given as PostgreSQL writes it."""
    values = ", ".join(f"(pgsafe_r.pgsafe_v).{name}" for name in names)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) OVERRIDING SYSTEM VALUE"
        f" SELECT {values} FROM (SELECT {literal(row)}::{table} AS pgsafe_v) pgsafe_r"
    )


def shown(side: Side, table: str, event: str) -> str:
    """Return a statement for people: without values."""
    if event == "DELETE":
        return f"DELETE FROM {table} (one row)"
    names = [column.column for column in side.written(table)]
    if event == "INSERT":
        some = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        return f"INSERT INTO {table} ({some}) (a copy of a row, its key free)"
    sets = ", ".join(f"{name} = {name}" for name in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"UPDATE {table} SET {sets} (one row to itself)"


def free(side: Side, source: str, place: str) -> None:
    """Free the key of a row within what is tried: neither triggers nor rows that refer to it notice. By a superuser.

    :param source: the table as FROM names it; the row in it is ``pgsafe_t``.
    :raises psycopg.Error: as the server says it.
    """
    side.run("SET LOCAL session_replication_role = replica")
    side.run(f"DELETE FROM {source} pgsafe_t WHERE {place}")
    side.run("SET LOCAL session_replication_role = origin")


def rows_of(catalog: Catalog, table: str) -> str:
    """Return a table as FROM names it, without its heirs."""
    return f"ONLY {table}" if catalog.tables[table].form == "table" else table
