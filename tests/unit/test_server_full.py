"""A full disk is told from every other error, however deep it lies."""

from __future__ import annotations

import errno
import shutil
from types import SimpleNamespace

import psycopg
import pytest

from pytest_pgsafe.errors import BackupError, DiskFullError, ServerError, StorageError
from pytest_pgsafe.server.full import disk_full
from pytest_pgsafe.server.serverlog import parse


def caused(error: Exception, by: Exception) -> Exception:
    try:
        raise error from by
    except type(error) as raised:
        return raised


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/backups/x"),
        caused(StorageError("the store failed"), OSError(errno.EDQUOT, "quota")),
        BackupError("pg_dump ended with status 1", looked_at=["could not write: No space left on device"]),
        caused(StorageError("failed"), psycopg.errors.DiskFull("could not extend file")),
        DiskFullError("full"),
    ],
)
def test_a_full_disk(error: Exception) -> None:
    found = disk_full(error)
    assert found is not None
    assert "full" in found.message


@pytest.mark.parametrize(
    ("content", "csvlog"),
    [
        (b'{"message": "secret, and then the {"message": "next one"}\n', False),
        (b"2026-01-01 00:00:00 UTC,me,crm,not a number\n", True),
    ],
)
def test_a_torn_line_of_the_log_is_told_and_may_be_for_a_full_disk(
    monkeypatch: pytest.MonkeyPatch, content: bytes, csvlog: bool
) -> None:
    with pytest.raises(ServerError, match="log is torn") as torn:
        parse(content, csvlog=csvlog, since=0)
    assert "secret" not in str(torn.value)
    assert disk_full(torn.value) is None
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    assert disk_full(torn.value) is not None


def test_other_errors_are_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert disk_full(OSError(errno.EACCES, "denied")) is None
    assert disk_full(BackupError("pg_dump ended with status 1")) is None
    ended = psycopg.OperationalError("server closed the connection unexpectedly")
    assert disk_full(ended) is None
    # A server that has ended on a disk without room for a segment of WAL.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    assert disk_full(ended) is not None
    assert disk_full(BackupError("a syntax error")) is None
