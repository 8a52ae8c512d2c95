"""What two runs of a migration have in common is told from what differs in every run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import sequence, snapshot
from pytest_pgsafe.compare import Action, Change
from pytest_pgsafe.compare.repeated import Varying, differences, varying
from pytest_pgsafe.snapshot.values import ColumnContent, SequenceValue, Snapshot, TableContent


def held(*, rows: int = 3, keys: int = 1, stamp: int = 2, name: int = 3, key: tuple[str, ...] = ("id",)) -> Snapshot:
    columns = {"stamp": ColumnContent(nulls=0, digest=stamp), "name": ColumnContent(nulls=0, digest=name)}
    content = TableContent(rows=rows, key=key, columns=columns, digest=keys)
    return replace(snapshot(), tables={"public.t": content})


def change(kind: str, name: str, attribute: str | None = None) -> Change:
    return Change(kind=kind, action=Action.CHANGED, object=name, attribute=attribute)


def test_equal_runs_have_no_differences() -> None:
    assert varying(held(), held()) == Varying()


def test_a_column_that_differs_each_time_explains_itself_and_nothing_else() -> None:
    found = varying(held(), held(stamp=9))
    assert found.columns == {"public.t.stamp"}
    assert found.explains(change("values", "public.t.stamp", "values"))
    assert not found.explains(change("values", "public.t.name", "values"))
    assert not found.explains(change("rows", "public.t", "rows"))
    assert not found.explains(change("column", "public.t.stamp", "default"))


@pytest.mark.parametrize("other", [held(keys=9), held(rows=4), held(key=())], ids=["keys", "rows", "key"])
def test_where_the_rows_are_others_nothing_of_the_table_can_be_told(other: Snapshot) -> None:
    found = varying(held(), other)
    assert found.tables == {"public.t"}
    assert found.explains(change("rows", "public.t", "rows"))
    assert found.explains(change("values", "public.t.name", "values"))
    assert not found.explains(change("values", "public.other.name", "values"))


def test_where_sequences_stand_is_no_difference() -> None:
    one, other = (
        snapshot(sequence("public.s"), sequences={"public.s": SequenceValue(value=n, is_called=True)}) for n in (1, 2)
    )
    assert differences(one, other) == ()
    assert [one.kind for one in differences(one, snapshot())] == ["sequence"]
