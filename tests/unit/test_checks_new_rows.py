"""PGS905 new-rows-lost: what the way back does to rows of the new schema."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import evidence, sales, shown, snapshot
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import NewRows, Rules, Unkept

UNKEPT = Unkept(column="public.sales.name", written="21 characters", now="another value")


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("found", "objects"),
    [
        (NewRows(written=("NULL in public.sales.name",)), []),
        (NewRows(written=("NULL in public.sales.name",), failed="23502: contains null values"), ["migration"]),
        (NewRows(written=("21 characters in public.sales.name",), unkept=(UNKEPT,)), ["public.sales.name"]),
    ],
)
def test_rows_that_the_way_back_loses(found: NewRows, objects: list[str], strict: bool) -> None:
    side = snapshot(*sales(oid=1))
    told = judge(replace(evidence(side, side, rules=Rules(strict=strict)), new_rows=found))
    assert shown(told) == [("PGS905", "error" if strict else "warning", name) for name in objects]
    assert all((found.failed or "another value") in one.message for one in told)
