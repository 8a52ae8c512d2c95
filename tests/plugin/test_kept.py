"""Backups that are kept, from tests of one's own: the latest proven one restored, and any one verified."""

from __future__ import annotations

import pytest

from pytest_pgsafe.cli import run
from pytest_pgsafe.config import Settings
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.testing.kept import latest
from tests.server.runbook import SCHEMA, env_of, uri

TESTS = """
    import pytest
    from pytest_pgsafe import assert_rows

    def test_the_latest_is_whole_and_fresh(pgsafe_verify):
        found = pgsafe_verify(max_age="1h")
        assert found.proven
        assert found.restore_seconds > 0

    def test_it_is_restored(pgsafe_restore):
        database = pgsafe_restore()
        assert_rows(database, "log", 500)
        database.execute("delete from log")

    def test_an_old_one(pgsafe_verify):
        pgsafe_verify(max_age="0s")

    def test_a_damaged_one(pgsafe_verify):
        pgsafe_verify("damaged")
"""


def test_what_is_kept_is_verified_and_restored(
    pytester: pytest.Pytester, database: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(database, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(SCHEMA)
    for name, value in env_of(database).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(pytester.path)
    scratch = uri(database, "postgres")
    pytester.makefile(".toml", pgsafe=f'[server]\nuse = "{scratch}"\n[backup]\nroot = "kept"\nverify = true\n')
    assert run(["backup", f"--source={uri(database)}", "--no-plain"]) == 0
    (folder,) = (pytester.path / "kept" / database.dbname).iterdir()
    damaged = pytester.path / "damaged"
    damaged.mkdir()
    for path in folder.iterdir():
        (damaged / path.name).write_bytes(path.read_bytes())
    (damaged / "schema.sql").write_text("select 1;")
    proof = (folder / "proof.json").read_bytes()
    pytester.makepyfile(test_kept=TESTS)
    done = pytester.runpytest_subprocess("--pgsafe", "test_kept.py", "-k", "test_", "--deselect", "pgsafe.toml")
    done.assert_outcomes(passed=2, failed=2)
    said = done.stdout.str()
    assert "age: it is" in said
    assert "checksums: files are not what the manifest says" in said
    assert "runbook/verify.py" not in said
    assert (folder / "proof.json").read_bytes() == proof
    with pytest.raises(ConfigError, match="no backup is named"):
        latest(Settings(folder=damaged), proven=True)
