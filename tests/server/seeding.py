"""Rows for tables of schemas that nobody here wrote: made up from types, keys and foreign keys."""

from __future__ import annotations

import psycopg

from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import Connection, connect

#: A value of a type by ``n``, the number of its row.
VALUES = {
    "bool": "n % 2 = 0", "date": "date '2026-01-01' + n", "timestamp": "timestamp '2026-01-01' + n * interval '1 min'",
    "timestamptz": "timestamptz '2026-01-01' + n * interval '1 min'", "json": "'{}'", "jsonb": "'{}'",
    "uuid": "md5(n::text)::uuid", "bytea": "'x'", "inet": "'10.0.0.1'", "interval": "'1 min'", "time": "'12:00'",
    "int2": "n", "int4": "n", "int8": "n", "float4": "n", "float8": "n", "numeric": "n",
    "varchar": "left('x' || n, {length})", "bpchar": "left('x' || n, {length})", "text": "'x' || n",
}  # fmt: skip
COLUMNS = b"""
select a.attrelid::regclass::text, quote_ident(a.attname), t.typname::text, a.atttypmod, a.attnotnull,
       a.atthasdef or a.attidentity <> '' or a.attgenerated <> '', f.target, f.referenced
  from pg_attribute as a
  join pg_class as c on c.oid = a.attrelid and c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
  join pg_type as t on t.oid = a.atttypid
  left join lateral (
    select k.confrelid::regclass::text, quote_ident(r.attname)
      from pg_constraint as k join pg_attribute as r on r.attrelid = k.confrelid and r.attnum = k.confkey[1]
     where k.contype = 'f' and k.conrelid = a.attrelid and k.conkey = array[a.attnum] limit 1) as f(target, referenced)
         on true
 where a.attnum > 0 and not a.attisdropped
 order by c.relname, a.attnum
"""


def seed(address: Address, rows: int, *, leave: frozenset[str]) -> int:
    """Put rows into the empty tables of ``public``, as far as its constraints let it; return how many tables have some.

    :param leave: bookkeeping tables.
    """
    with connect(address, read_only=False) as session:
        session.execute("set search_path = public, pg_catalog")
        tables: dict[str, list[tuple[str, ...]]] = {}
        for table, *column in session.execute(COLUMNS).fetchall():
            tables.setdefault(table, []).append(tuple(column))
        waiting = [table for table in tables if table.strip('"') not in leave and not _has_rows(session, table)]
        while waiting:
            left = [table for table in waiting if not _filled(session, table, tables[table], rows)]
            if left == waiting:
                break
            waiting = left
        return sum(_has_rows(session, table) for table in tables)


def _has_rows(session: Connection, table: str) -> bool:
    row = session.execute(f"select exists (select from {table})".encode()).fetchone()
    return row is not None and bool(row[0])


def _filled(session: Connection, table: str, columns: list[tuple[str, ...]], rows: int) -> bool:
    given = {name: _value(*rest) for name, *rest in columns if _wanted(*rest)}
    if not given or None in given.values():
        return False
    values = ", ".join(str(value) for value in given.values())
    try:
        with session.transaction():
            inserted = session.execute(
                f"insert into {table} ({', '.join(given)}) select {values} from generate_series(1, {rows}) as n"
                " on conflict do nothing".encode()
            )
            return inserted.rowcount > 0
    except psycopg.Error:
        return False


def _wanted(
    typname: str, typmod: int, required: bool, default: bool, target: str | None, referenced: str | None
) -> bool:
    return not default and (required or target is None)


def _value(
    typname: str, typmod: int, required: bool, default: bool, target: str | None, referenced: str | None
) -> str | None:
    if target is not None:
        every = f"array(select {referenced} from {target} order by 1)"
        return f"({every})[1 + n % nullif(cardinality({every}), 0)]"
    made = VALUES.get(typname)
    if made is None:
        return None if required else "null"
    return made.replace("{length}", str(typmod - 4 if typmod > 4 else 1000))
