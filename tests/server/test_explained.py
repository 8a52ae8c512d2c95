"""The static reading beside what a comparison found on a real server: nothing goes that no statement tells of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from pytest_pgsafe.checks.blame.explained import Explained
from pytest_pgsafe.compare.values import Action, Change
from pytest_pgsafe.reading.files import of_files
from pytest_pgsafe.server.base import Server
from tests.catalogue.headers import HERE, asked_for
from tests.tiers import FULL

HARMS = sorted((HERE / "harms").glob("*.sql"))
#: What drops most, and in the most different ways.
FEW = {
    "column_dropped", "columns_dropped_with_type", "hidden_in_do", "identity_dropped", "schema_dropped_with_rows",
    "trigger_function_dropped", "view_dropped_with_table", "foreign_key_cascades",
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(server: Server) -> Iterator[Bench]:
    bench = Bench.load(server, [HERE / "schema.sql"], role="catalogue_owner")
    yield bench
    server.drop(bench.before)


def explained(shop: Bench, file: Path) -> Explained:
    with asked_for(shop, file) as bench:
        return bench.explained(file)


@pytest.mark.parametrize("file", [one for one in HARMS if FULL or one.stem in FEW], ids=lambda file: file.stem)
def test_what_is_gone_is_declared_or_unread(shop: Bench, file: Path) -> None:
    unread = [one for one in of_files([file]) if one.unread is not None]
    found = explained(shop, file)
    for change in found.changes:
        told = change.statement is not None or change.declared is False
        assert told or unread or change.action is Action.ADDED or change.kind == "foreign key", change
        if change.statement is not None:
            # Everything is in this one file.
            assert change.statement.file == file.name
            assert change.statement.line is not None
    gone = [change for change in found.changes if change.action is Action.DROPPED]
    assert all(change.statement is not None or unread for change in gone), gone


def of(changes: tuple[Change, ...], name: str) -> Change:
    [found] = [change for change in changes if change.object == name]
    return found


def test_a_cascade_is_told_from_what_the_statement_names(shop: Bench, tmp_path: Path) -> None:
    file = tmp_path / "m.sql"
    file.write_text("begin;\n\nalter table shop.sale\n  drop column quantity cascade;\ncommit;\n")
    found = explained(shop, file)
    named, view = of(found.changes, "shop.sale.quantity"), of(found.changes, "shop.sale_total")
    assert str(named.statement) == str(view.statement) == "m.sql:3 alter table shop.sale drop column quantity cascade"
    assert (named.declared, view.declared) == (True, False)
    [finding] = [one for one in found.findings if one.code == "PGS203" and one.object == "shop.sale.quantity"]
    assert (finding.statement, finding.declared) == (named.statement, True)


def test_a_foreign_key_is_told_from_what_the_statement_names(shop: Bench) -> None:
    found = explained(shop, HERE / "harms" / "foreign_key_cascades.sql")
    told = {change.object: (change.statement, change.declared) for change in found.changes if change.kind == "values"}
    assert {name: declared for name, (_, declared) in told.items()} == {"shop.sale.sku": False}
    assert str(told["shop.sale.sku"][0]) == (
        "foreign_key_cascades.sql:5 update shop.product set sku = 'T-12' where sku = 'S-12'"
    )
