"""Which settings a statement depends on, as far as its words tell."""

from __future__ import annotations

import pytest

from builders import catalog, column, table
from pytest_pgsafe.rehearsal.assumed import depends

CATALOG = catalog(
    table("public.ev"),
    column("public.ev.at", "timestamp without time zone"),
    column("public.ev.seen", "timestamp with time zone", 2),
    column("public.ev.note", "text", 3),
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("insert into ev (day) values ('03/04/2024')", {"DateStyle"}),
        ("update ev set day = '3.4.2024'::date", {"DateStyle"}),
        ("update ev set day = note::date", {"DateStyle"}),
        ("update ev set day = '2024-04-03'", set()),
        ("update ev set note = '1.2.30'", set()),
        ("update ev set seen = at::timestamptz", {"TimeZone"}),
        ("update ev set seen = cast(at as timestamp with time zone)", {"TimeZone"}),
        ("update ev set seen = at at time zone 'Europe/Berlin'", set()),
        ("update ev set seen = '2024-01-01 10:00'::timestamptz", {"TimeZone"}),
        ("update ev set seen = timestamptz '2024-01-01 10:00'", {"TimeZone"}),
        ("update ev set seen = '2024-01-01 10:00+02'::timestamptz", set()),
        ("update ev set seen = timestamptz '2024-01-01 10:00 UTC'", set()),
        ("update ev set day = seen::date", {"TimeZone"}),
        ("update ev set note = to_char(seen, 'YYYY')", {"TimeZone"}),
        ("update ev set at = date_trunc('day', e.seen)", {"TimeZone"}),
        ("alter table ev add column day date default current_date", {"TimeZone"}),
        ("update ev set day = now()::date", {"TimeZone"}),
        ("update ev set seen = now()", set()),
        ("create function f() returns date language sql as 'select current_date'", set()),
        ("create table day (d date default current_date)", set()),
        ("insert into ev (note) values ('current_date')", set()),
    ],
)
def test_what_a_statement_depends_on(text: str, names: set[str]) -> None:
    assert {name for name, _ in depends(text, CATALOG)} == names
