"""What lies beside a database's tables: rows of extensions, and materialised views that were not refreshed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.compare import restored_equals_source
from pytest_pgsafe.config.values import Report, Settings, Source, Way
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take
from pytest_pgsafe.snapshot.values import Snapshot

CONTROL = "comment = 'rows of its own and of its users'\ndefault_version = '1.0'\nrelocatable = true\n"
SCRIPT = """
create table projection (id integer primary key, name text not null);
create table unit (code text, factor numeric);
insert into projection select n, 'projection ' || n from generate_series(1, 20) n;
insert into unit values ('m', 1), ('km', 1000);
select pg_extension_config_dump('projection', 'WHERE id > 20');
"""


@pytest.fixture
def extension(server: Server) -> Iterator[str]:
    """An extension of our own in the folder of the server's, which has to be writable."""
    if server.kind == "container":
        pytest.skip("the extension's files would have to be inside the container")
    with connect(server.address()) as connection:
        [(share,)] = connection.execute("select setting from pg_config where name = 'SHAREDIR'").fetchall()
    name = f"pgsafe_{uuid.uuid4().hex[:12]}"
    files = {
        Path(share, "extension", f"{name}.control"): CONTROL,
        Path(share, "extension", f"{name}--1.0.sql"): SCRIPT,
    }
    try:
        for path, text in files.items():
            path.write_text(text)
            path.chmod(0o644)
        yield name
    except PermissionError as error:
        pytest.skip(f"no extension can be added to this server: {error}")
    finally:
        for path in files:
            path.unlink(missing_ok=True)


@pytest.fixture
def source(server: Server, extension: str) -> Iterator[Address]:
    address = server.create("exact")
    with connect(address, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(f"create extension {extension}".encode())
        connection.execute("insert into projection values (21, 'ours'), (22, 'ours too')")
        connection.execute("create table sale (id integer primary key, month date, total numeric)")
        connection.execute("insert into sale select n, date '2026-01-01' + n, n from generate_series(1, 100) n")
        connection.execute(
            "create materialized view by_month as select date_trunc('month', month) m, sum(total) from sale group by 1"
        )
        connection.execute("insert into sale values (101, '2026-09-01', 7)")
    yield address
    server.drop(address)


def rehearsed(server: Server, source: Address, folder: Path, migration: str) -> Result:
    file = folder / "migration.sql"
    file.write_text(migration)
    use = source.url() if server.kind == "existing" else server.kind
    settings = Settings(
        folder=folder,
        source=Source(dsn=source.url()),
        migration=Way(kind="sql", path=file),
        rollback=None,
        server=ServerSettings(use=use, image=None),
        report=Report(),
    )
    return rehearse(settings)


def taken(address: Address) -> Snapshot:
    with connect(address) as connection:
        return take(connection)


def of(result: Result, name: str) -> list[Finding]:
    return [one for one in result.findings if one.object == name]


def test_rows_of_extensions_are_restored_compared_and_followed(server: Server, source: Address, tmp_path: Path) -> None:
    result = rehearsed(
        server, source, tmp_path, "delete from projection where id in (3, 21); update unit set factor = 1;"
    )
    [gone] = of(result, "public.projection")
    assert (gone.check, gone.severity, gone.before, gone.after) == ("rows", Severity.ERROR, 22, 20)
    assert sorted(str(sample.key["id"]) for sample in gone.samples) == ["21", "3"]
    assert {one.severity for one in of(result, "public.unit")} == {Severity.ERROR}
    # The view was stale in the source: a restore computes it, which is told and no difference.
    [stale] = of(result, "public.by_month")
    assert (stale.check, stale.severity, stale.before, stale.after) == ("restore", Severity.NOTE, 4, 5)
    assert result.verdict == "failed"


def test_a_copy_without_an_extensions_rows_is_not_equal(server: Server, source: Address) -> None:
    facts = taken(source)
    copy = server.clone(source, "exact")
    try:
        with connect(copy, read_only=False) as connection:
            connection.execute("set search_path = public")
            # Rows that no dump carries may be others in a newer version of the extension.
            connection.execute("delete from projection where id < 20")
            assert restored_equals_source(facts, taken(copy)) == ()
            connection.execute("update projection set name = 'theirs' where id = 21")
            [changed] = restored_equals_source(facts, taken(copy))
            assert changed.object == "public.projection.name"
            connection.execute("delete from projection where id = 21")
            [gone] = restored_equals_source(facts, taken(copy))
            assert (gone.object, gone.attribute, gone.before, gone.after) == ("public.projection", "rows", 2, 1)
    finally:
        server.drop(copy)
