"""Denormalised columns against what they have to hold: how many rows agree, and which do not."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.pq import ExecStatus

from ..catalog.names import container
from ..catalog.values import Catalog, Constraint
from ..errors import ConfigError, SnapshotError
from ..server.connection import Connection
from .agreement import agrees, shown
from .derived import Rows, rows
from .key import choose_key
from .paths import NoPathError, path
from .session import encoded, joining, reason
from .values import DenormalizedContent, DenormalizedRule, ReferenceRule, RowSample

__all__ = ["NoPathError", "Reading", "UnfitRuleError", "evaluate", "path", "prepare", "prepared", "read", "session"]


class UnfitRuleError(ConfigError):
    """A rule's SQL is none on this database, or its columns cannot be compared."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A rule, ready to be evaluated on one database."""

    rule: DenormalizedRule
    rows: Rows
    #: Bare names of the key of the column's table; empty without one.
    key: tuple[str, ...]
    #: Types as format_type prints them, domains resolved; of the copy None where it is gone.
    copy_type: str | None
    value_type: str
    #: The type that the copy had before, if it may be another one now.
    was: str | None
    #: The foreign keys on the way.
    way: tuple[Constraint, ...]
    #: In which the team's own SQL is read.
    search_path: str

    @property
    def tables(self) -> frozenset[str]:
        """The tables on the way from the copy to what it has to be."""
        steps = {name for step in self.way for name in (step.table, step.references) if name is not None}
        return frozenset({container(self.rule.column), *steps})

    @property
    def flagged(self) -> str:
        """Each row once: its key ``k`` (text[]), copy ``c``, what it has to be ``e``, and whether it is ``bad``."""
        assert self.copy_type is not None
        agreed = agrees(self.rule.kind, "r.c", self.copy_type, "r.e", self.value_type, was=self.was)
        flagged = f"SELECT r.*, NOT {agreed} AS bad FROM ({self.rows.text}) r"  # noqa: S608 (names quoted by the server)
        if not self.rows.repeated:
            return flagged
        # Several rows are the latest: a copy of any of them is right.
        return f"SELECT DISTINCT ON (f.rel, f.tid) f.* FROM ({flagged}) f ORDER BY f.rel, f.tid, f.bad"  # noqa: S608

    def sample(self, row: Sequence[str | None]) -> RowSample:
        """Return a row of the key's values, the copy and what it has to be, as people see it."""
        *key, mine, theirs = row
        return RowSample(
            key=dict(zip(self.key, key, strict=True)),
            before={self.rule.column: mine},
            after={self.rule.label: theirs},
        )

    def shown(self, source: str) -> str:
        """Return the SQL of what :meth:`sample` takes, of rows of :attr:`flagged` called ``source``."""
        assert self.copy_type is not None
        each = [f"{source}.k[{number}]" for number in range(1, len(self.key) + 1)]
        return ", ".join([*each, shown(f"{source}.c", self.copy_type), shown(f"{source}.e", self.value_type)])

    def order(self, source: str) -> str:
        """Return the order of rows that are shown: by their key, in its own order."""
        return ", ".join(f"{source}.o{number}" for number in range(len(self.key))) or f"{source}.rel, {source}.tid"


def prepare(
    connection: Connection,
    catalog: Catalog,
    rule: DenormalizedRule,
    references: Sequence[ReferenceRule] = (),
) -> Reading:
    """Make a rule ready; the server parses its SQL, and nothing is run.

    :param rule: with full names, ``schema.table.column``.
    :raises NoPathError: no or no single way leads from the copy to the source.
    :raises UnfitRuleError: the rule's SQL is none here.
    """
    way = path(catalog, rule, references)
    return prepared(connection, rule, way, choose_key(catalog, container(rule.column)))


def prepared(
    connection: Connection,
    rule: DenormalizedRule,
    way: Sequence[Constraint],
    key: tuple[str, ...],
    *,
    copy: bool = True,
    was: str | None = None,
) -> Reading:
    """Make a rule ready whose way is known.

    :param key: bare names of the key of the column's table, by which its rows are told.
    :param copy: the column is there; else only what it had to be is read, of the rows of its table.
    :param was: the type that the column had when its values were written, where it may have another one now.
    :raises UnfitRuleError: as :func:`prepare`.
    """
    table = container(rule.column)
    text = rows(rule, way, key, copy=copy)
    search_path = f"{container(table)}, public"
    columns = "r.c, r.e" if copy else "r.e"
    with session(connection, search_path):
        told = _parse(connection, rule, f"SELECT {columns} FROM ({text.text}) r")  # noqa: S608
    types = [_name(connection, *type_) for type_ in told]
    reading = Reading(
        rule=rule,
        rows=text,
        key=key,
        copy_type=types[0] if copy else None,
        value_type=types[-1],
        was=was,
        way=tuple(way),
        search_path=search_path,
    )
    if copy:
        with session(connection, search_path):
            _parse(connection, rule, reading.flagged)
    return reading


def read(
    connection: Connection,
    catalog: Catalog,
    rule: DenormalizedRule,
    *,
    references: Sequence[ReferenceRule] = (),
    samples: int = 5,
) -> DenormalizedContent:
    """Compare a column with what it has to hold, row by row.

    A row without a source (a NULL key, an orphan) agrees when its copy is NULL.

    :param rule: with full names, ``schema.table.column``.
    :param references: undeclared ones that a way may lead through.
    :raises NoPathError: no or no single way leads from the copy to the source.
    :raises UnfitRuleError: the rule's SQL is none here.
    :raises SnapshotError: it failed over some row.
    """
    return evaluate(connection, prepare(connection, catalog, rule, references), samples=samples)


def evaluate(connection: Connection, reading: Reading, *, samples: int = 5) -> DenormalizedContent:
    """Evaluate a rule that is ready.

    :raises SnapshotError: it failed over some row.
    """
    with session(connection, reading.search_path, rule=reading.rule):
        counted = connection.execute(
            encoded(
                connection,
                f"SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE q.bad) FROM ({reading.flagged}) q",  # noqa: S608
            ),
            prepare=False,
        ).fetchone()
        assert counted is not None
        found: tuple[RowSample, ...] = ()
        if counted[1] and samples:
            text = (
                f"SELECT {reading.shown('q')} FROM ({reading.flagged}) q WHERE q.bad"  # noqa: S608
                f" ORDER BY {reading.order('q')} LIMIT {samples}"
            )
            found = tuple(map(reading.sample, connection.execute(encoded(connection, text), prepare=False)))
    return DenormalizedContent(rows=counted[0], drifted=counted[1], samples=found)


@contextmanager
def session(
    connection: Connection, search_path: str, *, rule: DenormalizedRule | None = None
) -> Generator[None, None, None]:
    """Hold a block in which a team's own SQL finds its names and whole tables are joined well.

    :param rule: what fails in the block is said of it.
    :raises SnapshotError: something failed.
    """
    try:
        with joining(connection):
            connection.execute(encoded(connection, f"SET LOCAL search_path = {search_path}"))
            yield
    except psycopg.Error as error:
        if rule is None:
            raise
        raise SnapshotError(
            f"[[denormalized]] {rule.name} cannot be evaluated: {reason(error)}",
            remedies=["correct the rule's SQL, or give the rows that it holds for by where"],
        ) from error


def _parse(connection: Connection, rule: DenormalizedRule, text: str) -> list[tuple[int, int]]:
    """Have a statement parsed, one and not several; return its columns' types and modifiers. Nothing is run.

    :raises UnfitRuleError: it is none.
    """
    told = connection.pgconn.prepare(b"", encoded(connection, text))
    if told.status == ExecStatus.COMMAND_OK:
        found = connection.pgconn.describe_prepared(b"")
        return [(found.ftype(number), found.fmod(number)) for number in range(found.nfields)]
    error = psycopg.errors.error_from_result(told, encoding=connection.info.encoding)
    given = {"sql": rule.source if rule.kind == "sql" else None, "where": rule.where}
    written = [f"{word} = {value}" for word, value in given.items() if value is not None]
    raise UnfitRuleError(
        f"[[denormalized]] {rule.name}: {reason(error)}",
        looked_at=written,
        remedies=["write it over the columns of the table, with the schema of what lies elsewhere than in public"]
        if written
        else ['say by sql = "…" what the column has to be'],
    ) from error


def _name(connection: Connection, oid: int, modifier: int) -> str:
    # Not where the search path is another: format_type leaves out the schemas that are on it.
    row = connection.execute(
        "SELECT pg_catalog.format_type(%s::pg_catalog.oid, %s::pg_catalog.int4)", (oid, modifier)
    ).fetchone()
    assert row is not None
    return str(row[0])
