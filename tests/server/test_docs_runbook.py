"""docs/runbook.md: its commands are run, one after the other, on a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg import sql

from pytest_pgsafe.cli.main import COMMANDS
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

PAGE = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
#: Other commands have pages of their own.
RUNBOOK = ("backup", "verify", "status", "restore", "snapshot", "compare", "prune", "archive", "daily", "push", "pull")
TABLES = """
create table customers (id int primary key, name text);
create table sales (id bigserial primary key, customer_id int references customers, total numeric);
insert into customers select n, 'Customer ' || n from generate_series(1, 50) n;
insert into sales (customer_id, total) select id, id * 1.5 from customers;
"""


def test_the_page_s_commands_do_what_it_says(server: Server, database: Address, tmp_path: Path) -> None:
    with connect(database, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(TABLES)
    lines = "".join(f"{key}={value}\n" for key, value in database.parameters.items())
    (tmp_path / "services").write_text(f"[staging]\n{lines}")
    programs = {
        "pgsafe": "from pytest_pgsafe.cli import main\nmain()\n",
        "pytest": "import pytest\nraise SystemExit(pytest.main())\n",
    }
    (tmp_path / "bin").mkdir()
    for name, text in programs.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!{sys.executable}\n{text}")
        program.chmod(0o755)
    blocks = re.findall(r"^```shell\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    # Databases of this test alone.
    script = "set -eux\n" + "".join(blocks).replace("dbname=crm_", f"dbname={database.dbname}_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "PYTEST"))}
    environment |= {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PGSERVICEFILE": str(tmp_path / "services"),
        "PGSAFE_SERVER": database.with_(dbname="postgres").url(),
    }
    try:
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        said = done.stdout
        words = [
            "BACKUP MANIFEST",
            "PROVEN: YES",
            "READY FOR MIGRATION: YES",
            "ALL BACKUPS PROVEN",
            "RTO:",
            "are equal",
            "2 passed",
        ]
        assert [word for word in words if word not in said] == []
        assert said.count("equal to the backup") == 7
    finally:
        with connect(database.with_(dbname="postgres"), read_only=False) as session:
            pattern = f"{database.dbname}!_%"
            query = "select datname from pg_database where datname like %s escape '!'"
            for (name,) in session.execute(query, (pattern,)).fetchall():
                session.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.mark.parametrize("command", RUNBOOK)
def test_every_command_of_the_runbook_has_its_place_on_the_page(command: str) -> None:
    assert command in COMMANDS
    assert f"pgsafe {command} " in PAGE
