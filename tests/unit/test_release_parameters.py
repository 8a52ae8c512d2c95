"""Parameters as drivers write them."""

from __future__ import annotations

import pytest

from pytest_pgsafe.release.parameters import readings


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("select %s, %s", "select $1, $2"),
        ("a like 'x%%' and b = %(b)s and c = %(b)s and d = %(d)s", "a like 'x%' and b = $1 and c = $1 and d = $2"),
        ("id = :id and at::date = :at and b = ':no'", "id = $1 and at::date = $2 and b = ':no'"),
        ("select a[1:2] from t where id = :id", "select a[1:2] from t where id = $1"),
        ("insert into t values (?, ?, '?')", "insert into t values ($1, $2, '?')"),
        ("select a ?? 'key' from t where b=?", "select a ? 'key' from t where b=$1"),
        ("select \":a\", $x$ :a $x$, e'\\':a' where b = :a", "select \":a\", $x$ :a $x$, e'\\':a' where b = $1"),
    ],
)
def test_what_drivers_write(text: str, written: str) -> None:
    found = list(readings(text))
    assert found[0] == text
    assert written in found[1:]


@pytest.mark.parametrize("text", ["select $1, a % b, a::text, a[1:n]", "select a ?| b, a ?& b"])
def test_what_is_none(text: str) -> None:
    assert list(readings(text)) == [text]
