"""Which settings are a migration, and in which order a folder runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.migrate import tools
from pytest_pgsafe.migrate.tools import Alembic, Command, Django, SqlFiles
from tests.migrations import parse


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def names(folder: Path, *, way_back: bool = False) -> list[str]:
    migration = parse(".", folder, way_back=way_back)
    assert isinstance(migration, SqlFiles)
    return [file.name for file in migration.files]


def test_a_file_is_relative_to_the_base(tmp_path: Path) -> None:
    write(tmp_path, **{"up.sql": "select 1;"})
    assert parse("up.sql", tmp_path) == SqlFiles(files=(tmp_path / "up.sql",), text=str(tmp_path / "up.sql"))


def test_a_missing_file_names_the_path_that_was_looked_at(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist") as caught:
        parse("nothing.sql", tmp_path)
    assert caught.value.looked_at == (str(tmp_path / "nothing.sql"),)


@pytest.mark.parametrize(
    "text", ["", "  \n", "-- nothing yet\n", "/* a /* nested */ comment */ ;\n;", "\ufeff-- mark\n"]
)
def test_an_empty_file_is_an_empty_migration(tmp_path: Path, text: str) -> None:
    write(tmp_path, **{"up.sql": text})
    with pytest.raises(ConfigError, match="empty migration"):
        parse("up.sql", tmp_path)


@pytest.mark.parametrize("text", ["select 1", "-- a\n/* b */ begin;", "\\i other.sql\n", "$$ -- x $$", "'--'"])
def test_a_file_with_a_statement_is_none(tmp_path: Path, text: str) -> None:
    write(tmp_path, **{"up.sql": text})
    parse("up.sql", tmp_path)


@pytest.mark.parametrize("text", ["", "   ", "cmd:", "cmd:   "])
def test_a_blank_setting_is_an_empty_migration(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="empty migration"):
        parse(text, tmp_path)


def test_a_command(tmp_path: Path) -> None:
    assert parse("cmd: dbmate up --wait", tmp_path) == Command(command="dbmate up --wait")


def test_a_folder_runs_in_natural_order(tmp_path: Path) -> None:
    write(tmp_path, **dict.fromkeys(["10_z.sql", "2_b.sql", "1_a.SQL", "readme.md", ".3_hidden.sql"], "select 1"))
    assert names(tmp_path) == ["1_a.SQL", "2_b.sql", "10_z.sql"]


def test_flyway_versions_are_versions_and_repeatable_files_come_last(tmp_path: Path) -> None:
    write(
        tmp_path, **dict.fromkeys(["V1.10__c.sql", "V1__a.sql", "V1.2__b.sql", "V2__d.sql", "R__view.sql"], "select 1")
    )
    assert names(tmp_path) == ["V1__a.sql", "V1.2__b.sql", "V1.10__c.sql", "V2__d.sql", "R__view.sql"]


@pytest.mark.parametrize(
    "name", ["1_a.down.sql", "U1__a.sql", "U1.2__a.sql", "001.undo.sql", "1_a.rollback.sql", "down.sql", "1_DOWN.sql"]
)
def test_a_folder_with_a_way_back_says_what_to_say_instead(tmp_path: Path, name: str) -> None:
    write(tmp_path, **{"1_a.sql": "select 1", name: "select 2"})
    with pytest.raises(ConfigError, match="1 of 2 files") as caught:
        parse(".", tmp_path)
    assert caught.value.looked_at == (str(tmp_path / name),)
    assert any("cmd:" in remedy for remedy in caught.value.remedies)


BOTH_WAYS = [
    "-- migrate:up\ncreate table a();\n-- migrate:down\ndrop table a;",
    "-- +goose Up\ncreate table a();\n  -- +goose Down\ndrop table a;",
    "-- +migrate Up\ncreate table a();\n-- +migrate Down\ndrop table a;",
    "-- Up Migration\ncreate table a();\n-- Down Migration\ndrop table a;",
    "create table a();\n-- //@UNDO\ndrop table a;",
]


@pytest.mark.parametrize("text", BOTH_WAYS)
def test_a_file_that_holds_its_way_back_is_refused_alone_and_in_a_folder(tmp_path: Path, text: str) -> None:
    write(tmp_path, **{"1.sql": "select 1", "2.sql": text})
    for setting in ("2.sql", "."):
        with pytest.raises(ConfigError, match="way back") as caught:
            parse(setting, tmp_path)
        assert caught.value.looked_at == (str(tmp_path / "2.sql"),)


@pytest.mark.parametrize(
    "name", ["1_countdown.sql", "2_shutdown_flag.sql", "3_undone.sql", "U_shape.sql", "V1__down_payments.sql"]
)
def test_names_that_only_sound_like_a_way_back(tmp_path: Path, name: str) -> None:
    write(tmp_path, **{name: "-- the way down the street\nselect 1"})
    assert names(tmp_path) == [name]


def test_a_way_back_may_be_a_folder_of_ways_back_from_the_last_to_the_first(tmp_path: Path) -> None:
    write(tmp_path, **dict.fromkeys(["1_a.down.sql", "2_b.down.sql", "10_c.down.sql"], "select 1"))
    assert names(tmp_path, way_back=True) == ["10_c.down.sql", "2_b.down.sql", "1_a.down.sql"]


def test_a_folder_without_sql_says_where_there_is_some(tmp_path: Path) -> None:
    (tmp_path / "2024").mkdir()
    write(tmp_path / "2024", **{"migration.sql": "select 1"})
    with pytest.raises(ConfigError, match="empty migration") as caught:
        parse(".", tmp_path)
    assert "1 in folders below" in caught.value.looked_at[0]


def test_a_folder_of_files_without_statements_is_empty(tmp_path: Path) -> None:
    write(tmp_path, **{"1.sql": "-- none", "2.sql": ""})
    with pytest.raises(ConfigError, match="empty migration"):
        parse(".", tmp_path)


def test_an_unknown_kind_of_file(tmp_path: Path) -> None:
    write(tmp_path, **{"migrate.rb": "x"})
    with pytest.raises(ConfigError, match="not a kind"):
        parse("migrate.rb", tmp_path)


def test_utf_16_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "up.sql").write_text("select 1", encoding="utf-16")
    with pytest.raises(ConfigError, match="UTF-16"):
        parse("up.sql", tmp_path)


def installed(monkeypatch: pytest.MonkeyPatch, *, there: bool) -> None:
    monkeypatch.setattr(tools.installed.importlib.util, "find_spec", lambda name: object() if there else None)


def test_alembic_and_django_are_known_by_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, there=True)
    write(tmp_path, **{"alembic.ini": "[alembic]\nscript_location = %(here)s/a\n", "manage.py": "pass"})
    assert parse("alembic.ini", tmp_path) == Alembic(ini=tmp_path / "alembic.ini")
    assert parse("manage.py", tmp_path) == Django(manage=tmp_path / "manage.py")


def test_a_tool_that_is_not_installed_is_found_out_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, there=False)
    write(tmp_path, **{"alembic.ini": "[alembic]\n", "manage.py": "pass"})
    for setting in ("alembic.ini", "manage.py"):
        with pytest.raises(ConfigError, match="needs the Python package"):
            parse(setting, tmp_path)


@pytest.mark.parametrize("text", ["[logging]\n", "nonsense"])
def test_another_ini_is_not_alembics(tmp_path: Path, text: str) -> None:
    write(tmp_path, **{"setup.ini": text})
    with pytest.raises(ConfigError, match="not an Alembic configuration"):
        parse("setup.ini", tmp_path)


def test_the_way_back_of_a_tool_goes_to_where_the_source_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, there=True)
    write(tmp_path, **{"alembic.ini": "[alembic]\n", "manage.py": "pass"})
    for setting in ("alembic.ini", "manage.py"):
        back, forth = parse(setting, tmp_path, way_back=True), parse(setting, tmp_path)
        assert isinstance(back, (Alembic, Django))
        assert isinstance(forth, (Alembic, Django))
        assert (back.back, forth.back) == (True, False)


def test_values_are_equal_by_what_they_say(tmp_path: Path) -> None:
    write(tmp_path, **{"a.sql": "select 1", "b.sql": "select 1"})
    assert parse("a.sql", tmp_path) == parse("a.sql", tmp_path)
    assert parse("a.sql", tmp_path) != parse("b.sql", tmp_path)
    assert len({parse("cmd:x", tmp_path), parse("cmd:x", tmp_path), parse("cmd:y", tmp_path)}) == 2
