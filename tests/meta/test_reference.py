"""The reference of options, keys and commands is what the code says, and no key is explained nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_pgsafe.config.sections import SECTIONS
from tests.reference import PAGE, render

ROOT = Path(__file__).parents[2]
#: Pages that people wrote.
PAGES = [page for page in (ROOT / "docs").rglob("*.md") if page != ROOT / PAGE and page.parent.name != "checks"]
KEYS = sorted({(".".join(place), key) for place, model in SECTIONS.items() for key in model.known_keys() if place})


def test_the_page_is_rendered_from_the_code() -> None:
    wanted = (ROOT / PAGE).read_text(encoding="utf-8")
    assert render() == wanted, "python -m tests.reference writes it"


def told(key: str, text: str) -> bool:
    """Tell whether a page names a key: in a table or a sentence, or sets it in an example."""
    return re.search(rf"`(?:\[[\w.]+\] )?{key}`|(?m:^|[{{, `]){key} = ", text) is not None


def test_each_key_is_explained_on_a_page() -> None:
    whole = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(KEYS) > 100
    assert [(section, key) for section, key in KEYS if not told(key, whole)] == []


@pytest.mark.parametrize(
    ("text", "there"),
    [("`rows`", True), ("`[source] rows`", True), ("rows = 3", True), ("{ rows = 3 }", True), ("ten rows", False)],
)
def test_what_names_a_key(text: str, there: bool) -> None:
    assert told("rows", text) is there
