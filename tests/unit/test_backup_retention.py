"""Retention is a pure function: what holds for every history of backups."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from pytest_pgsafe.backup.retention import Dated, Policy, kept

START = datetime(2024, 12, 20, tzinfo=timezone.utc)
hours = st.integers(0, 24 * 900)
backups = st.dictionaries(hours, st.booleans(), min_size=1, max_size=60).map(
    lambda found: {hour: Dated(taken_at=START + timedelta(hours=hour), proven=proven) for hour, proven in found.items()}
)
policies = st.builds(
    Policy, daily=st.integers(0, 9), weekly=st.integers(0, 5), monthly=st.integers(0, 13), yearly=st.integers(0, 3)
)
NOW = START + timedelta(days=1000)


def stay(found: dict[int, Dated], policy: Policy, now: datetime = NOW) -> dict[int, Dated]:
    reasons = kept(found, policy, now)
    assert reasons.keys() == found.keys()
    return {key: one for key, one in found.items() if reasons[key]}


@given(backups, policies)
def test_the_last_proven_one_stays_and_where_none_is_proven_all(found: dict[int, Dated], policy: Policy) -> None:
    left = stay(found, policy)
    proven = [key for key, one in found.items() if one.proven]
    if proven:
        assert max(proven) in left
        assert max(found) in left
    else:
        assert left == found


@given(backups, policies)
def test_what_is_left_stays_the_next_time(found: dict[int, Dated], policy: Policy) -> None:
    left = stay(found, policy)
    assert stay(left, policy) == left


@given(backups, policies)
def test_bad_days_evict_no_good_one(found: dict[int, Dated], policy: Policy) -> None:
    good = {key: one for key, one in found.items() if one.proven}
    if good:
        newest = {max(good)}
        assert stay(good, policy).keys() - newest <= stay(found, policy).keys()


@given(backups, policies)
def test_no_more_is_kept_than_the_classes_hold(found: dict[int, Dated], policy: Policy) -> None:
    if any(one.proven for one in found.values()):
        most = 2 * policy.daily + policy.weekly + policy.monthly + policy.yearly + 2
        assert len(stay(found, policy)) <= most


@given(backups, policies)
def test_each_class_has_its_newest_proven_backup(found: dict[int, Dated], policy: Policy) -> None:
    proven = {key: one for key, one in found.items() if one.proven}
    left = stay(found, policy)
    for most, word in (
        (policy.daily, "%Y-%j"),
        (policy.weekly, "%G-%V"),
        (policy.monthly, "%Y-%m"),
        (policy.yearly, "%Y"),
    ):
        newest = {one.taken_at.strftime(word): key for key, one in sorted(proven.items())}
        for _, key in sorted(newest.items(), key=lambda item: -item[1])[:most]:
            assert key in left


@given(backups, policies)
def test_pruning_each_day_keeps_what_pruning_once_keeps(found: dict[int, Dated], policy: Policy) -> None:
    proven = {key: Dated(taken_at=one.taken_at, proven=True) for key, one in found.items()}
    there: dict[int, Dated] = {}
    for key in sorted(proven):
        there = stay({**there, key: proven[key]}, policy)
    once = stay(proven, policy)
    # A class of fewer days than its next one has weeks may hold on to more, never to less of the days.
    assert max(once) in there
    days = sorted({one.taken_at.date() for one in proven.values()})[-policy.daily :] if policy.daily else []
    assert set(days) <= {one.taken_at.date() for one in there.values()}


def test_a_year_of_daily_backups_leaves_what_the_schedule_says() -> None:
    found = {day: Dated(taken_at=START + timedelta(days=day), proven=True) for day in range(800)}
    reasons = kept(found, Policy(), NOW)
    count = {
        name: sum(name in words for words in reasons.values()) for name in ("daily", "weekly", "monthly", "yearly")
    }
    # 2024 to 2027 are four years.
    assert count == {"daily": 7, "weekly": 4, "monthly": 12, "yearly": 4}
    assert reasons[799] == ("daily", "weekly", "monthly", "yearly", "the last proven backup", "the newest backup")


def test_a_promised_date_is_kept() -> None:
    old = Dated(taken_at=START, proven=False, keep_until=NOW + timedelta(days=1))
    found = {0: old, **{day: Dated(taken_at=START + timedelta(days=day), proven=True) for day in range(500, 520)}}
    assert kept(found, Policy(), NOW)[0] == (f"promised until {NOW + timedelta(days=1):%Y-%m-%d}",)
    assert kept(found, Policy(), NOW + timedelta(days=2))[0] == ()
