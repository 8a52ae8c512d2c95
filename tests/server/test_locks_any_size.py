"""What is told of locks, and what statements cost, whatever the size of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.checks.values import Finding, Rules
from pytest_pgsafe.config.expectations import Locked
from pytest_pgsafe.migrate.run import run
from pytest_pgsafe.server.base import Server
from tests.migrations import parse
from tests.server.bench import Bench

BASE = """
create table ref (id int primary key, n int);
insert into ref select n, n from generate_series(1, 200) n;
create table child (id int primary key, ref_id int);
insert into child select n, n from generate_series(1, 200) n;
create table empty (id int primary key, n int);
create materialized view mv as select count(*) from ref;
create table parted (id int not null) partition by range (id);
create table parted_rest partition of parted default;
insert into parted select n from generate_series(1, 50) n;
create table loose (id int not null);
"""


@pytest.fixture(scope="module")
def bench(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    if not server.owns_cluster:
        pytest.skip("its log cannot be read")
    file = tmp_path_factory.mktemp("locks") / "base.sql"
    file.write_text(BASE)
    bench = Bench.load(server, [file], role=server.address().user)
    yield bench
    server.drop(bench.before)


def told(bench: Bench, folder: Path, text: str, **rules: object) -> dict[str, Finding]:
    """Return the findings about locks, by object; a warning before a note."""
    (folder / "m.sql").write_text(text)
    found = [one for one in bench.judge(folder / "m.sql", Rules(**rules)) if one.code in {"PGS801", "PGS802"}]  # type: ignore[arg-type]
    return {one.object.removeprefix("public."): one for one in reversed(found)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("begin; alter table ref add column x int; update child set ref_id = ref_id + 0; commit", {"ref": "warning"}),
        ("begin; alter table ref add column x int; insert into empty values (1); commit", {"ref": "note"}),
        ("alter table ref add column x int; update child set ref_id = ref_id + 0", {"ref": "note"}),
        ("do $$ begin alter table ref add column x int; update child set id = id; end $$", {"ref": "warning"}),
        ("do $$ begin lock table ref; perform pg_sleep(1); end $$", {"ref": "note"}),
        ("refresh materialized view mv", {"mv": "warning"}),
        ("alter table child add foreign key (ref_id) references ref", {"child": "warning", "ref": "warning"}),
        ("alter table child add foreign key (ref_id) references ref not valid", {"child": "note", "ref": "note"}),
        (
            "alter table parted attach partition loose for values from (100) to (200)",
            {"parted_rest": "warning", "loose": "warning"},
        ),
        ("create index on ref (n)", {"ref": "warning"}),
        ("create index concurrently on ref (n)", {}),
        ("create index on empty (n)", {"empty": "note"}),
        ("alter table ref alter n type bigint", {"ref": "warning"}),
        ("alter table ref add check (n > 0)", {"ref": "warning"}),
        ("alter table ref add check (n > 0) not valid", {"ref": "note"}),
    ],
)  # fmt: skip
def test_locks(bench: Bench, tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    found = told(bench, tmp_path, text)
    assert {name: one.severity.value for name, one in found.items()} == expected, found


def test_strict_makes_errors_of_them_and_an_announcement_notes(bench: Bench, tmp_path: Path) -> None:
    text = "create index on ref (n)"
    assert told(bench, tmp_path, text, strict=True)["ref"].severity.value == "error"
    announced = Locked(table="public.ref", mode="ShareLock", reason="at night")
    found = told(bench, tmp_path, text, strict=True, locks=(announced,))["ref"]
    assert (found.severity.value, found.reason) == ("note", "at night")


def test_what_statements_cost(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "m.sql").write_text(
        "update ref set n = n + 1;\ninsert into empty select n, n from generate_series(1, 30000) n;\n"
        "begin;\ncreate table big as select n from generate_series(1, 300000) n;\nselect pg_sleep(1);\nrollback;\n"
    )
    after = bench.server.clone(bench.before, "after")
    try:
        migration = parse(str(tmp_path / "m.sql"), tmp_path)
        trace = run(migration, bench.server, after, role=bench.role, folder=tmp_path)
    finally:
        bench.server.drop(after)
    update, insert, _, create, _, _ = trace.statements
    assert (update.rows, update.scanned) == (200, 200)
    assert insert.rows == 30_000
    assert create.rows == 300_000
    assert 0 < (update.wal or 0) < (insert.wal or 0) < (create.wal or 0) <= (trace.wal or 0)
    # What is rolled back has taken room for a while.
    assert trace.growth is not None
    assert trace.peak is not None
    assert trace.growth < 8 << 20 < trace.peak
