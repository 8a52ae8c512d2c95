"""References behind a key that was replaced: they lead where they led, or it is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from pytest_pgsafe.checks.values import Rules
from pytest_pgsafe.config.expectations import Converted, RowsRule, ValuesRule
from pytest_pgsafe.server.base import Server

BASE = """
create table company (id int primary key, name text not null unique);
insert into company select i, 'c' || i from generate_series(1, 20) i;
create table repo (id int primary key, company int references company, title text);
insert into repo select i, i % 20 + 1, 'r' || i from generate_series(1, 180) i;
create table nameless (id int primary key, said text);
insert into nameless select i, 'n' from generate_series(1, 5) i;
create table of_nameless (id int primary key, nameless int references nameless);
insert into of_nameless select i, i from generate_series(1, 5) i;
"""


@pytest.fixture(scope="module")
def bench(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    file = tmp_path_factory.mktemp("led") / "base.sql"
    file.write_text(BASE)
    made = Bench.load(server, [file], role=server.address().user)
    yield made
    server.drop(made.before)


ANNOUNCED = Rules(
    values=(ValuesRule(column="public.repo.company", reason="uuid"),),
    rows=(RowsRule(table="public.company", rule="any", reason="uuid"),),
)
IN_PLACE = (
    "alter table repo drop constraint repo_company_fkey;"
    "alter table company alter id type uuid using md5(id::text)::uuid;"
    "alter table repo alter company type uuid using md5(({})::text)::uuid;"
    "alter table repo add foreign key (company) references company;"
)
BESIDE = (
    "alter table company add key uuid unique default gen_random_uuid(); alter table repo add company_key uuid;"
    "update repo set company_key = (select key from company c where c.id = {});"
    "alter table repo drop constraint repo_company_fkey, drop company;"
    "alter table repo add foreign key (company_key) references company (key);"
)


@pytest.mark.parametrize(
    ("text", "rules", "wrong"),
    [
        (IN_PLACE.format("company"), ANNOUNCED, None),
        (IN_PLACE.format("company % 20 + 1"), ANNOUNCED, 180),
        (IN_PLACE.format("case when id = 7 then 3 else company end"), ANNOUNCED, 1),
        (BESIDE.format("repo.company"), Rules(), None),
        (BESIDE.format("repo.company % 20 + 1"), Rules(), 180),
        (BESIDE.format("nullif(repo.company, 2)"), Rules(), 9),
        # Proven to lead where it was said that they lead.
        (
            IN_PLACE.format("company % 20 + 1"),
            Rules(converted=(
                Converted(column="public.repo.company", expression="md5((company % 20 + 1)::text)::uuid", reason="r"),
            )),
            None,
        ),
        # The key stays: each value is told of by itself.
        ("update repo set company = company % 20 + 1", ANNOUNCED, None),
        ("alter table repo rename company to owner", Rules(), None),
        (
            "alter table of_nameless drop constraint of_nameless_nameless_fkey;"
            "alter table nameless alter id type bigint; alter table of_nameless alter nameless type bigint;"
            "alter table of_nameless add foreign key (nameless) references nameless",
            Rules(), None,
        ),
    ],
)  # fmt: skip
def test_where_references_lead(bench: Bench, tmp_path: Path, text: str, rules: Rules, wrong: int | None) -> None:
    file = tmp_path / "up.sql"
    file.write_text(text)
    found = [one for one in bench.judge(file, rules) if one.code == "PGS304"]
    assert [one.after for one in found] == ([] if wrong is None else [wrong]), found
    assert all(one.object == "public.repo.company" for one in found)
