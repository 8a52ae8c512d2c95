"""A fleet on a real server: one report of all, by equal causes; drift; each member's own report; the exit status."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

NAMES = ("one", "two", "three", "four", "five")
SCHEMA = """
create table public.orders (id integer primary key, total numeric(10,2), email text);
insert into public.orders select n, n, 'ada@example.org' from generate_series(1, 20) n;
"""
#: Loses rows of the members that hold an order of more than 100; another one has rows that the constraint refuses.
MIGRATION = """
delete from orders where total > 100;
alter table orders add constraint positive check (total > 0);
"""


@pytest.fixture(scope="module")
def tenants(server: Server) -> Iterator[Address]:
    """Databases of the tenants, each owned by a role of its own; returns the address of the first one."""
    addresses: dict[str, Address] = {}
    with connect(server.address(), read_only=False) as session:
        for name in NAMES:
            session.execute(sql.SQL("create role {}").format(sql.Identifier(f"fleet_{name}_owner")))
            session.execute(sql.SQL("create database {}").format(sql.Identifier(f"fleet_{name}")))
            addresses[name] = server.address(f"fleet_{name}")
    for name, address in addresses.items():
        with connect(address, read_only=False) as session:
            session.execute(SCHEMA)
            owner = sql.Identifier(f"fleet_{name}_owner")
            session.execute(sql.SQL("alter table public.orders owner to {}").format(owner))
            if name in {"two", "three"}:
                number = 1 if name == "two" else 3
                session.execute(
                    "insert into public.orders select 1000 + n, 500, 'x' from generate_series(1, %s) n", (number,)
                )
            if name == "four":
                session.execute("insert into public.orders values (999, -1, 'secret@example.org')")
            if name == "five":
                session.execute("create index orders_email on public.orders (email)")
    yield addresses["one"]
    with connect(server.address(), read_only=False) as session:
        for name in NAMES:
            session.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(f"fleet_{name}")))
            session.execute(sql.SQL("drop role {}").format(sql.Identifier(f"fleet_{name}_owner")))


def run(folder: Path, tenants: Address, *arguments: str, names: tuple[str, ...] = NAMES) -> tuple[int, str]:
    """Run pytest over a fleet of these members and one that does not exist."""
    uri = tenants.url().replace(f"/{tenants.dbname}", "/fleet_{name}")
    (folder / "pgsafe.toml").write_text(
        f'[[source.fleet]]\ndsn = "{uri}"\nnames = {json.dumps(names)}\n'
        '[migration]\nsql = "m.sql"\n[server]\nuse = "local"\n[retry]\npoints = 0\n[traffic]\nclients = 0\n'
    )
    (folder / "m.sql").write_text(MIGRATION)
    environment = {**os.environ, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    command = [sys.executable, "-m", "pytest", "--pgsafe", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_fleet_is_told_as_one(tmp_path: Path, tenants: Address) -> None:
    files = ("f.json", "f.html", "f.md", "f.sarif", "f.ctrf.json", "f.codequality.json")
    status, said = run(
        tmp_path, tenants, "--junitxml=j.xml", *(f"--pgsafe-report={file}" for file in files), names=(*NAMES, "gone")
    )
    assert status == 1, said
    end = said[said.index("= pgsafe =") :]
    assert "pgsafe failed: 6 members: 3 not safe, 1 without a verdict, 2 safe" in end
    assert re.search(
        r"^2 members: PGS101 error: 1 row of 21 in public.orders is gone \(of two; of the others alike\)$",
        end,
        re.MULTILINE,
    )
    assert "four: step migrate failed: " in end
    assert re.search(r"^gone: no verdict: .*fleet_gone.* does not exist", end, re.MULTILINE)
    assert "schema: five: index public.orders_email is there besides" in end
    assert "schema: 4 of 5 members have the same schema, 1 another" in end
    report: Any = json.loads((tmp_path / "f.json").read_text())
    assert report["result"] == "failed"
    members = {one["name"]: one for one in report["fleet"]["members"]}
    verdicts = {name: one["result"] for name, one in members.items()}
    assert verdicts == {
        "one": "passed", "two": "failed", "three": "failed", "four": "failed", "five": "passed", "gone": "error",
    }  # fmt: skip
    assert members["gone"]["absent"] == "unreachable"
    assert [members[name]["differences"] for name in ("one", "five", "gone")] == [0, 1, None]
    own = json.loads((tmp_path / members["three"]["report"]).read_text())
    assert own["source"]["database"] == "fleet_three"
    assert [one["before"] for one in own["findings"] if one["check"] == "rows"] == [23]
    assert "fleet_four" in (tmp_path / "f.members" / "four.html").read_text()
    assert "psql --list" in json.loads((tmp_path / members["gone"]["report"]).read_text())["interrupted"]
    for name in ("f.md", "f.sarif", "f.ctrf.json", "f.codequality.json", "summary.md"):
        text = (tmp_path / name).read_text()
        assert "three" in text, name
        assert "secret@example.org" not in text, name
    assert re.search(r"^::error .*two", said, re.MULTILINE)
    assert "pgsafe.toml[three]" in (tmp_path / "j.xml").read_text()
    password = tenants.parameters.get("password")
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "pgsafe.toml"]
    assert password is not None
    assert password not in said
    assert not any(password in path.read_text() for path in written)


def test_a_safe_fleet_is_safe_and_short(tmp_path: Path, tenants: Address) -> None:
    status, said = run(tmp_path, tenants, "-q", names=("one",))
    assert status == 0, said
    assert "pgsafe passed: 1 member: 1 safe" in said
    assert not list(tmp_path.glob("*.members"))


def test_what_no_selected_check_tells_is_told_and_unsafe(tmp_path: Path, tenants: Address) -> None:
    status, said = run(tmp_path, tenants, "-k", "two and migrate", names=("one", "two"))
    assert status == 1, said
    assert "1 passed" in said
    assert "two: found, but rows was not run:" in said
    assert "pgsafe failed: 1 member: 1 not safe · 1 member not judged" in said
    assert "not judged: not selected: one" in said


def test_a_test_of_the_projects_own_alone_is_not_held_up_by_the_fleet(tmp_path: Path, tenants: Address) -> None:
    (tmp_path / "test_own.py").write_text(
        "import pytest\n\ndef test_plain(): pass\n\n@pytest.mark.pgsafe\ndef test_copy(pgsafe_database): pass\n"
    )
    status, said = run(tmp_path, tenants, "test_own.py", "-k", "test_plain", names=("one", "two"))
    assert status == 0, said
    # Of which member it would be a copy nobody said.
    status, said = run(tmp_path, tenants, "test_own.py", "-k", "test_copy", names=("one", "two"))
    assert status == 1, said
    assert "no test knows which member it is about" in said


def test_a_name_that_no_address_can_hold_is_its_own_outcome(tmp_path: Path, tenants: Address) -> None:
    status, said = run(tmp_path, tenants, "-k", "backup", "--pgsafe-report=r.json", names=("one", "t\nw\u001bo"))
    assert status == 1, said
    assert "INTERNAL" not in said
    members = json.loads((tmp_path / "r.json").read_text())["fleet"]["members"]
    assert {one["database"]: one["result"] for one in members} == {"fleet_one": "passed", "fleet_t\nw\x1bo": "error"}
