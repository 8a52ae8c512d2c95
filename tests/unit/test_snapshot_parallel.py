"""How a table is cut into pieces for several sessions."""

from __future__ import annotations

import pytest

from pytest_pgsafe.snapshot.parallel import cut


def pieces(sizes: list[int], sessions: int, least: int) -> list[int]:
    """Return the blocks of each piece, over all partitions."""
    starts = cut(sizes, sessions, least)
    ends = [*starts[1:], max(sizes)]
    return [sum(max(0, min(end, size) - start) for size in sizes) for start, end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize("sizes", [[17_536], [1_000] * 10, [10] * 500 + [9_000], [5_000, 3, 0]])
@pytest.mark.parametrize("sessions", [2, 3, 8])
def test_all_sessions_end_together(sizes: list[int], sessions: int) -> None:
    found = pieces(sizes, sessions, 64)
    assert sum(found) == sum(sizes)
    assert all(piece > 0 for piece in found)
    # A block of a range is one of each partition.
    assert max(found) <= sum(sizes) / (2 * sessions) + len(sizes)
    assert found[-1] <= 64 + len(sizes)
    assert len(found) <= 2 * sessions * 12


@pytest.mark.parametrize("sizes", [[0], [1], [64], [1, 1]])
def test_what_is_small_stays_whole(sizes: list[int]) -> None:
    assert cut(sizes, 4, 64) == [0]
