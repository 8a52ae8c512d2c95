"""Changed rows that were not meant to: a predicate over the before side, evaluated on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_pgsafe.catalog.read import read
from pytest_pgsafe.errors import SnapshotError
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot import outside
from pytest_pgsafe.snapshot.align import align
from pytest_pgsafe.snapshot.difference import difference
from pytest_pgsafe.snapshot.values import TableDifference

TABLES = b"""
create table public.t (id int primary key, a text, "B" int, part int);
insert into public.t select g, case g % 10 when 0 then null else 'A' || g end, g, g % 2 from generate_series(1, 300) g;
create table public.p (like public.t including defaults) partition by list (part);
create table public.p0 partition of public.p for values in (0);
create table public.p1 partition of public.p for values in (1);
alter table public.p add primary key (id, part);
insert into public.p select * from public.t;
"""
CHANGED = b"""
update public.t set a = lower(a) where a is not null;
update public.t set "B" = 0 where id <= 20;
update public.p set a = lower(a) where a is not null;
"""


class Both:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.before = server.create("outside")
        with connect(self.before, read_only=False) as connection:
            connection.execute(TABLES)
        self.after = server.clone(self.before, "outside_after")
        with connect(self.after, read_only=False) as connection:
            connection.execute(CHANGED)

    def difference(self, where: dict[str, str], table: str = "public.t") -> TableDifference:
        with connect(self.before) as one, connect(self.after, read_only=False) as two:
            catalog = read(one)
            columns = {name: name for name, column in catalog.columns.items() if column.table == table}
            (pair,) = align(catalog, read(two), tables={table: table}, columns=columns)
            return difference(one, two, pair.before, pair.after, where=where)


@pytest.fixture(scope="module")
def both(server: Server) -> Iterator[Both]:
    found = Both(server)
    yield found
    for address in (found.after, found.before):
        server.drop(address)


@pytest.mark.parametrize("table", ["public.t", "public.p"])
def test_rows_that_do_not_fulfil_it_are_counted_and_shown(
    both: Both, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "_BATCH", 7)
    found = both.difference({"a": "id > 5 or a = 'A2' -- to the end"}, table)
    assert found.changed["a"] == 270
    assert found.outside == {"a": 4}
    assert sorted(sample.key["id"] or "" for sample in found.outside_samples["a"]) == ["1", "3", "4", "5"]
    (first,) = (sample for sample in found.outside_samples["a"] if sample.key["id"] == "1")
    assert (first.before, first.after) == ({"a": "A1"}, {"a": "a1"})


def test_it_sees_the_row_as_it_was(both: Both) -> None:
    assert both.difference({"a": "a = upper(a)"}).outside == {}
    assert both.difference({"a": "a = lower(a)"}).outside == {"a": 270}
    # What is NULL is not fulfilled; a column without predicate is not looked at.
    assert both.difference({"a": "null"}).outside == {"a": 270}
    assert both.difference({'"B"': '"B" < 20 and t.part = 0'}).outside == {'"B"': 11}


@pytest.mark.parametrize("predicate", ["nothing = 1", "id / 0 > 1", "true; drop table public.t", "id ="])
def test_a_predicate_that_cannot_be_evaluated(both: Both, predicate: str) -> None:
    with pytest.raises(SnapshotError, match=r"\[expect\] values: the predicate for public\.t") as caught:
        both.difference({"a": predicate})
    assert caught.value.looked_at == (predicate,)
