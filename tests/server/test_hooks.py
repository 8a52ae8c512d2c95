"""What is run after the restore, before the migration and after it: on the copy, in order, and told when it fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_pgsafe.config.values import Hook, Hooks, Settings, Source, Way
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.migrate.run import FailedRun
from pytest_pgsafe.rehearsal import hooks
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

PEOPLE = b"""
create table public.people (id int primary key, name text);
insert into public.people select n, 'secret ' || n from generate_series(1, 50) as n;
"""


def rehearsed(server: Server, database: Address, folder: Path, up: str, down: str | None, given: Hooks) -> Result:
    with connect(database, read_only=False) as session:
        session.execute(PEOPLE)
    (folder / "up.sql").write_text(up)
    if down is not None:
        (folder / "down.sql").write_text(down)
    use = server.address().url() if server.kind == "existing" else server.kind
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    settings = Settings(
        folder=folder,
        source=Source(dsn=database.url()),
        migration=Way(kind="sql", path=folder / "up.sql"),
        rollback=None if down is None else Way(kind="sql", path=folder / "down.sql"),
        hooks=given,
        server=ServerSettings(use=use, image=image),
    )
    return rehearse(settings)


def test_values_are_taken_away_before_anything_shows_them(server: Server, database: Address, tmp_path: Path) -> None:
    (tmp_path / "hide.sql").write_text("update public.people set name = 'person ' || id;")
    command = "psql -X -c \"update public.people set name = name || '!' where id = 7\""
    given = Hooks(after_restore=(Hook(kind="file", text=str(tmp_path / "hide.sql")), Hook(kind="run", text=command)))
    result = rehearsed(server, database, tmp_path, "delete from public.people where id = 7;", None, given)
    assert [step.name for step in result.steps][:4] == ["server", "backup", "restore", "after_restore"]
    [finding] = [one for one in result.findings if one.code == "PGS101"]
    assert finding.samples[0].before == {"id": "7", "name": "person 7!"}
    assert "secret" not in repr(result.findings)
    with connect(database) as session:
        assert session.execute(b"select count(*) from public.people where name like 'secret%'").fetchone() == (50,)


def test_what_is_done_before_and_after_is_judged_with_the_migration(
    server: Server, database: Address, tmp_path: Path
) -> None:
    """The helper that the migration needs is made before and dropped after it, also when it is run again."""
    given = Hooks(
        before_migration=(
            Hook(kind="statement", text="create function helper() returns int language sql as 'select 1'"),
        ),
        after_migration=(
            Hook(kind="statement", text="alter table people alter age drop default; drop function helper()"),
        ),
    )  # fmt: skip
    up = "alter table public.people add column age int default helper();"
    result = rehearsed(server, database, tmp_path, up, "alter table public.people drop column age;", given)
    assert result.verdict == "passed", result
    assert {change.object for change in result.changes} == {"public.people.age"}
    assert {step.name: step.outcome for step in result.steps if step.outcome is not Outcome.PASSED} == {}
    names = [step.name for step in result.steps]
    assert names[names.index("clone") :] == [
        "clone", "before_migration", "migrate", "after_migration", "compare", "traffic", "rollback", "again"
    ]  # fmt: skip


def test_a_hook_that_fails_ends_the_run(server: Server, database: Address, tmp_path: Path) -> None:
    given = Hooks(after_restore=(Hook(kind="run", text="echo no anonymiser here; exit 7"),))
    result = rehearsed(server, database, tmp_path, "select 1;", None, given)
    [failed] = [step for step in result.steps if step.outcome is Outcome.FAILED]
    assert (failed.name, result.verdict, result.steps[-1]) == ("after_restore", "failed", failed)
    assert str(failed.reason).startswith(
        "the hook after_restore failed (cmd:echo no anonymiser here; exit 7): it failed"
    )
    assert "exit status 7" in str(failed.reason)
    assert "no anonymiser here" in str(failed.reason)


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (Hook(kind="run", text="true"), "not run on the copy"),
        (Hook(kind="statement", text="select 1/0"), r"\(sql:select 1/0\): statement\.sql:\d: SQLSTATE 22012"),
    ],
)
def test_which_hook_failed_and_why_is_told(
    server: Server, database: Address, tmp_path: Path, hook: Hook, said: str
) -> None:
    with pytest.raises(FailedRun, match=said):
        hooks.run(
            "before_migration", [hook], Settings(folder=tmp_path), server, database, role=server.address().user,
            source=None,
        )  # fmt: skip


def test_the_source_is_out_of_reach(
    server: Server, database: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever led to the source leads to the copy, or nowhere."""
    source = server.create("hooked_source")
    try:
        monkeypatch.setenv("PGDATABASE", source.dbname)
        monkeypatch.setenv("DATABASE_URL", source.url())
        monkeypatch.setenv("SHOP_DB", source.url())
        assert os.environ["SHOP_DB"]
        text = 'psql -X -c "create table a ()" && psql -X -c "create table b ()" "$DATABASE_URL" && test -z "$SHOP_DB"'
        hooks.run(
            "after_restore", [Hook(kind="run", text=text)], Settings(folder=tmp_path), server, database,
            role=server.address().user, source=source,
        )  # fmt: skip
        for address, made in ((database, 2), (source, 0)):
            with connect(address) as session:
                query = b"select count(*) from pg_class where relname in ('a', 'b') and relkind = 'r'"
                assert session.execute(query).fetchone() == (made,)
    finally:
        server.drop(source)
