"""Make the skeleton of a new check: ``python -m tests.new_check PGS110 rows-renumbered --item rows``.

It writes the check, its two examples and a unit test, and lists the check where checks are listed. Everything fails
until it is filled: each text that is missing says ``TODO``, the judgement finds nothing, and the unit test wants a
finding.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_CHECK = '''"""TODO: what these checks are about, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator

from .values import Check, Evidence, Finding, Severity


def _{function}(evidence: Evidence) -> Iterator[Finding]:
    # TODO: yield {constant}.finding(OBJECT, MESSAGE) for each change in evidence.comparison that is one.
    yield from ()


{constant} = Check(
    code="{code}",
    check="{item}",
    name="{name}",
    severity=Severity.ERROR,
    condition="TODO: when it is found.",
    effect="TODO: what happens then.",
    remedy="TODO: what to do.",
    judge=_{function},
)
CHECKS = ({constant},)
'''
_TEST = '''"""{code} {name}."""

from __future__ import annotations

from builders import evidence, sales, shown, snapshot
from pytest_pgsafe.checks import judge


def test_{function}() -> None:
    before = snapshot(*sales(oid=1))
    # TODO: what the migration did to it.
    after = snapshot(*sales(oid=1))
    assert [found for found in shown(judge(evidence(before, after))) if found[0] == "{code}"]
'''


def main() -> None:
    """Write the files, and name them."""
    parser = argparse.ArgumentParser(prog="python -m tests.new_check", description=__doc__)
    parser.add_argument("code", help="PGS and three digits; the first is that of the item (tests/meta/test_checks.py)")
    parser.add_argument("name", help="a few words with hyphens, as they stand in a baseline: rows-renumbered")
    parser.add_argument("--item", default="schema", help="the collected item that reports it: rows, values, schema …")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not re.fullmatch(r"PGS\d{3}", given.code) or not re.fullmatch(r"[a-z]+(-[a-z]+)*", given.name):
        parser.error("wanted a code such as PGS110, and a name such as rows-renumbered")
    for path in write(given.root, given.code, given.name, given.item):
        sys.stdout.write(f"{path.relative_to(given.root)}\n")


def write(root: Path, code: str, name: str, item: str) -> list[Path]:
    """Write the skeleton below a folder of the project.

    :returns: the files that were written or changed.
    :raises FileExistsError: one of them is there.
    """
    function = name.replace("-", "_")
    words = {"code": code, "name": name, "item": item, "function": function, "constant": function.upper()}
    checks = root / "pytest_pgsafe" / "checks"
    examples = root / "fixtures" / "checks" / f"{code}-{name}"
    examples.mkdir(parents=True)
    texts = {
        checks / f"{function}.py": _CHECK.format(**words),
        root / "tests" / "unit" / f"test_checks_{function}.py": _TEST.format(**words),
        examples / "unsafe.sql": "-- TODO: a migration of fixtures/checks/base.sql that it finds.\n",
        examples / "safe.sql": "-- TODO: one that does the same without harm.\n",
    }
    for path, text in texts.items():
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    registry = checks / "__init__.py"
    listed = registry.read_text(encoding="utf-8")
    for start, end in (("from . import (\n", ")\n"), ("_MODULES = (\n", ")\n")):
        head, _, rest = listed.partition(start)
        names, _, tail = rest.partition(end)
        listed = f"{head}{start}{names}    {function},\n{end}{tail}"
    registry.write_text(listed, encoding="utf-8")
    return [*texts, registry]


if __name__ == "__main__":
    main()
