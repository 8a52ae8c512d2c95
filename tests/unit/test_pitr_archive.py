"""A WAL archive: what recovery would stop at, found without a server."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.pitr import archive, timelines
from pytest_pgsafe.pitr.timelines import Line
from pytest_pgsafe.pitr.wal import Lsn, Segment

SIZE, PAGE = 1 << 20, 8192
_LONG = struct.Struct("=HHIQI4xQII")
_SHORT = struct.Struct("=HHIQI4x")


def put(folder: Path, number: int, timeline: int, *, pages: dict[int, int] | None = None, system: int = 7) -> Path:
    """Write a segment with the headers of its pages, some of them of other timelines."""
    segment = Segment(number=number, timeline=timeline)
    content = bytearray(SIZE)
    for page in range(SIZE // PAGE):
        of = (pages or {}).get(page, timeline)
        start = number * SIZE + page * PAGE
        if page == 0:
            _LONG.pack_into(content, 0, 0xD110, 2, of, start, 0, system, SIZE, PAGE)
        else:
            _SHORT.pack_into(content, page * PAGE, 0xD110, 0, of, start, 0)
    path = folder / segment.name(SIZE)
    path.write_bytes(bytes(content))
    return path


def told(folder: Path, *, first: int = 1, timeline: int = 1, system: int = 7) -> list[str]:
    return [
        str(fault)
        for fault in archive.faults(archive.read(folder, SIZE), first=first, system=system, timeline=timeline)
    ]


def test_whole_archive_has_no_fault(tmp_path: Path) -> None:
    for number in range(1, 5):
        put(tmp_path, number, 1)
    assert told(tmp_path) == []


def test_what_is_missing_is_told_as_a_range(tmp_path: Path) -> None:
    put(tmp_path, 1, 1)
    # A second cluster archives into the same folder, far away.
    put(tmp_path, 900_000, 1, system=8)
    assert told(tmp_path) == [
        "000000010000000000000002: missing, and all up to 00000001000000DB00000B9F",
        "00000001000000DB00000BA0: it is of the cluster 8, not of 7",
    ]
    assert told(tmp_path, first=900_001) == ["00000001000000DB00000BA1: missing"]


def test_name_of_another_timeline_is_missing_where_it_should_be(tmp_path: Path) -> None:
    for number in range(1, 5):
        put(tmp_path, number, 1)
    (tmp_path / Segment(number=3, timeline=1).name(SIZE)).rename(tmp_path / Segment(number=3, timeline=2).name(SIZE))
    assert told(tmp_path) == [
        "000000010000000000000003: missing",
        # The file says that there is a second timeline, and nothing says where it begins.
        "00000002.history: missing, and with it 000000020000000000000003 and what follows",
    ]


class TestFork:
    """A standby was promoted in the middle of segment 3, and the old primary went on."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for number in range(1, 8):
            put(tmp_path, number, 1)
        # The page in which the timeline begins is a copy of the old one's.
        put(tmp_path, 3, 2, pages=dict.fromkeys(range(51), 1))
        for number in range(4, 6):
            put(tmp_path, number, 2)
        (tmp_path / "00000002.history").write_text("1\t0/364100\tno recovery target specified\n", "ascii")
        return tmp_path

    def test_other_branch_is_not_looked_at(self, folder: Path) -> None:
        assert told(folder) == []
        along = archive.read(folder, SIZE).along(1)
        assert along.segments[-1] == Segment(number=5, timeline=2)
        assert [segment.timeline for segment in along.segments] == [1, 1, 2, 2, 2]
        assert archive.read(folder, SIZE).along(2).segments == along.segments

    def test_old_primarys_segment_under_the_new_name_is_seen(self, folder: Path) -> None:
        # PostgreSQL would replay what the old primary went on with.
        put(folder, 3, 2, pages=dict.fromkeys(range(128), 1))
        assert told(folder) == [
            "000000020000000000000003: from 0/366000 on it holds the WAL of timeline 1, not of 2",
        ]
        put(folder, 4, 2, pages=dict.fromkeys(range(128), 1))
        assert told(folder)[1] == "000000020000000000000004: from 0/400000 on it holds the WAL of timeline 1, not of 2"

    def test_fork_that_is_missing_is_named(self, folder: Path) -> None:
        (folder / Segment(number=3, timeline=2).name(SIZE)).unlink()
        assert told(folder) == ["000000020000000000000003: missing"]


def test_history_is_followed_as_postgresql_does(tmp_path: Path) -> None:
    text = "1\t0/3000000\treason\n\n2\t0/5000000\tother\n"
    (tmp_path / "00000003.history").write_text(text, "ascii")
    line = timelines.followed(tmp_path, [2, 3, 5], 1)
    assert line == Line(((1, Lsn(0)), (2, Lsn(0x3000000)), (3, Lsn(0x5000000))))
    # Of 5 PostgreSQL does not know, since there is no 4.
    assert [line.at(Lsn(at)) for at in (0, 0x2FFFFFF, 0x3000000, 0x5000000)] == [1, 1, 2, 3]
    assert timelines.followed(tmp_path, [], 4) == Line(((4, Lsn(0)),))


def test_compressed_segments_are_told_of(tmp_path: Path) -> None:
    (tmp_path / "000000010000000000000001.zst").write_bytes(b"")
    with pytest.raises(ConfigError) as raised:
        archive.read(tmp_path, SIZE)
    assert "unpack copies of them: zstd -d 000000010000000000000001.zst" in str(raised.value)


def test_branch_without_segments_is_refused(tmp_path: Path) -> None:
    put(tmp_path, 1, 1)
    with pytest.raises(ConfigError, match="no segment of timeline 4"):
        archive.read(tmp_path, SIZE).along(4)


def test_begun_segment_counts_only_at_the_end_and_if_anything_was_received(tmp_path: Path) -> None:
    put(tmp_path, 1, 1)
    # pg_receivewal fills a segment with zeros before it receives into it.
    (tmp_path / f"{Segment(number=2, timeline=1).name(SIZE)}.partial").write_bytes(bytes(SIZE))
    assert archive.read(tmp_path, SIZE).partial == ()
    for number in (2, 3):
        path = put(tmp_path, number, 1)
        path.rename(path.with_name(f"{path.name}.partial"))
    there = archive.read(tmp_path, SIZE)
    assert there.along(1).segments == (Segment(number=1, timeline=1), Segment(number=3, timeline=1))
    # The one between is not whole, whatever is in it.
    assert told(tmp_path) == ["000000010000000000000002: missing"]
    put(tmp_path, 2, 1)
    assert told(tmp_path) == []
    put(tmp_path, 3, 1)
    assert archive.read(tmp_path, SIZE).partial == ()
