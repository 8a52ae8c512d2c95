"""What plain SQL says of a CRM database, without any of the package's own comparing: the tests' second opinion."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from psycopg import sql

from pytest_pgsafe.config.file import load
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import Connection

CRM = Path(__file__).parents[2] / "fixtures" / "crm"
SETTINGS: dict[str, Any] = dict(load(CRM / "pgsafe.toml"))
RULES: list[dict[str, str]] = SETTINGS["denormalized"]
#: Every definition that a dump would show, by name and aspect; the order of columns does not count.
FACTS = """
with mine as (select c.* from pg_class c where c.relnamespace = 'public'::regnamespace)
select 'relation', c.oid::regclass::text, concat_ws(' ', c.relkind, c.relpersistence, c.relrowsecurity,
       c.relispopulated, pg_get_userbyid(c.relowner), c.reloptions::text,
       case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end) from mine c
union all select 'grant', c.oid::regclass::text,
       (select string_agg(a::text, ' ' order by a::text) from unnest(c.relacl) a) from mine c
union all select 'column', c.oid::regclass || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
       a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attacl::text,
       col_description(c.oid, a.attnum)) from mine c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where not a.attisdropped and c.relkind in ('r', 'm', 'v')
union all select 'constraint', conrelid::regclass || '.' || conname, concat(pg_get_constraintdef(oid), convalidated)
  from pg_constraint where connamespace = 'public'::regnamespace and conrelid <> 0
union all select 'index', indexrelid::regclass::text, concat(pg_get_indexdef(indexrelid), indisvalid)
  from pg_index join mine c on c.oid = indrelid
union all select 'trigger', c.oid::regclass || '.' || tgname, concat(pg_get_triggerdef(t.oid), tgenabled)
  from pg_trigger t join mine c on c.oid = tgrelid where not tgisinternal
union all select 'policy', c.oid::regclass || '.' || polname, concat_ws(' ', polcmd, pg_get_expr(polqual, polrelid))
  from pg_policy p join mine c on c.oid = polrelid
union all select 'comment', c.oid::regclass::text, obj_description(c.oid, 'pg_class') from mine c
"""


def name(qualified: str) -> sql.Identifier:
    return sql.Identifier(*qualified.split("."))


def psql(server: Server, address: Address, *files: Path, role: str = "", settings: str = "") -> None:
    options = f"{f'-c role={role} ' if role else ''}{settings}".strip()
    done = server.programs.run(
        "psql",
        ["-X", "-q", "-v", "ON_ERROR_STOP=1", *(f"--file={file}" for file in files)],
        address=address.with_(options=options or None),
        files=files,
        deadline=120,
    )
    assert done.returncode == 0, done.stderr


def facts(connection: Connection) -> dict[tuple[str, str], str | None]:
    return {(kind, which): what for kind, which, what in connection.execute(FACTS).fetchall()}


def columns(connection: Connection) -> dict[tuple[int, int], tuple[str, str, str]]:
    """Table, column and type by table OID and column number, which a physical clone keeps."""
    query = """select c.oid::int8, a.attnum, c.oid::regclass::text, a.attname::text,
            format_type(a.atttypid, a.atttypmod)
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace order by 1, 2"""
    return {(oid, number): (table, column, kind) for oid, number, table, column, kind in connection.execute(query)}


def cast(column: str, kind: str) -> sql.Composed:
    return sql.SQL("({}::{})::text").format(sql.Identifier(column), sql.SQL(kind))  # type: ignore[arg-type]


def hashes(connection: Connection, table: str, parts: list[sql.Composed]) -> Counter[str]:
    """Every row as a hash, with how often it is there."""
    query = sql.SQL("select md5(row({})::text) from {}").format(sql.SQL(", ").join(parts), name(table))
    return Counter(row[0] for row in connection.execute(query))


def key_of(table: str) -> list[str]:
    """The columns that tell the rows of a table apart; none for the one without a key."""
    special = {
        "sale_items": ["sale_id", "line_no"],
        "contract_approval_records": ["contract_id", "step"],
        "job_work_specifications": ["job_work_id", "name"],
        "ticket_attachments": ["token"],
        "product_sales": [],
    }
    return special.get(table.removeprefix("public."), ["id"])


def content(connection: Connection) -> dict[tuple[str, str], str]:
    """The md5 of each column's values in the order of the key."""
    found: dict[tuple[str, str], str] = {}
    for table, column, _ in columns(connection).values():
        key = [sql.SQL("{}::text").format(sql.Identifier(part)) for part in key_of(table)] or [sql.SQL("t::text")]
        query = sql.SQL("select md5(string_agg(coalesce(md5({}::text), '-'), '' order by {})) from {} t")
        row = connection.execute(
            query.format(sql.Identifier("t", column), sql.SQL(", ").join(key), name(table))
        ).fetchone()
        found[table, column] = row[0] if row else ""
    return found


def via(connection: Connection, rule: dict[str, str]) -> tuple[str, str]:
    """The column of the one foreign key that a rule goes through, and the constraint's definition."""
    table, source = (rule[end].rpartition(".")[0] for end in ("column", "source"))
    query = """select attname::text from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
        where contype = 'f' and conrelid = %s::regclass and confrelid = %s::regclass"""
    found = [row[0] for row in connection.execute(query, (f"public.{table}", f"public.{source}"))]
    if "via" in rule:
        found = [column for column in found if f"{table}.{column}" == rule["via"]]
    assert len(found) == 1, f"{rule} is ambiguous: {found}"
    return found[0], source


def drift(connection: Connection, rule: dict[str, str]) -> tuple[int, list[int]]:
    """How many copies hold something, and the ids of those that are distinct from their source."""
    table, column = rule["column"].split(".")
    key, source = via(connection, rule)
    query = sql.SQL(
        "select count(c.{column}),"
        " coalesce(array_agg(c.id) filter (where c.{column} is distinct from s.{origin}), '{{}}')"
        " from public.{table} c left join public.{source} s on s.id = c.{key}"
    ).format(
        column=sql.Identifier(column),
        origin=sql.Identifier(rule["source"].rpartition(".")[2]),
        table=sql.Identifier(table),
        source=sql.Identifier(source),
        key=sql.Identifier(key),
    )
    row = connection.execute(query).fetchone()
    assert row
    return row[0], row[1]


def foreign_key(connection: Connection, column: str) -> tuple[int, int]:
    """NULLs in a column that refers to a table with an id, and values that are not there."""
    schema, table, key = column.split(".")
    row = connection.execute(
        """select confrelid::regclass::text from pg_constraint
           where contype = 'f' and conrelid = %s::regclass and conname = %s""",
        (f"{schema}.{table}", f"{table}_{key}_fkey"),
    ).fetchone()
    assert row
    query = sql.SQL(
        "select count(*) filter (where f.{key} is null), count(*) filter (where f.{key} is not null and p.id is null)"
        " from {table} f left join {parent} p on p.id = f.{key}"
    ).format(key=sql.Identifier(key), table=sql.Identifier(schema, table), parent=name(row[0]))
    found = connection.execute(query).fetchone()
    assert found
    return found[0], found[1]


def behind(connection: Connection, sequence: str) -> bool:
    """Whether the sequence's next value is not beyond its column's largest."""
    query = """select d.refobjid::regclass::text, a.attname::text
        from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where d.classid = 'pg_class'::regclass and d.objid = %s::regclass and d.deptype in ('a', 'i')"""
    row = connection.execute(query, (sequence,)).fetchone()
    assert row, f"{sequence} belongs to no column"
    query = sql.SQL("select last_value + is_called::int <= (select max({}) from {}) from {}")
    found = connection.execute(query.format(sql.Identifier(row[1]), name(row[0]), name(sequence))).fetchone()
    assert found
    return bool(found[0])


def header(file: Path) -> dict[str, list[str]]:
    """What the comment lines at the top of a file say, by their word."""
    said: dict[str, list[str]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"-- (\w+): (.+)", line)
        if not match:
            break
        said.setdefault(match[1], []).append(match[2])
    return said


def harmed(before: Connection, after: Connection, said: dict[str, list[str]]) -> bool:
    """Whether plain SQL sees what a harm's header says, at its object and, where it names one, at its key."""
    thing, check = said["object"][0], said["check"][0]
    key = int(said["key"][0].removeprefix("id=")) if "key" in said else None
    if check == "rows":
        before_columns = [c for c in columns(before).values() if c[0] == thing]
        if not before_columns:
            query = sql.SQL("select relispopulated from pg_class where oid = {}::regclass").format(thing)
            return [c.execute(query).fetchone() for c in (before, after)] == [(True,), (False,)]
        if not any(c[0] == thing for c in columns(after).values()):
            return True
        parts = [cast(column, kind) for _, column, kind in before_columns if column in (key_of(thing) or column)]
        there, still = hashes(before, thing, parts), hashes(after, thing, parts)
        if key is None:
            return there != still
        row = sql.SQL("select count(*) from {} where id = {}").format(name(thing), key)
        return bool(there - still) and [c.execute(row).fetchone() for c in (before, after)] == [(1,), (0,)]
    if check == "values":
        table, _, column = thing.rpartition(".")
        kind = next(c[2] for c in columns(before).values() if c[:2] == (table, column))
        if ("column", thing) not in facts(after):
            query = sql.SQL("select count({}) from {}").format(sql.Identifier(column), name(table))
            return before.execute(query).fetchone() != (0,)
        where = sql.SQL("") if key is None else sql.SQL("where id = {}").format(key)
        query = sql.SQL("select coalesce({}, '<null>') from {} {} order by {}")
        query = query.format(
            cast(column, kind), name(table), where, sql.SQL(", ").join(map(sql.Identifier, key_of(table)))
        )
        one, other = (connection.execute(query).fetchall() for connection in (before, after))
        return len(one) == len(other) > 0 and one != other
    if check == "foreign_keys":
        return any(now > was for was, now in zip(foreign_key(before, thing), foreign_key(after, thing), strict=True))
    if check == "denormalized":
        rule = next(rule for rule in RULES if f"public.{rule['column']}" == thing)
        dropped = ("column", thing) not in facts(after)
        drifted = drift(before if dropped else after, rule)[1]
        return bool(drifted) and (key is None or key in drifted)
    if check == "sequences":
        return behind(after, thing) and not behind(before, thing)
    one, other = facts(before), facts(after)
    changed = {(kind, which) for kind, which in one if one[kind, which] != other.get((kind, which))}
    kinds = {"grant"} if check == "privileges" else {kind for kind, _ in one} - {"grant", "comment"}
    return any((kind, thing) in changed for kind in kinds)
