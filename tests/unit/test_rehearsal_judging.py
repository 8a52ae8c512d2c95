"""What the rehearsal adds to the comparison."""

from __future__ import annotations

from builders import column, comparison, snapshot, table
from pytest_pgsafe.rehearsal.judging import unmatched


def test_a_mask_that_hides_nothing_is_told() -> None:
    before = snapshot(table("public.sales"), column("public.sales.name", "text"))
    after = snapshot(table("public.sales"), column('public.sales."E-mail"', "text"))
    masks = ("sales.nam", "sales.name", "*.e-mail", "*.E-mail", "public.*.*", "other.sales.name")
    found = unmatched(masks, comparison(before, after))
    assert [one.object for one in found] == ["mask sales.nam", "mask *.e-mail", "mask other.sales.name"]
