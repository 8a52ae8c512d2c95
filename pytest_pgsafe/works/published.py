"""Published tables: rows that a publication carries have to be known again by whoever receives them."""

# ruff: noqa: S608 (names that quote_ident wrote)

from __future__ import annotations

from collections.abc import Iterator

from ..compare.values import Comparison
from .side import Side
from .values import Answer, Attempt, Unpublished

_PUBLISHED = (
    "SELECT p.pubname::pg_catalog.text, pg_catalog.format('%I.%I', p.schemaname, p.tablename)"
    " FROM pg_catalog.pg_publication_tables p ORDER BY 1, 2"
)


def tried(comparison: Comparison, before: Side, after: Side) -> Iterator[Attempt | Unpublished | None]:
    """Plan an UPDATE and a DELETE of no row of each published table, and hold the publications' tables side by side."""
    was, now = _published(before), _published(after)
    names = {new: old for old, new in comparison.tables.items()}
    for table in sorted({table for _, table in now}):
        old = names.get(table)
        if old is None or after.catalog.tables[table].form != "table":
            continue
        for verb in ("UPDATE", "DELETE"):
            answer = _write(after, table, verb)
            if answer is None or answer.error is None:
                yield None
                continue
            earlier = _write(before, old, verb)
            if earlier is not None:
                statement = _text(after, table, verb) or ""
                yield Attempt(kind="published", object=old, statement=statement, before=earlier, after=answer)
    still = {publication for publication, _ in now} | {
        value.name for value in after.catalog.definitions.values() if value.form == "publication"
    }
    for publication, table in sorted(was):
        there = comparison.tables.get(table)
        if publication in still and there is not None and (publication, there) not in now:
            made_again = before.catalog.tables[table].oid != after.catalog.tables[there].oid
            yield Unpublished(publication=publication, table=table, made_again=made_again)


def _published(side: Side) -> set[tuple[str, str]]:
    if not any(value.form == "publication" for value in side.catalog.definitions.values()):
        return set()
    with side.trying():
        return {(str(publication), str(table)) for publication, table in side.rows(_PUBLISHED)}


def _write(side: Side, table: str, verb: str) -> Answer | None:
    text = _text(side, table, verb)
    if text is None:
        return None
    with side.trying():
        # Only planned: triggers of whole statements would fire even where no row is written.
        return side.end(f"EXPLAIN {text}")


def _text(side: Side, table: str, verb: str) -> str | None:
    if verb == "DELETE":
        return f"DELETE FROM {table} WHERE false"
    names = [column.column for column in side.written(table) if column.identity != "always"]
    return f"UPDATE {table} SET {names[0]} = {names[0]} WHERE false" if names else None
