"""Databases that nobody here wrote, from Debian's packages: what was done to them is found, and nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from foreign import FOREIGN, ROLES, Foreign
from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config.values import Source
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from test_rehearsal import outcomes, settings
from tests.tiers import FULL

FETCH = Path(__file__).parents[2] / ".ci" / "foreign-schemas"


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with the content of Debian's packages."""
    try:
        done = subprocess.run([FETCH], capture_output=True, text=True, timeout=300, check=False)
        reason = "" if done.returncode == 0 else done.stderr.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    else:
        if not reason:
            return Path(done.stdout.strip())
    if os.environ.get("PGSAFE_TEST_REQUIRE_SERVER") == "1":
        pytest.fail(f"{FETCH}: {reason}")
    pytest.skip(f"Debian's packages cannot be had: {reason}")


#: The large one, and one of another hand; the others with PGSAFE_TEST_FULL=1.
CHOSEN = [name for name in FOREIGN if FULL or name in {"zabbix", "kea"}]


@pytest.fixture(scope="module", params=CHOSEN)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def foreign(name: str) -> Foreign:
    return FOREIGN[name]


@pytest.fixture(scope="module")
def source(
    server: Server, packages: Path, name: str, foreign: Foreign, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Address]:
    """The database, as its package's scripts make it."""
    address = server.create(name.partition("-")[0])
    path = tmp_path_factory.mktemp("foreign") / f"{name}.sql"
    path.write_text("\n".join(foreign.sql(packages)))
    arguments = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={path}"]
    done = server.programs.run("psql", arguments, address=address, files=[path])
    assert done.returncode == 0, done.stderr[-2000:]
    yield address
    server.drop(address)
    with connect(server.address(), read_only=False) as connection:
        roles = connection.execute("select rolname from pg_roles where starts_with(rolname, %s)", (ROLES,)).fetchall()
        for (role,) in roles:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def found(result: Result, severity: Severity) -> set[tuple[str, str]]:
    return {(one.code, one.object) for one in result.findings if one.severity is severity}


def own(result: Result) -> set[tuple[str, str]]:
    """Return the warnings that say what was wrong before."""
    return {(one.code, one.object) for one in result.findings if "as before the migration" in one.message}


def test_nothing_done_is_nothing_found(server: Server, source: Address, foreign: Foreign, tmp_path: Path) -> None:
    (tmp_path / "nothing.sql").write_text("select 1;\n")
    result = rehearse(settings(server, Source(dsn=source.url()), tmp_path / "nothing.sql", tmp_path))
    assert result.verdict == "passed", result
    assert outcomes(result) == dict.fromkeys(["server", "backup", "restore", "clone", "migrate", "compare"], "passed")
    assert result.changes == ()
    assert {(one.code, one.object) for one in result.findings} == own(result)
    # Locks are read from the log, which an existing server does not show.
    assert {item.object for item in result.not_verified} == ({"locks"} if server.kind == "existing" else set())
    assert result.relations >= foreign.tables
    assert result.rows >= foreign.rows


def test_exactly_what_was_done_is_found(
    server: Server, source: Address, foreign: Foreign, packages: Path, tmp_path: Path
) -> None:
    (tmp_path / "change.sql").write_text("\n".join(foreign.change(packages)))
    result = rehearse(settings(server, Source(dsn=source.url()), tmp_path / "change.sql", tmp_path))
    assert {(change.kind, change.object) for change in result.changes} == foreign.changes
    assert found(result, Severity.ERROR) == foreign.errors
    assert found(result, Severity.WARNING) == own(result) | foreign.warnings
    shown = {
        one.object: {", ".join(map(str, sample.key.values())) for sample in one.samples}
        for one in result.findings
        if one.samples
    }
    assert {name: shown[name] for name in foreign.keys} == foreign.keys
