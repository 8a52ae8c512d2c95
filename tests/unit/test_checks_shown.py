"""PGS558 view-shows-others, PGS559 shows-hidden-rows, PGS560 column-stamped, PGS563, PGS565 and others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import evidence, sales, shown, snapshot
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Finding, Rules
from pytest_pgsafe.works.values import Exposed, Seen, Selected, Shown, Stamped, Tried

VIEW = Shown(object="public.v", before=9, after=3, own=True)
HIDDEN = Exposed(object="public.v", role="app", tables=("public.t",), shown=9, own=1)
STAMP = Stamped(object="public.t.c", table="public.t", rows=9, source="clock")

SEEN = Seen(object="public.t", role="app", before=3, after=9, through=("public.mine(text)", "public.t"))


def found(tried: Tried, rules: Rules | None = None) -> tuple[Finding, ...]:
    side = snapshot(*sales(oid=1))
    return judge(replace(evidence(side, side, rules=rules or Rules()), tried=tried))


@pytest.mark.parametrize(
    ("one", "severity", "words"),
    [
        (VIEW, "warning", "shows 3 rows, and showed 9: it is another"),
        (replace(VIEW, after=0), "error", "shows no row, and showed 9"),
        (replace(VIEW, after=9, columns=("a", "b")), "warning", "shows other values in a, b"),
        (replace(VIEW, after=9), "warning", "shows other values: it"),
        (replace(VIEW, own=False, replaced=True), "error", "it was a table, and is a view now"),
        (replace(VIEW, own=False, through=("public.mood",)), "error", "public.mood was changed"),
    ],
)
def test_a_view_that_shows_others(one: Shown, severity: str, words: str) -> None:
    [told] = found(Tried(shown=(one,)))
    assert (told.code, told.severity.value, told.object) == ("PGS558", severity, "public.v")
    assert words in told.message


def test_strict_makes_errors() -> None:
    tried = Tried(shown=(VIEW,), exposed=(HIDDEN,), stamped=(STAMP,))
    assert shown(found(tried, Rules(strict=True))) == [
        ("PGS558", "error", "public.v"),
        ("PGS559", "error", "public.v"),
        ("PGS560", "error", "public.t.c"),
    ]


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        (Tried(exposed=(HIDDEN,)), "public.v shows app 9 rows of public.t, of which row security lets it see 1"),
        (Tried(stamped=(STAMP,)), "which the clock gave while the migration ran"),
        (Tried(stamped=(replace(STAMP, source="chance"),)), "which was drawn by chance, once"),
        (Tried(prepared=("left",)), "left a prepared transaction, 'left'"),
    ],
)
def test_the_words(tried: Tried, words: str) -> None:
    [told] = found(tried)
    assert words in told.message


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (SEEN, "app sees 9 rows of public.t, and saw 3, though its rows are what they were: public.mine(text) was"),
        (replace(SEEN, after=0), "app sees no row of public.t, and saw 3"),
        (replace(SEEN, after=3), "app sees 3 rows of public.t, and not those that it saw"),
    ],
)
def test_a_role_that_sees_others(one: Seen, words: str) -> None:
    [told] = found(Tried(seen=(one,)))
    assert (told.code, told.severity.value, told.object) == ("PGS563", "error", "public.t")
    assert words in told.message
    assert told.causes == ("public.mine(text)",)


def test_a_table_that_was_changed_itself_is_told_of_where_it_is() -> None:
    assert found(Tried(seen=(replace(SEEN, through=("public.t",)),))) == ()


SELECTED = Selected(object="public.i", table="public.t", before=9, after=2, through=("public.mood",))


def test_a_predicate_that_holds_for_others() -> None:
    [told] = found(Tried(selected=(SELECTED,)))
    assert (told.code, told.severity.value, told.object, told.causes) == (
        "PGS565", "error", "public.i", ("public.mood",),
    )  # fmt: skip
    assert told.message.startswith("public.i holds for 2 rows of public.t, and held for 9, though its text is")
