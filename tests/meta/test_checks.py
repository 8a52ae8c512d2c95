"""Each check has its code, its words, its examples and its page."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

from pytest_pgsafe.checks import BY_CODE, CHECKS, EVERY
from pytest_pgsafe.checks.pages import folder, render
from pytest_pgsafe.checks.values import Check

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "fixtures" / "checks"
PAGES = ROOT / "docs" / "checks"
SOURCES = ROOT / "pytest_pgsafe"
#: The collected items that checks report to, by the first digit of their codes; 0 is any.
ITEMS = {
    "1": {"rows", "values"},
    "2": {"values"},
    "3": {"foreign_keys"},
    "4": {"denormalized"},
    "5": {"schema", "works", "retry", "old_release"},
    "6": {"sequences"},
    "7": {"privileges"},
    "8": {"locks", "migrate", "cost", "traffic"},
    "9": {"rollback"},
    "0": {
        "values",
        "schema",
        "restore",
        "major",
        "static",
        "pitr_archive",
        "pitr_base",
        "pitr_recovery",
        "pitr_window",
    },
}
every_check = pytest.mark.parametrize("check", EVERY, ids=lambda check: check.code)


def test_codes_and_names_are_unique() -> None:
    for names in ([check.code for check in EVERY], [check.name for check in EVERY]):
        assert [name for name, count in Counter(names).items() if count > 1] == []


@every_check
def test_a_check_says_what_it_is(check: Check) -> None:
    assert re.fullmatch(r"PGS\d{3}", check.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", check.name)
    assert check.check in ITEMS[check.code[3]]
    for text in (check.condition, check.effect, check.remedy):
        assert text.endswith(".")
        assert text == " ".join(text.split())


@every_check
def test_a_check_has_an_unsafe_and_a_safe_example(check: Check) -> None:
    suffix = "sh" if check.check.startswith("pitr_") else "sql"
    texts = [(EXAMPLES / folder(check) / f"{side}.{suffix}").read_text() for side in ("unsafe", "safe")]
    assert all(text.strip() for text in texts)
    assert texts[0] != texts[1] or check.code.startswith("PGS9")
    backs = [(EXAMPLES / folder(check) / f"{side}.down.sql").exists() for side in ("unsafe", "safe")]
    assert backs == [check.code.startswith("PGS9")] * 2


@every_check
def test_a_skeleton_is_filled(check: Check) -> None:
    texts = [path.read_text() for path in (EXAMPLES / folder(check)).iterdir()]
    assert not [text for text in (check.condition, check.effect, check.remedy, *texts) if "TODO" in text]


def test_no_example_is_of_a_check_that_is_gone() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == {folder(check) for check in EVERY}


def test_pages_are_rendered() -> None:
    pages = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")}
    assert pages == render(EXAMPLES), "run python -m pytest_pgsafe.checks.pages"


def test_each_code_that_the_package_names_is_a_checks() -> None:
    # A finding that is made by hand would have no page.
    named = {code for path in SOURCES.rglob("*.py") for code in re.findall(r'"(PGS\d{3})"', path.read_text("utf-8"))}
    assert named <= {check.code for check in EVERY}


def test_each_check_of_a_migration_judges() -> None:
    # One without a judgement of its own objects to nothing, and is for what is judged in a run of its own.
    [nothing] = [one.default for one in fields(Check) if one.name == "judge"]
    assert [check.code for check in CHECKS if check.judge is nothing] == []
    assert {check.code for check in EVERY if check.judge is nothing} == {check.code for check in EVERY} - set(BY_CODE)
