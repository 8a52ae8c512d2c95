"""Chains of migrations that nobody here wrote, each with its own tool, from a revision in the middle, with rows.

``.ci/foreign-chains FOLDER`` installs them; PGSAFE_FOREIGN_CHAINS names the folder.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from foreign import FOREIGN
from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.migrate.environment import cleaned, fill
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.report.json import document
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from seeding import seed

FOLDER = Path(os.environ.get("PGSAFE_FOREIGN_CHAINS", ""))
pytestmark = pytest.mark.skipif(
    "PGSAFE_FOREIGN_CHAINS" not in os.environ, reason="PGSAFE_FOREIGN_CHAINS names no folder: see .ci/foreign-chains"
)
Pairs = frozenset[tuple[str, str]]
BOOKS = frozenset({"alembic_version", "django_migrations", "django_content_type", "auth_permission", "migrations"})
OSLO = "[database]\nconnection = postgresql+psycopg2://nobody@db.invalid/nothing\n"
OSLO_ENV = {"OS_DATABASE__CONNECTION": "{url:psycopg2}"}
#: cinder-manage goes to the head only.
CINDER_INITIAL = (
    "from oslo_config import cfg\nfrom cinder.common import config\nfrom cinder.db import migration\n"
    "cfg.CONF(['--config-file', 'oslo.conf'], project='cinder')\nmigration.db_sync('921e1a36b076')\n"
)


@dataclass(frozen=True, kw_only=True)
class Chain:
    #: Leads to the revision that is deployed.
    deploy: str
    command: str
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    #: At least so many tables have rows then, and so many revisions are pending.
    seeded: int
    pending: int
    #: The last revision; None where the tool sends its names apart from its statements.
    last: str | None
    errors: Pairs = frozenset()


def _label_studio() -> str:
    home = next(FOLDER.glob("label-studio/lib/python3*/site-packages/label_studio"), FOLDER)
    return f"cd {home} && {FOLDER}/label-studio/bin/python manage.py migrate --noinput"


def _unleash() -> str:
    return f"cd {FOLDER}/unleash/node_modules/unleash-server/dist && {FOLDER}/unleash/node_modules/.bin/db-migrate up"


CHAINS = {
    "cinder": Chain(
        deploy=f"{FOLDER}/cinder/bin/python initial.py",
        command=f"{FOLDER}/cinder/bin/cinder-manage --config-file oslo.conf db sync",
        env=OSLO_ENV,
        seeded=30,
        pending=7,
        last="9c74c1c6971f",
    ),
    "label-studio": Chain(
        deploy=f"{_label_studio()} tasks 0026",
        command=_label_studio(),
        env={
            "DJANGO_DB": "default",
            "POSTGRE_HOST": "{host}",
            "POSTGRE_PORT": "{port}",
            "POSTGRE_USER": "{user}",
            "POSTGRE_PASSWORD": "{password}",
            "POSTGRE_NAME": "{dbname}",
            "COLLECT_ANALYTICS": "0",
            "LABEL_STUDIO_BASE_DATA_DIR": "/tmp/pgsafe-label-studio",
        },
        seeded=20,
        pending=100,
        last=None,
        errors=frozenset(
            {
                ("PGS203", "public.organization.default_role"),
                ("PGS203", "public.organizations_organizationmember.role"),
                ("PGS521", "public.tasks_annotationdraft.lead_time"),
            }
        ),
    ),
    "unleash": Chain(
        deploy=f"{_unleash()} -c 150",
        command=_unleash(),
        seeded=40,
        pending=150,
        last=None,
        # Its migrations rewrite its own permissions and strategies, and mark every feature as not archived.
        errors=frozenset(
            {
                ("PGS101", "public.permissions"),
                ("PGS101", "public.role_permission"),
                ("PGS201", "public.environments.sort_order"),
                ("PGS201", "public.features.archived"),
                ("PGS201", "public.permissions.display_name"),
                ("PGS201", "public.roles.description"),
                ("PGS201", "public.strategies.deprecated"),
                ("PGS201", "public.strategies.description"),
                ("PGS201", "public.strategies.sort_order"),
                ("PGS203", "public.role_permission.permission_id"),
                ("PGS502", "public.permissions.permissions_pkey"),
                ("PGS521", "public.change_request_events.feature"),
            }
        ),
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "oslo.conf").write_text(OSLO)
    (tmp_path / "initial.py").write_text(CINDER_INITIAL)
    return tmp_path


def by_hand(command: str, address: Address, env: Mapping[str, str], folder: Path) -> None:
    """Run a tool as its user would."""
    given = {"DATABASE_URL": address.url(), **{name: fill(text, address) for name, text in env.items()}}
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env={**cleaned(os.environ)[0], **given}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def rehearsed(server: Server, folder: Path, source: Source, migration: Way, env: Mapping[str, str]) -> Result:
    use = server.address().url() if server.kind == "existing" else server.kind
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    result = rehearse(
        Settings(
            folder=folder, source=source, migration=migration, env=env, server=ServerSettings(use=use, image=image)
        )
    )
    assert document(result)["result"] == result.verdict
    return result


def errors(result: Result) -> set[tuple[str, str]]:
    return {(one.code, one.object) for one in result.findings if one.severity is Severity.ERROR}


@pytest.mark.parametrize("name", CHAINS)
def test_from_the_middle_to_the_head(server: Server, database: Address, folder: Path, name: str) -> None:
    chain = CHAINS[name]
    by_hand(chain.deploy, database, chain.env, folder)
    seeded = seed(database, 200, leave=BOOKS)
    assert seeded >= chain.seeded
    with connect(database) as session:
        before = session.execute("select pg_database_size(current_database())").fetchone()
    result = rehearsed(server, folder, Source(dsn=database.url()), Way(kind="run", command=chain.command), chain.env)
    assert all(step.outcome is Outcome.PASSED for step in result.steps), result.steps
    assert errors(result) == chain.errors
    assert result.rows > 200 * chain.seeded / 2
    assert result.trace is not None
    if server.owns_cluster:
        revisions = result.trace.revisions
        assert len(revisions) >= chain.pending
        assert all(revision.seconds is not None for revision in revisions)
        assert chain.last is None or revisions[-1].name == chain.last
    # The source was only read.
    with connect(database) as session:
        assert session.execute("select pg_database_size(current_database())").fetchone() == before


def test_what_fails_on_postgresql_is_reported_as_that(server: Server, folder: Path) -> None:
    (folder / "source.sql").write_text("create table public.here (id int primary key);")
    command = f"{FOLDER}/neutron/bin/neutron-db-manage --config-file oslo.conf upgrade heads"
    source = Source(sql=(folder / "source.sql",))
    result = rehearsed(server, folder, source, Way(kind="run", command=command), OSLO_ENV)
    assert result.verdict == "failed"
    assert result.steps[-1].name == "migrate"
    assert result.steps[-1].outcome is Outcome.FAILED
    said = result.steps[-1].reason or ""
    assert 'syntax error at or near "CONVERT"' in said
    if server.owns_cluster:
        assert "42601" in said
        assert "ALTER TABLE tags CONVERT TO CHARACTER SET utf8mb4" in said
    assert "not rolled back: table public.alembic_version was added" in said


def test_sql_changes_in_their_own_order(server: Server, database: Address, folder: Path) -> None:
    packages = FOLDER / "packages"
    (folder / "base.sql").write_text("\n".join(FOREIGN["ledgersmb-1.5"].sql(packages)))
    arguments = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={folder / 'base.sql'}"]
    done = server.programs.run("psql", arguments, address=database, files=[folder / "base.sql"])
    assert done.returncode == 0, done.stderr[-2000:]
    changes = packages / "ledgersmb/usr/share/ledgersmb/sql/changes"
    (folder / "changes").mkdir()
    names = (changes / "LOADORDER").read_text().partition("#1.6 changes")[2].splitlines()
    names = [name.removeprefix("!") for name in names if name and not name.startswith("#")]
    for number, name in enumerate(names):
        text = f"begin;\n{(changes / name).read_text()}\ncommit;\n"
        (folder / "changes" / f"{number:02}-{Path(name).name}").write_text(text)
    migration = Way(kind="sql", path=folder / "changes")
    result = rehearsed(server, folder, Source(dsn=database.url()), migration, {})
    assert all(step.outcome is Outcome.PASSED for step in result.steps), result.steps
    assert result.trace is not None
    assert len(result.trace.revisions) == len(names) >= 15
    # Each error has the change that did it.
    assert {one.revision for one in result.findings if one.severity is Severity.ERROR} <= {
        revision.name for revision in result.trace.revisions
    }
