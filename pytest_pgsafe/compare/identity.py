"""Which object before is which object after.

The name decides first: readers know an object by its name, so a name that is still there is judged by what it holds
now, whatever OID stands behind it. Only a name that is gone is looked for by OID (columns by table and number), which
a physical clone keeps. So two names before may lead to one after: ``b`` was renamed to ``a`` once ``a`` was dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from ..catalog.names import container, split
from ..catalog.values import Catalog, Column, Definition, Grant, Object

#: The mappings of :class:`~..catalog.values.Catalog` that identity is told for, in the order in which it is found.
COLLECTIONS = (
    "schemas",
    "extensions",
    "tables",
    "views",
    "sequences",
    "types",
    "functions",
    "columns",
    "constraints",
    "indexes",
    "triggers",
    "rules",
    "policies",
    "definitions",
    "grants",
    "roles",
)
#: Their names begin with the name of a table (or view, or domain).
_OF_TABLES = frozenset({"constraints", "triggers", "rules", "policies"})


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Names after by names before, for each collection of the catalog."""

    objects: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])

    def of(self, collection: str) -> Mapping[str, str]:
        """Return the pairs of one collection."""
        return self.objects.get(collection, {})

    @property
    def tables(self) -> Mapping[str, str]:
        return self.of("tables")

    @property
    def columns(self) -> Mapping[str, str]:
        return self.of("columns")


def collection(catalog: Catalog, name: str) -> Mapping[str, Object]:
    """Return one of the catalog's mappings by its field's name."""
    return cast("Mapping[str, Object]", getattr(catalog, name))


def match(before: Catalog, after: Catalog, *, cloned: bool) -> Identity:
    """Find each object of ``before`` in ``after``.

    :param cloned: ``after`` is a physical copy of ``before``, so that OIDs and column numbers say who is who.
    """
    found: dict[str, Mapping[str, str]] = {}
    found["schemas"] = _pair(before.schemas, after.schemas, _by_name, cloned=cloned)
    schemas = found["schemas"]

    def moved(old: Object) -> tuple[str, ...]:
        # A renamed schema takes along what is in it.
        parts = split(old.name)
        return (old.name, ".".join((schemas.get(parts[0], parts[0]), *parts[1:])))

    for name in COLLECTIONS[1:7]:
        found[name] = _pair(collection(before, name), collection(after, name), moved, cloned=cloned)
    owners = {**found["types"], **found["views"], **found["tables"]}

    def within(old: Object) -> tuple[str, ...]:
        owner = owners.get(container(old.name))
        return () if owner is None else (f"{owner}.{split(old.name)[-1]}",)

    found["columns"] = _columns(before, after, found["tables"], cloned=cloned)
    for name in COLLECTIONS[8:13]:
        candidates = within if name in _OF_TABLES else moved
        found[name] = _pair(collection(before, name), collection(after, name), candidates, cloned=cloned)
    found["definitions"] = _definitions(before, after, cloned=cloned)
    everything = {old: new for pairs in found.values() for old, new in pairs.items()}
    found["grants"] = _grants(before.grants, after.grants, everything)
    found["roles"] = _pair(before.roles, after.roles, _by_name, cloned=False)
    return Identity(objects=found)


def expected(identity: Identity, kind: str, name: str) -> str:
    """Return the name that an object has if only what contains it was renamed."""
    parts = split(name)
    if kind in _OF_TABLES or kind == "columns":
        owner = container(name)
        for owners in ("tables", "views", "types"):
            if owner in identity.of(owners):
                return f"{identity.of(owners)[owner]}.{parts[-1]}"
        return name
    if len(parts) < 2:
        return name
    return ".".join((identity.of("schemas").get(parts[0], parts[0]), *parts[1:]))


def _by_name(old: Object) -> tuple[str, ...]:
    return (old.name,)


def _pair(
    before: Mapping[str, Object],
    after: Mapping[str, Object],
    candidates: Callable[[Object], tuple[str, ...]],
    *,
    cloned: bool,
) -> dict[str, str]:
    by_oid = {new.oid: name for name, new in after.items() if new.oid} if cloned else {}
    pairs: dict[str, str] = {}
    for name, old in before.items():
        there = next((candidate for candidate in candidates(old) if candidate in after), None)
        if there is None:
            there = by_oid.get(old.oid)
        if there is not None:
            pairs[name] = there
    return pairs


def _columns(before: Catalog, after: Catalog, tables: Mapping[str, str], *, cloned: bool) -> dict[str, str]:
    def place(column: Column) -> tuple[int, int]:
        return column.oid, column.number

    by_number = {place(column): name for name, column in after.columns.items() if column.oid} if cloned else {}
    pairs: dict[str, str] = {}
    for name, old in before.columns.items():
        table = tables.get(old.table)
        if table is None:
            continue
        same_name = f"{table}.{old.column}"
        if same_name in after.columns:
            pairs[name] = same_name
            continue
        # The number means something only in the very table: one that was recreated has an OID of its own.
        numbered = by_number.get(place(old))
        if numbered is not None and after.columns[numbered].table == table:
            pairs[name] = numbered
    return pairs


def _definitions(before: Catalog, after: Catalog, *, cloned: bool) -> dict[str, str]:
    # OIDs are unique in each system catalog only, and definitions come from many.
    def place(definition: Definition) -> tuple[str, int]:
        return definition.form, definition.oid

    by_oid = {place(new): key for key, new in after.definitions.items() if new.oid} if cloned else {}
    pairs: dict[str, str] = {}
    for key, old in before.definitions.items():
        there = key if key in after.definitions else by_oid.get(place(old))
        if there is not None:
            pairs[key] = there
    return pairs


def _grants(before: Mapping[str, Grant], after: Mapping[str, Grant], renamed: Mapping[str, str]) -> dict[str, str]:
    def place(grant: Grant, there: str) -> tuple[str, str, str]:
        # There is one database, and a copy of it has another name.
        return grant.object_kind, "" if grant.object_kind == "database" else there, grant.privilege

    by_key = {(*place(new, new.object), new.grantee): name for name, new in after.items()}
    of_owner = {place(new, new.object): name for name, new in after.items() if new.to_owner}
    pairs: dict[str, str] = {}
    for name, old in before.items():
        there = renamed.get(old.object, old.object)
        found = by_key.get((*place(old, there), old.grantee))
        if found is None and old.to_owner:
            # The owner's own privileges follow from ownership: with a new owner they are the new owner's.
            found = of_owner.get(place(old, there))
        if found is None and name in after and there == old.object:
            found = name
        if found is not None:
            pairs[name] = found
    return pairs
