"""PGS561 no-partition and PGS562 not-deferred: bounds in all their shapes."""

from __future__ import annotations

import pytest

from pytest_pgsafe.checks.admitted import _without  # pyright: ignore[reportPrivateUsage]


def of(low: str, high: str) -> str:
    return f"FOR VALUES FROM ({low}) TO ({high})"


@pytest.mark.parametrize(
    ("bound", "others", "lost"),
    [
        (of("1", "10"), [of("1", "10")], None),
        (of("1", "10"), [of("1", "5")], "5 to 10"),
        (of("'1'", "'10'"), [of("'5'", "'10'")], "1 to 5"),
        (of("1", "10"), [of("5", "10"), of("1", "5")], None),
        (of("1", "10"), [of("7", "20"), of("-5", "3")], "3 to 7"),
        (of("1", "10"), [of("MINVALUE", "MAXVALUE")], None),
        (of("MINVALUE", "10"), [of("1", "10")], "MINVALUE to 1"),
        (of("'2026-01-01'", "'2026-02-01'"), [of("'2026-01-15'", "'2026-02-01'")], "2026-01-01 to 2026-01-15"),
        (of("'2026-01-01 00:00:00'", "'2026-02-01 00:00:00'"), [], "2026-01-01 00:00:00 to 2026-02-01 00:00:00"),
        # Of words, and of several columns, the order is not known.
        (of("'a'", "'m'"), [], None),
        (of("1, 'a'", "2, 'b'"), [], None),
        ("FOR VALUES IN ('a', 'it''s, b', NULL)", ["FOR VALUES IN ('a')", "FOR VALUES IN (NULL)"], "'it''s, b'"),
        ("FOR VALUES IN (1, 2)", ["FOR VALUES IN (2)", "FOR VALUES IN (1)"], None),
        ("FOR VALUES WITH (modulus 2, remainder 0)", [], None),
    ],
)
def test_what_of_a_bound_has_no_place(bound: str, others: list[str], lost: str | None) -> None:
    assert _without(bound, others) == lost
