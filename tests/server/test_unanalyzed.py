"""Tables that were filled a moment ago, as migrations leave them: the planner knows nothing of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.snapshot import denormalized
from pytest_pgsafe.snapshot.take import take
from pytest_pgsafe.snapshot.values import DenormalizedRule

ROWS = 40_000


@pytest.fixture
def connection(database: Address) -> Iterator[Connection]:
    """Two tables, filled after their indexes were made; a nested loop over them takes minutes.

    Their rows could be wider than a page, so the planner believes that a page holds none.
    """
    wide = ", ".join(f"wide{number} varchar(2048)" for number in range(20))
    with connect(database, read_only=False) as opened:
        for name, reference in (("parent", "parent"), ("child", "parent")):
            opened.execute(
                f"create table public.{name} (id bigint primary key, name text, parent bigint references public."
                f"{reference}, {wide}) with (autovacuum_enabled = false)".encode()
            )
            opened.execute(f"create index on public.{name} (parent)".encode())
            values = f"select g, 'name', g from generate_series(1, {ROWS}) g"
            opened.execute(f"insert into public.{name} (id, name, parent) {values}".encode())
        # Far more than the hash join needs on a busy machine.
        opened.execute("set statement_timeout = '15s'")
        yield opened


def test_foreign_keys_are_joined_in_linear_time(connection: Connection) -> None:
    found = take(connection).foreign_keys
    assert {name: (content.nulls, content.orphans) for name, content in found.items()} == {
        "public.child.child_parent_fkey": (0, 0),
        "public.parent.parent_parent_fkey": (0, 0),
    }


def test_copies_are_joined_in_linear_time(connection: Connection) -> None:
    catalog = take(connection).catalog
    rule = DenormalizedRule(column="public.child.name", source="public.parent.name")
    found = denormalized.read(connection, catalog, rule)
    assert (found.rows, found.drifted) == (ROWS, 0)
