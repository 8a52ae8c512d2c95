"""Ways back, good and bad, are judged as their files say: through psql, and through the tools that people have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench import Bench
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Rules
from pytest_pgsafe.copy.comparing import compare_databases
from pytest_pgsafe.migrate.run import run
from pytest_pgsafe.rehearsal import judging
from pytest_pgsafe.rehearsal.steps import Steps
from pytest_pgsafe.rehearsal.values import Outcome
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take
from tests.migrations import parse
from tests.tiers import FULL

FOLDER = Path(__file__).parents[2] / "fixtures" / "ways-back"
_PARTS = re.compile(r"(?P<head>(?:-- judged: .*\n)+)-- up\n(?P<up>.*?)^-- down\n(?P<down>.*)", re.DOTALL | re.MULTILINE)
FILES = sorted(file for file in FOLDER.glob("*.sql") if file.name != "base.sql")
TOOLS = ("alembic", "django", "command")
#: Through other tools the same happens; all of it with PGSAFE_TEST_FULL=1.
SOME = {("leaves-an-index", "alembic"), ("loses-a-value", "django"), ("a-copy-rebuilt", "command")}
#: Much like others: run with PGSAFE_TEST_FULL=1.
MORE = frozenset(
    [
        "a-type-and-back",
        "a-view-and-back",
        "leaves-a-column",
        "leaves-a-function",
        "precision-not-back",
        "key-not-validated",
        "wrong-default",
        "comment-not-back",
        "loses-a-table",
        "a-label-that-stays",
    ]
)
#: Nothing CONCURRENTLY through a tool that opens a transaction.
OUTSIDE = ("an-index",)


@dataclass(frozen=True)
class Way:
    name: str
    judged: frozenset[str]
    up: str
    down: str


def read(file: Path) -> Way:
    found = _PARTS.fullmatch(file.read_text(encoding="utf-8"))
    assert found is not None, file
    judged = frozenset(line.removeprefix("-- judged: ") for line in found["head"].splitlines())
    return Way(file.stem, judged - {"good"}, found["up"], found["down"])


@pytest.fixture(scope="module")
def base(server: Server) -> Iterator[Bench]:
    bench = Bench.load(server, [FOLDER / "base.sql"], role=server.address().user)
    yield bench
    server.drop(bench.before)
    with connect(server.address(), read_only=False) as session:
        session.execute(b"drop role if exists pgsafe_back_app, pgsafe_back_owner")


@pytest.fixture(autouse=True)
def no_role(server: Server) -> Iterator[None]:
    yield
    with connect(server.address(), read_only=False) as session:
        session.execute(b"drop role if exists pgsafe_back_again")


@contextmanager
def returned(base: Bench, folder: Path, up: str, down: str) -> Iterator[tuple[Any, Steps]]:
    """Migrate and go back on a clone, as a rehearsal does; yield what was found and the steps."""
    after = base.server.clone(base.before, "after")
    try:
        trace = run(parse(up, folder), base.server, after, role=base.role, folder=folder)
        with connect(base.before) as one, connect(after, read_only=False) as two:
            comparison = compare_databases(one, two, base.facts, take(two), "values")
            evidence = judging.evidence(comparison, trace, Rules(), one, two)
        evidence, steps = base.go_back(evidence, after, up, down, folder=folder)
        yield [one for one in judge(evidence) if one.check == "rollback"], steps
    finally:
        base.server.drop(after)


def check(way: Way, found: Any, steps: Steps) -> None:
    outcomes = {step.name: step.outcome for step in steps.done}
    if "fails" in way.judged:
        assert outcomes == {"rollback": Outcome.FAILED}
        return
    told = {f"{one.severity.value} {one.code} {one.object}" for one in found}
    tools_own = {one for one in told if "alembic_version" in one or "django_" in one}
    assert told - tools_own == way.judged, found
    assert not any(one.startswith("error") for one in tools_own)
    assert outcomes["rollback"] is Outcome.PASSED
    left = any(line.startswith(("error PGS901", "error PGS902")) for line in way.judged)
    assert outcomes["again"] is (
        Outcome.SKIPPED if left or "note PGS901 public.orders" in way.judged else Outcome.PASSED
    )


@pytest.mark.parametrize("file", [file for file in FILES if FULL or file.stem not in MORE], ids=lambda file: file.stem)
def test_through_psql(base: Bench, tmp_path: Path, file: Path) -> None:
    way = read(file)
    (tmp_path / "up.sql").write_text(way.up)
    (tmp_path / "back.sql").write_text(way.down)
    with returned(base, tmp_path, "up.sql", "back.sql") as (found, steps):
        check(way, found, steps)


ALEMBIC = """
from alembic import context
from sqlalchemy import engine_from_config, pool
engine = engine_from_config(context.config.get_section("alembic"), poolclass=pool.NullPool)
with engine.connect() as c:
    context.configure(connection=c)
    with context.begin_transaction():
        context.run_migrations()
"""
MANAGE = (
    "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'project_settings')\n"
    "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
)


def project(tool: str, folder: Path, up: str, down: str | None) -> tuple[str, str]:
    """Write a migration for a tool; return how it is run, and how it is taken back. No ``down`` is none."""
    if tool == "alembic":
        pytest.importorskip("alembic")
        (folder / "alembic.ini").write_text(
            "[alembic]\nscript_location = a\nsqlalchemy.url = postgresql+psycopg://x@db.invalid/x\n"
        )
        (folder / "a" / "versions").mkdir(parents=True)
        (folder / "a" / "env.py").write_text(ALEMBIC)
        (folder / "a" / "versions" / "one.py").write_text(
            "from alembic import op\nrevision, down_revision = 'one', None\n"
            f"def upgrade():\n    op.execute({up!r})\n"
            "def downgrade():\n    "
            + ("raise NotImplementedError('rows are gone')" if down is None else f"op.execute({down!r})")
        )
        return "alembic.ini", "alembic.ini"
    if tool == "django":
        pytest.importorskip("django")
        (folder / "shop" / "migrations").mkdir(parents=True)
        for package in (folder / "shop", folder / "shop" / "migrations"):
            (package / "__init__.py").touch()
        (folder / "project_settings.py").write_text(
            "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\nUSE_TZ = True\n"
            "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'HOST': 'db.invalid', 'NAME': 'x'}}\n"
        )
        (folder / "manage.py").write_text(MANAGE)
        (folder / "shop" / "migrations" / "0001_step.py").write_text(
            "from django.db import migrations\nclass Migration(migrations.Migration):\n"
            f"    operations = [migrations.RunSQL({up!r}, {down!r})]\n"
        )
        return "manage.py", "manage.py"
    (folder / "up.sql").write_text(up)
    (folder / "back.sql").write_text(down or "")
    psql = "cmd:psql -X -q -v ON_ERROR_STOP=1 -f"
    return f"{psql} up.sql", f"{psql} back.sql"


@pytest.mark.parametrize(
    ("file", "tool"),
    [
        pytest.param(file, tool, id=f"{file.stem}-{tool}")
        for file in FILES
        for tool in TOOLS
        if (FULL or (file.stem, tool) in SOME) and (file.stem not in OUTSIDE or tool == "command")
    ],
)
def test_through_tools(base: Bench, tmp_path: Path, file: Path, tool: str) -> None:
    way = read(file)
    with returned(base, tmp_path, *project(tool, tmp_path, way.up, way.down)) as (found, steps):
        check(way, found, steps)


@pytest.mark.parametrize("tool", ["alembic", "django"])
def test_a_revision_that_cannot_go_back_says_so(base: Bench, tmp_path: Path, tool: str) -> None:
    ways = project(tool, tmp_path, "delete from orders where id <= 3", None)
    with returned(base, tmp_path, *ways) as (found, steps):
        [rollback, restore] = steps.done
        assert (rollback.name, rollback.outcome) == ("rollback", Outcome.SKIPPED)
        assert (restore.name, restore.outcome) == ("restore_again", Outcome.SKIPPED)
        [finding] = found
        assert (finding.code, finding.severity.value) == ("PGS904", "warning")
        said = {"alembic": "NotImplementedError: rows are gone", "django": "IrreversibleError"}[tool]
        assert said in finding.message
        assert "no backup" in finding.message
