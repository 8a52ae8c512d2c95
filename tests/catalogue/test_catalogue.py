"""The catalogue: each harm is an error on the right object, nothing that does no harm is one, changes are listed.

A representative part runs by default, everything with PGSAFE_TEST_FULL=1. Words at the top of a file:

``harm``, ``benign``      what it does
``object``                where an error has to be; several lines: any of them
``check``                 by which check
``key``                   a key that a sample of that error has to show: ``id=17``, ``sale_id=5, line_no=1``
``note``                  an object of which something has to be told, below an error
``needs``                 a file to run first, as superuser
``since``                 the major from which on its syntax is known
``role``                  ``superuser``: what the owner may not do
``tier``                  ``always``: runs in each tier
``known gap``             why it does not work yet
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.catalog.names import means
from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.server.base import Server
from tests.catalogue.headers import HERE, asked_for, header
from tests.server.bench import Bench
from tests.tiers import FULL

#: Without PGSAFE_TEST_FULL, one file of so many.
PART = 4
WORDS = {"harm", "benign", "object", "check", "key", "note", "needs", "since", "role", "tier", "known gap"}


def files(folder: str) -> list[object]:
    """Return what runs in this tier, each with its known gap."""
    found: list[object] = []
    for at, file in enumerate(sorted((HERE / folder).glob("*.sql"))):
        said = header(file)
        if FULL or "tier" in said or at % PART == 0:
            marks = [pytest.mark.xfail(reason=reason, strict=True) for reason in said.get("known gap", [])]
            found.append(pytest.param(file, id=file.stem, marks=marks))
    return found


@pytest.fixture(scope="module")
def shop(server: Server) -> Iterator[Bench]:
    bench = Bench.load(server, [HERE / "schema.sql"], role="catalogue_owner")
    yield bench
    server.drop(bench.before)


def findings(shop: Bench, file: Path) -> tuple[Finding, ...]:
    with asked_for(shop, file) as bench:
        return bench.judge(file)


def told(found: tuple[Finding, ...]) -> str:
    return "\n".join(
        f"{one.severity.value} {one.check} {one.object}: {one.message} {[dict(sample.key) for sample in one.samples]}"
        for one in found
    )


def on(found: tuple[Finding, ...], names: list[str]) -> list[Finding]:
    return [one for one in found if any(means(one.object, name) for name in names)]


def test_the_catalogue_is_large_and_its_headers_are_known() -> None:
    harms, benign = sorted((HERE / "harms").glob("*.sql")), sorted((HERE / "benign").glob("*.sql"))
    assert len(harms) >= 100
    assert len(benign) >= 60
    for file in (*harms, *benign):
        said = header(file)
        assert set(said) <= WORDS, file
        assert (file.parent.name == "harms") == ("harm" in said) == ({"object", "check"} <= set(said)), file
        assert ("benign" in said) != ("harm" in said), file
        assert all((HERE / name).is_file() for name in said.get("needs", [])), file


@pytest.mark.parametrize("file", files("harms"))
def test_harm_is_caught(shop: Bench, file: Path) -> None:
    said, found = header(file), findings(shop, file)
    named = [one for one in on(found, said["object"]) if one.severity is Severity.ERROR]
    caught = [one for one in named if one.check in said["check"]]
    assert caught, told(found)
    for line in said.get("key", []):
        key = dict(part.split("=", 1) for part in line.split(", "))
        assert key in [dict(sample.key) for one in caught for sample in one.samples], told(found)


@pytest.mark.parametrize("file", files("benign"))
def test_no_false_alarm_and_changes_are_listed(shop: Bench, file: Path) -> None:
    said, found = header(file), findings(shop, file)
    assert [one for one in found if one.severity is Severity.ERROR] == [], told(found)
    for name in said.get("note", []):
        assert on(found, [name]), told(found)


def test_nothing_is_wrong_with_the_catalogue_itself(shop: Bench) -> None:
    """What was wrong before would be a warning, and could hide a harm."""
    found = shop.judge(HERE / "benign" / "empty_migration.sql")
    assert [one for one in found if "NOT VALID" not in one.message] == [], told(found)
