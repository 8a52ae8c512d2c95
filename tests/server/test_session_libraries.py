"""Libraries that the sessions of the source's roles load, and that the scratch server does not have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.copy.source import examine
from pytest_pgsafe.errors import SourceError
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect


@pytest.fixture
def read_by(server: Server, database: Address) -> Iterator[Address]:
    """A small source of an owner's, and a role that reads it."""
    if not server.owns_cluster:
        pytest.skip("it makes roles, and settings that keep them out")
    with connect(database, read_only=False) as session:
        session.execute("create role pgsafe_preload_owner login; create role pgsafe_preload_reader login")
        session.execute("grant pg_read_all_data to pgsafe_preload_reader")
        session.execute("create table public.t (id int primary key); insert into public.t values (1)")
        session.execute("alter table public.t owner to pgsafe_preload_owner")
        session.execute(f"alter database {database.dbname} owner to pgsafe_preload_owner".encode())
        yield server.address(database.dbname, user="pgsafe_preload_reader")
        session.execute(f"alter database {database.dbname} owner to current_user".encode())
        session.execute("drop table public.t; drop role pgsafe_preload_owner; drop role pgsafe_preload_reader")


#: For whom a library is named that no other server has; the reader itself gets one that is everywhere.
PRELOADED = [
    "alter role pgsafe_preload_owner set session_preload_libraries = 'auto_explain', 'pgsafe_nowhere'",
    "alter role pgsafe_preload_owner in database {dbname} set local_preload_libraries = 'pgsafe_nowhere'",
    "alter database {dbname} set session_preload_libraries = 'pgsafe_nowhere'",
]


@pytest.mark.parametrize("statement", PRELOADED, ids=["role", "role in database", "database"])
def test_a_library_that_is_not_here_keeps_no_session_out(
    server: Server, database: Address, read_by: Address, tmp_path: Path, statement: str
) -> None:
    with connect(database, read_only=False) as session:
        session.execute("alter role pgsafe_preload_reader set session_preload_libraries = 'auto_explain'")
        session.execute(statement.format(dbname=database.dbname).encode())
    (tmp_path / "migration.sql").write_text("alter table public.t add note text;")
    settings = Settings(
        folder=tmp_path,
        source=Source(dsn=read_by.url()),
        migration=Way(kind="sql", path=tmp_path / "migration.sql"),
        server=ServerSettings(use="local"),
    )
    result = rehearse(settings)
    assert result.verdict == "passed", result.steps
    [gap] = [one for one in result.not_verified if "pgsafe_nowhere" in one.object]
    assert gap.reason.startswith("not loaded here: ")


def test_a_role_that_its_library_keeps_out_is_told(database: Address, read_by: Address, tmp_path: Path) -> None:
    with connect(database, read_only=False) as session:
        session.execute("alter role pgsafe_preload_reader set session_preload_libraries = 'pgsafe_nowhere'")
    with pytest.raises(SourceError) as told:
        examine(Source(dsn=read_by.url()))
    assert any("session_preload_libraries" in remedy for remedy in told.value.remedies)
