"""Values to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from catalog_examples import CLASSES, example
from pytest_pgsafe.catalog import codec
from pytest_pgsafe.catalog.values import Catalog, Database, Grant, Index, Sequence, Table


@pytest.mark.parametrize("kind", CLASSES)
def test_every_value_comes_back_whole(kind: Any) -> None:
    value = example(kind)
    back = codec.loads(kind, codec.dumps(value))
    assert type(back) is kind
    # Fields that do not count are written too.
    assert dataclasses.asdict(back) == dataclasses.asdict(value)


def test_a_default_may_be_missing_but_nothing_else() -> None:
    written = json.loads(codec.dumps(example(Table)))
    del written["tablespace"]
    assert codec.loads(Table, json.dumps(written).encode()).tablespace is None
    del written["owner"]
    with pytest.raises(ValueError, match="owner"):
        codec.loads(Table, json.dumps(written).encode())


def test_integers_are_exact_whatever_their_size() -> None:
    value = dataclasses.replace(example(Sequence), maximum=2**200 + 1, minimum=-(2**63))
    assert codec.loads(Sequence, codec.dumps(value)) == value
    assert str(2**200 + 1).encode() in codec.dumps(value)


def test_tuples_come_back_as_tuples_and_none_in_them() -> None:
    value = dataclasses.replace(example(Index), columns=("a", None, '"ü"'))
    back = codec.loads(Index, codec.dumps(value))
    assert back.columns == ("a", None, '"ü"')
    assert hash(back) == hash(value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"unknown": 1}, "unknown"),
        ({"grantable": "true"}, "grantable"),
        ({"grantable": 1}, "grantable"),
        ({"oid": "1"}, "oid"),
        ({"oid": 1.0}, "oid"),
        ({"object": None}, "object"),
        ({"object": ["a"]}, "object"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], named: str) -> None:
    written = {**json.loads(codec.dumps(example(Grant))), **change}
    with pytest.raises(ValueError, match=named):
        codec.loads(Grant, json.dumps(written).encode())


def test_unknown_keys_are_refused_inside_too() -> None:
    catalog = Catalog(database=example(Database), tables={"a": example(Table)})
    written = json.loads(codec.dumps(catalog))
    written["tables"]["a"]["unknown"] = 1
    with pytest.raises(ValueError, match=r"tables\.a\.unknown"):
        codec.loads(Catalog, json.dumps(written).encode())


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{", b"{}{}", b"{}]", b"{},{}", b"\xff"])
def test_what_is_not_one_object_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        codec.loads(Grant, data)
