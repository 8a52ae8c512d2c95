"""One spelling for what PostgreSQL prints in two ways."""

from __future__ import annotations

import pytest

from pytest_pgsafe.catalog.canonical import canonical, unqualified


@pytest.mark.parametrize(
    ("source", "restored"),
    [
        (
            "((s)::text = ANY ((ARRAY['a'::character varying, 'it''s, (odd)]'::character varying])::text[]))",
            "((s)::text = ANY (ARRAY[('a'::character varying)::text, ('it''s, (odd)]'::character varying)::text]))",
        ),
        ("ANY ((ARRAY['a'::x])::rich.\"My, type\"[])", "ANY (ARRAY[('a'::x)::rich.\"My, type\"])"),
        ("(ARRAY[f(a, b), c])::numeric(10,2)[]", "ARRAY[(f(a, b))::numeric(10,2), (c)::numeric(10,2)]"),
        ("(ARRAY[a])::timestamp(3) without time zone[]", "ARRAY[(a)::timestamp(3) without time zone]"),
        (
            "(ARRAY[(ARRAY['a'::b])::text[], \"x]\"])::c[]",
            "ARRAY[(ARRAY[('a'::b)::text])::c, (\"x]\")::c]",
        ),
    ],
)
def test_the_cast_goes_to_the_elements(source: str, restored: str) -> None:
    assert canonical(source) == restored
    assert canonical(restored) == restored


@pytest.mark.parametrize(
    ("source", "restored"),
    [
        ("EXTRACT(YEAR FROM now())", "EXTRACT(year FROM now())"),
        ("(EXTRACT(Day FROM a) + EXTRACT(HOUR FROM b))", "(EXTRACT(day FROM a) + EXTRACT(hour FROM b))"),
    ],
)
def test_the_field_of_extract_is_folded(source: str, restored: str) -> None:
    assert canonical(source) == restored
    assert canonical(restored) == restored


@pytest.mark.parametrize("text", ["'EXTRACT(YEAR FROM '", '"EXTRACT(YEAR FROM x"', "f('it''s EXTRACT(YEAR FROM it')"])
def test_what_only_looks_like_extract_stays(text: str) -> None:
    assert canonical(text) == text


@pytest.mark.parametrize(
    "text",
    ["(ARRAY['a'::text, 'b'::text])", "(ARRAY[1, 2])::text", "(ARRAY[", "(ARRAY['unfinished", "", "(ARRAY[1]) || 2"],
)
def test_everything_else_stays(text: str) -> None:
    assert canonical(text) == text


def test_different_lists_stay_different() -> None:
    first = "(ARRAY['a'::character varying, 'b'::character varying])::text[]"
    assert canonical(first) != canonical(first.replace("'b'", "'c'"))
    assert canonical(first) != canonical(first.replace("text", "name"))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (" SELECT t.a,\n    t.b\n   FROM s.t;", " SELECT a,\n    b\n   FROM s.t;"),
        (' SELECT "T x".a, t.b FROM s.t "T x";', ' SELECT a, t.b FROM s.t "T x";'),
        (
            " SELECT t.*::text AS w, (t.c).d FROM ONLY s.t WHERE (t.a = 't.a'::text)",
            " SELECT t.*::text AS w, (c).d FROM ONLY s.t WHERE (a = 't.a'::text)",
        ),
        (
            " SELECT q.a FROM ( SELECT t.a FROM s.t) q ORDER BY q.a;",
            " SELECT a FROM ( SELECT t.a FROM s.t) q ORDER BY a;",
        ),
        (" SELECT f.f FROM s.f(1, 2) f(f) LIMIT 1;", " SELECT f FROM s.f(1, 2) f(f) LIMIT 1;"),
        (
            " SELECT t.a FROM s.t WHERE (EXISTS ( SELECT 1 FROM s.u WHERE (u.a = t.a)));",
            " SELECT a FROM s.t WHERE (EXISTS ( SELECT 1 FROM s.u WHERE (u.a = t.a)));",
        ),
        (" WITH w AS ( SELECT t.a FROM s.t) SELECT w.a FROM w;", " WITH w AS ( SELECT t.a FROM s.t) SELECT a FROM w;"),
        (" SELECT s.a, s.f(s.a), s.a::s.d FROM p.s;", " SELECT a, s.f(a), a::s.d FROM p.s;"),
    ],
)
def test_one_relation_needs_no_qualifiers(older: str, newer: str) -> None:
    assert unqualified(older) == newer
    assert unqualified(newer) == newer


@pytest.mark.parametrize(
    "view",
    [
        " SELECT a.x, b.x FROM s.a, s.b;",
        " SELECT a.x FROM (s.a JOIN s.b USING (y));",
        " SELECT a.x FROM s.a UNION SELECT b.x FROM s.b;",
        " SELECT 1 AS one;",
        " VALUES (1,2);",
        "",
    ],
)
def test_more_than_one_relation_keeps_them(view: str) -> None:
    assert unqualified(view) == view
