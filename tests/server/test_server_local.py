"""A local server: what it starts, what it makes, what it leaves."""

from __future__ import annotations

from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect


def test_fixture_database_is_empty(server: Server, database: Address) -> None:
    with connect(database) as session:
        assert session.execute(
            "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
        ).fetchone() == (0,)
        assert session.execute("select current_database()").fetchone() == (database.dbname,)
        assert session.info.server_version == server.version.number
