"""What docs/reliability.md and docs/security.md promise names its tests, and these are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
_NOTE = re.compile(r"\[\^(\w+)\]")
#: Parts of docs/security.md that promise nothing: they say what is not kept.
_NO_PROMISE = {"What a source may log", "What is trusted", "What is left"}
#: A sentence that says what to do.
_ADVICE = ("So name one that is no superuser",)
#: The tables of docs/reliability.md of which each row is a fault, by their first column.
_FAULTS = {"fault", "found"}


@cache
def names_in(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def missing(text: str) -> list[str]:
    """Return the tests that a text names and that are not there."""
    found: list[str] = []
    for path, name in _NAMED.findall(text):
        file = ROOT / path
        if not file.is_file() or (name and name not in names_in(file)):
            found.append(f"{path}::{name}")
    return found


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.relative_to(DOCS).as_posix())
def test_each_test_that_a_page_names_is_there(page: Path) -> None:
    assert missing(page.read_text(encoding="utf-8")) == []


def test_one_that_is_missing_is_seen() -> None:
    here = "tests/meta/test_promises.py"
    named = ["`tests/meta/test_nothing.py`", f"`{here}::test_nothing`", f"`{here}`", f"`{here}::{missing.__name__}`"]
    assert missing(" ".join(named)) == [
        "tests/meta/test_nothing.py::", f"{here}::test_nothing", f"{here}::missing",
    ]  # fmt: skip


def rows(text: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the rows of a page's tables: the head of the first column, and the cells."""
    head: str | None = None
    for line in text.splitlines():
        if not line.startswith("|"):
            head = None
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if head is None:
            head = cells[0]
        elif not set(line) <= set("|-: "):
            yield head, cells


def test_each_fault_names_its_test() -> None:
    faults = [cells for head, cells in rows((DOCS / "reliability.md").read_text(encoding="utf-8")) if head in _FAULTS]
    assert len(faults) > 50
    assert [cells[0] for cells in faults if not _NAMED.search(cells[-1])] == []


def test_each_kind_of_verdict_names_its_tests() -> None:
    kinds = [cells for _, cells in rows((DOCS / "verdicts.md").read_text(encoding="utf-8"))]
    assert len(kinds) > 50
    assert [cells[0] for cells in kinds if not re.search(r"`tests/[\w/]+\.py::\w+`", cells[-1])] == []


def promises(text: str) -> Iterator[str]:
    """Yield the sentences, and the rows of tables, behind the headings of a page that promise something."""
    for part in text.split("\n## ")[1:]:
        heading, _, body = part.partition("\n")
        if heading in _NO_PROMISE:
            continue
        for block in re.split(r"\n\n+", re.sub(r"(?m)^\[\^.*(\n    .*)*", "", body).strip()):
            if block.startswith("|"):
                yield from block.splitlines()[2:]
            else:
                # A note behind the point belongs to what is before it.
                yield from re.split(r"(?<=[.\]]) (?=[A-Z`])", " ".join(block.split()))


def test_each_sentence_about_security_names_its_test() -> None:
    text = (DOCS / "security.md").read_text(encoding="utf-8")
    notes = dict(re.findall(r"(?m)^\[\^(\w+)\]: ((?:.*\n(?:    .*\n)*))", text))
    assert all(_NAMED.search(note) for note in notes.values()), notes
    found = list(promises(text))
    assert len(found) > 20
    bare = [one for one in found if not _NOTE.search(one) and not one.startswith(_ADVICE)]
    assert bare == []
    used = {name for one in found for name in _NOTE.findall(one)}
    assert used == set(notes)


def test_a_sentence_without_one_is_seen() -> None:
    sentences, table = "One is.[^a] Two is\nnot. `x` is;[^a] it is.[^b]", "| a |\n|---|\n| b |"
    text = f"# T\n\nno\n\n## A\n\n{sentences}\n\n{table}\n\n[^a]: x\n    y\n"
    assert [one for one in promises(text) if not _NOTE.search(one)] == ["Two is not.", "| b |"]
