"""Snapshots as files: the same facts are the same bytes, and what was saved is what is loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builders import catalog, content, foreign_key, sales, sales_content, sequence, snapshot
from catalog_examples import example
from pytest_pgsafe.catalog.values import Catalog
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.snapshot.file import FORMAT, load, save
from pytest_pgsafe.snapshot.values import (
    ExtensionContent,
    ForeignKeyContent,
    LargeObjects,
    NotVerified,
    SequenceValue,
    Snapshot,
)

SRS = ExtensionContent(extension="gis", rows=content(3), configuration=None)
FULL = snapshot(
    *sales(oid=4711),
    foreign_key("public.sales.sales_customer_fk", "customer_id", "public.customers"),
    sequence("public.sales_id_seq", "public.sales.id"),
    tables={"public.sales": sales_content(total=(2**100, 3)), 'public."odd ""ü"""': content(key=())},
    sequences={"public.sales_id_seq": SequenceValue(value=7, is_called=True, upper=9)},
    foreign_keys={"public.sales.sales_customer_fk": ForeignKeyContent(nulls=2, orphans=1, samples=(("17",),))},
    bounds={"public.sales_id_seq": None},
    large_objects=LargeObjects(count=1, digest=5, each={"16400": 5}),
    not_verified=[NotVerified(object="public.far", reason="foreign table")],
)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    whole = replace(
        FULL,
        catalog=example(Catalog),
        materialized_views={"public.m": content(key=())},
        extension_tables={"public.srs": SRS},
    )
    for number, one in enumerate((FULL, whole)):
        save(one, tmp_path / f"{number}.json")
        back = load(tmp_path / f"{number}.json")
        assert back == one
        # What equality does not look at, and comparisons do.
        assert (back.taken_at, back.server_version) == (one.taken_at, one.server_version)
        assert (back.materialized_views, back.not_verified) == (one.materialized_views, one.not_verified)
        assert (back.catalog.roles, back.large_objects.each) == (one.catalog.roles, one.large_objects.each)


def test_the_same_facts_are_the_same_bytes(tmp_path: Path) -> None:
    shuffled = replace(
        FULL,
        tables=dict(reversed(FULL.tables.items())),
        catalog=replace(FULL.catalog, columns=dict(reversed(FULL.catalog.columns.items()))),
    )
    moved = replace(FULL, catalog=replace(catalog(*sales(oid=815)), constraints=FULL.catalog.constraints))
    moved = replace(moved, catalog=replace(moved.catalog, sequences=FULL.catalog.sequences))
    for name, one in {"a": FULL, "b": shuffled, "c": moved}.items():
        save(one, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


def test_a_line_is_one_object_and_holds_no_value_of_a_row(tmp_path: Path) -> None:
    save(FULL, tmp_path / "a")
    save(replace(FULL, tables={**FULL.tables, "public.sales": sales_content(total=5)}), tmp_path / "b")
    before, after = ((tmp_path / name).read_text(encoding="utf-8").splitlines() for name in "ab")
    changed = [two for one, two in zip(before, after, strict=True) if one != two]
    assert [line.strip() for line in changed] == ['"total": {"digest": 5, "nulls": 0}']
    assert "17" not in (tmp_path / "a").read_text(encoding="utf-8")
    assert "4711" not in (tmp_path / "a").read_text(encoding="utf-8")


def test_a_file_that_is_there_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    save(FULL, tmp_path / "a")
    save(FULL, tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        save(FULL, tmp_path / "folder")
    with pytest.raises(ConfigError, match="cannot be written"):
        save(FULL, tmp_path / "none" / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "folder"]


def document(tmp_path: Path) -> Any:
    save(FULL, tmp_path / "whole")
    return json.loads((tmp_path / "whole").read_bytes())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no snapshot: "),
        ("[]", "it names no format"),
        ('{"format": "pgsafe-snapshot/9", "snapshot": {}}', "its format is pgsafe-snapshot/9, not pgsafe-snapshot/1"),
        (f'{{"format": "{FORMAT}"}}', "is not whole"),
    ],
)
def test_what_is_no_snapshot(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "gone.json")


def test_what_is_missing_or_unknown_is_named(tmp_path: Path) -> None:
    for change in ({"server_version": None}, {"unknown": 1}):
        written = document(tmp_path)
        written["snapshot"].update(change)
        path = tmp_path / "a.json"
        path.write_text(json.dumps(written))
        with pytest.raises(ConfigError, match=next(iter(change))):
            load(path)


def test_loading_gives_the_class_itself(tmp_path: Path) -> None:
    save(FULL, tmp_path / "a")
    assert type(load(tmp_path / "a")) is Snapshot
