"""What a migration that failed has left is said: nothing, or which part; and whether its way back takes it away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

SOURCE = """
create table public.people (id int primary key, name text);
insert into public.people select n, 'name ' || n % 10 from generate_series(1, 50) as n;
"""


def rehearsed(
    server: Server, folder: Path, text: str, *, down: str | None = None, transaction: bool = False,
    dsn: str | None = None,
) -> Result:  # fmt: skip
    (folder / "source.sql").write_text(SOURCE)
    (folder / "up.sql").write_text(text)
    if down is not None:
        (folder / "down.sql").write_text(down)
    use = server.address().url() if server.kind == "existing" else server.kind
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    return rehearse(
        Settings(
            folder=folder,
            source=Source(dsn=dsn) if dsn is not None else Source(sql=(folder / "source.sql",)),
            migration=Way(kind="sql", path=folder / "up.sql"),
            rollback=None if down is None else Way(kind="sql", path=folder / "down.sql"),
            transaction=transaction,
            server=ServerSettings(use=use, image=image),
        )
    )


def failure(result: Result) -> str:
    [failed] = [step for step in result.steps if step.outcome is Outcome.FAILED]
    assert result.verdict == "failed"
    return f"{failed.name}: {failed.reason}"


PARTLY = """
create table public.more (id serial primary key, n int);
alter table public.people add column email text;
update public.people set name = 'x' where id = 1;
delete from public.people where id > 48;
select 1 / 0;
"""


def test_in_one_transaction_nothing_is_left(server: Server, tmp_path: Path) -> None:
    result = rehearsed(server, tmp_path, PARTLY, transaction=True)
    assert "up.sql:6: SQLSTATE 22012: division by zero; nothing was changed" in failure(result)
    assert not result.changes


def test_each_statement_for_itself_leaves_a_part(server: Server, tmp_path: Path) -> None:
    result = rehearsed(server, tmp_path, PARTLY)
    said = failure(result)
    assert "were not rolled back" in said
    assert "not rolled back: table public.more was added\n" in said
    assert "not rolled back: column public.people.email was added\n" in said
    assert "not rolled back: rows public.people: 50 before, 48 now\n" in said
    assert "not rolled back: 1 values of public.people.name changed" in said
    assert "public.more.id" not in said
    assert "public.more_pkey" not in said
    assert "public.people.email" in {change.object for change in result.changes}
    assert "restore the backup" not in said


def test_an_index_that_is_invalid_is_named(server: Server, database: Address, tmp_path: Path) -> None:
    with connect(database, read_only=False) as session:
        session.execute(SOURCE.encode())
    text = "create unique index concurrently people_name on public.people (name);"
    said = failure(rehearsed(server, tmp_path, text, dsn=database.url()))
    assert "1 change was not rolled back" in said
    assert "not rolled back: index public.people_name was added and is INVALID" in said
    assert re.search(r"restore the backup: its restore took [\d.]+ s and was proven equal", said)


@pytest.mark.parametrize(
    ("down", "expected"),
    [
        ("drop table public.more; alter table public.people drop email;", "the way back leaves: rows public.people"),
        ("drop table public.even_more;", "the way back fails from there: down.sql:1: SQLSTATE 42P01"),
        (
            "drop table public.more; alter table public.people drop email; delete from public.people;"
            " insert into public.people select n, 'name ' || n % 10 from generate_series(1, 50) as n;",
            "the way back takes it away",
        ),
    ],
)
def test_whether_the_way_back_takes_it_away(server: Server, tmp_path: Path, down: str, expected: str) -> None:
    assert expected in failure(rehearsed(server, tmp_path, PARTLY, down=down))


def test_a_way_back_that_fails_says_what_it_leaves(server: Server, tmp_path: Path) -> None:
    up, down = "create table public.more (id int); create table public.other ();", "drop table public.more; select 1/0;"
    said = failure(rehearsed(server, tmp_path, up, down=down))
    assert said.startswith("rollback: down.sql:1: SQLSTATE 22012: division by zero; 1 change was not rolled back")
    assert "table public.other was added" in said
