"""What the server and the programs at hand change by themselves is no difference of a source; a loss is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source
from pytest_pgsafe.copy import calibration, restoring
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.server import cache
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

#: What a server to come might do to whatever is restored: functions say something that their sources did not.
PRINTED_OTHERWISE = """
do $$declare f regprocedure; begin
    for f in select p.oid from pg_proc p where pronamespace = 'public'::regnamespace and prokind = 'f' loop
        execute format('alter function %s cost 77', f);
    end loop;
end$$
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache in which nothing was calibrated; clusters and programs stay where they are."""
    kept = cache.entry

    def entry(path: Path, make: Callable[[Path], None], **more: Any) -> Path:
        calibrated = path.name.startswith("calibration-")
        return kept(tmp_path / path.name if calibrated else path, make, **more)

    monkeypatch.setattr(cache, "entry", entry)


def test_a_server_of_today_changes_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert calibration.of(server) == ()
    monkeypatch.setattr(calibration, "take", None)
    assert calibration.of(server) == (), "it was asked a second time"


def rehearsed(server: Server, database: Address, folder: Path, lost: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Rehearse where every restore changes what functions say, and the source's loses something besides."""

    def after(restored: Callable[..., tuple[str, ...]], further: str) -> Callable[..., tuple[str, ...]]:
        def restore(archive: object, target: Address, *rest: Any, **more: Any) -> tuple[str, ...]:
            told = restored(archive, target, *rest, **more)
            with connect(target, read_only=False) as session:
                session.execute("set search_path = public")
                session.execute(PRINTED_OTHERWISE)
                session.execute(further.encode())
            return told

        return restore

    with connect(database, read_only=False) as session:
        session.execute("set search_path = public")
        session.execute("create table t (a int, b text) with (fillfactor = 70, autovacuum_enabled = off)")
        session.execute("alter table t alter a set (n_distinct = 7)")
        session.execute("create function f() returns int language sql as 'select 1'")
    monkeypatch.setattr(calibration, "restore", after(calibration.restore, "select 1"))
    monkeypatch.setattr(restoring, "restore", after(restoring.restore, lost))
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    use = server.address().url() if server.kind == "existing" else server.kind
    told = Settings(folder=folder, source=Source(dsn=database.url()), server=ServerSettings(use=use, image=image))
    return rehearse(told)


def test_what_every_restore_changes_is_a_note(
    server: Server, database: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = rehearsed(server, database, tmp_path, "select 1", monkeypatch)
    assert result.verdict == "passed", [step.reason for step in result.steps]
    [note] = [one for one in result.findings if one.code == "PGS012"]
    assert note.message.startswith("definition of function: PostgreSQL ")
    assert "COST" in note.message


@pytest.mark.parametrize(
    "lost",
    [
        "alter table t alter a reset (n_distinct)", "alter table t reset (fillfactor)",
        "alter table t reset (autovacuum_enabled)", "alter function f() strict",
        "create or replace function f() returns int language sql as 'select 2'", "drop function f()",
    ],
)  # fmt: skip
def test_a_loss_is_a_difference_all_the_same(
    server: Server, database: Address, lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = rehearsed(server, database, tmp_path, lost, monkeypatch)
    [failed] = [step for step in result.steps if step.reason]
    assert "not equal to the source: 1 difference" in str(failed.reason)
