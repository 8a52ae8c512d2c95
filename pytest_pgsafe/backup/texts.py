"""A backup for people: its manifest, its data at a glance, its metadata. Pure; nothing reads these texts back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..catalog.names import unquoted
from ..catalog.values import Catalog
from ..snapshot.values import Snapshot
from . import manifest as manifests


@dataclass(frozen=True, kw_only=True)
class Followed:
    """In how many rows a denormalised column is what a rule says."""

    rule: str
    agree: int = 0
    disagree: int = 0
    #: Why nothing could be counted; empty if it was.
    hindered: str = ""


def manifest(written: manifests.Manifest) -> str:
    """Return the manifest as text: what there is, how it is restored, how long it is kept."""
    size = sum(file.bytes for file in written.files)
    head = [
        ("Taken at", f"{written.taken_at:%Y-%m-%d %H:%M:%S} UTC, everything at one snapshot"),
        ("Environment", written.environment),
        ("Database", written.database),
        ("Source", written.source),
        ("Server", f"PostgreSQL {written.server_version}"),
        ("Written by", f"pg_dump {written.pg_dump_version}"),
        ("Size", f"{size_of(size)} in {len(written.files)} files; the database {size_of(written.database_size or 0)}"),
        ("Entries", f"{written.entries} in the archive's table of contents"),
        ("Kept until", f"{written.keep_until:%Y-%m-%d}, or longer" if written.keep_until else "no date was promised"),
    ]
    lines = ["BACKUP MANIFEST", "", *(f"{name + ':':<13}{text}" for name, text in head), "", "FILES", ""]
    lines += [f"{file.sha256}  {file.path}  ({size_of(file.bytes)})" for file in written.files]
    lines += ["", "RESTORE", "", "With pgsafe, which verifies the restored database:", ""]
    lines += ["  pgsafe restore . --into=postgresql://HOST/NEW_DATABASE", "", "With PostgreSQL's programs, here:", ""]
    lines += [f"  {command}" for command in written.restore]
    lines += ["", "NOT IN THIS BACKUP", "", *(f"  {line}" for line in written.left_out or ("nothing that is known",))]
    return "\n".join([*lines, ""])


def data(facts: Snapshot, rules: Sequence[Followed] = ()) -> str:
    """Return what the database held: rows, NULLs and orphans of foreign keys, denormalised columns, sequences."""
    lines = [f"DATA OF {unquoted(facts.catalog.database.name)} AT {facts.taken_at:%Y-%m-%d %H:%M:%S} UTC", ""]
    lines += _table(("table", "rows"), ((name, one.rows) for name, one in facts.tables.items()))
    keys = facts.foreign_keys.items()
    lines += _table(
        ("foreign key", "without a value", "orphans"), ((name, one.nulls, one.orphans) for name, one in keys)
    )
    if rules:
        lines += _table(
            ("denormalized column", "agree", "disagree"),
            ((one.rule, *([one.hindered, ""] if one.hindered else [one.agree, one.disagree])) for one in rules),
        )
    lines += _table(("sequence", "value"), ((name, one.value) for name, one in facts.sequences.items()))
    nulls = [
        (f"{name}.{column}", content.nulls)
        for name, one in facts.tables.items()
        for column, content in one.columns.items()
        if content.nulls
    ]
    lines += _table(("column", "NULLs"), nulls)
    lines += [f"large objects: {facts.large_objects.count}", ""]
    lines += _table(("not read", "because"), ((gap.object, gap.reason) for gap in facts.not_verified))
    return "\n".join(lines)


def metadata(catalog: Catalog) -> str:
    """Return tables, columns, indexes, views, sequences, extensions, roles and settings."""
    database = catalog.database
    named = f"{unquoted(database.name)}, owner {database.owner}"
    lines = [f"METADATA OF {named}, {database.encoding}, {database.collate}", ""]
    lines += _table(
        ("table", "kind", "owner", "size"),
        ((one.name, one.form, one.owner, size_of(one.size)) for one in catalog.tables.values()),
    )
    lines += _table(
        ("column", "type", "nullable"),
        ((one.name, one.type, "no" if one.not_null else "yes") for one in catalog.columns.values()),
    )
    lines += _table(("index", "definition"), ((one.name, one.definition) for one in catalog.indexes.values()))
    constraints = catalog.constraints.values()
    lines += _table(("constraint", "kind", "definition"), ((one.name, one.form, one.definition) for one in constraints))
    lines += _table(("view", "owner"), ((one.name, one.owner) for one in catalog.views.values()))
    lines += _table(("sequence", "column"), ((one.name, one.column or "") for one in catalog.sequences.values()))
    lines += _table(("extension", "version"), ((one.name, one.version) for one in catalog.extensions.values()))
    lines += _table(("role", "member of"), ((one.name, ", ".join(one.member_of)) for one in catalog.roles.values()))
    lines += _table(("setting",), ((setting,) for setting in database.settings))
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    cells = [head, *([str(cell).replace("\n", " ") for cell in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    for number, row in enumerate(cells):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if number == 0:
            yield "  ".join("-" * width for width in widths)
    yield ""


def size_of(size: int) -> str:
    """Say how much a number of bytes is."""
    number = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{size} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"
