"""Migration tools as real programs, each with a chain of its own: what it does is seen and judged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config import resolve
from pytest_pgsafe.config.values import Options, Settings
from pytest_pgsafe.migrate.environment import cleaned, fill, given
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

REQUIRED = os.environ.get("PGSAFE_TEST_REQUIRE_SERVER") == "1"
#: What each revision does, and what undoes it: the first is deployed, the others are pending.
CUSTOMERS = ("create table customer (id int primary key, name text not null, email text)", "drop table customer")
PHONE = ("alter table customer add column phone text", "alter table customer drop column phone")
INDEX = ("create index customer_name on customer (name)", "drop index customer_name")
#: Looks like a clean-up; its way back brings nothing back.
CLEAN = ("delete from customer where id > 190", "select 1")
GOOD, HARMFUL = (CUSTOMERS, PHONE, INDEX), (CUSTOMERS, PHONE, CLEAN)
Changes = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Program:
    """A tool."""

    #: Writes a project with these revisions into a folder.
    write: Callable[[Path, Changes], None]
    #: The program, or None where it is not here.
    found: Callable[[], str | None]
    #: ``[migration]``; ``{program}`` is the program.
    keys: Mapping[str, str]
    #: Deploys all revisions that are written.
    deploy: str
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    #: The names of the revisions that are pending; None where the tool sends them apart from its statements.
    revisions: tuple[str, ...]
    #: It, or the server, tells how long each took.
    timed: bool = True
    #: Its tables that a run writes into.
    books: tuple[str, ...]


def _dbmate(folder: Path, changes: Changes) -> None:
    (folder / "db" / "migrations").mkdir(parents=True, exist_ok=True)
    for number, (up, down) in enumerate(changes, 1):
        text = f"-- migrate:up\n{up};\n\n-- migrate:down\n{down};\n"
        (folder / "db" / "migrations" / f"2026010{number}_change.sql").write_text(text)


def _liquibase(folder: Path, changes: Changes) -> None:
    text = "--liquibase formatted sql\n"
    for number, (up, down) in enumerate(changes, 1):
        text += f"\n--changeset team:{number}\n{up};\n--rollback {down};\n"
    (folder / "changelog.sql").write_text(text)


def _liquibase_found() -> str | None:
    """Return the program that .ci/migration-tools unpacked, where Java runs it."""
    program = Path(os.environ.get("PGSAFE_TEST_LIQUIBASE", ""))
    return str(program) if program.is_file() and shutil.which("java") else shutil.which("liquibase")


def _beside(name: str) -> Callable[[], str | None]:
    """Look for a program beside this Python first: PyPI has some."""
    return lambda: shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def _sqitch(folder: Path, changes: Changes) -> None:
    (folder / "sqitch.conf").write_text("[core]\n\tengine = pg\n[user]\n\tname = Ann\n\temail = ann@example.com\n")
    plan = "%syntax-version=1.0.0\n%project=crm\n\n"
    for number, scripts in enumerate(changes, 1):
        plan += f"change_{number} 2026-01-0{number}T00:00:00Z Ann <ann@example.com> # a change\n"
        for verb, script in zip(("deploy", "revert"), scripts, strict=True):
            (folder / verb).mkdir(exist_ok=True)
            (folder / verb / f"change_{number}.sql").write_text(f"begin;\n{script};\ncommit;\n")
    (folder / "sqitch.plan").write_text(plan)


_URL = '--url="$JDBC_URL" --username="$PGUSER" --changelog-file=changelog.sql'
PROGRAMS = {
    "dbmate": Program(
        write=_dbmate,
        found=_beside("dbmate"),
        keys={
            "run": "{program} --no-dump-schema up",
            "rollback": "cmd:{program} --no-dump-schema down && {program} --no-dump-schema down",
        },
        deploy="{program} --no-dump-schema up",
        env={"PGSSLMODE": "disable"},
        # It sends its names apart from its statements.
        revisions=("number 1", "number 2"),
        books=("public.schema_migrations",),
    ),
    "sqitch": Program(
        write=_sqitch,
        found=_beside("sqitch"),
        keys={"sqitch": "sqitch.conf", "rollback": "sqitch.conf"},
        deploy="{program} deploy db:pg:",
        revisions=("change_2", "change_3"),
        timed=False,
        books=("sqitch.changes", "sqitch.events"),
    ),
    "liquibase": Program(
        write=_liquibase,
        found=_liquibase_found,
        keys={"run": f"{{program}} update {_URL}", "rollback": f"cmd:{{program}} rollback-count --count=2 {_URL}"},
        deploy=f"{{program}} update {_URL}",
        env={"JDBC_URL": "{url:jdbc}", "LIQUIBASE_COMMAND_PASSWORD": "{password}"},
        revisions=("2", "3"),
        books=("public.databasechangelog",),
    ),
}


@pytest.fixture(params=PROGRAMS)
def tool(request: pytest.FixtureRequest) -> tuple[Program, str]:
    program = PROGRAMS[request.param]
    found = program.found()
    if found is None:
        message = f"no {request.param}: see .ci/migration-tools"
        assert not REQUIRED or request.param == "liquibase", message
        pytest.skip(message)
    return program, found


def deployed(tool: tuple[Program, str], address: Address, folder: Path, changes: Changes) -> None:
    """Have the first revision deployed by hand, two hundred customers come, and the others written."""
    program, found = tool
    program.write(folder, changes[:1])
    private = folder / "private"
    private.mkdir()
    with given(address, private) as leading:
        filled = {name: fill(text, address) for name, text in program.env.items()}
        done = subprocess.run(
            ["sh", "-c", program.deploy.format(program=found)], cwd=folder, capture_output=True, text=True,
            env={**cleaned(os.environ)[0], **leading, **filled}, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    with connect(address, read_only=False) as session:
        session.execute(b"insert into public.customer select n, 'Customer ' || n from generate_series(1, 200) as n")
    program.write(folder, changes)


def settings(tool: tuple[Program, str], server: Server, address: Address, folder: Path) -> Settings:
    program, found = tool
    use = server.address().url() if server.kind == "existing" else server.kind
    lines = [f"{name} = {text.format(program=found)!r}" for name, text in program.keys.items()]
    env = ", ".join(f'{name} = "{text}"' for name, text in program.env.items())
    (folder / "pgsafe.toml").write_text("\n".join(["[migration]", *lines, f"env = {{ {env} }}"]) + "\n")
    options = Options(source=(address.url(),), server=use)
    return resolve(options, environment={}, rootdir=folder, invocation_dir=folder)


def rehearsed(tool: tuple[Program, str], server: Server, address: Address, folder: Path, changes: Changes) -> Result:
    deployed(tool, address, folder, changes)
    return rehearse(settings(tool, server, address, folder))


def told(result: Result) -> dict[str, set[tuple[str, str]]]:
    """Return the findings that are no notes, by severity."""
    found: dict[str, set[tuple[str, str]]] = {}
    for one in result.findings:
        if one.severity is not Severity.NOTE:
            found.setdefault(one.severity.value, set()).add((one.code, one.object))
    return found


def test_a_chain_that_is_safe_goes_there_and_back(
    server: Server, database: Address, tmp_path: Path, tool: tuple[Program, str]
) -> None:
    result = rehearsed(tool, server, database, tmp_path, GOOD)
    assert {step.name: step.outcome for step in result.steps if step.outcome is not Outcome.PASSED} == {}, result.steps
    assert {"migrate", "rollback", "again"} <= {step.name for step in result.steps}
    assert result.verdict == "passed"
    assert "error" not in told(result)
    assert result.trace is not None
    program = tool[0]
    if result.trace.observed:
        assert tuple(one.name for one in result.trace.revisions) == program.revisions
        assert all((one.seconds is not None) is program.timed for one in result.trace.revisions)
    # What the tool wrote into its own tables is told, and is nobody's business.
    told_of = {one.object: one.severity for one in result.findings if one.object in program.books}
    assert told_of == dict.fromkeys(program.books, Severity.NOTE)


def test_the_harm_in_a_chain_is_found(
    server: Server, database: Address, tmp_path: Path, tool: tuple[Program, str]
) -> None:
    result = rehearsed(tool, server, database, tmp_path, HARMFUL)
    assert result.verdict == "failed"
    errors = told(result)["error"]
    assert ("PGS101", "public.customer") in errors
    assert {name for _, name in errors} == {"public.customer"}
    [gone] = [one for one in result.findings if one.code == "PGS101"]
    assert "10 rows of 200" in gone.message
