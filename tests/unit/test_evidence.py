"""What entries show of a period: recoveries, other engines' repositories and stores, beside backups."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pytest_pgsafe.records.chain import Chain
from pytest_pgsafe.records.values import Entry, Kind
from pytest_pgsafe.runbook.evidence import Database, show

END = datetime(2026, 1, 31, tzinfo=timezone.utc)


def entry(day: int, kind: Kind, result: Any = "passed", **facts: Any) -> Entry:
    return Entry(kind=kind, time=f"2026-01-{day:02}T00:00:00Z", result=result, pgsafe="1", facts=facts)


def shown(root: Path, *entries: Entry) -> dict[tuple[str, str], Database]:
    found = show(Chain(entries=entries), root, begin=None, end=END)
    return {(one.environment, one.database): one for one in found.databases}


def test_recoveries_are_of_their_archive_and_have_their_times(tmp_path: Path) -> None:
    archive: dict[str, Any] = {"place": "/wal", "repository": "/wal"}
    rpo = [60.0, 90.0, 30.0, 20.0]
    entries = [entry(day, "recovery", **archive, rto_seconds=day, rpo_seconds=s) for day, s in enumerate(rpo, 1)]
    exact = entry(5, "recovery", **archive, rto_seconds=7.0, rpo_seconds=None)
    failed = entry(6, "recovery", "error", **archive, error="it was not reached")
    found = shown(tmp_path, *entries, exact, failed)
    assert list(found) == [("", "/wal")]
    one = found["", "/wal"]
    assert (one.recovered, one.rto.seconds, one.rpo.seconds) == (5, (1.0, 2.0, 3.0, 4.0, 7.0), tuple(rpo))
    assert one.rpo.trend == (75.0, 25.0)


def test_a_repository_is_proven_like_a_backup(tmp_path: Path) -> None:
    word = "pgbackrest:stanza=main"
    of: dict[str, Any] = {"place": word, "repository": word, "proven": True, "restore_seconds": 12.0}
    found = shown(
        tmp_path, entry(1, "verification", **of), entry(2, "verification", **{**of, "database": "crm"}),
        entry(3, "recovery", place=word, repository=word, rto_seconds=5.0),
    )  # fmt: skip
    # Of one database, and of the whole cluster.
    assert {name: (one.proven, one.verified, one.recovered) for name, one in found.items()} == {
        ("", "crm"): (1, 1, 0), ("", word): (1, 1, 1),
    }  # fmt: skip
    assert found["", word].rto.seconds == (12.0, 5.0)


def test_rows_that_were_put_back_are_of_their_database(tmp_path: Path) -> None:
    found = shown(
        tmp_path, entry(1, "rescue", place="/wal", database="crm", rto_seconds=8.0), entry(2, "daily", place="/x"),
        entry(3, "recovery", "error", place="/nowhere"),
    )  # fmt: skip
    assert {name: (one.recovered, one.rto.seconds) for name, one in found.items()} == {("", "crm"): (1, (8.0,))}
