"""Foreign keys that a restore checks: they are not counted before, and what they hold is known all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.backup.take import take
from pytest_pgsafe.catalog.values import Catalog
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source
from pytest_pgsafe.copy import restoring
from pytest_pgsafe.rehearsal import restored
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take as read_facts
from pytest_pgsafe.snapshot.values import ForeignKeyContent, NotVerified, Snapshot

SCHEMA = """
create table public.person (id integer primary key, area text, code integer, unique (area, code));
create table public.note (
    id integer primary key, person integer references public.person, area text, code integer, old integer,
    foreign key (area, code) references public.person (area, code)
);
insert into public.person select n, 'a', n from generate_series(1, 9) as n;
insert into public.note select n, nullif(n, 4), 'a', n, n + 8 from generate_series(1, 9) as n;
alter table public.note add constraint doubtful foreign key (old) references public.person not valid;
"""
CHECKED = ForeignKeyContent(nulls=1, orphans=0)
COUNTED = {
    "public.note.doubtful": ForeignKeyContent(nulls=0, orphans=8),
    "public.note.note_area_code_fkey": ForeignKeyContent(nulls=0, orphans=0),
}
ALL = {**COUNTED, "public.note.note_person_fkey": CHECKED}


@pytest.fixture
def source(server: Server) -> Iterator[Address]:
    address = server.create("keys")
    with connect(address, read_only=False) as session:
        session.execute(SCHEMA)
    yield address
    server.drop(address)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Snapshot, Snapshot, Snapshot]]:
    """Facts of the source as they were taken, those of the copy, and the source's with what the copy told."""
    found: list[tuple[Snapshot, Snapshot, Snapshot]] = []
    counted = restored._counted  # pyright: ignore[reportPrivateUsage]

    def noted(ours: Snapshot, facts: Snapshot) -> Snapshot:
        found.append((ours, facts, counted(ours, facts)))
        return found[-1][-1]

    monkeypatch.setattr(restored, "_counted", noted)
    return found


def rehearsed(folder: Path, source: Address) -> Result:
    return rehearse(Settings(folder=folder, source=Source(dsn=source.url()), server=ServerSettings(use="local")))


def test_a_key_that_the_restore_checks_is_known_and_not_counted(
    source: Address, tmp_path: Path, seen: list[tuple[Snapshot, Snapshot, Snapshot]]
) -> None:
    result = rehearsed(tmp_path, source)
    assert result.verdict == "passed", result
    [(ours, facts, whole)] = seen
    assert ours.foreign_keys == COUNTED
    assert facts.foreign_keys == whole.foreign_keys == ALL
    with connect(source) as session:
        assert read_facts(session).foreign_keys == ALL


def test_a_backup_that_is_kept_counts_all_of_them(source: Address, server: Server, tmp_path: Path) -> None:
    backup = take(source, tmp_path / "one", server.programs)
    assert backup.facts is not None
    assert backup.facts.foreign_keys == ALL


def test_a_row_without_its_referenced_row_under_a_checked_key_ends_the_restore(source: Address, tmp_path: Path) -> None:
    with connect(source, read_only=False) as session:
        session.execute("set session_replication_role = replica")
        session.execute("delete from public.person where id = 9")
    result = rehearsed(tmp_path, source)
    assert result.verdict == "failed"
    [step] = [step for step in result.steps if step.name == "restore"]
    assert "violates foreign key" in str(step.reason)


@pytest.mark.parametrize(
    "harm", ["update public.note set person = null where id = 5", "delete from public.person where id = 9"]
)
def test_a_copy_that_differs_under_a_key_that_nobody_counted_is_not_equal(
    harm: str, source: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = restoring.finish

    def planted(facts: Catalog | None, prepared: restoring.Prepared, server: Server) -> tuple[NotVerified, ...]:
        with connect(prepared.address, read_only=False) as session:
            session.execute("set session_replication_role = replica")
            session.execute(harm.encode())
        return finish(facts, prepared, server)

    monkeypatch.setattr(restoring, "finish", planted)
    result = rehearsed(tmp_path, source)
    assert result.verdict == "failed"
    [step] = [step for step in result.steps if step.name == "restore"]
    assert "not equal to the source" in str(step.reason)
