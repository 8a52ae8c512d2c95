"""What of an archive belongs to some of its tables: the lines of its table of contents that a partial restore takes.

``pg_restore --table`` takes rows alone: no key, no index, no default, no sequence, no trigger, and exits with 0.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace

from ..catalog.names import bare, container, means, unquoted
from ..catalog.values import Catalog, Constraint, Definition, Function, Grant, Object, Sequence, Type
from ..errors import ConfigError
from ..snapshot.values import NotVerified, Snapshot

_LINE = re.compile(r"^\d+; (\d+) (\d+) (.*)$")
#: pg_class, pg_constraint, pg_trigger, pg_policy, pg_rewrite, pg_namespace, pg_type, pg_proc, pg_statistic_ext.
_CLASS, _CONSTRAINT, _TRIGGER, _POLICY, _RULE, _SCHEMA, _TYPE, _FUNCTION, _STATISTICS = (
    1259, 2606, 2620, 3256, 2618, 2615, 1247, 1255, 3381
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Some tables of a backup, with what they need that the target lacks."""

    tables: tuple[str, ...]
    #: Foreign keys that cannot be restored, since the table that they point to is not there, and said to the reader.
    left_out: tuple[str, ...]
    #: Foreign keys of other tables to these, which are made again.
    inbound: tuple[str, ...]
    #: Sequences that come with them; one that is shared and there is left as it is.
    sequences: tuple[str, ...]
    #: ``(class, OID)`` of objects, and the remaining entries as the table of contents words them.
    objects: frozenset[tuple[int, int]] = field(repr=False)
    entries: frozenset[str] = field(repr=False)
    #: Those of them that attach a partition, and its indexes, to a table that is there already.
    attaching: frozenset[str] = field(repr=False, default=frozenset())

    def listed(self, contents: str) -> str:
        """Return the lines of ``pg_restore --list`` that are wanted: a list file, in whose order they are restored."""
        return "".join(self.lists(contents))

    def lists(self, contents: str) -> tuple[str, str]:
        """Return the lines of ``pg_restore --list`` that are wanted, and those that come when all else is made.

        The latter attach a partition to a table that is there. A dump has them first, when the table has no keys yet;
        here it has, would give them to the partition, and they could not be made a second time.
        """
        first, last = "", ""
        for line in contents.splitlines():
            if not self._wants(line):
                continue
            if (found := _LINE.match(line)) and found[3] in self.attaching:
                last += f"{line}\n"
            else:
                first += f"{line}\n"
        return first, last

    def _wants(self, line: str) -> bool:
        found = _LINE.match(line)
        if not found:
            return False
        what = int(found[1]), int(found[2])
        return what in self.objects or found[3] in self.entries


def resolve(catalog: Catalog, wanted: Collection[str]) -> tuple[str, ...]:
    """Return the tables that are meant, their partitions too.

    :raises ConfigError: a name means none, or several.
    """
    chosen: list[str] = []
    for name in wanted:
        found = [table for table in catalog.tables if means(table, name)]
        if len(found) != 1:
            what = "none" if not found else "several: " + ", ".join(found)
            raise ConfigError(
                f"--table={name}: of the backup's tables it means {what}",
                looked_at=[] if found else list(catalog.tables)[:20],
                remedies=["write schema.table"],
            )
        chosen += found
    for table in chosen:
        chosen += [one.name for one in catalog.tables.values() if table in one.parents and one.name not in chosen]
    return tuple(dict.fromkeys(chosen))


def choose(catalog: Catalog, tables: tuple[str, ...], there: Catalog | None, *, replacing: bool = False) -> Choice:
    """Choose what a restore of some tables takes.

    :param there: what the target holds already; None is an empty one.
    :param replacing: take the place of tables that are there: without foreign keys, and without what ties a table to
        a partitioned one that stays, for both are made when everything else is.
    """
    present: Collection[str] = () if there is None else there.tables
    keys = [one for one in catalog.constraints.values() if one.form == "foreign key"]
    left_out = [
        key.name
        for key in keys
        if key.table in tables and key.references not in tables and key.references not in present
    ]
    inbound = [
        key.name
        for key in keys
        if key.table not in tables and key.references in tables and key.table in present
        and there is not None and key.name not in there.constraints
    ]  # fmt: skip
    chosen = _Chosen(catalog, tables, there, frozenset(left_out), frozenset(inbound), replacing)
    return Choice(
        tables=tables,
        left_out=tuple(left_out),
        inbound=tuple(inbound),
        sequences=tuple(chosen.sequences),
        objects=frozenset(chosen.objects()),
        entries=frozenset(chosen.entries()),
        attaching=frozenset(chosen.attaching(present)),
    )


def part(snapshot: Snapshot, choice: Choice) -> Snapshot:
    """Return the facts of the chosen tables alone, so that both sides of a partial restore can be compared."""
    # Keys of other tables are looked at by themselves; what types are counts by the columns.
    catalog = replace(part_of(snapshot.catalog, replace(choice, inbound=())), types={})
    return replace(
        snapshot,
        catalog=catalog,
        tables={name: one for name, one in snapshot.tables.items() if name in choice.tables},
        sequences={name: one for name, one in snapshot.sequences.items() if name in catalog.sequences},
        sequence_bounds={name: one for name, one in snapshot.sequence_bounds.items() if name in catalog.sequences},
        foreign_keys={name: one for name, one in snapshot.foreign_keys.items() if name in catalog.constraints},
        large_objects=type(snapshot.large_objects)(count=0, digest=0),
        materialized_views={},
        extension_tables={},
        not_verified=(
            *(one for one in snapshot.not_verified if one.object in choice.tables),
            *_in_their_parents(snapshot, choice),
        ),
    )


def _in_their_parents(snapshot: Snapshot, choice: Choice) -> Iterator[NotVerified]:
    """Yield the chosen partitions whose rows a snapshot counts with those of the whole table, and not by themselves."""
    for name in choice.tables:
        table = snapshot.catalog.tables.get(name)
        if table is not None and table.partition_bound is not None and name not in snapshot.tables:
            yield NotVerified(
                object=name,
                reason="a partition restored by itself: the backup's facts hold the rows of the whole table alone, "
                "so that its own were not compared",
            )


def part_of(catalog: Catalog, choice: Choice) -> Catalog:
    """Return the catalog of the chosen tables alone."""
    tables = choice.tables

    def of(objects: Mapping[str, Object]) -> dict[str, Object]:
        return {name: one for name, one in objects.items() if getattr(one, "table", None) in tables}

    kept = {"columns", "constraints", "indexes", "triggers", "rules", "policies"}
    changes: dict[str, object] = {one.name: {} for one in fields(catalog) if one.name not in {"database", "roles"}}
    changes |= {name: of(getattr(catalog, name)) for name in kept}
    changes["constraints"] = {
        name: one
        for name, one in catalog.constraints.items()
        if (one.table in tables and name not in choice.left_out) or name in choice.inbound
    }
    changes["tables"] = {name: one for name, one in catalog.tables.items() if name in tables}
    changes["sequences"] = {name: one for name, one in catalog.sequences.items() if name in choice.sequences}
    changes["definitions"] = statistics(catalog, tables)
    # What the columns' hashes depend on.
    changes["types"] = catalog.types
    return replace(catalog, **changes)  # type: ignore[arg-type]


def statistics(catalog: Catalog, tables: Collection[str]) -> dict[str, Definition]:
    """Return the extended statistics of tables."""
    return {
        key: one
        for key, one in catalog.definitions.items()
        if one.form == "statistics" and any(f"{one.definition} ".partition(f" FROM {table} ")[1] for table in tables)
    }


def grants(catalog: Catalog, choice: Choice) -> dict[str, Grant]:
    """Return the privileges on the chosen tables, their columns and sequences, but those that an owner has anyway."""
    return {
        name: one
        for name, one in catalog.grants.items()
        if not one.to_owner
        and (
            (one.object_kind == "table" and one.object in choice.tables)
            or (one.object_kind == "column" and container(one.object) in choice.tables)
            or (one.object_kind == "sequence" and one.object in choice.sequences)
        )
    }


@dataclass(frozen=True)
class _Chosen:
    catalog: Catalog
    tables: tuple[str, ...]
    there: Catalog | None
    left_out: frozenset[str]
    inbound: frozenset[str]
    replacing: bool

    @property
    def sequences(self) -> dict[str, Sequence]:
        known: Collection[str] = () if self.there is None else self.there.sequences
        return {
            name: one
            for name, one in self.catalog.sequences.items()
            if one.column is not None and container(one.column) in self.tables and (one.owned or name not in known)
        }

    def objects(self) -> Iterator[tuple[int, int]]:
        catalog = self.catalog
        for name in self.tables:
            yield _CLASS, catalog.tables[name].oid
            # TABLE DATA has no class.
            yield 0, catalog.tables[name].oid
        yield from ((_CLASS, one.oid) for one in self.sequences.values())
        yield from ((_STATISTICS, one.oid) for one in statistics(catalog, self.tables).values())
        collections: tuple[tuple[int, Mapping[str, Object]], ...] = (
            (_CLASS, catalog.indexes), (_TRIGGER, catalog.triggers), (_POLICY, catalog.policies), (_RULE, catalog.rules)
        )  # fmt: skip
        for number, objects in collections:
            yield from ((number, one.oid) for one in objects.values() if getattr(one, "table", None) in self.tables)
        yield from ((_CONSTRAINT, one.oid) for one in self._constraints())
        for schema in {container(name) for name in self.tables}:
            if schema in catalog.schemas and (self.there is None or schema not in self.there.schemas):
                yield _SCHEMA, catalog.schemas[schema].oid
        yield from ((_TYPE if isinstance(one, Type) else _FUNCTION, one.oid) for one in self._needed())

    def _constraints(self) -> Iterator[Constraint]:
        for name, one in self.catalog.constraints.items():
            if self.replacing and one.form == "foreign key":
                continue
            if (one.table in self.tables and name not in self.left_out) or name in self.inbound:
                yield one

    def entries(self) -> Iterator[str]:
        for name in self.tables:
            table = self.catalog.tables[name]
            for line in self._of_table(name):
                yield f"{line} {unquoted(table.owner)}"
        for each in statistics(self.catalog, self.tables).values():
            yield f"COMMENT {unquoted(container(each.name))} STATISTICS {bare(each.name)} {unquoted(each.owner or '')}"
        for one in self.sequences.values():
            schema, sequence = unquoted(container(one.name)), unquoted(bare(one.name))
            owner = unquoted(getattr(one, "owner", ""))
            for what in ("SEQUENCE OWNED BY", "SEQUENCE SET"):
                yield f"{what} {schema} {sequence} {owner}"
            for what in ("ACL", "COMMENT"):
                yield f"{what} {schema} SEQUENCE {bare(one.name)} {owner}"

    def _of_table(self, name: str) -> Iterator[str]:
        catalog = self.catalog
        # Names of objects stand there as they are, those within descriptions quoted.
        schema, table, quoted = unquoted(container(name)), unquoted(bare(name)), bare(name)
        yield f"ROW SECURITY {schema} {table}"
        if self._ties(catalog.tables[name].parents):
            yield f"TABLE ATTACH {schema} {table}"
        for what in ("ACL", "COMMENT"):
            yield f"{what} {schema} TABLE {quoted}"
        for column in catalog.columns.values():
            if column.table == name:
                yield f"DEFAULT {schema} {table} {unquoted(column.column)}"
                yield f"COMMENT {schema} COLUMN {quoted}.{column.column}"
                yield f"ACL {schema} COLUMN {quoted}.{column.column}"
        described: tuple[tuple[Mapping[str, Object], str], ...] = (
            (catalog.constraints, "CONSTRAINT"), (catalog.triggers, "TRIGGER"), (catalog.policies, "POLICY"),
            (catalog.rules, "RULE"),
        )  # fmt: skip
        for objects, word in described:
            for one in objects.values():
                if self.replacing and isinstance(one, Constraint) and one.form == "foreign key":
                    continue
                if getattr(one, "table", None) == name and one.name not in self.left_out:
                    yield f"COMMENT {schema} {word} {bare(one.name)} ON {quoted}"
        for index in catalog.indexes.values():
            if index.table == name:
                yield f"COMMENT {schema} INDEX {bare(index.name)}"
                if self._ties(catalog.tables[name].parents):
                    yield f"INDEX ATTACH {schema} {unquoted(bare(index.name))}"

    def attaching(self, present: Collection[str]) -> Iterator[str]:
        for name in self.tables:
            table = self.catalog.tables[name]
            if set(table.parents) & (set(present) - set(self.tables)):
                for line in self._of_table(name):
                    if line.startswith(("TABLE ATTACH ", "INDEX ATTACH ")):
                        yield f"{line} {unquoted(table.owner)}"

    def _ties(self, parents: Collection[str]) -> bool:
        return not self.replacing or any(parent in self.tables for parent in parents)

    def _needed(self) -> Iterator[Type | Function]:
        """Yield types and functions that the tables name and the target lacks, by what their definitions say."""
        catalog, there = self.catalog, self.there
        own = [one for one in catalog.columns.values() if one.table in self.tables]
        texts = [text for one in own for text in (one.type, one.default or "")]
        texts += [one.definition for one in self._constraints()]
        texts += [one.definition for one in catalog.triggers.values() if one.table in self.tables]
        texts += [one.definition for one in catalog.indexes.values() if one.table in self.tables]
        policies = [one for one in catalog.policies.values() if one.table in self.tables]
        texts += [text or "" for one in policies for text in (one.using, one.check)]
        seen: set[str] = set()
        while texts:
            text = texts.pop()
            defined: list[Type | Function] = [*catalog.types.values(), *catalog.functions.values()]
            for one in defined:
                name = one.name
                mentioned = name if isinstance(one, Type) else name.partition("(")[0] + "("
                if name in seen or mentioned not in text:
                    continue
                seen.add(name)
                known: Collection[str] = ()
                if there is not None:
                    known = there.types if isinstance(one, Type) else there.functions
                if name not in known:
                    texts += [one.definition, *getattr(one, "attributes", ())]
                    yield one
