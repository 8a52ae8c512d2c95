"""References that no constraint declares: which rows point at a row that is not there."""

# ruff: noqa: S608 (names that quote_ident wrote, and the team's own SQL)

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg.pq import ExecStatus

from ..catalog.names import bare, container
from ..catalog.values import Catalog
from ..errors import ConfigError, SnapshotError
from ..server.connection import Connection
from .key import choose_key
from .session import encoded, joining, reason
from .values import ReferenceContent, ReferenceRule, RowSample

__all__ = ["check", "read"]


def check(connection: Connection, catalog: Catalog, rule: ReferenceRule) -> None:
    """Have the server parse what a rule asks; nothing is run.

    :raises ConfigError: the two columns cannot be compared, or the predicate is none.
    """
    with _session(connection, rule):
        told = connection.pgconn.prepare(b"", encoded(connection, f"SELECT * FROM ({_rows(catalog, rule)}) q"))
    if told.status != ExecStatus.COMMAND_OK:
        error = psycopg.errors.error_from_result(told, encoding=connection.info.encoding)
        raise ConfigError(
            f'[foreign_keys] "{rule.column}" = {{ references = "{rule.references}" }}: {reason(error)}',
            looked_at=[] if rule.where is None else [f"where = {rule.where}"],
            remedies=["name columns of one type; write where over the columns of the table that refers"],
        ) from error


def read(connection: Connection, catalog: Catalog, rule: ReferenceRule, *, samples: int = 5) -> ReferenceContent:
    """Count the rows that refer somewhere, and those whose referenced row is missing.

    :raises SnapshotError: it failed over some row.
    """
    key = choose_key(catalog, container(rule.column))
    rows = _rows(catalog, rule)
    try:
        with _session(connection, rule):
            counts = connection.execute(
                encoded(
                    connection,
                    f"SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE q.orphan) FROM ({rows}) q",
                ),
                prepare=False,
            ).fetchone()
            assert counts is not None
            order = ", ".join(f"q.o{number}" for number in range(len(key))) or "q.v"
            text = f"SELECT q.k, q.v FROM ({rows}) q WHERE q.orphan ORDER BY {order} LIMIT {samples}"
            found = connection.execute(encoded(connection, text), prepare=False).fetchall() if counts[1] else []
    except psycopg.Error as error:
        raise SnapshotError(
            f'[foreign_keys] "{rule.column}" = {{ references = "{rule.references}" }} cannot be read: {reason(error)}',
            remedies=["correct the rule, or give the rows that it holds for by where"],
        ) from error
    return ReferenceContent(
        rows=counts[0],
        orphans=counts[1],
        samples=tuple(
            RowSample(key=dict(zip(key, values, strict=True)), before=None, after={bare(rule.column): value})
            for values, value in found
        ),
    )


def _rows(catalog: Catalog, rule: ReferenceRule) -> str:
    """Return the rows that refer: key ``k`` and ``o0`` …, value ``v``, and whether each is an ``orphan``."""
    table, target = container(rule.column), container(rule.references)
    key = choose_key(catalog, table)
    source = table if rule.where is None else f"(SELECT * FROM {table} WHERE (\n{rule.where}\n))"
    column, theirs = f"f.{bare(rule.column)}", bare(rule.references)
    columns = [
        f"ARRAY[{', '.join(f'pg_catalog.concat(f.{name})' for name in key)}]::pg_catalog.text[] AS k",
        *(f"f.{name} AS o{number}" for number, name in enumerate(key)),
        f"pg_catalog.concat({column}) AS v",
        "p.there IS NULL AS orphan",
    ]
    # What is pointed at need not be unique: each of its values once.
    there = f"(SELECT DISTINCT {theirs} AS v, true AS there FROM {target} WHERE {theirs} IS NOT NULL) p"
    return f"SELECT {', '.join(columns)} FROM {source} f LEFT JOIN {there} ON p.v = {column} WHERE {column} IS NOT NULL"


@contextmanager
def _session(connection: Connection, rule: ReferenceRule) -> Generator[None, None, None]:
    with joining(connection):
        path = f"{container(container(rule.column))}, public"
        connection.execute(encoded(connection, f"SET LOCAL search_path = {path}"))
        yield
