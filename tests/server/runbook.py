"""What tests of the runbook's commands share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_pgsafe.cli import run
from pytest_pgsafe.server.address import Address

if TYPE_CHECKING:
    import pytest

#: Two tables with everything that belongs to them.
SCHEMA = """
create table account (id int primary key, balance int not null default 5, note text);
create table log (id bigserial primary key, account int references account, at timestamptz default clock_timestamp());
create index log_at on log (at);
create view rich as select * from account where balance > 50;
insert into account select n, 100, 'note ' || n from generate_series(1, 500) n;
insert into log (account) select id from account;
"""


def uri(address: Address, dbname: str | None = None) -> str:
    """Return an address without its password, as it may stand in an argument."""
    return address.with_(password=None, dbname=address.dbname if dbname is None else dbname).url()


def env_of(address: Address) -> dict[str, str]:
    """Return where the password is instead."""
    return {"PGPASSWORD": address.parameters["password"]} if "password" in address.parameters else {}


def answer(arguments: Sequence[str], capsys: pytest.CaptureFixture[str], status: int = 0) -> dict[str, Any]:
    """Run a command that answers in JSON; return its answer."""
    capsys.readouterr()
    done = run(arguments)
    said = capsys.readouterr()
    assert done == status, said.out + said.err
    found: dict[str, Any] = json.loads(said.out)
    return found
