"""Targets of a recovery, as people write them."""

from __future__ import annotations

import pytest

from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.pitr.target import Target


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-22T14:30:00+00:00", "2026-11-22T14:30:00+00:00"),
        ("2026-11-22T14:30Z", "2026-11-22T14:30:00+00:00"),
        # As PostgreSQL prints it: no minutes of the offset, and no zeros at the fraction's end.
        ("2026-11-22 14:30:00.0829+01", "2026-11-22T13:30:00.082900+00:00"),
        ("2026-11-22 14:30:00.123456789-0330", "2026-11-22T18:00:00.123456+00:00"),
        # The same hour twice, when the clocks go back: the offset says which.
        ("2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00+00:00"),
    ],
)
def test_a_time_means_one_moment(text: str, value: str) -> None:
    assert Target.time(text).value == value


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T14:30:00", "2026-10-25T02:30:00 CET", "2026-10-25T02:30:00 Europe/Berlin", "2026-11-22", "now",
        "infinity", "yesterday", "1795000000", "22.11.2026 14:30+01", "2026-11-22T25:00:00+00:00", "",
        "0001-01-01T00:00:00+14:00", "2026-11-22T14:30:00+99:00", "2026-11-22T14:30:00+00:00; drop table",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        Target.time(text)


def test_a_transaction_is_a_number() -> None:
    assert Target.xid("735").value == "735"
    # The WAL has 32 bits of what pg_current_xact_id() gives.
    assert Target.xid(str((3 << 32) + 735)).value == "735"
    # PostgreSQL takes the first for 0 and the second for 448, and finds nothing, or another.
    for text in ("abc", "0700", "-5", "0", "0x2ef", ""):
        with pytest.raises(ConfigError):
            Target.xid(text)


def test_a_restore_point_has_a_name() -> None:
    assert Target.name("before the migration").value == "before the migration"
    # PostgreSQL takes an empty one for no target at all, and recovers to the end.
    for text in ("", "n" * 64):
        with pytest.raises(ConfigError):
            Target.name(text)


def test_a_position_is_one() -> None:
    for text in ("", "1", "0/0/0", "G/1", "0/1 "):
        with pytest.raises(ConfigError):
            Target.lsn(text)
