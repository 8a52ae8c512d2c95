"""What somebody put on an extension's objects: no dump carries it, and CREATE EXTENSION does not make it again."""

from __future__ import annotations

from collections.abc import Iterator

from ..server.version import Version
from ..snapshot.values import ExtensionPart, NotVerified, Snapshot


def not_restored_with_extensions(source: Snapshot, restored: Snapshot) -> tuple[NotVerified, ...]:
    """Return what extensions had in the source, and have not or have otherwise in the restored copy."""
    return tuple(dict.fromkeys(_lost(source, restored)))


def _lost(source: Snapshot, restored: Snapshot) -> Iterator[NotVerified]:
    ours, theirs = source.catalog.extensions, restored.catalog.extensions
    same = {name for name in ours if name in theirs and ours[name].version == theirs[name].version}
    for name in sorted({part.extension for part in source.extension_parts.values()} - same):
        if name in theirs:
            reason = f"version {ours[name].version} in the source, {theirs[name].version} in the copy: what was put on"
            yield NotVerified(object=f"extension {name}", reason=f"{reason} its objects was not compared")
    one_major = Version.parse(source.server_version).major == Version.parse(restored.server_version).major
    for name, part in source.extension_parts.items():
        there = restored.extension_parts.get(name)
        if part.extension in same and not _equal(part, there, printed_alike=one_major):
            what = "changed in" if there is not None else "added to"
            yield NotVerified(
                object=name, reason=f"it was {what} the extension {part.extension}, and pg_dump leaves it out"
            )
    for name, part in restored.extension_parts.items() if source.extension_parts else ():
        if part.extension in same and name not in source.extension_parts:
            yield NotVerified(
                object=name,
                reason=f"it was dropped from the extension {part.extension}, which a restore makes whole again",
            )
    for name, content in source.extension_tables.items():
        there_too = restored.extension_tables.get(name)
        whole = None if there_too is None else there_too.rows
        if content.extension in same and content.rows is not None and whole is not None and content.rows != whole:
            yield NotVerified(
                object=name,
                reason=f"{content.rows.rows:,} rows in the source, {whole.rows:,} in the copy or others: the extension "
                f"{content.extension} says of these rows that no dump is to carry them",
            )


def _equal(first: ExtensionPart, second: ExtensionPart | None, *, printed_alike: bool) -> bool:
    return second is not None and (first == second or not printed_alike)
