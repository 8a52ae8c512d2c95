"""Every field of every value counts in equality, or says that it does not."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import pytest

from catalog_examples import CLASSES, example, samples
from pytest_pgsafe.catalog import values

#: The whole list, so that one more has to be written here too.
NOT_COMPARED = {
    ("Column", "number"),
    ("Column", "type_oid"),
    ("Catalog", "cluster_roles"),
    ("Catalog", "roles"),
    ("Catalog", "settings"),
    ("Catalog", "unknown"),
    ("Database", "collation_version"),
    ("Database", "comment"),
    ("Database", "is_template"),
    ("Database", "name"),
    ("Database", "size"),
    ("Extension", "owner"),
    ("Index", "relfilenode"),
    ("Table", "estimated_rows"),
    ("Table", "relfilenode"),
    ("Table", "size"),
} | {(value.__name__, "oid") for value in CLASSES if issubclass(value, values.Object)}


FIELDS = [(kind, field.name) for kind in CLASSES for field in dataclasses.fields(kind)]


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=[f"{kind.__name__}.{name}" for kind, name in FIELDS])
def test_a_field_counts_unless_it_says_so(kind: Any, name: str) -> None:
    value = example(kind)
    assert value == example(kind)
    for sample in samples(typing.get_type_hints(kind)[name]):
        if sample != getattr(value, name):
            changed = dataclasses.replace(value, **{name: sample})
            assert (changed == value) is ((kind.__name__, name) in NOT_COMPARED)


def test_the_fields_that_do_not_count_are_these() -> None:
    found = {(kind.__name__, field.name) for kind in CLASSES for field in dataclasses.fields(kind) if not field.compare}
    assert found == NOT_COMPARED


@pytest.mark.parametrize("kind", CLASSES)
def test_a_value_is_frozen_and_takes_names_only(kind: Any) -> None:
    value = example(kind)
    name = dataclasses.fields(kind)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, None)
    with pytest.raises(TypeError):
        kind("positional")


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if issubclass(kind, values.Object)])
def test_an_object_has_a_kind_of_its_own_and_a_hash(kind: Any) -> None:
    assert hash(example(kind)) == hash(example(kind))
    if kind is not values.Object:
        assert [one for one in CLASSES if getattr(one, "kind", None) == kind.kind] == [kind]


def test_values_of_different_kinds_never_are_equal() -> None:
    made = [example(kind) for kind in CLASSES]
    assert all(first != second for i, first in enumerate(made) for second in made[i + 1 :])
