"""What a run will cost is told from the size of its source."""

from __future__ import annotations

from pytest_pgsafe.rehearsal.expected import costs


def test_a_kept_base_saves_the_restore_and_a_read_wal_the_reading() -> None:
    first = costs(1 << 30, copies=3, kept=False, read_all=True)
    second = costs(1 << 30, copies=2, kept=True, read_all=False)
    assert first == (
        "pgsafe expects: about 46 s beside the migration's own runs (alone, beside others, broken off), and up to"
        " 3.0 GB of disk, for 1.0 GB"
    )
    assert second == (
        "pgsafe expects: about 2 s beside the migration's own runs (alone, beside others, broken off), and up to"
        " 2.0 GB of disk, for 1.0 GB"
    )


def test_a_server_takes_room_whatever_it_holds() -> None:
    assert "up to 45 MB of disk, for 20 kB" in str(costs(20 << 10, copies=4, kept=False, read_all=True))


def test_hours_are_minutes_and_of_an_unknown_size_nothing_is_told() -> None:
    assert "about 64 min" in str(costs(100 << 30, copies=3, kept=False, read_all=False))
    assert costs(0, copies=3, kept=False, read_all=True) is None
