"""Where nothing leads back, the restore does: it is rehearsed, timed, and proven equal."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_pgsafe.backup.take import take
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.copy import source as sources
from pytest_pgsafe.copy.likeness import Likeness
from pytest_pgsafe.errors import RestoreError
from pytest_pgsafe.rehearsal import way_back
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

TABLES = b"""
create table public.people (id int primary key, name text);
insert into public.people select n, 'name ' || n from generate_series(1, 50) as n;
"""


def rehearsed(server: Server, database: Address, folder: Path, down: str | None) -> Result:
    with connect(database, read_only=False) as session:
        session.execute(TABLES)
    (folder / "up.sql").write_text("alter table public.people add column email text;")
    if down is not None:
        (folder / "down.sql").write_text(down)
    use = server.address().url() if server.kind == "existing" else server.kind
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    return rehearse(
        Settings(
            folder=folder,
            source=Source(dsn=database.url()),
            migration=Way(kind="sql", path=folder / "up.sql"),
            rollback=None if down is None else Way(kind="sql", path=folder / "down.sql"),
            server=ServerSettings(use=use, image=image),
        )
    )


def test_no_way_back_costs_no_second_restore(server: Server, database: Address, tmp_path: Path) -> None:
    result = rehearsed(server, database, tmp_path, None)
    assert result.verdict == "passed", result
    assert re.fullmatch(
        r"no way back is configured; the restore of the backup is one: [\d.]+ s, proven equal to the source",
        result.unused["rollback"],
    )
    assert {"rollback", "again", "restore_again"}.isdisjoint(step.name for step in result.steps)


def test_one_that_says_so_is_answered_by_the_restore(server: Server, database: Address, tmp_path: Path) -> None:
    down = "do $$ begin raise exception 'IrreversibleError: it is gone'; end $$;"
    result = rehearsed(server, database, tmp_path, down)
    assert result.verdict == "passed", result
    outcomes = {step.name: step.outcome for step in result.steps}
    assert outcomes["rollback"] is Outcome.SKIPPED
    assert outcomes["restore_again"] is Outcome.PASSED
    [finding] = [one for one in result.findings if one.code == "PGS904"]
    assert "IrreversibleError: it is gone" in finding.message
    assert re.search(r"the way back: [\d.]+ s, proven equal$", finding.message)


def test_a_way_back_and_forth_again(server: Server, database: Address, tmp_path: Path) -> None:
    result = rehearsed(server, database, tmp_path, "alter table public.people drop column email;")
    assert result.verdict == "passed", result
    assert [step.name for step in result.steps if step.outcome is Outcome.PASSED][-2:] == ["rollback", "again"]


def test_a_restore_that_is_not_equal_is_no_way_back(server: Server, database: Address, tmp_path: Path) -> None:
    with connect(database, read_only=False) as session:
        session.execute(TABLES)
    backup = take(database, tmp_path / "backup", server.programs, durable=False)
    assert backup.facts is not None
    source = sources.Source(archive=backup.archive, shown="backup")
    assert way_back.restore(source, backup, backup.facts, server, like=Likeness()) > 0
    content = backup.facts.tables["public.people"]
    other = replace(backup.facts, tables={"public.people": replace(content, rows=51)})
    with pytest.raises(RestoreError, match="is not equal to what it was taken of: 1 difference"):
        way_back.restore(source, backup, other, server, like=Likeness())
    with connect(server.address()) as session:
        left = session.execute(b"select count(*) from pg_database where datname like 'pgsafe_before%'").fetchone()
    assert left == (0,)
