"""Plans of both copies beside one another."""

from __future__ import annotations

from typing import Any

import pytest

from builders import comparison, sales, snapshot
from pytest_pgsafe.release.plans import unserved
from pytest_pgsafe.release.values import Asked, Planned

ASKED = Asked(text="select", shown="select")
SCAN = {"Node Type": "Seq Scan", "Schema": "public", "Relation Name": "sales"}
INDEX = {**SCAN, "Node Type": "Index Scan", "Index Name": "sales_pkey", "Index Cond": "(id = $1)"}
WHOLE = {**SCAN, "Node Type": "Index Scan", "Index Name": "sales_pkey"}
BITMAP = {
    **SCAN, "Node Type": "Bitmap Heap Scan",
    "Plans": [{"Node Type": "Bitmap Index Scan", "Index Name": "sales_at", "Index Cond": "(at = $1)"}],
}  # fmt: skip


def planned(plan: dict[str, Any], served: dict[str, Any]) -> Planned:
    return Planned(text="select", parameters=1, plan=plan, served=served)


@pytest.mark.parametrize(
    ("before", "after", "indexes"),
    [
        ((INDEX, INDEX), (SCAN, SCAN), ("sales_pkey",)),
        # Small: a scan is cheaper, but an index was there.
        ((SCAN, BITMAP), (SCAN, SCAN), ("sales_at",)),
        # All of an index is read: no scan, and no better.
        ((SCAN, INDEX), (SCAN, WHOLE), ("sales_pkey",)),
    ],
)
def test_what_no_index_serves_any_more(before: Any, after: Any, indexes: tuple[str, ...]) -> None:
    both = comparison(snapshot(*sales(oid=1)), snapshot(*sales(oid=1)))
    [told] = unserved(ASKED, planned(*before), planned(*after), both)
    assert (told.table, told.indexes) == ("public.sales", indexes)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((INDEX, INDEX), (BITMAP, BITMAP)),
        ((SCAN, SCAN), (SCAN, SCAN)),
        ((SCAN, WHOLE), (SCAN, SCAN)),
        ((SCAN, INDEX), (SCAN, INDEX)),
    ],
)
def test_what_is_served_as_before(before: Any, after: Any) -> None:
    both = comparison(snapshot(*sales(oid=1)), snapshot(*sales(oid=1)))
    assert list(unserved(ASKED, planned(*before), planned(*after), both)) == []
