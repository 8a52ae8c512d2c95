"""Which base backups and which WAL may go: nothing that one that stays needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pytest_pgsafe.catalog import codec
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.pitr import base, retention
from pytest_pgsafe.pitr.base import Base, Link
from pytest_pgsafe.pitr.bases import find as find_bases
from pytest_pgsafe.pitr.wal import Lsn, Segment
from tests.unit.test_pitr_archive import SIZE, put

DAY = datetime(2026, 11, 1, tzinfo=timezone.utc)


def made(root: Path, day: int, *, on: Path | None = None, system: int = 7) -> Path:
    """Write the record of a base backup that was taken in the segment of its day."""
    folder = root / f"day{day}"
    (folder / "data").mkdir(parents=True)
    taken = DAY + timedelta(days=day)
    record = Base(
        format=base.FORMAT,
        source="db",
        server_version="17.10",
        system=system,
        timeline=1,
        segment_size=SIZE,
        start=str(Lsn(day * SIZE + 40)),
        end=str(Lsn(day * SIZE + 300)),
        started_at=taken,
        ended_at=taken,
        superuser="postgres",
        manifest=f"{day}" * 8,
        on=None if on is None else base.link(on),
    )
    (folder / base.RECORD).write_bytes(codec.dumps(record))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three full base backups, each with two that are made on each other, and an archive."""
    for day in (1, 4, 7):
        full = made(tmp_path / "bases", day)
        made(tmp_path / "bases", day + 2, on=made(tmp_path / "bases", day + 1, on=full))
    (tmp_path / "archive").mkdir()
    for number in range(1, 12):
        put(tmp_path / "archive", number, 1)
    return tmp_path


def told(root: Path, **limits: object) -> tuple[list[str], list[str], list[int]]:
    found = retention.plan(find_bases(root / "bases"), root / "archive", **limits)  # type: ignore[arg-type]
    numbers = [segment.number for name in found.wal if (segment := Segment.parse(name[:24], SIZE))]
    return [path.name for path, _ in found.kept], [path.name for path in found.removed], numbers


def test_full_ones_stay_with_all_that_is_made_on_them(root: Path) -> None:
    kept, removed, wal = told(root, keep=1)
    assert kept == ["day7", "day8", "day9"]
    # One that is made on another goes before it: what is left is never a chain without its beginning.
    assert removed == ["day6", "day5", "day4", "day3", "day2", "day1"]
    assert wal == [1, 2, 3, 4, 5, 6]
    assert told(root, keep=3) == ([f"day{day}" for day in range(1, 10)], [], [])


def test_window_keeps_what_its_first_moment_is_recovered_from(root: Path) -> None:
    kept, removed, wal = told(root, keep=1, since=DAY + timedelta(days=6, hours=12))
    # The incremental one of the day before, and both that it is made on.
    assert kept == ["day4", "day5", "day6", "day7", "day8", "day9"]
    assert removed == ["day3", "day2", "day1"]
    assert wal == [1, 2, 3]
    # Before the oldest nothing can be recovered anyway.
    assert told(root, keep=1, since=DAY)[1] == []


def test_chain_with_a_hole_stays_to_be_looked_at_and_keeps_no_wal(root: Path) -> None:
    (root / "bases" / "day1").rename(root / "elsewhere")
    kept, removed, wal = told(root, keep=1)
    assert kept == ["day2", "day3", "day7", "day8", "day9"]
    assert removed == ["day6", "day5", "day4"]
    assert wal == [1, 2, 3, 4, 5, 6]


def test_histories_stay_and_what_is_named_by_a_segment_goes_with_it(root: Path) -> None:
    archive = root / "archive"
    old = Segment(number=3, timeline=2).name(SIZE)
    for name in ("00000002.history", f"{old}.partial", f"{old}.00000028.backup", f"{old}.gz", "notes.txt"):
        (archive / name).write_bytes(b"")
    found = retention.plan(find_bases(root / "bases"), archive, keep=2)
    assert {name for name in found.wal if name.startswith(old)} == {
        f"{old}.partial", f"{old}.00000028.backup", f"{old}.gz",
    }  # fmt: skip
    assert not {"00000002.history", "notes.txt"} & set(found.wal)


def test_an_archive_that_may_be_anothers_is_not_touched(root: Path) -> None:
    for path in (root / "archive").iterdir():
        path.unlink()
    with pytest.raises(ConfigError, match="does not show"):
        told(root, keep=1)
    put(root / "archive", 8, 1, system=8)
    put(root / "archive", 1, 1, system=8)
    with pytest.raises(ConfigError, match="does not show"):
        told(root, keep=1)
    made(root / "bases", 20, system=8)
    with pytest.raises(ConfigError, match="several clusters"):
        told(root, keep=1)


def test_a_link_knows_its_base_by_the_manifest_alone() -> None:
    link = Link(name="a", manifest="1")
    assert link == replace(link, name="b")
    assert link != replace(link, manifest="2")
