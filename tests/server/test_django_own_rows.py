"""What Django keeps of its models changes with every migrate, and is no harm; what is taken from it is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Finding, Rules, Severity
from pytest_pgsafe.copy.comparing import compare_databases
from pytest_pgsafe.migrate.run import run
from pytest_pgsafe.rehearsal import judging
from pytest_pgsafe.rehearsal.steps import Steps
from pytest_pgsafe.rehearsal.values import Outcome
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take
from tests.migrations import parse

FIRST = """
    migrations.CreateModel("Lamp", fields=[("id", models.AutoField(primary_key=True)), ("name", models.TextField())]),
"""
MORE = """
    migrations.CreateModel("Shade", fields=[("id", models.AutoField(primary_key=True)),
                                            ("made", models.DateTimeField(default=timezone.now))]),
    migrations.RenameModel("Lamp", "Lantern"),
    migrations.AddField("Lantern", "added", models.DateTimeField(default=timezone.now)),
"""


def step(folder: Path, number: int, operations: str) -> None:
    before = f"('shop', '000{number - 1}_step')" if number > 1 else "('auth', '__first__')"
    (folder / "shop" / "migrations" / f"000{number}_step.py").write_text(
        "from django.db import migrations, models\nfrom django.utils import timezone\n"
        f"class Migration(migrations.Migration):\n  dependencies = [{before}]\n  operations = [{operations}]\n"
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("django")
    folder = tmp_path_factory.mktemp("project")
    (folder / "shop" / "migrations").mkdir(parents=True)
    for package in (folder / "shop", folder / "shop" / "migrations"):
        (package / "__init__.py").touch()
    # Without it Django keeps nothing of the app's models; which there are is in the migrations.
    (folder / "shop" / "models.py").touch()
    (folder / "project_settings.py").write_text(
        "SECRET_KEY = 'x'\nUSE_TZ = True\n"
        "INSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth', 'shop']\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'HOST': 'db.invalid', 'NAME': 'x'}}\n"
    )
    (folder / "manage.py").write_text(
        "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'project_settings')\n"
        "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
    )
    step(folder, 1, FIRST)
    return folder


@pytest.fixture(scope="module")
def deployed(server: Server, project: Path) -> Iterator[Bench]:
    """The database at the first migration, with a row."""
    before = server.create("django")
    role = server.address().user
    run(parse("manage.py", project), server, before, role=role, folder=project, observed=False)
    with connect(before, read_only=False) as session:
        session.execute(b"insert into public.shop_lamp (name) values ('bedside')")
        facts = take(session)
    yield Bench(server, before, facts, role)
    server.drop(before)


def judged(bench: Bench, project: Path, text: str, back: str | None) -> tuple[tuple[Finding, ...], Steps]:
    after = bench.server.clone(bench.before, "after")
    try:
        trace = run(parse(text, project), bench.server, after, role=bench.role, folder=project)
        with connect(bench.before) as one, connect(after, read_only=False) as two:
            comparison = compare_databases(one, two, bench.facts, take(two), "values")
            evidence = judging.evidence(comparison, trace, Rules(), one, two)
        steps = Steps()
        if back is not None:
            evidence, steps = bench.go_back(evidence, after, text, back, folder=project)
        return judge(evidence), steps
    finally:
        bench.server.drop(after)


def test_types_and_permissions_of_new_and_renamed_models_are_notes(deployed: Bench, project: Path) -> None:
    step(project, 2, MORE)
    found, steps = judged(deployed, project, "manage.py", "manage.py")
    errors = {(one.code, one.object) for one in found if one.severity is Severity.ERROR}
    assert errors == set(), found
    assert [(done.name, done.outcome) for done in steps.done] == [
        ("rollback", Outcome.PASSED), ("again", Outcome.PASSED)
    ], steps.done  # fmt: skip
    notes = {(one.code, one.object) for one in found if one.severity is Severity.NOTE}
    assert {("PGS201", "public.django_content_type.model"), ("PGS104", "public.django_content_type")} <= notes
    left = {one.object for one in found if one.code == "PGS901" and "Django leaves what it added" in one.message}
    assert left == {"public.auth_permission", "public.django_content_type"}
    assert ("PGS903", "public.shop_lantern.added") in notes


def test_types_that_are_taken_away_are_a_loss(deployed: Bench, project: Path, tmp_path: Path) -> None:
    """``remove_stale_contenttypes`` takes along every row that refers to them."""
    (tmp_path / "up.sql").write_text(
        "delete from auth_permission; delete from django_content_type where model = 'lamp';"
    )
    found, _ = judged(deployed, project, str(tmp_path / "up.sql"), None)
    errors = {(one.code, one.object) for one in found if one.severity is Severity.ERROR}
    assert errors == {("PGS101", "public.auth_permission"), ("PGS101", "public.django_content_type")}
