"""Small snapshots, built by hand: a table ``public.sales`` and what a test puts beside or instead of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, cast

from pytest_pgsafe.catalog import values
from pytest_pgsafe.catalog.names import bare
from pytest_pgsafe.catalog.values import Catalog, Object
from pytest_pgsafe.checks.values import Evidence, Finding, Rules
from pytest_pgsafe.compare import compare
from pytest_pgsafe.compare.values import Comparison
from pytest_pgsafe.migrate.values import Trace
from pytest_pgsafe.snapshot.values import (
    ColumnContent,
    ForeignKeyContent,
    LargeObjects,
    NotVerified,
    RowSample,
    SequenceValue,
    Snapshot,
    TableContent,
    TableDifference,
)

_COLLECTION: Mapping[type[Object], str] = {
    values.Schema: "schemas",
    values.Table: "tables",
    values.Column: "columns",
    values.Constraint: "constraints",
    values.Index: "indexes",
    values.View: "views",
    values.Sequence: "sequences",
    values.Trigger: "triggers",
    values.Rule: "rules",
    values.Policy: "policies",
    values.Function: "functions",
    values.Type: "types",
    values.Extension: "extensions",
    values.Grant: "grants",
    values.Definition: "definitions",
    values.Role: "roles",
}
DATABASE = values.Database(
    name="crm", owner="owner", encoding="UTF8", provider="libc", collate="C.UTF-8", ctype="C.UTF-8"
)


def schema(name: str = "public", **changes: Any) -> values.Schema:
    return replace(values.Schema(name=name, owner="owner"), **changes)


def table(name: str = "public.sales", oid: int = 0, **changes: Any) -> values.Table:
    plain = values.Table(
        name=name,
        oid=oid,
        form="table",
        owner="owner",
        persistence="permanent",
        replica_identity="default",
        row_security=False,
        force_row_security=False,
    )
    return replace(plain, **changes)


def column(name: str, type_: str = "integer", number: int = 1, oid: int = 0, **changes: Any) -> values.Column:
    """``name`` is ``schema.table.column``."""
    owner, _, own = name.rpartition(".")
    plain = values.Column(name=name, oid=oid, table=owner, column=own, number=number, type=type_, not_null=False)
    return replace(plain, **changes)


def constraint(name: str, form: str, definition: str, **changes: Any) -> values.Constraint:
    plain = values.Constraint(name=name, table=name.rpartition(".")[0], form=form, definition=definition)
    return replace(plain, **changes)


def foreign_key(name: str, own: str, references: str, **changes: Any) -> values.Constraint:
    plain = constraint(
        name,
        "foreign key",
        f"FOREIGN KEY ({own}) REFERENCES {references}(id)",
        columns=(own,),
        references=references,
        reference_columns=("id",),
        on_update="no action",
        on_delete="no action",
        match="simple",
    )
    return replace(plain, **changes)


def index(
    name: str, table_: str, columns: Sequence[str | None], *, unique: bool = False, **changes: Any
) -> values.Index:
    keys = ", ".join(one if one is not None else "(expression)" for one in columns)
    plain = values.Index(
        name=name,
        table=table_,
        definition=f"CREATE {'UNIQUE ' if unique else ''}INDEX {bare(name)} ON {table_} USING btree ({keys})",
        unique=unique,
        primary=False,
        valid=True,
        ready=True,
        columns=tuple(columns),
    )
    return replace(plain, **changes)


def view(name: str, definition: str, **changes: Any) -> values.View:
    return replace(values.View(name=name, owner="owner", definition=definition), **changes)


def sequence(name: str, column_: str | None = None, **changes: Any) -> values.Sequence:
    plain = values.Sequence(
        name=name,
        owner="owner",
        type="bigint",
        start=1,
        increment=1,
        minimum=1,
        maximum=2**63 - 1,
        cache=1,
        cycle=False,
        column=column_,
    )
    return replace(plain, **changes)


def trigger(name: str, **changes: Any) -> values.Trigger:
    owner, _, own = name.rpartition(".")
    plain = values.Trigger(
        name=name,
        table=owner,
        definition=f"CREATE TRIGGER {own} BEFORE UPDATE ON {owner} FOR EACH ROW EXECUTE FUNCTION public.touch()",
        enabled="origin",
        function="public.touch()",
    )
    return replace(plain, **changes)


def policy(name: str, **changes: Any) -> values.Policy:
    plain = values.Policy(
        name=name,
        table=name.rpartition(".")[0],
        permissive=True,
        command="all",
        roles=("PUBLIC",),
        using="(owner = CURRENT_USER)",
    )
    return replace(plain, **changes)


def function(name: str, definition: str = "SELECT 1", **changes: Any) -> values.Function:
    plain = values.Function(name=name, form="function", owner="owner", returns="integer", definition=definition)
    return replace(plain, **changes)


def type_(name: str, form: str = "enum", **changes: Any) -> values.Type:
    return replace(values.Type(name=name, form=form, owner="owner"), **changes)


def grant(object_: str, privilege: str, grantee: str, object_kind: str = "table", **changes: Any) -> values.Grant:
    plain = values.Grant(
        name=f"{object_kind} {object_} {privilege} {grantee}",
        object_kind=object_kind,
        object=object_,
        privilege=privilege,
        grantee=grantee,
        grantable=False,
    )
    return replace(plain, **changes)


def definition(form: str, name: str, text: str = "as it is", **changes: Any) -> values.Definition:
    return replace(values.Definition(form=form, name=name, definition=text), **changes)


def role(name: str, **changes: Any) -> values.Role:
    return replace(values.Role(name=name), **changes)


def sales(*, oid: int = 0) -> list[Object]:
    """``public.sales (id integer primary key, customer_id integer, name text, total numeric(10,2))``."""
    return [
        table(oid=oid),
        column("public.sales.id", "integer", 1, oid, not_null=True),
        column("public.sales.customer_id", "integer", 2, oid),
        column("public.sales.name", "text", 3, oid),
        column("public.sales.total", "numeric(10,2)", 4, oid),
        constraint(
            "public.sales.sales_pkey", "primary key", "PRIMARY KEY (id)", columns=("id",), index="public.sales_pkey"
        ),
        index("public.sales_pkey", "public.sales", ["id"], unique=True, primary=True, constraint="sales_pkey"),
    ]


def catalog(*objects: Object, database: values.Database = DATABASE) -> Catalog:
    """A catalog of exactly these objects, and the schema public."""
    found: dict[str, dict[str, Object]] = {"schemas": {"public": schema()}}
    for value in objects:
        key = f"{value.form} {value.name}" if isinstance(value, values.Definition) else value.name
        found.setdefault(_COLLECTION[type(value)], {})[key] = value
    return Catalog(database=database, **cast("dict[str, Any]", found))


def without(objects: Iterable[Object], *names: str) -> list[Object]:
    return [value for value in objects if value.name not in names]


def changed(objects: Iterable[Object], name: str, **changes: Any) -> list[Object]:
    """The objects, with fields of the one called ``name`` replaced."""
    found = list(objects)
    assert any(value.name == name for value in found), name
    return [replace(value, **changes) if value.name == name else value for value in found]


def content(
    rows: int = 10, *, key: Sequence[str] = ("id",), digest: int = 1, **columns: int | tuple[int, int]
) -> TableContent:
    """Columns as ``name=digest`` or ``name=(digest, nulls)``."""
    return TableContent(
        rows=rows,
        key=tuple(key),
        digest=digest,
        columns={
            name: ColumnContent(
                digest=value if isinstance(value, int) else value[0], nulls=0 if isinstance(value, int) else value[1]
            )
            for name, value in columns.items()
        },
    )


def sales_content(rows: int = 10, **columns: int | tuple[int, int]) -> TableContent:
    return content(rows, **{"id": 1, "customer_id": 2, "name": 3, "total": 4, **columns})


def snapshot(
    *objects: Object,
    tables: Mapping[str, TableContent] | None = None,
    sequences: Mapping[str, SequenceValue] | None = None,
    foreign_keys: Mapping[str, ForeignKeyContent] | None = None,
    bounds: Mapping[str, int | None] | None = None,
    large_objects: LargeObjects | None = None,
    not_verified: Sequence[NotVerified] = (),
    version: str = "15.18",
    database: values.Database = DATABASE,
) -> Snapshot:
    found = catalog(*objects, database=database)
    filled = {
        name: content(key=("id",) if f"{name}.id" in found.columns else ())
        for name, value in found.tables.items()
        if value.form != "foreign table"
    }
    return Snapshot(
        server_version=version,
        taken_at=datetime(2026, 1, 1, tzinfo=timezone.utc),
        catalog=found,
        tables={**filled, **(tables or {})},
        sequences=sequences or {},
        foreign_keys=foreign_keys or {},
        sequence_bounds=bounds or {},
        large_objects=large_objects or LargeObjects(count=0, digest=0),
        not_verified=tuple(not_verified),
    )


def sample(
    key: str = "1", before: Mapping[str, str | None] | None = None, after: Mapping[str, str | None] | None = None
) -> RowSample:
    return RowSample(key={"id": key}, before=before, after=after)


def difference(
    name: str = "public.sales",
    after: str | None = None,
    *,
    gone: int = 0,
    added: int = 0,
    duplicated: int = 0,
    changed: Mapping[str, int] | None = None,
    nulled: Mapping[str, int] | None = None,
    key: Sequence[str] = ("id",),
) -> TableDifference:
    return TableDifference(
        before=name,
        after=after or name,
        key=tuple(key),
        gone=gone,
        added=added,
        duplicated=duplicated,
        changed=changed or {},
        nulled=nulled or {},
        gone_samples=(sample("7", before={"name": "Ann"}),) if gone else (),
        added_samples=(sample("99", after={"name": "New"}),) if added else (),
        changed_samples={name: (sample("3", {name: "old"}, {name: "new"}),) for name in changed or {}},
    )


def comparison(before: Snapshot, after: Snapshot, *differences: TableDifference, cloned: bool = True) -> Comparison:
    return compare(before, after, cloned=cloned, differences={one.before: one for one in differences})


def evidence(
    before: Snapshot,
    after: Snapshot,
    *differences: TableDifference,
    rules: Rules | None = None,
    trace: Trace | None = None,
    **more: Any,
) -> Evidence:
    found = comparison(before, after, *differences)
    return Evidence(comparison=found, trace=trace, rules=rules or Rules(), **more)


def shown(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """Code, severity and object of each finding."""
    return [(finding.code, finding.severity.value, finding.object) for finding in findings]
