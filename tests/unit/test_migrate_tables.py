"""One list of bookkeeping tables: what is read, what is judged and what is timed agree."""

from __future__ import annotations

import pytest

from builders import column, content, evidence, shown, snapshot, table
from pytest_pgsafe.checks import judge
from pytest_pgsafe.migrate.tables import every, is_known, readable, revisions


@pytest.mark.parametrize("one", every(), ids=lambda one: f"{one.tool}-{one.name}")
def test_each_table_is_known_by_its_columns(one) -> None:
    assert is_known(one.name, one.columns)
    assert is_known(one.name, ()) is not one.common or any(
        not other.common for other in every() if other.name == one.name
    )
    if one.reading is not None:
        found = readable(one.name, one.columns)
        assert found is not None
        assert found.columns <= one.columns
    assert (one.name.lower() in revisions()) >= one.revisions


@pytest.mark.parametrize(
    ("name", "columns", "severity"),
    [
        ("schemaversion", ("version", "name", "md5", "run_at"), "note"),
        ("changelog", ("id", "applied_at", "description"), "note"),
        ("migrations", ("id", "migration", "batch"), "note"),
        # Tables of an application that only bear such a name.
        ("changelog", ("id", "customer", "text"), "error"),
        ("migrations", ("id", "species", "year"), "error"),
        ("schemaversion", ("version", "author"), "error"),
    ],
)
def test_a_tool_may_change_its_own_table_and_nobody_elses(name: str, columns: tuple[str, ...], severity: str) -> None:
    full = f"public.{name}"

    def taken(digest: int):
        objects = [table(full, 1), *(column(f"{full}.{one}", number=at, oid=1) for at, one in enumerate(columns, 1))]
        return snapshot(*objects, tables={full: content(3, key=(), digest=digest)})

    [(_, told, _)] = shown(judge(evidence(taken(1), taken(2))))
    assert told == severity
