"""Which files of a folder are left to be run."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import pytest

from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.migrate.applied import pending
from pytest_pgsafe.migrate.bookkeeping import Book, By
from pytest_pgsafe.migrate.tools import Migration, SqlFiles
from tests.migrations import parse

FILES = ["1_a.sql", "2_b.sql", "10_c.sql"]


def folder(path: Path, names: list[str], *, way_back: bool = False) -> SqlFiles:
    path.mkdir(exist_ok=True)
    for name in names:
        (path / name).write_text(f"select '{name}';\n")
    migration = parse(str(path), path, way_back=way_back)
    assert isinstance(migration, SqlFiles)
    return migration


def book(*applied: str, by: By = "version", **more: object) -> Book:
    return Book(table="public.schema_migrations", tool="x", by=by, applied=applied, **more)  # type: ignore[arg-type]


def names(migration: Migration | None) -> list[str]:
    assert migration is None or isinstance(migration, SqlFiles)
    return [] if migration is None else [file.name for file in migration.files]


def left(path: Path, files: list[str], *books: Book, revision: str | None = None) -> list[str]:
    return names(pending(folder(path, files), None, revision=revision, books=books).migration)


@pytest.mark.parametrize("revision", ["2", "02", "2_b", "2_b.sql"])
def test_files_up_to_the_one_named_are_left_out(tmp_path: Path, revision: str) -> None:
    assert left(tmp_path, FILES, revision=revision) == ["10_c.sql"]


def test_none_is_applied(tmp_path: Path) -> None:
    assert left(tmp_path, FILES, book("1", "2", "10"), revision="none") == FILES


@pytest.mark.parametrize(
    ("revision", "said"),
    [("3", "no file"), ("2_bb", "did you mean --pgsafe-from=2_b.sql"), ("10_c.sql", "nothing pending")],
)
def test_a_revision_that_leaves_nothing_or_means_nothing(tmp_path: Path, revision: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        left(tmp_path, FILES, revision=revision)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (book("1"), ["2_b.sql", "10_c.sql"]),
        (book("1", "2"), ["10_c.sql"]),
        (book(), FILES),
        (book("0.5"), FILES),
        (book("2", by="up to"), ["10_c.sql"]),
        (book("1_a.js", "2_b.sql", by="name"), ["10_c.sql"]),
        (book("db/1_a.up.sql", by="name"), ["2_b.sql", "10_c.sql"]),
        (book(baseline="2"), ["10_c.sql"]),
        (book("1", "2", "10"), []),
        (book("10", by="up to"), []),
    ],
)
def test_the_bookkeeping_decides(tmp_path: Path, one: Book, expected: list[str]) -> None:
    assert left(tmp_path, FILES, one) == expected


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (book("1", "10"), "2_b.sql is not applied, but a later one is: 10"),
        (book("1", "20240101"), "2_b.sql, 10_c.sql is not applied"),
        (book("20240101", by="up to"), "not applied, but a later one"),
        (book("1", trouble="1 is marked as failed"), "marked as failed"),
        (book("zz_x", by="name"), "not applied"),
        (book("0" * 64, by="hash"), "none that was applied"),
    ],
)
def test_bookkeeping_that_does_not_decide_is_an_error(tmp_path: Path, one: Book, said: str) -> None:
    with pytest.raises(ConfigError, match="cannot be told") as caught:
        left(tmp_path, FILES, one)
    assert said in str(caught.value)
    assert "--pgsafe-from" in str(caught.value)


def test_names_without_a_version_and_versions_twice(tmp_path: Path) -> None:
    for files in (["1_a.sql", "b.sql"], ["1_a.sql", "1_b.sql"]):
        path = tmp_path / files[1]
        with pytest.raises(ConfigError, match="cannot be told"):
            left(path, files, book("1"))


def test_content_by_its_hash(tmp_path: Path) -> None:
    known = [hashlib.sha256(f"select '{name}';\n".encode()).hexdigest() for name in FILES]
    assert left(tmp_path, FILES, book(*known[:2], by="hash")) == ["10_c.sql"]
    with pytest.raises(ConfigError, match="cannot be told"):
        left(tmp_path, FILES, book(known[0], known[2], by="hash"))


def test_repeatable_files_run_again_when_they_changed(tmp_path: Path) -> None:
    migration = folder(tmp_path, ["V1__a.sql", "V2__b.sql", "R__view.sql"])
    (tmp_path / "R__view.sql").write_bytes(b"select 1;\r\nselect 2;")
    crc = zlib.crc32(b"select 1;select 2;")
    signed = crc - 2**32 if crc >= 2**31 else crc
    for known, expected in ((signed, ["V2__b.sql"]), (signed + 1, ["V2__b.sql", "R__view.sql"])):
        one = book("1", repeatable={"R__view.sql": known})
        assert names(pending(migration, None, revision=None, books=[one]).migration) == expected


def test_another_tools_table_says_nothing_when_one_knows_the_files(tmp_path: Path) -> None:
    other = book("20240101")
    assert left(tmp_path, FILES, book("1"), other) == ["2_b.sql", "10_c.sql"]
    with pytest.raises(ConfigError, match="cannot be told"):
        left(tmp_path, FILES, book("1"), book("1", "2"))
    with pytest.raises(ConfigError, match="cannot be told"):
        left(tmp_path, FILES, book("1"), book("2", trouble="half applied"))


def test_the_way_back_of_what_is_left_out_is_left_out(tmp_path: Path) -> None:
    up = folder(tmp_path / "up", FILES)
    down = folder(tmp_path / "down", ["1_a.down.sql", "2_b.down.sql", "10_c.down.sql"], way_back=True)
    told = pending(up, down, revision="1", books=())
    assert names(told.rollback) == ["10_c.down.sql", "2_b.down.sql"]
    assert "1 of 3 files are applied already: --pgsafe-from=1" in str(told.reason)
    foreign = folder(tmp_path / "other", ["back.down.sql"], way_back=True)
    with pytest.raises(ConfigError, match="whose way back"):
        pending(up, foreign, revision="1", books=())
