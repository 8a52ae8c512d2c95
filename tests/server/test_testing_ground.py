"""The ground of a process: one restore for all workers of local programs, and what happens when its maker is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_pgsafe.config.values import Server as Wanted
from pytest_pgsafe.config.values import Settings, Source
from pytest_pgsafe.errors import ConfigError, PgsafeError
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from pytest_pgsafe.testing import ground as grounds
from pytest_pgsafe.testing.ground import Ground
from tests.tiers import FULL

SCHEMA = "create table t (id int primary key);\ninsert into t values (1);\ncreate role pgsafe_ground_owner;\n"


def settings(folder: Path) -> Settings:
    (folder / "schema.sql").write_text(f"\\! echo once >> {folder}/restored\n{SCHEMA}")
    return Settings(folder=folder, source=Source(sql=(folder / "schema.sql",)), server=Wanted(use="local"))


def test_a_sealed_cluster_is_copied_with_databases_and_roles(programs: LocalPrograms) -> None:
    with LocalServer.start(programs) as first:
        made = first.create("kept")
        with connect(made, read_only=False) as session:
            session.execute("create table public.t as select 17 as id; create role pgsafe_sealed")
        template = first.seal()
        assert not (template.data / "postmaster.pid").exists()
        for _ in range(2):
            with LocalServer.start(programs, template=template) as copy, connect(copy.address(made.dbname)) as session:
                assert session.execute("select id from public.t").fetchall() == [(17,)]
                assert session.execute("select from pg_roles where rolname = 'pgsafe_sealed'").fetchall() == [()]
                # A password of its own.
                assert copy.address().parameters["password"] != template.password
                clone = copy.clone(copy.address(made.dbname), "clone")
                copy.drop(clone)
    assert not template.data.exists()


def test_workers_share_a_restore_until_its_maker_is_gone(tmp_path: Path) -> None:
    told = settings(tmp_path)
    shared = tmp_path / "run"
    shared.mkdir()
    one, two, three = (Ground(told, folder=shared, worker=f"gw{number}", shared=True) for number in range(3))
    try:
        first, second = one.restored(), two.restored()
        assert first.dbname == second.dbname
        assert first.dbname.startswith("pgsafe_gw0_source_")
        assert first.parameters["port"] != second.parameters["port"]
        assert (tmp_path / "restored").read_text() == "once\n"
        with connect(second) as session:
            assert session.execute("select id from public.t").fetchall() == [(1,)]
        one.close()
        # Its copy is left to the second; a third has to begin anew.
        with connect(second) as session:
            assert session.execute("select count(*) from public.t").fetchone() == (1,)
        assert three.restored().dbname.startswith("pgsafe_gw2_source_")
        assert (tmp_path / "restored").read_text() == "once\n" * 2
    finally:
        for ground in (one, two, three):
            ground.close()


@pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1 asks for it")
def test_a_maker_that_was_killed_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = settings(tmp_path)
    shared = tmp_path / "run"
    shared.mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    one, two = (Ground(told, folder=shared, worker=f"gw{number}", shared=True) for number in range(2))
    try:
        one.restored()
        state = (shared / "cluster.json").read_text()
        (shared / "cluster.json").write_text(state.replace(f'"owner": {os.getpid()}', f'"owner": {ended.pid}'))
        two.restored()
        assert (tmp_path / "restored").read_text() == "once\n" * 2
        # Killed while its data are copied: whatever was copied is not used.
        alive = iter([True, False])
        monkeypatch.setattr(grounds, "_alive", lambda _: next(alive))
        late = Ground(told, folder=shared, worker="gw2", shared=True)
        with pytest.raises(PgsafeError, match="ended while its server was copied"):
            late.restored()
        late.close()
    finally:
        monkeypatch.undo()
        for ground in (one, two):
            ground.close()


def test_without_a_source_or_workers(tmp_path: Path) -> None:
    ground = Ground(Settings(folder=tmp_path, server=Wanted(use="local")), folder=tmp_path, shared=True)
    with pytest.raises(ConfigError, match="no source is configured"):
        ground.restored()
    with pytest.raises(ConfigError, match="no source is configured"):
        ground.backup()
    ground.close()
