"""The CRM's phase 4: lost by drift, safe after the repair, and a short baseline that stays while data moves on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.backup.restore import run_sql
from pytest_pgsafe.catalog.names import bare
from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config import resolve
from pytest_pgsafe.config.values import Options
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.server.crm_facts import CRM, RULES, SETTINGS

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
def source(server: Server, tmp_path: Path) -> Iterator[Address]:
    """The CRM at a fifth of its size, as production had it: some copies drifted."""
    address = server.create("crm")
    scale = tmp_path / "scale.sql"
    scale.write_text(f"alter database {address.dbname} set crm.scale = '0.2';\n", encoding="utf-8")
    run_sql([scale, CRM / "schema.sql", CRM / "data.sql", CRM / "drift.sql"], address, server.programs)
    yield address
    server.drop(address)


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name in ("pgsafe.toml", "phase4.sql", "phase4.down.sql"):
        shutil.copy(CRM / name, folder / name)
    return folder


def run(project: Path, source: Address, *, update: bool = False) -> Result:
    told = Options(source=(source.url(),), server="local", update=update)
    return rehearse(resolve(told, environment={}, rootdir=project, invocation_dir=project))


def test_phase_4_from_drift_to_the_pull_request(project: Path, source: Address, server: Server) -> None:
    drifted = run(project, source)
    assert drifted.verdict == "failed"
    wrong = [one for one in drifted.findings if one.severity is Severity.ERROR]
    # The way back cannot bring it again either.
    assert {one.code for one in wrong} == {"PGS401", "PGS901"}
    lost = [one for one in wrong if one.code == "PGS401"]
    # All of the seventeen names, each with rows that would be lost: key, what the copy says, what its source says.
    assert {bare(one.object) for one in lost} == {rule["column"].partition(".")[2] for rule in RULES}
    for one in lost:
        for sample in one.samples:
            assert set(sample.key) == {"id"}
            assert set(sample.before or {}) == {one.object}
            assert [*(sample.before or {}).values()] != [*(sample.after or {}).values()]
    phone = next(one for one in lost if one.object == "public.job_works.customer_phone")
    assert "+49 171 55505" in [value for sample in phone.samples for value in (sample.before or {}).values()]

    run_sql([CRM / "repair.sql"], source, server.programs)
    first = run(project, source, update=True)
    assert first.verdict == "passed", first.findings
    reasons = {one.object: one.reason for one in first.findings if one.code == "PGS203"}
    assert reasons == {f"public.{entry['column']}": entry["reason"] for entry in SETTINGS["expect"]["dropped"]}
    written = (project / "pgsafe.baseline").read_text(encoding="utf-8")
    assert "PGS203 column-dropped public.sales.customer_name  # phase 4: read through customers" in written.splitlines()
    assert 25 < len(written.splitlines()) < 60

    with connect(source, read_only=False) as connection:
        connection.execute(TOMORROW)
    second = run(project, source, update=True)
    assert second.verdict == "passed", second.findings
    assert second.rows != first.rows
    assert (project / "pgsafe.baseline").read_text(encoding="utf-8") == written
    assert run(project, source).verdict == "passed"
