"""SQL that stands in announcements: whether the server understands it, found out before anything is migrated."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.names import container, covers, means
from ..catalog.values import Catalog
from ..checks.values import Rules
from ..config.expectations import Converted, Expect
from ..errors import ConfigError
from ..server.connection import Connection
from ..snapshot.parsed import complaint


def holds_sql(expect: Expect) -> bool:
    """Tell whether anything that was announced is SQL."""
    return bool(expect.converted) or any(rule.where is not None for rule in expect.values)


def check(rules: Rules, catalog: Catalog, connection: Connection) -> None:
    """Have the server parse what was announced; nothing is run.

    :param connection: to a database of this catalog.
    :raises ConfigError: with the server's words.
    """
    for place, sql, query in _queries(rules, catalog):
        said = complaint(connection, query)
        if said is not None:
            raise ConfigError(
                f"[expect] {place} cannot be evaluated: {said}",
                looked_at=[sql],
                remedies=["write it over the tables and columns as they are before the migration"],
            )


def _queries(rules: Rules, catalog: Catalog) -> Iterator[tuple[str, str, str]]:
    """Yield where SQL stands, what was written, and a query that holds it."""
    for rule in rules.values:
        tables = {column.table for name, column in catalog.columns.items() if covers(name, rule.column)}
        for table in sorted(tables if rule.where is not None else ()):
            # A line of its own, for what ends in a comment.
            query = f"SELECT FROM {table} WHERE (\n{rule.where}\n)"
            yield f"values: the predicate for {table}", rule.where or "", query
    for one in rules.converted:
        asked = _converted(one, catalog)
        if asked is not None:
            yield f"converted: what {one.column} was announced to be", one.expression, asked


def _converted(rule: Converted, catalog: Catalog) -> str | None:
    """Return a query for an expression; None where its table is not known by the name that it has after."""
    keys = "".join(f", (\n{expression}\n)" for _, expression in rule.key)
    if rule.rows is not None:
        return f"SELECT (\n{rule.expression}\n){keys} FROM {rule.rows}\n"  # noqa: S608 (parsed, not run)
    tables = [name for name in catalog.tables if means(name, container(rule.column))]
    return f"SELECT (\n{rule.expression}\n) FROM {tables[0]}" if len(tables) == 1 else None  # noqa: S608 (the same)
