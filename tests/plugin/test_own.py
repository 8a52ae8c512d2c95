"""Tests of a project's own: fixtures, marker and assertions in whole runs, alone and with workers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from pytest_pgsafe.plugin.marker import FIXTURES

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

OFF = "pgsafe is off: --pgsafe or PGSAFE=1 turns it on"
FOLDER = {
    "m/1_upper.sql": "update people set name = upper(name);\n",
    "m/2_age.sql": "alter table people add column age integer;\ncreate role pgsafe_own_reader;\n",
}
MIGRATION = "--pgsafe-migration=m"
#: Each test of the inner run says what it is about.
TESTS = """
import pytest
from pytest_pgsafe import ScratchDatabase, Snapshot, SourceDatabase, assert_rows, assert_same

NAMES = "select name from people order by id"

@pytest.fixture(scope="module")
def shared(pgsafe_server):
    with pgsafe_server.database("shared") as database:
        yield database

class TestAll:
    @pytest.mark.parametrize("again", range(2))
    def test_each_has_a_copy_of_its_own_and_migrates_it(self, pgsafe_database, again):
        assert isinstance(pgsafe_database, ScratchDatabase)
        assert pgsafe_database.name.startswith("pgsafe_each_has_a_copy")
        pgsafe_database.execute("insert into people values (4, 'dee', null)")
        trace = pgsafe_database.migrate(observe=True)
        assert "public.people" in {lock.relation for lock in trace.locks}
        assert_rows(pgsafe_database, NAMES, [("ADA",), ("BEA",), ("CY",), ("DEE",)])

    def test_a_role_of_a_migration_is_gone_with_its_test(self, pgsafe_database):
        assert pgsafe_database.execute("select from pg_roles where rolname = 'pgsafe_own_reader'") == []

    @pytest.mark.pgsafe(revision="1")
    def test_data_of_a_revision(self, pgsafe_database):
        assert_rows(pgsafe_database, NAMES, [("ADA",), ("BEA",), ("CY",)])
        pgsafe_database.execute("insert into people values (4, 'Dee', null)")
        before = pgsafe_database.clone()
        pgsafe_database.migrate(to="2_age")
        assert_same(before, pgsafe_database, ignore="people.age")
        with pytest.raises(Exception, match="nothing is left to be migrated"):
            pgsafe_database.migrate()

    def test_a_migration_that_fails(self, pgsafe_database):
        pgsafe_database.execute("alter table people add column age text")
        with pytest.raises(Exception, match="already exists"):
            pgsafe_database.migrate()
        with pytest.raises(Exception, match="no way back is configured"):
            pgsafe_database.rollback()

    @pytest.mark.pgsafe(source="other.sql", migration="loss.sql", rollback="cmd:psql -c 'select 1' $DATABASE_URL")
    def test_another_source_and_migration(self, pgsafe_database):
        assert_rows(pgsafe_database, "other", 7)
        with pytest.raises(Exception, match='"public.people" does not exist'):
            pgsafe_database.migrate()
        pgsafe_database.rollback()

    @pytest.mark.pgsafe(empty=True)
    def test_nothing_is_there(self, pgsafe_database):
        assert pgsafe_database.execute("select from pg_tables where schemaname = 'public'") == []

    def test_connections(self, pgsafe_database, pgsafe_source, pgsafe_server):
        import psycopg
        with pgsafe_database.connect() as one, psycopg.connect(pgsafe_database.uri) as two:
            assert one.info.dbname == two.info.dbname == pgsafe_database.name
        assert psycopg.connect(**pgsafe_database.parameters).close() is None
        assert pgsafe_server.kind == "local"
        assert int(pgsafe_server.version.split(".")[0]) >= 14

    def test_the_source_is_only_read(self, pgsafe_source):
        assert isinstance(pgsafe_source, SourceDatabase)
        assert pgsafe_source.execute("select 1; select count(*) from people") == [(3,)]
        with pytest.raises(Exception, match="read-only"):
            pgsafe_source.execute("delete from people")

    def test_a_backup_and_its_restore(self, pgsafe_backup, pgsafe_restore, pgsafe_source):
        copy = pgsafe_restore(pgsafe_backup)
        assert_same(pgsafe_source, copy)
        assert_same(pgsafe_backup.facts, pgsafe_restore(pgsafe_backup.archive.folder))
        with pytest.raises(Exception, match="no backup"):
            pgsafe_restore(__file__)

    def test_facts_in_a_file(self, pgsafe_snapshot, pgsafe_database, request):
        facts = pgsafe_snapshot(pgsafe_database)
        assert isinstance(facts, Snapshot)
        pgsafe_snapshot.save(facts, "facts.json")
        assert (request.path.parent / "facts.json").is_file()
        assert_same(pgsafe_snapshot.load("facts.json"), pgsafe_database)

    def test_a_wider_scope(self, shared):
        assert_rows(shared, "people", 3)

    def test_the_rehearsal(self, pgsafe_rehearsal):
        assert {"public.people.name"} == {one.object for one in pgsafe_rehearsal.findings if one.code == "PGS201"}

class TestFailing:
    def test_a_difference_is_shown(self, pgsafe_database):
        before = pgsafe_database.clone()
        pgsafe_database.migrate("1")
        assert_same(before, pgsafe_database)

    @pytest.mark.pgsafe(revisoin="1")
    def test_a_word_of_the_marker(self, pgsafe_database):
        pass

    @pytest.mark.pgsafe(revision="9")
    def test_no_such_revision(self, pgsafe_database):
        pass

    @pytest.mark.pgsafe(source="gone.sql")
    def test_no_such_source(self, pgsafe_database):
        pass
"""


def test_alone(project: Project) -> None:
    other = "create table other as select generate_series(1, 7) as id;\n"
    expected = '[expect]\nvalues = [{ column = "people.name", reason = "meant" }]\n'
    project.write({**FOLDER, "other.sql": other, "tests/test_inner.py": TESTS, "pgsafe.toml": expected})
    result = project.rehearse(MIGRATION, "--strict-markers", "tests")
    text = result.stdout.str()
    # Of the rehearsal: restore, migrate and ten checks, of which rollback and three that find nothing are skipped.
    result.assert_outcomes(passed=15 + 8, failed=1, errors=3, skipped=6)
    assert "Traceback" not in text
    for line in (
        r"E   +AssertionError: pgsafe_clone_\w+ and pgsafe_a_difference_is_shown_\w+ are not the same",
        r"E   +values public\.people\.name: another value in 3 rows",
        r"E   +row id=1: name: Ada -> ADA",
        r"@pytest\.mark\.pgsafe knows no revisoin=…: it knows source, migration, rollback, revision, empty",
        r"migrate\(to='9'\): no file of the migration is meant",
        r"pgsafe marker: 'gone\.sql' is no connection string, and no such file or folder exists",
    ):
        assert re.search(line, text), line


#: Two workers meet in their first tests: neither can have ended before the other has its copy.
MEETING = """
import time
import pytest
from pytest_pgsafe import assert_rows

@pytest.mark.parametrize("n", range(6))
def test_meeting(pgsafe_database, pgsafe_backup, worker_id, request, n):
    assert pgsafe_database.name.startswith(f"pgsafe_{worker_id}_meeting_{n}_")
    assert_rows(pgsafe_database, "people", 3)
    pgsafe_database.migrate()
    met = request.config.rootpath / "met"
    (met / worker_id).touch()
    (met / str(pgsafe_backup.manifest.taken_at)).touch()
    end = time.monotonic() + 120
    while not all((met / name).exists() for name in ("gw0", "gw1")):
        assert time.monotonic() < end
        time.sleep(0.05)
"""


def test_workers_share_one_restore_and_one_rehearsal(project: Project) -> None:
    note = f"\\! echo restored >> {project.path}/restored\n"
    schema = (project.path / "schema.sql").read_text(encoding="utf-8")
    project.write({**FOLDER, "test_inner.py": MEETING, "schema.sql": note + schema})
    met = project.path / "met"
    met.mkdir()
    result = project.rehearse(MIGRATION, "-n", "2", "-k", "test_inner or restore")
    result.assert_outcomes(passed=7)
    # The rehearsal's own, and one for all copies.
    assert (project.path / "restored").read_text(encoding="utf-8") == "restored\n" * 2
    # One backup, whoever asked.
    assert len([path for path in met.iterdir() if path.name.startswith("20")]) == 1


def test_ids_of_own_tests_speak_of_no_rehearsal(project: Project) -> None:
    project.write({"test_inner.py": "import pytest\n@pytest.mark.pgsafe\ndef test_one(): pass\n"})
    result = project.run(*project.needed, "test_inner.py::test_one")
    result.assert_outcomes(passed=1)
    assert "not begun" not in result.stdout.str()


def test_a_failed_test_keeps_its_database(project: Project) -> None:
    tests = (
        "def test_red(pgsafe_database):\n    pgsafe_database.execute('create table left_here ()')\n    assert False\n"
    )
    tests += "def test_green(pgsafe_database): pass\n"
    project.write({"test_inner.py": tests})
    result = project.run_apart("--pgsafe", "--pgsafe-server=local", "--pgsafe-keep")
    result.assert_outcomes(passed=1, failed=1)
    text = result.stdout.str()
    keeper = re.search(r"stop and remove it: kill (\d+)", text)
    assert keeper, text
    try:
        kept = re.findall(r"kept: database (pgsafe_\w+)", text)
        assert [name.rpartition("_")[0] for name in kept] == ["pgsafe_red"]
        service, psql = re.findall(r"connect: PGSERVICEFILE=(\S+) (\S+)", text)[0]
        query = "select datname from pg_database where datname like 'pgsafe\\_%'; table left_here"
        command = [psql, "-Atc", query, f"service=pgsafe dbname={kept[0]}"]
        done = subprocess.run(
            command, env={**os.environ, "PGSERVICEFILE": service}, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == kept
    finally:
        os.kill(int(keeper[1]), signal.SIGTERM)


def test_without_a_source(project: Project) -> None:
    tests = (
        "def test_empty(pgsafe_database): assert pgsafe_database.execute('select 1') == [(1,)]\n"
        "def test_migrate(pgsafe_database): pgsafe_database.migrate()\n"
        "def test_source(pgsafe_source): pass\n"
        "def test_backup(pgsafe_backup): pass\n"
        "def test_rehearsal(pgsafe_rehearsal): pass\n"
    )
    project.write({"test_inner.py": tests})
    result = project.run_apart("--pgsafe", "--pgsafe-server=local")
    result.assert_outcomes(passed=1, failed=1, errors=3)
    text = result.stdout.str()
    for name in ("source", "backup", "rehearsal"):
        told = re.split(r"\n_{3,}", text.split(f"ERROR at setup of test_{name} ")[1])[0]
        assert "no source is configured\n  remedy: name it: --pgsafe-source=X" in told
    assert "no migration is configured\n" in text
    assert "  remedy: name it: --pgsafe-migration=X, [migration] in pgsafe.toml" in text
    # No frame of ours, and no rehearsal is spoken of where there is nothing to rehearse.
    assert "pytest_pgsafe/testing" not in text
    assert "not begun" not in text


USING = "".join(f"def test_{name}({name}): pass\n" for name in sorted(FIXTURES))
DYNAMIC = "def test_late(request): request.getfixturevalue('pgsafe_database')\n"


def test_off_everything_is_skipped_with_the_reason(project: Project) -> None:
    project.write({"test_inner.py": USING + DYNAMIC + "def test_plain(): pass\n", "pgsafe.toml": "no TOML"})
    result = project.run("-rs", "--strict-markers")
    result.assert_outcomes(passed=1, skipped=len(FIXTURES) + 1)
    reasons = [line for line in result.outlines if line.startswith("SKIPPED")]
    assert reasons
    assert all(line.endswith(OFF) for line in reasons)
    project.run_apart("-n", "2", "-q").assert_outcomes(passed=1, skipped=len(FIXTURES) + 1)


def test_users_of_the_fixtures_are_marked(project: Project) -> None:
    project.write({"test_inner.py": USING + "def test_plain(): pass\n"})
    for options in ((), ("--pgsafe",)):
        result = project.run("--collect-only", "-q", "-m", "pgsafe", "--strict-markers", *options)
        assert result.ret == 0, result.stdout.str() + result.stderr.str()
        found = [line for line in result.outlines if "::" in line]
        assert found == [f"test_inner.py::test_{name}" for name in sorted(FIXTURES)]


@pytest.mark.parametrize("option", ["--setup-plan", "--setup-only", "--collect-only"])
def test_looking_starts_no_server(project: Project, option: str) -> None:
    project.write({"test_inner.py": USING})
    result = project.run("--pgsafe", "--pgsafe-server=host=127.0.0.1 port=1", option)
    assert result.ret == 0, result.stdout.str() + result.stderr.str()


def test_a_server_that_cannot_be_had(project: Project) -> None:
    project.write({"test_inner.py": "def test_one(pgsafe_database): pass\n"})
    result = project.run("--pgsafe", "--pgsafe-server=host=127.0.0.1 port=1 connect_timeout=2")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["the existing server 127.0.0.1:1/* does not answer: *", "  remedy: *"])
    assert "exception" not in result.stdout.str()


def test_fixtures_and_the_marker_explain_themselves(project: Project) -> None:
    text = project.run("--fixtures").stdout.str()
    for name in FIXTURES:
        assert re.search(rf"^{name}\b.*\n    \S", text, re.MULTILINE), name
    assert "\n_pgsafe" not in text
    markers = project.run("--markers").stdout.str()
    assert "@pytest.mark.pgsafe(source=…, migration=…, rollback=…, revision=…, empty=True): needs" in markers


def test_without_the_plugin_there_are_no_fixtures(project: Project) -> None:
    project.write({"test_inner.py": "def test_one(pgsafe_database): pass\n"})
    result = project.run_apart("-p", "no:pgsafe", "--strict-markers")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'pgsafe_database' not found*"])
