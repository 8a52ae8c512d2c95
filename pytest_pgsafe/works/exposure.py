"""New views and functions that show a role rows which row security hides from it: counted as that role."""

# ruff: noqa: S608 (names that quote_ident wrote, and definitions of the server)

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg

from ..catalog.values import Catalog
from ..compare.values import Comparison
from ..snapshot.expressions import literal
from .reach import reaching_out
from .reads import Reads
from .side import Side
from .values import Exposed

#: Roles that are asked about one object.
_ROLES = 10
_READERS = """
SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_roles r
WHERE NOT r.rolsuper AND NOT r.rolbypassrls AND r.rolname !~ '^pg_' AND r.rolname <> {owner}
    AND NOT pg_catalog.pg_has_role(r.oid, {owner}, 'USAGE') AND {may}
ORDER BY 1 LIMIT {limit}
"""


def tried(comparison: Comparison, before: Side, after: Side) -> Iterator[Exposed | None]:
    """Count as each role what a new or changed object shows, and what the role sees of the same rows by itself."""
    catalog = after.catalog
    guarded = {name for name, table in catalog.tables.items() if table.row_security}
    if not guarded or not after.superuser:
        return
    reads = Reads(catalog)
    for name, old in _candidates(comparison):
        near = reads.of(name)
        below = sorted(near & guarded)
        functions = [one for one in (name, *near) if one in catalog.functions]
        if not below or reaching_out(catalog, functions) is not None:
            continue
        for role in _readers(after, name):
            shown = _counted(after, role, name)
            own = _by_itself(after, role, name, below) if shown else None
            earlier = _counted(before, role, old) if own is not None and old is not None else None
            if shown is None or own is None or shown <= max(own, earlier or 0):
                yield None
            else:
                yield Exposed(object=name, role=role, tables=tuple(below), shown=shown, own=own)


def _candidates(comparison: Comparison) -> Iterator[tuple[str, str | None]]:
    """Yield views and functions without arguments that are new or changed, with their names before."""
    catalog = comparison.after.catalog
    for collection in ("views", "functions"):
        names = {new: old for old, new in comparison.objects.get(collection, {}).items()}
        for name in sorted(getattr(catalog, collection)):
            old = names.get(name)
            changed = old is None or any(change.attribute is not None for change in comparison.by_object.get(old, ()))
            if not changed:
                continue
            function = catalog.functions.get(name) if collection == "functions" else None
            if function is None or (
                function.security_definer and function.form == "function" and name.endswith("()")
                and function.returns not in {None, "trigger", "event_trigger", "void"}
            ):  # fmt: skip
                yield name, old


def _readers(side: Side, name: str) -> list[str]:
    catalog = side.catalog
    function = name in catalog.functions
    kind, privilege = ("function", "EXECUTE") if function else ("table", "SELECT")
    owner = (catalog.functions[name] if function else catalog.views[name]).owner
    may = f"pg_catalog.has_{kind}_privilege(r.oid, {literal(name)}, '{privilege}')"
    if function:
        # Everybody may execute it: those are asked that may read something here.
        grantees = {one.grantee for one in catalog.grants.values() if one.object_kind == "table" and not one.to_owner}
        if not grantees:
            return []
        may += f" AND pg_catalog.quote_ident(r.rolname) IN ({', '.join(literal(one) for one in sorted(grantees))})"
    own = f"(SELECT o.rolname FROM pg_catalog.pg_roles o WHERE pg_catalog.quote_ident(o.rolname) = {literal(owner)})"
    with side.trying():
        return [str(row[0]) for row in side.rows(_READERS.format(owner=own, may=may, limit=_ROLES))]


def _counted(side: Side, role: str, name: str) -> int | None:
    with side.trying():
        side.become(role)
        return side.counted(f"SELECT pg_catalog.count(*) FROM {name}")


def _by_itself(side: Side, role: str, name: str, tables: Sequence[str]) -> int | None:
    """Return how many of the rows a role sees with its own rights; none where it may not read a guarded table."""
    allowed = " AND ".join(
        f"pg_catalog.has_table_privilege({literal(role)}, {literal(table)}, 'SELECT')" for table in tables
    )
    try:
        with side.trying():
            if side.counted(f"SELECT ({allowed})::pg_catalog.int4") == 0:
                return 0
            query = f"SELECT pg_catalog.count(*) FROM {name}"
            if name in side.catalog.functions:
                side.run(f"ALTER FUNCTION {name} SECURITY INVOKER")
            else:
                query = f"SELECT pg_catalog.count(*) FROM ({_definition(side.catalog, name)}) v"
            side.become(role)
            return side.counted(query)
    except psycopg.Error:
        return None


def _definition(catalog: Catalog, name: str) -> str:
    return catalog.views[name].definition.rstrip().rstrip(";")
