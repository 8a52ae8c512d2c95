"""What would be green without having looked at anything, or at something old."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from builders import constraint, content, evidence, sequence, snapshot, table
from pytest_pgsafe.backup.archive import Archive
from pytest_pgsafe.backup.manifest import FORMAT, Manifest
from pytest_pgsafe.backup.take import Backup
from pytest_pgsafe.checks.values import Rules
from pytest_pgsafe.config.forms import duration, span
from pytest_pgsafe.copy import vacuous
from pytest_pgsafe.errors import BackupError, RestoreError
from pytest_pgsafe.migrate.values import Trace
from pytest_pgsafe.pitr.engines.recover import Restored
from pytest_pgsafe.pitr.reached import Recovered
from pytest_pgsafe.pitr.target import Target
from pytest_pgsafe.pitr.wal import Lsn
from pytest_pgsafe.rehearsal import unjudged
from pytest_pgsafe.snapshot.values import DenormalizedRule, NotVerified, Snapshot

NOW = datetime(2026, 3, 4, 12, tzinfo=timezone.utc)


def backup(taken: datetime | None) -> Backup:
    told = None
    if taken is not None:
        told = Manifest(
            format=FORMAT, taken_at=taken, source="db", database="crm", server_version="15.1", pg_dump_version="15.1",
            files=(),
        )  # fmt: skip
    return Backup(archive=Archive(path=Path("crm.dump"), form="custom"), facts=None, manifest=told)


def test_what_was_recovered_is_as_old_as_its_last_transaction() -> None:
    def until(moment: datetime) -> Restored:
        recovered = Recovered(
            target=Target(kind="end"), base=Path("20260304F"), stopped=None, last_transaction=moment,
            position=Lsn.parse("0/3000028"), seconds=1.0,
        )  # fmt: skip
        return Restored(source="pgbackrest main", label="20260304F", until=moment, recovered=recovered)

    # The dump of it is of just now, whatever its age.
    fresh = backup(NOW)
    assert vacuous.out_of_date(fresh, duration("24h"), NOW, until(NOW - timedelta(hours=23))) == ()
    with pytest.raises(BackupError, match=r"26 h old, and may be 24 h") as caught:
        vacuous.out_of_date(fresh, duration("24h"), NOW, until(NOW - timedelta(hours=26)))
    assert "pgbackrest main 20260304F, recovered until 2026-03-03 10:00:00 UTC at 0/3000028" in str(caught.value)


def test_a_backup_may_be_as_old_as_is_allowed() -> None:
    assert vacuous.out_of_date(backup(NOW - timedelta(days=400)), None, NOW) == ()
    assert vacuous.out_of_date(backup(NOW - timedelta(hours=24)), duration("24h"), NOW) == ()
    with pytest.raises(BackupError, match=r"26 h old, and may be 24 h") as caught:
        vacuous.out_of_date(backup(NOW - timedelta(hours=26)), duration("24h"), NOW)
    assert "2026-03-03 10:00" in str(caught.value)
    with pytest.raises(BackupError, match=r"10 d old, and may be 7 d"):
        vacuous.out_of_date(backup(NOW - timedelta(days=10)), duration("7d"), NOW)


def test_clocks_may_differ_a_little() -> None:
    assert vacuous.out_of_date(backup(NOW + timedelta(minutes=20)), 60.0, NOW) == ()
    with pytest.raises(BackupError, match="dated in the future"):
        vacuous.out_of_date(backup(NOW + timedelta(hours=2)), 60.0, NOW)


@pytest.mark.parametrize("source", [None, backup(None)])
def test_an_age_that_nobody_knows_is_not_verified(source: Backup | None) -> None:
    [gap] = vacuous.out_of_date(source, 60.0, NOW)
    assert gap.object == "max_age"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.001, "0.001 s"), (90, "90 s"), (7199, "120 min"), (7200, "2 h"), (86400, "24 h")]
)
def test_a_duration_for_people(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_span_between_two_moments_is_told_in_the_same_words() -> None:
    assert span(timedelta(hours=26, microseconds=7)) == span(26 * 3600.0) == "26 h"
    assert span(timedelta(seconds=37, microseconds=123_456)) == "37 s"


def test_nothing_compared_is_no_success() -> None:
    empty = snapshot()
    with pytest.raises(RestoreError, match="holds no table"):
        vacuous.without_content(empty, "sql")
    unread = replace(snapshot(table()), tables={}, not_verified=(NotVerified(object="public.sales", reason="foreign"),))
    with pytest.raises(RestoreError, match="no table of the source can be read") as caught:
        vacuous.without_content(unread, "database")
    assert "public.sales: foreign" in str(caught.value)


def test_a_source_without_rows_is_not_verified() -> None:
    nothing = replace(snapshot(table()), tables={"public.sales": content(0)})
    [gap] = vacuous.without_content(nothing, "sql")
    assert gap.object == "content"
    assert vacuous.without_content(replace(nothing, tables={"public.sales": content(1)}), "sql") == ()


def said(one: Snapshot, other: Snapshot, *judged: str, trace: Trace | None = None, **rules: object) -> set[str]:
    given = evidence(one, other, rules=Rules(**rules), trace=trace)  # type: ignore[arg-type]
    return {name for name, _ in unjudged.nothing_to_judge(given, judged)}


def test_what_had_nothing_to_look_at_is_skipped_unless_it_found_something() -> None:
    bare = snapshot(table(), tables={"public.sales": content(3)})
    assert said(bare, bare) == {"denormalized", "foreign_keys", "sequences", "locks", "cost"}
    assert said(bare, bare, "sequences", "locks") == {"denormalized", "foreign_keys", "cost"}
    empty = replace(bare, tables={"public.sales": content(0)})
    assert said(empty, empty) >= {"rows", "values"}


def test_one_thing_to_look_at_is_enough() -> None:
    bare = snapshot(table(), tables={"public.sales": content(3)})
    key = constraint("public.sales.fk", "foreign key", "FOREIGN KEY (a) REFERENCES b", references="public.b")
    keyed = snapshot(table(), key, tables={"public.sales": content(3)})
    for one, other in ((bare, keyed), (keyed, bare)):
        assert "foreign_keys" not in said(one, other)
    assert "foreign_keys" not in said(bare, bare, foreign_keys={"public.sales.a": "no nulls"})
    counted = snapshot(table(), sequence("public.numbers"), tables={"public.sales": content(3)})
    for one, other in ((bare, counted), (counted, bare)):
        assert "sequences" not in said(one, other)
    rule = DenormalizedRule(column="public.sales.a", source="public.b.c")
    assert "denormalized" not in said(bare, bare, denormalized=(rule,))
    assert "locks" not in said(bare, bare, trace=Trace(seconds=1, sessions=1, observed=True))
