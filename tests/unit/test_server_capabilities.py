"""What a major can do stands in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pytest_pgsafe
from pytest_pgsafe.server import capabilities
from pytest_pgsafe.server.capabilities import MAINTAIN, restricts
from pytest_pgsafe.server.version import SUPPORTED, Version

#: A comparison with the number of a major, or of a version.
_COMPARED = re.compile(r"(?:major|version)\w*\s*(?:<=?|>=?|==)\s*\d\d|\d\d\s*(?:<=?|>=?)\s*\w*(?:major|version)")


@pytest.mark.parametrize(("version", "known"), [("16.10", False), ("17.0", True), ("18.1", True)])
def test_it_is_known_from_its_first_major_on(version: str, known: bool) -> None:
    assert MAINTAIN.known_to(Version.parse(version)) is MAINTAIN.known_to(Version.parse(version).major) is known


def test_two_majors_are_told_apart_by_what_came_between_them() -> None:
    assert MAINTAIN.tells_apart(16, 17)
    assert MAINTAIN.tells_apart(18, 14)
    assert not MAINTAIN.tells_apart(17, 18)
    assert not MAINTAIN.tells_apart(14, 16)


def test_programs_are_told_apart_by_their_minors() -> None:
    assert [restricts(Version.parse(text)) for text in ("15.13", "15.14", "17.5", "17.6", "18.0")] == [
        False,
        True,
        False,
        True,
        True,
    ]


def test_each_capability_tells_majors_apart_that_are_tested() -> None:
    for name, found in vars(capabilities).items():
        if isinstance(found, capabilities.Capability):
            assert SUPPORTED[0] < found.since <= SUPPORTED[-1], f"{name}: every major that is tested agrees"


def test_no_other_module_compares_versions_with_numbers() -> None:
    package = Path(pytest_pgsafe.__file__).parent
    found = [
        f"{path.relative_to(package)}:{number}"
        for path in sorted(package.rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if _COMPARED.search(line.partition("#")[0]) and path.name != "capabilities.py"
    ]
    assert not found
