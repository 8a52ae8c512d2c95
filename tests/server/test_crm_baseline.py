"""The CRM's phase 4 in a pull request: a short baseline that stays while the source's data moves on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.backup.restore import run_sql
from pytest_pgsafe.config import resolve
from pytest_pgsafe.config.values import Options
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

CRM = Path(__file__).parents[2] / "fixtures" / "crm"
#: A day's work: more of everything, something less, other values; copies agree with their sources as before.
TOMORROW = b"""
insert into public.users (name, email) values ('New colleague', 'new@crm.example');
insert into public.customers (code, name, email) values ('NEW-1', 'New Ltd', 'new@ltd.example');
insert into public.ticket_comments (ticket_id, author_id, body)
select ticket_id, author_id, 'a word more' from public.ticket_comments limit 100;
update public.products set price = price + 1 where id % 3 = 0;
delete from public.ticket_attachments where token in (select token from public.ticket_attachments limit 50);
select nextval('public.contract_number_seq');
"""


@pytest.fixture
def source(server: Server) -> Iterator[Address]:
    address = server.create("crm")
    run_sql([CRM / "schema.sql", CRM / "data.sql"], address, server.programs)
    yield address
    server.drop(address)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("pgsafe.toml", "phase4.sql", "phase4.down.sql"):
        shutil.copy(CRM / name, tmp_path / name)
    return tmp_path


def run(project: Path, source: Address, *, update: bool = False) -> Result:
    told = Options(source=(source.url(),), server="local", update=update)
    return rehearse(resolve(told, environment={}, rootdir=project, invocation_dir=project))


def test_the_baseline_of_a_pull_request(project: Path, source: Address) -> None:
    first = run(project, source, update=True)
    assert first.verdict == "passed", first.findings
    text = (project / "pgsafe.baseline").read_text(encoding="utf-8")
    assert "PGS203 column-dropped public.sales.customer_name  # phase 4: read through customers" in text.splitlines()
    assert 25 < len(text.splitlines()) < 60
    with connect(source, read_only=False) as connection:
        connection.execute(TOMORROW)
    second = run(project, source)
    assert second.verdict == "passed", second.findings
    assert second.rows != first.rows
    assert run(project, source, update=True).verdict == "passed"
    assert (project / "pgsafe.baseline").read_text(encoding="utf-8") == text
