"""What a source has recorded in pg_stat_statements, as the statements of the release."""

from __future__ import annotations

import pytest

from pytest_pgsafe.errors import ConfigError, ServerError
from pytest_pgsafe.release.recorded import of_source
from pytest_pgsafe.server import preload
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.choose import choose
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take


def test_what_was_recorded_is_asked(server: Server) -> None:
    if server.kind != "local":
        pytest.skip("the library is loaded by a server of local programs")
    try:
        source = choose("local", major=server.version.major, settings=preload.settings(["pg_stat_statements"]))
    except ServerError as error:
        pytest.skip(str(error))
    with source:
        shop = source.create("shop")
        with connect(shop, read_only=False) as session:
            session.execute(
                "create table public.sale (id integer primary key, price integer); create sequence public.numbers"
            )
        with pytest.raises(ConfigError, match="has not the extension") as missing:
            of_source(shop)
        assert any("CREATE EXTENSION pg_stat_statements" in remedy for remedy in missing.value.remedies)
        with connect(shop, read_only=False) as session:
            session.execute("create schema monitor; create extension pg_stat_statements schema monitor")
            for price in (1, 2, 3):
                session.execute(f"insert into public.sale values ({price}, {price})")
            session.execute("select id from public.sale where price > 1")
            # What pgsafe reads of a source is none of the release's.
            take(session)
        asking = of_source(shop)
    texts = {one.text: one.calls for one in asking.statements}
    assert texts["insert into public.sale values ($1, $2)"] == 3
    assert texts["select id from public.sale where price > $1"] == 1
    assert [text for text in texts if "sale" in text and texts[text] == 1] == [
        "select id from public.sale where price > $1"
    ]
    assert str(asking.statements[0]) == "insert into public.sale values ($1, $2) (called 3 times)"
    assert "1 of INSERT" not in "".join(asking.left_out)


def test_a_source_that_is_no_database_has_recorded_nothing() -> None:
    with pytest.raises(ConfigError, match="is no live database") as missing:
        of_source(None)
    assert missing.value.remedies == ('name a file of SQL statements: [old_release] statements = "queries.sql"',)
