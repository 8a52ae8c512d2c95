"""The revision that did harm is named, whichever tool runs it, and only when there is harm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.report import json, terminal
from pytest_pgsafe.report.located import place
from pytest_pgsafe.server.base import Server

SOURCE = """
create table public.people (id int primary key, name text not null, email text);
insert into public.people select n, 'name ' || n, 'mail ' || n from generate_series(1, 50) as n;
"""
SQL = {
    "1_table.sql": "create table public.more (id int primary key);",
    "2_rows.sql": "delete from public.people where id = 7;",
    "3_away.sql": "alter table public.people rename name to title;",
    "4_back.sql": "alter table public.people rename title to name;",
    "10_email.sql": "alter table public.people drop email;",
    "11_index.sql": "create index on public.people (name);",
}
ENV = """
from alembic import context
from sqlalchemy import engine_from_config, pool
engine = engine_from_config(context.config.get_section("alembic"), poolclass=pool.NullPool)
with engine.connect() as c:
    context.configure(connection=c)
    with context.begin_transaction():
        context.run_migrations()
"""


def rehearsed(server: Server, folder: Path, way: Way) -> Result:
    (folder / "source.sql").write_text(SOURCE)
    use = server.address().url() if server.kind == "existing" else server.kind
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    source = Source(sql=(folder / "source.sql",))
    return rehearse(Settings(folder=folder, source=source, migration=way, server=ServerSettings(use=use, image=image)))


def files(folder: Path, texts: Mapping[str, str]) -> Way:
    (folder / "up").mkdir()
    for name, text in texts.items():
        (folder / "up" / name).write_text(text)
    return Way(kind="sql", path=folder / "up")


def blamed(result: Result) -> dict[str, str | None]:
    return {one.object: one.revision for one in result.findings if one.severity is Severity.ERROR}


def stands(result: Result) -> dict[str, str]:
    """Return where tools show what is wrong."""
    errors = [one for one in result.findings if one.severity is Severity.ERROR]
    return {one.object: str(place(result, one)) for one in errors}


def test_each_file_has_its_time_and_its_findings(server: Server, tmp_path: Path) -> None:
    result = rehearsed(server, tmp_path, files(tmp_path, SQL))
    assert blamed(result) == {"public.people": "2_rows.sql", "public.people.email": "10_email.sql"}
    assert result.trace is not None
    assert [revision.name for revision in result.trace.revisions] == list(SQL)
    assert all(revision.seconds is not None and revision.seconds > 0 for revision in result.trace.revisions)
    assert [step.outcome for step in result.steps if step.name == "revisions"] == [Outcome.PASSED]
    document = json.document(result)
    assert [one["name"] for one in document["revisions"]] == list(SQL)
    assert {one["revision"] for one in document["findings"] if one["severity"] == "error"} == set(
        blamed(result).values()
    )
    [finding] = [one for one in result.findings if one.object == "public.people" and one.severity is Severity.ERROR]
    assert terminal.finding_lines(finding)[0].endswith("(by 2_rows.sql)")
    assert any("10_email.sql" in line.text for line in terminal.summary(result, short=False))


def test_nothing_is_run_again_when_all_is_well(server: Server, tmp_path: Path) -> None:
    safe = {name: text for name, text in SQL.items() if name in {"1_table.sql", "11_index.sql"}}
    result = rehearsed(server, tmp_path, files(tmp_path, safe))
    assert result.verdict == "passed", result
    assert "revisions" not in [step.name for step in result.steps]


def test_what_cannot_be_run_file_by_file_changes_no_verdict(server: Server, tmp_path: Path) -> None:
    """The second run meets a role that the first one left in the cluster."""
    way = files(tmp_path, {"1_lost.sql": "delete from public.people;", "2_role.sql": "create role pgsafe_stepwise;"})
    if not server.owns_cluster:
        pytest.skip("an existing server would keep the role")
    result = rehearsed(server, tmp_path, Way(kind="sql", path=way.path))
    [step] = [step for step in result.steps if step.name == "revisions"]
    assert step.outcome is Outcome.SKIPPED
    assert "2_role.sql" in str(step.reason)
    assert blamed(result) == {"public.people": None}
    assert result.verdict == "failed"


def alembic(folder: Path, *bodies: str) -> Way:
    (folder / "alembic.ini").write_text(
        "[alembic]\nscript_location = a\nsqlalchemy.url = postgresql+psycopg://nobody:x@db.invalid/crm\n"
    )
    (folder / "a" / "versions").mkdir(parents=True)
    (folder / "a" / "env.py").write_text(ENV)
    before = None
    for number, body in enumerate(bodies, start=1):
        name = f"rev{number}"
        (folder / "a" / "versions" / f"{name}.py").write_text(
            f"from alembic import op\nrevision, down_revision = {name!r}, {before!r}\n"
            f"def upgrade():\n    op.execute({body!r})\n"
        )
        before = name
    return Way(kind="alembic", path=folder / "alembic.ini")


def test_alembics_revisions(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("alembic")
    bodies = [SQL[name] for name in ("1_table.sql", "2_rows.sql", "10_email.sql", "11_index.sql")]
    way = alembic(tmp_path, *bodies, "alter table public.people alter name drop not null")
    announced = tmp_path / "a" / "versions" / "rev5.py"
    announced.write_text(announced.read_text() + "    # pgsafe: expect changed people.name: may be unknown\n")
    # Of a revision that does not run.
    unborn = "# pgsafe: expect dropped people.name: later\nrevision, down_revision = 'rev0', None\n"
    (tmp_path / "a" / "rev0.py").write_text(unborn)
    result = rehearsed(server, tmp_path, way)
    assert blamed(result) == {"public.people": "rev2", "public.people.email": "rev3"}
    assert stands(result) == {"public.people": "a/versions/rev2.py:4", "public.people.email": "a/versions/rev3.py:4"}
    document = json.document(result)
    ran = {one["text"]: (one["file"], one["revision"]) for one in document["statements"]}
    assert ran[SQL["11_index.sql"]] == ("a/versions/rev4.py", "rev4")
    assert ran["UPDATE alembic_version SET version_num='rev4' WHERE alembic_version.version_num = 'rev3'"][0] is None
    files = [one["path"] for one in document["migration"]["files"]]
    assert files == [f"a/versions/rev{number}.py" for number in (1, 2, 3, 4, 5)]
    assert result.trace is not None
    assert [revision.name for revision in result.trace.revisions] == ["rev1", "rev2", "rev3", "rev4", "rev5"]
    reasons = {one.reason for one in result.findings if one.object == "public.people.name"}
    assert "may be unknown" in reasons, result.findings
    assert all(revision.seconds is not None for revision in result.trace.revisions)


def test_djangos_migrations(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("django")
    app = tmp_path / "shop"
    (app / "migrations").mkdir(parents=True)
    for package in (app, app / "migrations"):
        (package / "__init__.py").touch()
    (tmp_path / "project_settings.py").write_text(
        "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\nUSE_TZ = True\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'HOST': 'db.invalid', 'NAME': 'crm'}}\n"
    )
    (tmp_path / "manage.py").write_text(
        "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'project_settings')\n"
        "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
    )
    before = ""
    for number, name in enumerate(("1_table.sql", "2_rows.sql", "10_email.sql"), start=1):
        (app / "migrations" / f"000{number}_step.py").write_text(
            "from django.db import migrations\nclass Migration(migrations.Migration):\n"
            f"    dependencies = [{before}]\n    operations = [migrations.RunSQL({SQL[name]!r})]\n"
        )
        before = f"('shop', '000{number}_step')"
    result = rehearsed(server, tmp_path, Way(kind="django", path=tmp_path / "manage.py"))
    assert blamed(result) == {"public.people": "shop.0002_step", "public.people.email": "shop.0003_step"}
    assert stands(result) == {
        "public.people": "shop/migrations/0002_step.py:4", "public.people.email": "shop/migrations/0003_step.py:4"
    }  # fmt: skip
