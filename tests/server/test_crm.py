"""The CRM fixture is what its README says: rows, copies, the way there and back, what harms and what does not."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import Connection, connect

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CRM = Path(__file__).parents[2] / "fixtures" / "crm"
HARMS = sorted((CRM / "harms").glob("*.sql"))
BENIGN = sorted((CRM / "benign").glob("*.sql"))
ROWS = {
    "categories": 40,
    "users": 150,
    "suppliers": 200,
    "products": 1600,
    "customers": 3000,
    "contracts": 3000,
    "contract_approval_records": 4000,
    "service_contracts": 1500,
    "sales": 6000,
    "sale_items": 8000,
    "product_sales": 4000,
    "tickets": 5000,
    "ticket_comments": 5000,
    "ticket_attachments": 2000,
    "job_works": 3000,
    "job_work_specifications": 2350,
    "complaints": 1500,
}
#: What the runbook's data snapshot looks for (Backup 4, section 2).
NAMES = {
    "category",
    "is_active",
    "supplier_name",
    "customer_name",
    "assigned_to_name",
    "amount",
    "customer_email",
    "customer_phone",
    "reported_by_name",
    "product_name",
    "product_sku",
    "product_category",
    "customer_short_name",
    "customer_contact",
    "receiver_engineer_name",
    "receiver_engineer_email",
    "assigned_by_name",
}
SETTINGS: dict[str, Any] = tomllib.loads((CRM / "pgsafe.toml").read_text(encoding="utf-8"))
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


@pytest.fixture(scope="module")
def crm(server: Server) -> Iterator[Address]:
    address = server.create("crm")
    psql(server, address, CRM / "schema.sql", CRM / "data.sql")
    yield address
    server.drop(address)


@pytest.fixture
def copy(server: Server, crm: Address) -> Iterator[Address]:
    address = server.clone(crm, "crm_copy")
    yield address
    server.drop(address)


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


def test_every_table_has_its_rows(crm: Address) -> None:
    with connect(crm) as connection:
        found = {
            table: connection.execute(
                sql.SQL("select count(*) from public.{}").format(sql.Identifier(table))
            ).fetchone()
            for table in {table.removeprefix("public.") for table, _, _ in columns(connection).values()}
        }
    assert {table: row[0] for table, row in found.items() if row} == ROWS
    assert 45_000 <= sum(ROWS.values()) <= 60_000


def test_the_same_rows_come_out_again(server: Server, crm: Address, database: Address) -> None:
    psql(server, database, CRM / "schema.sql", CRM / "data.sql")
    with connect(crm) as one, connect(database) as other:
        assert content(one) == content(other)
        assert facts(one) == facts(other)


def test_the_scale_is_a_setting(server: Server, database: Address) -> None:
    psql(server, database, CRM / "schema.sql", CRM / "data.sql", settings="-c crm.scale=0.1")
    with connect(database) as connection:
        row = connection.execute(
            "select (select count(*) from public.sales), (select count(*) from public.users)"
        ).fetchone()
        assert row == (600, 50)
        assert not [rule for rule in RULES if drift(connection, rule)[1]]


def test_everything_belongs_to_the_owner(crm: Address) -> None:
    query = """select pg_get_userbyid(datdba)::text from pg_database where datname = current_database()
        union select pg_get_userbyid(relowner)::text from pg_class where relnamespace = 'public'::regnamespace
        union select pg_get_userbyid(proowner)::text from pg_proc where pronamespace = 'public'::regnamespace
        union select pg_get_userbyid(typowner)::text from pg_type where typnamespace = 'public'::regnamespace"""
    with connect(crm) as connection:
        assert connection.execute(query).fetchall() == [("crm_owner",)]


def test_no_sequence_is_behind(crm: Address) -> None:
    query = """select c.oid::regclass::text from pg_class c
        where relkind = 'S' and relnamespace = 'public'::regnamespace and relname <> 'contract_number_seq'"""
    with connect(crm) as connection:
        sequences = [row[0] for row in connection.execute(query)]
        assert len(sequences) == 11
        assert not [sequence for sequence in sequences if behind(connection, sequence)]


def test_seventeen_names_agree_with_their_sources(crm: Address) -> None:
    query = """select table_name || '.' || column_name from information_schema.columns where table_schema = 'public'
        and table_name in ('products', 'sales', 'tickets', 'contracts', 'job_works') and column_name = any(%s)"""
    copies = {rule["column"] for rule in RULES}
    assert len(NAMES) == 17
    assert {copy.partition(".")[2] for copy in copies} == NAMES
    assert {entry["column"] for entry in SETTINGS["expect"]["dropped"]} == copies
    with connect(crm) as connection:
        assert {row[0] for row in connection.execute(query, (list(NAMES),))} == copies
        for rule in RULES:
            filled, distinct = drift(connection, rule)
            assert filled > 0, rule
            assert distinct == [], rule


def test_drift_and_repair(server: Server, copy: Address) -> None:
    psql(server, copy, CRM / "drift.sql", role="crm_owner")
    with connect(copy) as connection:
        drifted = {rule["column"] for rule in RULES if drift(connection, rule)[1]}
    psql(server, copy, CRM / "repair.sql", role="crm_owner")
    with connect(copy) as connection:
        assert not [rule for rule in RULES if drift(connection, rule)[1]]
    assert {column.partition(".")[2] for column in drifted} == NAMES


@pytest.mark.parametrize("role", ["crm_owner", ""], ids=["owner", "superuser"])
def test_phase_4_and_back(server: Server, crm: Address, copy: Address, role: str) -> None:
    copies = {("public." + rule["column"].partition(".")[0], rule["column"].partition(".")[2]) for rule in RULES}
    views = sql.SQL("select md5(string_agg(v::text, '' order by v::text)) from {} v")
    with connect(crm) as connection:
        before, definitions = content(connection), facts(connection)
        relations = [
            which for (kind, which), what in definitions.items() if kind == "relation" and what and what[0] in "vm"
        ]
        shown = {view: connection.execute(views.format(name(view))).fetchone() for view in relations}
    psql(server, copy, CRM / "phase4.sql", role=role)
    with connect(copy) as connection:
        gone = before.keys() - content(connection).keys()
        assert gone == copies
        assert {view: connection.execute(views.format(name(view))).fetchone() for view in relations} == shown
    psql(server, copy, CRM / "phase4.down.sql", role=role)
    with connect(copy) as connection:
        assert content(connection) == before
        assert facts(connection) == definitions
    assert len(relations) == 7


def test_additive_only_adds(server: Server, crm: Address, copy: Address) -> None:
    psql(server, copy, CRM / "additive.sql", role="crm_owner")
    with connect(crm) as one, connect(copy) as other:
        assert content(one).items() < content(other).items()
        assert facts(one).items() < facts(other).items()


def test_enough_of_each() -> None:
    assert len(HARMS) >= 14
    assert len(BENIGN) >= 12
    checks = {header(file)["check"][0] for file in HARMS}
    assert checks == {"rows", "values", "foreign_keys", "denormalized", "schema", "sequences", "privileges"}


@pytest.mark.parametrize("file", HARMS, ids=lambda file: file.stem)
def test_harm(server: Server, crm: Address, copy: Address, file: Path) -> None:
    said = header(file)
    assert said.keys() <= {"harm", "object", "check", "key", "needs"}
    assert said["object"]
    before = server.clone(crm, "crm_before") if "needs" in said else crm
    try:
        for needed in said.get("needs", []):
            psql(server, before, CRM / needed)
            psql(server, copy, CRM / needed)
        psql(server, copy, file, role="crm_owner")
        with connect(before) as one, connect(copy) as other:
            assert harmed(one, other, said)
    finally:
        if before is not crm:
            server.drop(before)


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


@pytest.mark.parametrize("file", BENIGN, ids=lambda file: file.stem)
def test_benign(server: Server, crm: Address, copy: Address, file: Path) -> None:
    assert header(file).keys() == {"benign"}
    psql(server, copy, file, role="crm_owner")
    with connect(crm) as before, connect(copy) as after:
        old, new = columns(before), columns(after)
        for oid in {oid for oid, _ in old}:
            table = next(found[0] for (o, _), found in old.items() if o == oid)
            kept = [(found, new[where]) for where, found in old.items() if where[0] == oid and where in new]
            for where, (_, column, _) in old.items():
                if where[0] == oid and where not in new:
                    query = sql.SQL("select count({}) from {}").format(sql.Identifier(column), name(table))
                    assert before.execute(query).fetchone() == (0,), f"{table}.{column} held data"
            was = hashes(before, table, [cast(one[1], one[2]) for one, _ in kept])
            now = hashes(after, kept[0][1][0], [cast(other[1], one[2]) for one, other in kept])
            assert not was - now, f"rows of {table} are gone or changed"
        assert not [rule for rule in RULES if drift(after, rule)[1]]
