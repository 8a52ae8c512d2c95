"""Do the unit tests notice when the judgement is broken? ``python -m tests.mutants --sample 100``

cosmic-ray (``pip install cosmic-ray``) breaks one thing after another in a copy of the working tree: a comparison, an
``and``, a ``not``, a number. A random sample of the mutants is run; those that no test notices are shown, and are to be
killed by a test or explained. Alternatives of types are left alone: nobody evaluates an annotation.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("compare", "checks", "snapshot")
#: Of ``snapshot``, what needs no server: the rest is for the tests that have one.
PURE = ("align.py", "expressions.py", "file.py", "key.py", "parallel.py")
TESTS = (
    "survivors", "checks", "compare", "guards", "snapshot", "rules", "baseline", "announced", "recoverability",
    "rehearsal_explained", "rehearsal_judging", "rehearsal_restoring",
)  # fmt: skip
#: Types, arguments that have to be named, and what only a reader sees.
LEFT_ALONE = (
    "ReplaceBinaryOperator_BitOr_%",
    "ReplaceBinaryOperator_Mul_%",
    "RemoveDecorator",
    "ReplaceComparisonOperator_Is%",
    "ExceptionReplacer",
)
#: Jobs are numbered anew each time; their places are not.
_PLACE = "module_path, start_pos_row, start_pos_col, operator_name, occurrence"
CONFIG = """
[cosmic-ray]
module-path = [{modules}]
timeout = 120.0
excluded-modules = []
test-command = "{python} -m pytest -x -q -p no:cacheprovider {tests}"
[cosmic-ray.distributor]
name = "local"
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=100, help="how many mutants are run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tool", default="cosmic-ray", help="the program, if it is in an environment of its own")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pgsafe-mutants-") as name:
        tree = Path(name)
        for part in ("pytest_pgsafe", "tests", "fixtures", "pyproject.toml", "conftest.py"):
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, tree / part)
        tests = [str(path) for word in TESTS for path in sorted(Path("tests/unit").glob(f"test_{word}*.py"))]
        modules = [str(path.relative_to(tree)) for room in ROOMS for path in _modules(tree / "pytest_pgsafe" / room)]
        config = CONFIG.format(modules=str(modules)[1:-1], python=sys.executable, tests=" ".join(tests))
        (tree / "mutants.toml").write_text(config)
        _run(tree, asked.tool, "init", "mutants.toml", "session.sqlite")
        _run(tree, asked.tool, "baseline", "mutants.toml")
        with sqlite3.connect(tree / "session.sqlite") as session:
            total = _thinned(session, asked.sample, random.Random(asked.seed))
        _run(tree, asked.tool, "exec", "mutants.toml", "session.sqlite")
        with sqlite3.connect(tree / "session.sqlite") as session:
            return _told(session, tree, total)


def _modules(room: Path) -> list[Path]:
    pure = {path.name for path in room.glob("*.py")} - {"pages.py"} if room.name != "snapshot" else PURE
    return [path for path in sorted(room.glob("*.py")) if path.name in pure]


def _run(tree: Path, *command: str) -> None:
    subprocess.run(command, cwd=tree, check=True, env={"PYTHONPATH": str(tree), "PATH": "/usr/bin:/bin"})


def _thinned(session: sqlite3.Connection, sample: int, chance: random.Random) -> int:
    """Leave a sample of the mutants in a session; return how many there were."""
    for operator in LEFT_ALONE:
        session.execute(
            "delete from mutation_specs where operator_name like ?",
            (f"core/{operator}",),
        )
    jobs = [job for (job,) in session.execute(f"select job_id from mutation_specs order by {_PLACE}")]
    kept = set(chance.sample(jobs, min(sample, len(jobs))))
    session.executemany("delete from mutation_specs where job_id = ?", [(job,) for job in jobs if job not in kept])
    session.execute("delete from work_items where job_id not in (select job_id from mutation_specs)")
    return len(jobs)


def _told(session: sqlite3.Connection, tree: Path, total: int) -> int:
    rows = session.execute(
        "select module_path, start_pos_row, operator_name, occurrence, test_outcome, diff from mutation_specs"
        " join work_results using (job_id) order by 1, 2"
    ).fetchall()
    survived = [row for row in rows if str(row[4]).upper().endswith("SURVIVED")]
    for module, line, operator, _, _, diff in survived:
        changed = [text for text in str(diff).splitlines() if text[:1] in "+-" and text[:3] not in {"+++", "---"}]
        sys.stdout.write("\n  ".join([f"\n{Path(module)}:{line} {operator}", *changed, ""]))
    sys.stdout.write(
        f"\n{len(rows)} of {total} mutants: {len(rows) - len(survived)} killed, {len(survived)} survived\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
