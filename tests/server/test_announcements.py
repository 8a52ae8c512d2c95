"""SQL in announcements is understood, or named, before anything is migrated; names are the application's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.catalog import read
from pytest_pgsafe.checks.values import Rules
from pytest_pgsafe.config.expectations import Converted, Expect, ValuesRule
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.rehearsal import announcements
from pytest_pgsafe.rehearsal.preflight import preflight
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

BASE = """
create schema shop;
create table shop.products (id int primary key, price int);
create table public.sales (id int primary key, product int, said text);
insert into public.sales values (1, 1, 'a');
"""


@pytest.fixture(scope="module")
def shop(server: Server) -> Iterator[Address]:
    made = server.create("announced")
    with connect(made, read_only=False) as session:
        session.execute(BASE)
        session.execute(f'alter database "{made.dbname}" set search_path to shop, public')
    yield made
    server.drop(made)


def where(text: str) -> Rules:
    return Rules(values=(ValuesRule(column="public.sales.said", where=text, reason="r"),))


def converted(column: str, expression: str, rows: str | None = None, key: str | None = None) -> Rules:
    said = Converted(
        column=column, expression=expression, rows=rows, key=() if key is None else (("id", key),), reason="r"
    )
    return Rules(converted=(said,))


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (where("product in (select id from products)"), None),
        (where("product in (select id from shop.products) -- all"), None),
        (where("sales.product > 1"), None),
        (where("product in (select id from nosuch)"), 'relation "nosuch" does not exist'),
        (where("nosuch > 1"), 'column "nosuch" does not exist'),
        (where("product"), "must be type boolean"),
        (where("product >"), "syntax error"),
        (converted("public.sales.said", "lower(said)"), None),
        (converted("sales.fresh", "(select price from products p where p.id = product)"), None),
        (converted("public.sales.said", "lower(nosuch)"), 'column "nosuch" does not exist'),
        # By a name that the table has only afterwards: then it is evaluated afterwards.
        (converted("bills.said", "lower(nosuch)"), None),
        (converted("bills.said", "p.price", "products p", "p.id"), None),
        (converted("bills.said", "p.price", "products p", "p.nosuch"), "column p.nosuch does not exist"),
        (converted("bills.said", "p.price", "nosuch p", "p.id"), 'relation "nosuch" does not exist'),
    ],
)
def test_what_the_server_does_not_understand_is_named(shop: Address, rules: Rules, told: str | None) -> None:
    with connect(shop) as session:
        catalog = read.read(session)
        if told is None:
            announcements.check(rules, catalog, session)
        else:
            with pytest.raises(ConfigError, match=told) as raised:
                announcements.check(rules, catalog, session)
            assert "as they are before the migration" in str(raised.value)
        assert session.execute("show search_path").fetchone() == ("pg_catalog",)


def settings(server: Server, folder: Path, source: Source, text: str) -> Settings:
    (folder / "m.sql").write_text("update public.sales set said = 'b'")
    use = server.address().url() if server.kind == "existing" else server.kind
    return Settings(
        folder=folder, source=source, migration=Way(kind="sql", path=folder / "m.sql"),
        server=ServerSettings(use=use), expect=Expect(values=where(text).values),
    )  # fmt: skip


def test_a_live_source_is_asked_before_the_first_step(server: Server, shop: Address, tmp_path: Path) -> None:
    if server.kind == "container":
        pytest.skip("the source is in a container of its own")
    with pytest.raises(ConfigError, match="nosuch"):
        preflight(settings(server, tmp_path, Source(dsn=shop.url()), "product in (select id from nosuch)"))


def test_of_files_the_copy_is_asked_before_the_migration(server: Server, tmp_path: Path) -> None:
    if server.kind == "container":
        pytest.skip("once is enough")
    (tmp_path / "base.sql").write_text(BASE)
    source = Source(sql=(tmp_path / "base.sql",))
    result = rehearse(settings(server, tmp_path, source, "product in (select id from nosuch)"))
    steps = {step.name: step.outcome for step in result.steps}
    assert steps["rules"] is Outcome.FAILED
    assert steps.get("migrate") is not Outcome.PASSED
    assert any("nosuch" in (step.reason or "") for step in result.steps)
