"""Which CHECK says less than another, and which trigger fires for less."""

from __future__ import annotations

import pytest

from pytest_pgsafe.checks.firing import fires_less
from pytest_pgsafe.checks.implied import says_less


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("(credit >= (0)::numeric)", "(credit >= ('-1000000'::integer)::numeric)"),
        ("(quantity > 0)", "true"),
        ("(quantity > 0)", "(quantity >= 0)"),
        ("((value >= (0)::numeric) AND (value <= (100)::numeric))", "(value >= (0)::numeric)"),
        ("((value >= 0) AND (value <= 100))", "((value >= 0) AND (value <= 1000))"),
        ("(value >= 0)", "((value >= 0) OR (note IS NOT NULL))"),
        ("(s = ANY (ARRAY['a'::text, 'b'::text]))", "(s = ANY (ARRAY['a'::text, 'b'::text, 'c'::text]))"),
        ("(s = 'a'::text)", "(s = ANY (ARRAY['a'::text, 'b'::text]))"),
        ("(sold_on > '1990-01-01'::date)", "(sold_on > '1980-01-01'::date)"),
        ("(length(a) < 3)", "(length(a) < 5)"),
        ("(VALUE <> ''::text)", "true"),
    ],
)
def test_a_check_that_says_less(before: str, after: str) -> None:
    assert says_less(f"CHECK ({before})", f"CHECK ({after})") is True
    assert says_less(f"CHECK ({after})", f"CHECK ({before})") is False


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("(a > 3)", "(b > 3)"),
        ("(a ~ 'x'::text)", "(a ~ 'y'::text)"),
        ("(a > 3)", "(a < 3)"),
        ("(a > 3)", "((a)>(3))"),
        ("(a > '9'::text)", "(a > '10'::text)"),
        ("(a > '2024-01-01'::date)", "(a > 5)"),
        ("((a > 3) AND (b > 3))", "((a > 2) AND (c > 3))"),
        ("((a > 3) AND (b > 3))", "((b > 3) AND (a > 3))"),
        ("(a >>> 3)", "(a > 3)"),
        ("(xmlexists('x'", "true"),
    ],
)
def test_what_cannot_be_told(before: str, after: str) -> None:
    assert says_less(f"CHECK ({before})", f"CHECK ({after})") is None
    assert says_less(f"CHECK ({after})", f"CHECK ({before})") is None


HEAD, CALL = "CREATE TRIGGER t", "FOR EACH ROW EXECUTE FUNCTION public.f()"


@pytest.mark.parametrize(
    ("before", "after", "less"),
    [
        ("AFTER INSERT OR DELETE ON public.t", "AFTER INSERT ON public.t", True),
        ("AFTER UPDATE ON public.t", "AFTER UPDATE OF a, b ON public.t", True),
        ("AFTER UPDATE OF a, b ON public.t", "AFTER UPDATE OF a ON public.t", True),
        ("AFTER UPDATE OF a ON public.t", "AFTER UPDATE OF b ON public.t", False),
        ("AFTER INSERT ON public.t", "AFTER INSERT OR DELETE ON public.t", False),
        ("AFTER INSERT ON public.t", "BEFORE INSERT ON public.t", False),
        ("AFTER INSERT OR DELETE ON public.t", "AFTER INSERT OR UPDATE ON public.t", False),
        ("AFTER INSERT ON public.t", "AFTER INSERT ON public.t", False),
    ],
)
def test_a_trigger_that_fires_for_less(before: str, after: str, less: bool) -> None:
    assert fires_less(f"{HEAD} {before} {CALL}", f"{HEAD} {after} {CALL}") is less


def test_a_condition_is_less() -> None:
    plain = f"{HEAD} AFTER INSERT ON public.t {CALL}"
    some = f"{HEAD} AFTER INSERT ON public.t FOR EACH ROW WHEN ((new.a > 1)) EXECUTE FUNCTION public.f()"
    assert fires_less(plain, some) is True
    assert fires_less(some, plain) is False
    assert fires_less(some, some.replace("> 1", "> 2")) is False
    assert fires_less(plain, plain.replace("f()", "g()")) is False
