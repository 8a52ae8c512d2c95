"""A denormalised column across a migration: which rows it broke, and which values a drop has lost."""

# ruff: noqa: S608 (names that quote_ident wrote, and the team's own SQL)

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..server.capabilities import EVENT_TRIGGERS_OFF
from ..server.connection import Connection, version
from .agreement import agrees, shown
from .denormalized import Reading, session
from .session import encoded
from .values import DenormalizedContent, DenormalizedLoss, RowSample

__all__ = ["broken", "lost"]


def broken(
    before: Connection, after: Connection, old: Reading, new: Reading, found: DenormalizedContent, *, samples: int = 5
) -> DenormalizedContent:
    """Tell which of the rows that disagree after a migration did not disagree before.

    :param found: of the database after.
    :param after: a scratch copy: a temporary table is made and rolled back.
    :returns: ``found``, with the rows told apart where both sides have the same key.
    :raises SnapshotError: the rule failed over some row.
    """
    if not new.key or len(old.key) != len(new.key):
        return found
    with _writing(after, new):
        _execute(after, "CREATE TEMPORARY TABLE pgsafe_k (k pg_catalog.text[]) ON COMMIT DROP")
        _pipe(before, after, old, f"SELECT q.k FROM ({old.flagged}) q WHERE q.bad", "pgsafe_k")
        bad = (
            f"FROM ({new.flagged}) q WHERE q.bad"
            " AND NOT EXISTS (SELECT FROM pg_temp.pgsafe_k b WHERE b.k OPERATOR(pg_catalog.=) q.k)"
        )
        count = _execute(after, f"SELECT pg_catalog.count(*) {bad}")[0][0]
        text = f"SELECT {new.shown('q')} {bad} ORDER BY {new.order('q')} LIMIT {samples}"
        shown_rows = _execute(after, text) if count else ()
    return replace(found, broken=count, broken_samples=tuple(map(new.sample, shown_rows)))


def lost(
    before: Connection, after: Connection, old: Reading, new: Reading, *, samples: int = 5
) -> DenormalizedLoss | None:
    """Tell which values of a column that was dropped cannot be read through its source any more.

    :param old: of the database before, with the column.
    :param new: of the database after, without it.
    :returns: None where the rows have no key by which they are the same.
    :raises SnapshotError: the rule failed over some row.
    """
    if not new.key or len(old.key) != len(new.key):
        return None
    assert old.copy_type is not None
    # A type of the database's own may have gone with the column: then its text has to do.
    copy_type = "text" if "." in old.copy_type else old.copy_type
    agreed = agrees(new.rule.kind, f"(b.v)::{copy_type}", copy_type, "n.e", new.value_type)
    with _writing(after, new):
        _execute(
            after,
            "CREATE TEMPORARY TABLE pgsafe_v (k pg_catalog.text[], v pg_catalog.text, bad pg_catalog.bool)"
            " ON COMMIT DROP",
        )
        copied = shown("q.c", old.copy_type)
        _pipe(before, after, old, f"SELECT q.k, {copied}, q.bad FROM ({old.flagged}) q", "pgsafe_v")
        # A row may come several times, once for each value that may be meant: one that agrees is enough.
        joined = (
            f"SELECT b.k, b.v, b.bad, {shown('n.e', new.value_type)} AS e, {agreed} AS good"
            f" FROM pg_temp.pgsafe_v b JOIN ({new.rows.text}) n ON n.k OPERATOR(pg_catalog.=) b.k"
        )
        found = (
            "SELECT DISTINCT ON (j.k) j.k, j.v, j.bad, j.e, j.good"
            f" FROM ({joined}) j ORDER BY j.k, j.good DESC"
        )  # fmt: skip
        _execute(after, f"CREATE TEMPORARY TABLE pgsafe_l ON COMMIT DROP AS SELECT * FROM ({found}) f WHERE NOT f.good")
        counts = _execute(
            after,
            "SELECT pg_catalog.count(*) FILTER (WHERE bad), pg_catalog.count(*) FILTER (WHERE NOT bad)"
            " FROM pg_temp.pgsafe_l",
        )

        def some(condition: str) -> tuple[RowSample, ...]:
            text = f"SELECT k, v, e FROM pg_temp.pgsafe_l WHERE {condition} ORDER BY length(k[1]), k LIMIT {samples}"
            return tuple(old.sample([*key, mine, theirs]) for key, mine, theirs in _execute(after, text))

        return DenormalizedLoss(
            drifted=counts[0][0], moved=counts[0][1], drifted_samples=some("bad"), moved_samples=some("NOT bad")
        )


@contextmanager
def _writing(after: Connection, reading: Reading) -> Generator[None, None, None]:
    """Hold a transaction that may make temporary tables, and roll it back."""
    with session(after, reading.search_path, rule=reading.rule):
        superuser = _execute(after, "SELECT pg_catalog.current_setting('is_superuser')")
        if superuser == [("on",)]:
            # The database's own event triggers have no say in our temporary tables.
            _execute(after, "SET LOCAL session_replication_role = replica")
            if EVENT_TRIGGERS_OFF.known_to(version(after)):
                _execute(after, "SET LOCAL event_triggers = off")
        yield


def _pipe(before: Connection, after: Connection, old: Reading, text: str, table: str) -> None:
    source = encoded(before, f"COPY ({text}) TO STDOUT (FORMAT binary)")
    target = encoded(after, f"COPY pg_temp.{table} FROM STDIN (FORMAT binary)")
    with (
        session(before, old.search_path, rule=old.rule),
        before.cursor().copy(source) as rows,
        after.cursor().copy(target) as into,
    ):
        for data in rows:
            into.write(data)
    _execute(after, f"ANALYZE pg_temp.{table}")


def _execute(connection: Connection, text: str) -> Sequence[tuple[Any, ...]]:
    cursor = connection.execute(encoded(connection, text), prepare=False)
    return cursor.fetchall() if cursor.description is not None else []
