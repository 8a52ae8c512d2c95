"""Settings: which source wins, what a word means, and what is said of what cannot be used."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from pytest_pgsafe.config import (
    Budget,
    Converted,
    Denormalized,
    Dropped,
    Expect,
    LockBudget,
    Moved,
    Options,
    Renamed,
    RowsRule,
    Settings,
    Source,
    ValuesRule,
    Way,
    resolve,
)
from pytest_pgsafe.config.forms import age, duration
from pytest_pgsafe.errors import ConfigError

CONTRACT = """
strict = false
[source]
dsn = "postgresql://staging-db/crm_staging"
[migration]
run = "alembic upgrade head"
rollback = "alembic downgrade -1"
env = { CRM_DB = "{url}" }
[expect]
dropped = [{ column = "sales.customer_name", reason = "phase 4: read through customers" }]
rows = { "sessions" = "any", "audit_log" = "+1..", "tickets" = "unchanged" }
[[denormalized]]
column = "sales.customer_name"
source = "customers.name"
[foreign_keys]
"sales.customer_id" = "no nulls"
[budget]
migrate = "30s"
lock = { mode = "AccessExclusiveLock", longer_than = "1s" }
"""


def settled(folder: Path, options: Options | None = None, cwd: Path | None = None, **environment: str) -> Settings:
    """Resolve with a folder as rootdir."""
    return resolve(
        Options() if options is None else options,
        environment=environment,
        rootdir=folder,
        invocation_dir=folder if cwd is None else cwd,
    )


def refused(folder: Path, text: str | None = None, options: Options | None = None, **environment: str) -> str:
    """Return what is said of a configuration that cannot be used."""
    if text is not None:
        (folder / "pgsafe.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        settled(folder, options, **environment)
    return str(caught.value)


def test_the_file_of_the_contract(tmp_path: Path) -> None:
    (tmp_path / "pgsafe.toml").write_text(CONTRACT)
    assert settled(tmp_path) == Settings(
        folder=tmp_path,
        file=tmp_path / "pgsafe.toml",
        source=Source(dsn="postgresql://staging-db/crm_staging"),
        migration=Way(kind="run", command="alembic upgrade head"),
        rollback=Way(kind="run", command="alembic downgrade -1"),
        env={"CRM_DB": "{url}"},
        expect=Expect(
            dropped=(Dropped(kind="column", object="sales.customer_name", reason="phase 4: read through customers"),),
            rows=(
                RowsRule(table="sessions", rule="any"),
                RowsRule(table="audit_log", rule="+1.."),
                RowsRule(table="tickets", rule="unchanged"),
            ),
        ),
        denormalized=(Denormalized(column="sales.customer_name", source="customers.name"),),
        foreign_keys={"sales.customer_id": "no nulls"},
        budget=Budget(migrate=30.0, lock=LockBudget(mode="AccessExclusiveLock", longer_than=1.0)),
        origins={
            "source": "pgsafe.toml",
            "migration": "pgsafe.toml",
            "rollback": "pgsafe.toml",
            "strict": "pgsafe.toml",
        },
    )


def test_every_expectation(tmp_path: Path) -> None:
    (tmp_path / "pgsafe.toml").write_text("""
        [expect]
        dropped = [{ table = "billing.*", reason = "a" }]
        rows = { "billing.*" = "unchanged", "sessions" = { rule = "any", reason = "b" } }
        values = [{ column = "customers.email", where = "id < 5", reason = "c" },
                  { column = "*.updated_at", reason = "d" }]
        renamed = [{ column = "sales.name", to = "title", reason = "e" }]
        moved = [{ column = "a.x", to = "b.x", via = "b.a_id", reason = "f" },
                 { column = "a.y", to = "b.y", reason = "g" }]
        converted = [{ column = "post.created", from = "to_timestamp(ms / 1000.0)", reason = "h" }]
        """)
    assert settled(tmp_path).expect == Expect(
        dropped=(Dropped(kind="table", object="billing.*", reason="a"),),
        rows=(RowsRule(table="billing.*", rule="unchanged"), RowsRule(table="sessions", rule="any", reason="b")),
        values=(
            ValuesRule(column="customers.email", where="id < 5", reason="c"),
            ValuesRule(column="*.updated_at", reason="d"),
        ),
        renamed=(Renamed(kind="column", object="sales.name", to="title", reason="e"),),
        moved=(
            Moved(column="a.x", to="b.x", via="b.a_id", reason="f"),
            Moved(column="a.y", to="b.y", reason="g"),
        ),
        converted=(Converted(column="post.created", expression="to_timestamp(ms / 1000.0)", reason="h"),),
    )
    for wrong, said in (
        ('values = [{ column = "customers.email" }]', "expect.values[0].reason is missing"),
        ('values = [{ column = "email", reason = "r" }]', "expect.values[0].column is 'email'"),
        ('values = [{ column = "c.email", wher = "x", reason = "r" }]', "did you mean expect.values[0].where?"),
        ('renamed = [{ column = "sales.name", reason = "r" }]', "expect.renamed[0].to is missing"),
        ('moved = [{ column = "a.x", to = "x", reason = "r" }]', "expect.moved[0].to is 'x'"),
        ('converted = [{ column = "a.x", reason = "r" }]', "expect.converted[0].from is missing"),
        ('converted = [{ column = "a.x", form = "y", reason = "r" }]', "did you mean expect.converted[0].from?"),
    ):
        assert said in refused(tmp_path, f"[expect]\n{wrong}")


def test_nothing_said(tmp_path: Path) -> None:
    assert settled(tmp_path) == Settings(folder=tmp_path)


def test_options_win_over_environment_over_file(tmp_path: Path) -> None:
    (tmp_path / "pgsafe.toml").write_text('[server]\nuse = "local"\nimage = "postgres:15"\n')
    server = settled(tmp_path).server
    assert (server.use, server.image) == ("local", "postgres:15")
    there = settled(tmp_path, PGSAFE_SERVER="container", PGSAFE_IMAGE="postgres:16")
    assert (there.server.use, there.server.image) == ("container", "postgres:16")
    assert there.origins["server"] == "PGSAFE_SERVER"
    told = settled(tmp_path, Options(server="auto"), PGSAFE_SERVER="container")
    assert told.server.use == "auto"
    assert told.origins["server"] == "--pgsafe-server"


def test_a_source_on_the_command_line_replaces_the_one_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "pgsafe.toml").write_text('[source]\nbackup = "gone"\n')
    assert settled(tmp_path, Options(source=("dbname=a",))).source == Source(dsn="dbname=a")
    assert settled(tmp_path, PGSAFE_SOURCE="dbname=b").source == Source(dsn="dbname=b")


def test_paths_are_relative_to_the_file_or_to_the_call(tmp_path: Path) -> None:
    root, cwd = tmp_path / "root", tmp_path / "root" / "sub"
    cwd.mkdir(parents=True)
    for folder in (root, cwd):
        (folder / "m.sql").touch()
    (root / "pgsafe.toml").write_text('[migration]\nsql = "m.sql"\n[report]\nfiles = ["out.json"]\n')
    here = settled(root, cwd=cwd)
    assert here.migration == Way(kind="sql", path=root / "m.sql")
    assert here.report.files == (root / "out.json",)
    there = settled(root, Options(migration="m.sql", report=("a.md", "b.html")), cwd=cwd)
    assert there.migration == Way(kind="sql", path=cwd / "m.sql")
    assert there.report.files == (cwd / "a.md", cwd / "b.html")


def test_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.pgsafe]\nstrict = true\n[tool.pgsafe.source]\ndsn = "dbname=x"\n')
    settings = settled(tmp_path)
    assert settings.strict
    assert settings.source == Source(dsn="dbname=x")
    assert settings.origins["source"] == "pyproject.toml"
    assert "both pgsafe.toml and [tool.pgsafe]" in refused(tmp_path, "strict = true")


def test_keys_of_pyproject_are_told_with_their_prefix(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.pgsafe.sourc]\n")
    said = refused(tmp_path)
    assert "unknown key tool.pgsafe.sourc" in said
    assert "did you mean tool.pgsafe.source?" in said


def test_a_pyproject_of_others(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.black]\n")
    (tmp_path / "pgsafe.toml").write_text("strict = true\n")
    assert settled(tmp_path).file == tmp_path / "pgsafe.toml"


def test_another_file(tmp_path: Path) -> None:
    (tmp_path / "pgsafe.toml").write_text("nonsense = 1\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "own.toml").write_text('strict = true\n[migration]\nrun = "make"\n')
    (other / "pyproject.toml").write_text("[tool.pgsafe]\nstrict = true\n")
    settings = settled(tmp_path, Options(config="other/own.toml"))
    assert settings.strict
    assert settings.folder == other
    assert settled(tmp_path, PGSAFE_CONFIG="other/pyproject.toml").strict
    assert "does not exist" in refused(tmp_path, None, Options(config="gone.toml"))
    (other / "pyproject.toml").write_text("")
    assert "no table [tool.pgsafe]" in refused(tmp_path, None, Options(config="other/pyproject.toml"))


def test_a_file_outside_of_rootdir_is_not_silently_left_out(tmp_path: Path) -> None:
    cwd = tmp_path / "sub"
    cwd.mkdir()
    (cwd / "pgsafe.toml").write_text("strict = true")
    with pytest.raises(ConfigError, match="rootdir"):
        settled(tmp_path, cwd=cwd)
    assert settled(tmp_path, Options(config="pgsafe.toml"), cwd=cwd).strict


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("strct = true", ["unknown key strct", "did you mean strict?"]),
        ('[source]\ndns = "x"', ["unknown key source.dns", "did you mean source.dsn?"]),
        ("[source]\nzzz = 1", ["unknown key source.zzz", "known in source: dsn, backup, sql"]),
        ("[[expect.dropped]]\ncolum = 'a.b'\nreason = 'r'", ["expect.dropped[0].colum", "expect.dropped[0].column?"]),
        ("[expect.rows]\na = { rul = 'any' }", ["expect.rows.a.rule is missing", "did you mean expect.rows.a.rule?"]),
        ("[budget.lock]\nmod = 'x'\nlonger_than = '1s'", ["unknown key budget.lock.mod", "budget.lock.mode?"]),
        ("strict = 'yes'", ["strict is 'yes' (a text); wanted true or false"]),
        ("strict = 1", ["strict is 1 (an integer); wanted true or false"]),
        ("source = 4", ["source is 4 (an integer); wanted a table"]),
        ("[migration]\nrun = ['a']", ["migration.run is an array; wanted a text in quotes"]),
        ("[migration]\nenv = { A = 1 }", ["migration.env.A is 1 (an integer); wanted a text in quotes"]),
        ("[source]\nsql = [1]", ["source.sql[0] is 1 (an integer); wanted a text in quotes"]),
        ("[report]\nsamples = 'all'", ["report.samples is 'all'", "'values', 'keys' or 'none'"]),
        ("[report]\nmask = ['email']", ["report.mask[0] is 'email'", "table.column"]),
        ("[expect]\nrows = { a = 'fewer' }", ["expect.rows.a is 'fewer'", '"+1..+100"']),
        ("[expect]\nrows = { a = 5 }", ["expect.rows.a is 5 (an integer)", "a text in quotes", "a table"]),
        ("[expect]\nrows = { 'a.b.c.d' = 'any' }", ["a.b.c.d", "schema.table.column"]),
        ("[[expect.dropped]]\ncolumn = 'a.b'", ["expect.dropped[0].reason is missing"]),
        ("[[expect.dropped]]\ncolumn = 'a.b'\nreason = ' '", ["expect.dropped[0].reason", "not empty"]),
        ("[[expect.dropped]]\ncolumn = 'a.b'\ntable = 'c'\nreason = 'r'", ["expect.dropped[0]", "exactly one object"]),
        ("[[expect.dropped]]\nreason = 'r'", ["expect.dropped[0]", "exactly one object"]),
        (
            "[[denormalized]]\ncolumn = 'a.b'",
            ["denormalized[0] is a table; wanted exactly one of source, count, sum, min, max, latest, sql"],
        ),
        ("[[denormalized]]\ncolumn = 'a'\nsource = 'b.c'", ["denormalized[0].column is 'a'"]),
        ("[foreign_keys]\n'a.b' = 'none'", ["foreign_keys.\"a.b\" is 'none'", "'no more nulls'"]),
        ("[budget]\nmigrate = 30", ["budget.migrate is 30 (an integer)"]),
        ("[budget]\nmigrate = '3 parsecs'", ["budget.migrate is '3 parsecs'", '"30s"']),
        ("[budget.lock]\nmode = 'exclusive'\nlonger_than = '1s'", ["budget.lock.mode", "'ExclusiveLock'"]),
        ("\n=", ["pgsafe.toml is not TOML", "line 2"]),
    ],
)
def test_keys_that_cannot_be_used(tmp_path: Path, text: str, said: list[str]) -> None:
    message = refused(tmp_path, text)
    for part in said:
        assert part in message
    assert str(tmp_path / "pgsafe.toml") in message


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    message = refused(tmp_path, "strict = 3\nsorce = 1\n[budget]\nmigrat = '1s'")
    for key in ("strict", "sorce", "budget.migrat"):
        assert key in message


def test_a_value_that_may_be_secret_is_not_repeated(tmp_path: Path) -> None:
    message = refused(tmp_path, "[source]\ndsn = ['postgresql://u:hush@h/d']\n[report]\nsamples = 'password=hush'")
    assert "hush" not in message
    assert "hush" not in refused(tmp_path, "[source]\ndsn = 'postgresql+psycopg://u:hush@h/d'")
    assert "hush" not in refused(tmp_path, "[server]\nuse = 'mysql://u:hush@h/d'")
    (tmp_path / "pgsafe.toml").write_text("[source]\ndsn = 'postgresql://u:hush@h/d'\n[server]\nuse = 'password=hush'")
    settings = settled(tmp_path)
    assert "hush" not in repr(settings) + "".join(settings.header())


@pytest.mark.parametrize("word", ["postgresql://h/d", "postgres://", "host=/tmp dbname=d", "service=prod"])
def test_a_connection_string(tmp_path: Path, word: str) -> None:
    assert settled(tmp_path, Options(source=(word,))).source == Source(dsn=word)


def test_sql_files_in_order(tmp_path: Path) -> None:
    for name in ("b.sql", "a.sql"):
        (tmp_path / name).write_text("create table t ();\n")
    both = Source(sql=(tmp_path / "b.sql", tmp_path / "a.sql"))
    assert settled(tmp_path, Options(source=("b.sql", "a.sql"))).source == both
    assert settled(tmp_path, PGSAFE_SOURCE=os.pathsep.join(["b.sql", "a.sql"])).source == both
    (tmp_path / "pgsafe.toml").write_text('[source]\nsql = ["b.sql", "a.sql"]\n')
    assert settled(tmp_path).source == both
    (tmp_path / "pgsafe.toml").write_text('[source]\nsql = "b.sql"\n')
    assert settled(tmp_path).source == Source(sql=(tmp_path / "b.sql",))


@pytest.mark.parametrize("header", ["-- PostgreSQL database dump", "-- PostgreSQL database cluster dump"])
def test_a_plain_dump_is_a_backup_whatever_its_suffix(tmp_path: Path, header: str) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_text(f"--\n{header}\n--\n")
    assert settled(tmp_path, Options(source=("dump.sql",))).source == Source(backup=dump)


def test_a_backup(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a=b.dump").touch()
    assert settled(tmp_path, Options(source=("folder",))).source == Source(backup=tmp_path / "folder")
    assert settled(tmp_path, Options(source=("a=b.dump",))).source == Source(backup=tmp_path / "a=b.dump")


def test_sources_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "a.sql").touch()
    (tmp_path / "b.dump").touch()
    said = refused(tmp_path, None, Options(source=("crm",)))
    assert f"looked at: {tmp_path / 'crm'}" in said
    assert "dbname=crm" in said
    assert "stands alone" in refused(tmp_path, None, Options(source=("a.sql", "dbname=x")))
    assert "b.dump is none" in refused(tmp_path, None, Options(source=("a.sql", "b.dump")))
    assert "postgresql+psycopg" in refused(tmp_path, None, Options(source=("postgresql+psycopg://h/d",)))
    assert "--pgsafe-source" in refused(tmp_path, None, Options(source=("x" * 5000,)))
    assert "dsn, backup" in refused(tmp_path, '[source]\ndsn = "dbname=x"\nbackup = "b.dump"')
    assert "does not exist" in refused(tmp_path, '[source]\nsql = ["gone.sql"]')
    assert "no file" in refused(tmp_path, "[source]\nsql = []")


def test_ways(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("m.sql", "alembic.ini", "manage.py", "notes.txt"):
        (tmp_path / name).touch()
    kinds = {"m.sql": "sql", "folder": "sql", "alembic.ini": "alembic", "manage.py": "django"}
    for word, kind in kinds.items():
        way = settled(tmp_path, Options(migration=word, rollback=word))
        assert way.migration == way.rollback == Way(kind=kind, path=tmp_path / word)  # type: ignore[arg-type]
    command = settled(tmp_path, Options(migration="cmd:make up", rollback="cmd: make down "))
    assert command.migration == Way(kind="run", command="make up")
    assert command.rollback == Way(kind="run", command="make down")
    assert "cmd:COMMAND" in refused(tmp_path, None, Options(migration="make up"))
    assert "cannot tell" in refused(tmp_path, None, Options(migration="notes.txt"))
    assert "empty" in refused(tmp_path, None, Options(migration="cmd: "))
    assert str(tmp_path / "gone.sql") in refused(tmp_path, None, Options(migration="gone.sql"))
    assert "not a .sql file" in refused(tmp_path, '[migration]\nsql = "notes.txt"')
    assert "sql, run" in refused(tmp_path, '[migration]\nsql = "m.sql"\nrun = "make"')


def test_the_way_back_in_the_file_may_be_a_bare_command(tmp_path: Path) -> None:
    (tmp_path / "down.sql").touch()
    (tmp_path / "pgsafe.toml").write_text('[migration]\nrollback = "down.sql"\n')
    assert settled(tmp_path).rollback == Way(kind="sql", path=tmp_path / "down.sql")
    (tmp_path / "pgsafe.toml").write_text('[migration]\nrollback = "make down"\n')
    assert settled(tmp_path).rollback == Way(kind="run", command="make down")
    assert "does not exist" in refused(tmp_path, '[migration]\nrollback = "gone.sql"')


def test_flags(tmp_path: Path) -> None:
    assert settled(tmp_path, Options(strict=True, keep=True, update=True, from_rev="7")) == replace(
        settled(tmp_path, PGSAFE_STRICT="1", PGSAFE_KEEP="yes"),
        update=True,
        from_rev="7",
        origins={"strict": "--pgsafe-strict", "keep": "--pgsafe-keep"},
    )
    assert not settled(tmp_path, PGSAFE_STRICT="0").strict
    assert "PGSAFE_STRICT" in refused(tmp_path, None, PGSAFE_STRICT="maybe")


def test_reports(tmp_path: Path) -> None:
    files = settled(tmp_path, Options(report=("a.json", "a.json", "new/b.md"))).report.files
    assert files == (tmp_path / "a.json", tmp_path / "new" / "b.md")
    for word in ("out.xml", "out"):
        assert ".json, .md, .html" in refused(tmp_path, None, Options(report=(word,)))
    (tmp_path / "dir.md").mkdir()
    (tmp_path / "file").touch()
    assert "cannot be written" in refused(tmp_path, None, Options(report=("dir.md",)))
    assert "cannot be written" in refused(tmp_path, None, Options(report=("file/out.md",)))


def test_servers(tmp_path: Path) -> None:
    for word in ("auto", "container", "local", "postgresql://h/d", "host=/tmp"):
        assert settled(tmp_path, Options(server=word)).server.use == word
    assert "auto, container, local" in refused(tmp_path, None, Options(server="dokcer"))


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1m", 60), ("500ms", 0.5), ("1.5 s", 1.5), ("2h", 7200), ("5min", 300)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


def test_a_migration_is_stopped_after_an_hour_unless_the_file_says_when(tmp_path: Path) -> None:
    assert settled(tmp_path).timeout == 3600
    (tmp_path / "pgsafe.toml").write_text('[migration]\ntimeout = "90s"\n')
    assert settled(tmp_path).timeout == 90
    assert "duration" in refused(tmp_path, '[migration]\ntimeout = "soon"')


@pytest.mark.parametrize("text", ["", "30", "s", "-1s", "1 week", "1e3s"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration(text)


def test_the_header_says_what_was_used_and_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "a.sql").touch()
    (tmp_path / "pgsafe.toml").write_text('strict = true\n[migration]\nrun = "make up"\n')
    header = settled(tmp_path, Options(source=("a.sql",)), PGSAFE_SERVER="local").header()
    assert header[0] == (
        "pgsafe: source sql a.sql (--pgsafe-source); migration cmd:make up (pgsafe.toml); "
        "server local (PGSAFE_SERVER); strict on (pgsafe.toml)"
    )
    assert header[1] == f"pgsafe configuration: {tmp_path / 'pgsafe.toml'}"


def test_settings_survive_the_way_to_a_worker(tmp_path: Path) -> None:
    (tmp_path / "pgsafe.toml").write_text(CONTRACT)
    settings = settled(tmp_path, Options(report=("out.json",), from_rev="3"))
    adapter = TypeAdapter(Settings)
    assert adapter.validate_json(adapter.dump_json(settings)) == settings


def test_a_source_can_be_a_key_whatever_it_says(tmp_path: Path) -> None:
    """What was restored of it is found by it."""
    (tmp_path / "pgsafe.toml").write_text('[source]\nsql = ["a.sql"]\nrows = { t = 5 }\n')
    (tmp_path / "a.sql").touch()
    source = settled(tmp_path).source
    assert {source: 1}[source] == 1


def test_hooks_are_files_commands_or_statements(tmp_path: Path) -> None:
    (tmp_path / "hide.sql").write_text("select 1;")
    (tmp_path / "pgsafe.toml").write_text(
        '[hooks]\nafter_restore = ["hide.sql", "cmd: make seed "]\nafter_migration = "sql:analyze"\nrole = "admin"\n'
    )
    found = settled(tmp_path).hooks
    assert [str(hook) for hook in found.after_restore] == ["hide.sql", "cmd:make seed"]
    assert (found.before_migration, [str(hook) for hook in found.after_migration]) == ((), ["sql:analyze"])
    assert found.role == "admin"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ('after_restore = "gone.sql"', "does not exist"),
        ('before_migration = ["cmd:"]', "without anything to run"),
        ('after_migration = "pgsafe.toml"', "is no .sql file"),
        ('after_restored = "sql:select 1"', "did you mean hooks.after_restore?"),
    ],
)
def test_a_hook_that_cannot_be_run_is_refused(tmp_path: Path, key: str, said: str) -> None:
    assert said in refused(tmp_path, f"[hooks]\n{key}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[denormalized]]\ncolumn = 'a.b'\nsource = 'c.d'\ncount = 'c'", "wanted exactly one of source, count"),
        ("[[denormalized]]\ncolumn = 'a.b'\nlatest = 'c.d'", 'by = "orders.created_at" go together'),
        ("[[denormalized]]\ncolumn = 'a.b'\ncount = 'c'\nby = 'c.d'", "go together"),
        ("[[denormalized]]\ncolumn = 'a.b'\nsql = '1'\nvia = 'a.c'", "via has no meaning beside it"),
        ("[[denormalized]]\ncolumn = 'a.b'\nsum = 'total'", "denormalized[0].sum is 'total'"),
        ("[foreign_keys]\n'a.b' = { refernces = 'c.d' }", 'unknown key foreign_keys."a.b".refernces'),
        (
            "[foreign_keys]\n'a.b' = { references = 'c.d', policy = 'none' }",
            "wanted 'no nulls', 'no more nulls' or 'any'",
        ),
        ("[source]\nmax_age = 'yesterday'", "wanted a duration"),
        ("[expect]\nchanged = [{ column = 'a.b' }]", "expect.changed[0].reason is missing"),
    ],
)
def test_rules_that_cannot_be_used(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "pgsafe.toml").write_text(text + "\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        resolve(Options(), environment={}, rootdir=tmp_path, invocation_dir=tmp_path)
    assert said in str(caught.value)


def test_rules_of_every_kind(tmp_path: Path) -> None:
    (tmp_path / "pgsafe.toml").write_text(
        '[source]\nmax_age = "2d"\n'
        '[foreign_keys]\n"a.b" = "any"\n"a.c" = { references = "d.id", policy = "no nulls", where = "kind = 1" }\n'
        '"a.d" = { references = "d.id" }\n'
        '[[denormalized]]\ncolumn = "a.n"\ncount = "d"\nwhere = "open"\n'
        '[[denormalized]]\ncolumn = "a.l"\nlatest = "d.x"\nby = "d.at"\nvia = "d.a_id"\n'
        '[[denormalized]]\ncolumn = "a.s"\nsql = "select 1;"\n',
        encoding="utf-8",
    )
    found = resolve(Options(), environment={}, rootdir=tmp_path, invocation_dir=tmp_path)
    assert found.source is None
    assert found.max_age == 172800
    assert found.foreign_keys == {"a.b": "any", "a.c": "no nulls"}
    assert [(one.column, one.references, one.where) for one in found.references] == [
        ("a.c", "d.id", "kind = 1"),
        ("a.d", "d.id", None),
    ]
    assert [(one.kind, one.source, one.by, one.via, one.where) for one in found.denormalized] == [
        ("count", "d", None, None, "open"),
        ("latest", "d.x", "d.at", "d.a_id", None),
        ("sql", "select 1", None, None, None),
    ]


@pytest.mark.parametrize("nested", ["x = " + "[" * 5000 + "]" * 5000, "x = " + "{a=" * 3000 + "1" + "}" * 3000])
def test_nesting_that_is_too_deep_is_told(tmp_path: Path, nested: str) -> None:
    (tmp_path / "pgsafe.toml").write_text(nested)
    with pytest.raises(ConfigError) as raised:
        resolve(Options(), environment={}, rootdir=tmp_path, invocation_dir=tmp_path)
    assert "pgsafe.toml" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1 week", 604800), ("3 days", 259200), ("1 hour", 3600), ("36h", 129600), ("2w", 1209600)]
)
def test_ages(text: str, seconds: int) -> None:
    assert age(text) == seconds


@pytest.mark.parametrize("text", ["week", "1 fortnight", "-1 day", "1 day 2 hours", ""])
def test_no_ages(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        age(text)


def test_the_next_major_by_option_variable_and_key(tmp_path: Path) -> None:
    (tmp_path / "pgsafe.toml").write_text("[server]\nmajor = 16\n")
    assert settled(tmp_path).server.major == 16
    assert settled(tmp_path, PGSAFE_MAJOR="17").server.major == 17
    told = settled(tmp_path, Options(major="18"), PGSAFE_MAJOR="17")
    assert (told.server.major, told.origins["major"]) == (18, "--pgsafe-major")
    assert "PGSAFE_MAJOR: 'next' is no major of PostgreSQL" in refused(tmp_path, PGSAFE_MAJOR="next")
