"""A real chain of Alembic revisions with its own tool, nothing in it changed: OpenStack's keystone.

``.ci/foreign-chains`` installs it; PGSAFE_TEST_KEYSTONE names its ``keystone-manage``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

MANAGE = os.environ.get("PGSAFE_TEST_KEYSTONE") or shutil.which("keystone-manage")
pytestmark = pytest.mark.skipif(MANAGE is None, reason="no keystone-manage: PGSAFE_TEST_KEYSTONE names one")
CONFIGURATION = "[database]\nconnection = postgresql+psycopg2://nobody@db.invalid/keystone\n"
ROWS = """
insert into project (id, name, domain_id, is_domain)
values ('<<keystone.domain.root>>', '<<keystone.domain.root>>', '<<keystone.domain.root>>', true)
    on conflict do nothing;
insert into project (id, name, domain_id, is_domain)
select 'p' || n, 'project ' || n, '<<keystone.domain.root>>', false from generate_series(1, 500) as n;
insert into revocation_event (project_id, issued_before, revoked_at)
select 'p' || n, now(), now() from generate_series(1, 500) as n;
"""


@pytest.fixture
def expanded(server: Server, database: Address, tmp_path: Path) -> Address:
    """The database of a keystone whose contracting revisions are still to come, with rows."""
    (tmp_path / "keystone.conf").write_text(CONFIGURATION)
    subprocess.run(
        [str(MANAGE), "--config-file", "keystone.conf", "db_sync", "--expand"],
        cwd=tmp_path,
        env={**os.environ, "OS_DATABASE__CONNECTION": database.url("postgresql+psycopg2")},
        check=True,
        capture_output=True,
    )
    with connect(database, read_only=False) as session:
        session.execute("set search_path = public")
        session.execute(ROWS.encode())
    return database


def rehearsed(server: Server, folder: Path, source: Source, command: str) -> Result:
    (folder / "keystone.conf").write_text(CONFIGURATION)
    use = server.address().url() if server.kind == "existing" else server.kind
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    return rehearse(
        Settings(
            folder=folder,
            source=source,
            migration=Way(kind="run", command=f"{MANAGE} --config-file keystone.conf {command}"),
            env={"OS_DATABASE__CONNECTION": "{url:psycopg2}"},
            server=ServerSettings(use=use, image=image),
        )
    )


def test_its_whole_chain_runs_on_the_copy(server: Server, tmp_path: Path) -> None:
    (tmp_path / "source.sql").write_text("create table public.here (id int primary key);")
    result = rehearsed(server, tmp_path, Source(sql=(tmp_path / "source.sql",)), "db_sync")
    assert result.verdict == "passed", result.findings
    added = {change.object for change in result.changes if change.kind == "table"}
    assert {"public.project", 'public."user"', "public.alembic_version"} <= added
    assert result.trace is not None
    assert len(result.trace.statements) > 100


def test_its_contracting_revisions_are_judged_with_rows(server: Server, expanded: Address, tmp_path: Path) -> None:
    result = rehearsed(server, tmp_path, Source(dsn=expanded.url()), "db_sync --contract")
    # One of them drops a unique constraint, and no unique index takes its place.
    errors = [(one.code, one.object) for one in result.findings if one.severity is Severity.ERROR]
    assert errors == [("PGS501", "public.access_rule.access_rule_external_id_key")]
    assert all(step.outcome is Outcome.PASSED for step in result.steps)
    assert result.rows > 1000
