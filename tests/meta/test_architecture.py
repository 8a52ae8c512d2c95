"""The walls between the rooms: contracts of import-linter in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]


def test_imports_keep_to_their_contracts() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kept, 0 broken" in done.stdout


def circles(imports: Mapping[str, Collection[str]]) -> set[frozenset[str]]:
    """Return the sets of modules that import one another, however far around."""
    left = {name: set(found) for name, found in imports.items()}
    # What imports nothing that is left, or is imported by nothing that is, stands in no circle.
    while ends := {name for name in left if not left[name] or not any(name in found for found in left.values())}:
        left = {name: found - ends for name, found in left.items() if name not in ends}
    reached = {name: _reached(name, left) for name in left}
    return {frozenset(other for other in reached[name] if name in reached[other]) for name in left} - {frozenset()}


def _reached(start: str, imports: Mapping[str, Collection[str]]) -> set[str]:
    seen: set[str] = set()
    ways = [start]
    while ways:
        for name in imports[ways.pop()]:
            if name not in seen:
                seen.add(name)
                ways.append(name)
    return seen


def test_no_module_imports_what_imports_it() -> None:
    """Imports within functions, and those for type checkers alone, count too: they tie as much."""
    graph = grimp.build_graph("pytest_pgsafe", cache_dir=None)
    found = circles({name: graph.find_modules_directly_imported_by(name) for name in graph.modules})
    assert not found, [sorted(one) for one in found]


def test_a_circle_is_seen_however_far_around() -> None:
    far = {"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": [], "e": ["a"]}
    assert circles(far) == {frozenset("abc")}
    assert circles({"a": ["b"], "b": ["c"], "c": []}) == set()
    assert circles({**far, "f": ["g"], "g": ["f"], "c": ["d"]}) == {frozenset("fg")}
