"""What is masked is in no report, whatever PostgreSQL, a tool or a statement says of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from pytest_pgsafe.config.values import Denormalized, Hook, Hooks, Settings, Source, Way
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.migrate.run import FailedRun, run
from pytest_pgsafe.migrate.tools import Command, Migration, SqlFiles
from pytest_pgsafe.plugin.judgement import judge, names
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result, Step
from pytest_pgsafe.report.redact import redact
from pytest_pgsafe.report.terminal import finding_lines, summary
from pytest_pgsafe.report.write import FORMATS
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.tiers import part

#: Pieces of the values of people.email; the second line, and a number.
SECRET = ("geheim7", "zeile7", "zitat7", "70577")
SOURCE = r"""
create table public.people (id int primary key, email text unique, n int, body xml, doc text);
insert into public.people values (1, 'geheim7@x', 70577), (2, E'geheim7\nzeile7 "zitat7"', 2), (3, 'geheim7', 70577);
create table public.strict (id int primary key, email varchar(3), day date, n smallint, who text not null,
                            constraint short check (length(who) < 5));
create type public.mood as enum ('good');
create function public.loud(text) returns text language plpgsql as $$ begin raise exception 'bad row: %', $1
  using detail = 'in ' || $1, hint = 'remove ' || $1; end $$;
create function public.warns() returns void language plpgsql as $$ begin
  raise notice 'row %', (select email from public.people where id = 1);
  raise warning using message = 'w ' || (select email from public.people where id = 2); end $$;
"""
ONE = "(select email from public.people where id = 1)"
TWO = "(select email from public.people where id = 2)"
FAILING = [
    f"select {ONE}::int",
    f"select {TWO}::numeric",
    f"select {TWO}::bool",
    f"select {ONE}::uuid",
    f"select {TWO}::date",
    f"select {ONE}::timestamptz",
    f"select {ONE}::interval",
    f"select {TWO}::inet",
    f"select {ONE}::point",
    f"select {TWO}::json",
    f"select {ONE}::jsonb",
    f"select ({TWO} || '<')::xml",
    f"select xmlparse(document {TWO})",
    f"select ('{{' || {TWO})::text[]",
    f"select {ONE}::int[]",
    f"select {TWO}::int4range",
    f"select ('[1,' || {ONE})::int4range",
    f"select to_tsquery({TWO} || ' & ')",
    f"select ({ONE} || ' &')::tsquery",
    f"select now() at time zone {TWO}",
    f"select set_config('lc_numeric', {TWO}, false)",
    f"select {ONE}::public.mood",
    f"select to_date({TWO}, 'YYYY-MM-DD')",
    f"select to_number({ONE}, 'x9')",
    f"select 'a' ~ ('(' || {TWO})",
    f"select {ONE}::regclass",
    f"select {TWO}::regtype",
    f"select decode({ONE}, 'hex')",
    f"select {TWO}::bytea::text::bit",
    f"select convert_from(('\\xff' || encode({ONE}::bytea, 'hex'))::bytea, 'utf8')",
    f"select {ONE}::macaddr",
    f"select {TWO}::pg_lsn",
    f"select {ONE}::jsonpath",
    f"select ('$.' || {TWO} || '[')::jsonpath",
    f"select public.loud({TWO})",
    f"select {ONE}::cidr",
    f"select {TWO}::money",
    f"select {TWO}::tsvector, ('''' || {TWO})::tsvector",
    "insert into public.people values (4, 'geheim7@x', 1)",
    f"insert into public.people select 5, {TWO}",
    f"insert into public.strict values (1, {ONE}, null, 1, 'a')",
    f"insert into public.strict values (1, 'a', null, 1, {TWO})",
    "insert into public.strict (id, n, who) select 1, n, 'a' from public.people where id = 1",
    f"insert into public.strict values (1, 'a', {ONE}, 1, 'a')".replace("select email", "select email::date"),
    f"insert into public.strict (id, who) values (1, null), (2, {ONE})",
    "create unique index on public.people (n)",
    "alter table public.people alter email type int using email::int",
    "alter table public.people add check (n < 3)",
    "alter table public.people alter email type varchar(3)",
    "alter table public.people alter n type smallint",
    "alter table public.people add foreign key (n) references public.strict (id)",
    "create table public.parts (n int, e text) partition by list (e); insert into public.parts values (1, 'geheim7')",
    "do $$ begin execute format('alter table %I add x int', (select email from public.people where id = 2)); end $$",
    "do $$ begin execute format('select %L::int', (select email from public.people where id = 2)); end $$",
    "do $$ begin execute (select email from public.people where id = 2); end $$",
    "do $$ begin raise exception using message = (select email from public.people where id = 2); end $$",
    "do $$ begin raise sqlstate 'ZZ001' using message = (select email from public.people where id = 2); end $$",
    "do $$ begin assert false, (select email from public.people where id = 2); end $$",
    "select public.warns(); select 1/0",
    "select 'geheim7' as x 'zitat7'",
    "select 'geheim7",
    'select "geheim7',
    "-- geheim7 stands here\nselect 1/0 /* zeile7 */",
    "select 70577/0, 'geheim7'",
    "select e'geheim7\\'zitat7' / 0",
    "select $x$geheim7$x$::int",
    "select U&'geheim7' + 1",
    "\\echo geheim7\n\\set v 'zeile7'\nselect :'v'::int",
    "select email from public.people; select 1/0",
    "copy public.strict from stdin;\n1\tgeheim7\tx\t1\ty\n\\.\n",
    "copy public.people (id, n) from stdin;\n9\tgeheim7 zeile7\n\\.\n",
    "copy public.people from '/nowhere/geheim7'",
    "prepare p as select 'geheim7'::text = $1; execute p (70577/0)",
    "set local statement_timeout = 'geheim7'",
]
SCRIPT = """
import os, sys
import psycopg
with psycopg.connect(os.environ["PGSAFE_TEST_URL"]) as session:
    print("found", session.execute("select email from public.people").fetchall())
    session.execute(sys.argv[1])
"""


@pytest.fixture(scope="module")
def people(server: Server) -> Iterator[Address]:
    address = server.create("masked")
    with connect(address, read_only=False) as session:
        session.execute(SOURCE.encode())
    yield address
    server.drop(address)


@pytest.fixture(params=["keys", "none", "mask"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def shown(result: Result, mode: str) -> str:
    """Return everything that is printed or written of a result."""
    samples: Literal["values", "keys", "none"] = "values"
    if mode != "mask":
        samples = "keys" if mode == "keys" else "none"
    hidden = redact(result, samples=samples, mask=["people.email", "people.n"] if mode == "mask" else [])
    settings = Settings(folder=Path(), source=Source(sql=(Path("s.sql"),)), migration=Way(kind="run", command="x"))
    known = names(settings)
    texts = [write(hidden) for write in FORMATS.values()]
    texts += [line.text for line in summary(hidden, short=False)]
    for name in known:
        judged = judge(name, hidden, collected=known, selected=known)
        texts += [str(judged.reason), *(line for finding in judged.findings for line in finding_lines(finding))]
    texts += [str(hidden.trace)]
    return "\n".join(texts)


def leaks(text: str) -> list[str]:
    return [line for line in text.splitlines() if any(piece in line for piece in SECRET)]


def failed(migration: Migration, server: Server, address: Address, folder: Path, **env: str) -> Result:
    try:
        run(migration, server, address, role=server.address().user, folder=folder, env=env, transaction=False)
    except FailedRun as error:
        step = Step(name="migrate", seconds=1, outcome=Outcome.FAILED, reason=str(error))
        return Result(steps=(step,), source={}, server={}, trace=error.trace)
    raise AssertionError("the migration did not fail")


@pytest.mark.parametrize("text", part(FAILING, 4))
def test_a_statement_that_fails(server: Server, people: Address, tmp_path: Path, text: str) -> None:
    file = tmp_path / "up.sql"
    # In a transaction that is never committed, so that the next one finds the same rows.
    file.write_text(f"begin;\n{text};\n")
    result = failed(SqlFiles(files=(file,), text="up.sql"), server, people, tmp_path)
    for mode in ("keys", "none", "mask"):
        told = shown(result, mode)
        assert not leaks(told)
        assert "up.sql" in told
    assert not leaks(FORMATS[".md"](result))
    # What PostgreSQL says of itself stays.
    if "SQLSTATE" in str(result.steps[0].reason):
        assert "SQLSTATE" in told


@pytest.mark.parametrize("text", [one for one in FAILING if "\\" not in one and "stdin" not in one][::4])
def test_a_command_that_fails(server: Server, people: Address, tmp_path: Path, text: str) -> None:
    (tmp_path / "tool.py").write_text(SCRIPT)
    (tmp_path / "statement").write_text(text)
    command = Command(command=f'{sys.executable} tool.py "$(cat statement)"')
    result = failed(command, server, people, tmp_path, PGSAFE_TEST_URL="{url}")
    for mode in ("keys", "none", "mask"):
        assert not leaks(shown(result, mode))
    assert not leaks(FORMATS[".md"](result))


def settings(folder: Path, server: Server, up: str, **more: object) -> Settings:
    (folder / "source.sql").write_text(SOURCE)
    (folder / "up.sql").write_text(up)
    use = server.address().url() if server.kind == "existing" else server.kind
    return replace(
        Settings(
            folder=folder, source=Source(sql=(folder / "source.sql",)), server=ServerSettings(use=use),
            migration=Way(kind="sql", path=folder / "up.sql"), lock_wait=2.0,
        ),
        **more,
    )  # fmt: skip


def down(folder: Path, text: str) -> Way:
    (folder / "down.sql").write_text(text)
    return Way(kind="sql", path=folder / "down.sql")


@pytest.mark.parametrize(
    "case", ["way back", "again", "hook", "partly", "rule", "restore", "source", "stuck", "changed"]
)
def test_a_run_in_which_something_fails(server: Server, tmp_path: Path, case: str, mode: str) -> None:
    if server.kind == "container":
        pytest.skip("what is said is the same in a container")
    made = settings(tmp_path, server, "alter table public.people add x int;\n")
    if case == "way back":
        made = replace(made, rollback=down(tmp_path, f"alter table public.people drop x; select {TWO}::int;\n"))
    elif case == "again":
        made = settings(tmp_path, server, f"create table if not exists public.seen (e text);\n"
                        f"insert into public.seen select {TWO}; select 1/(2-count(*)) from public.seen;\n"
                        "select public.loud(e) from public.seen offset 1;\n")  # fmt: skip
        made = replace(made, rollback=down(tmp_path, "select 1;\n"))
    elif case == "hook":
        hook = Hook(kind="statement", text=f"select 'geheim7', {TWO}::int")
        made = replace(made, hooks=Hooks(after_restore=(hook,)))
    elif case == "partly":
        made = settings(tmp_path, server, f"alter table public.people add x int;\nselect {TWO}::int;\n")
        made = replace(made, rollback=down(tmp_path, f"select {TWO}::int;\n"))
    elif case == "rule":
        made = settings(tmp_path, server, "update public.people set doc = email where id = 2;\n")
        rule = Denormalized(column="people.n", source="select id, doc::int from people", kind="sql")
        made = replace(made, denormalized=(rule,))
    elif case == "restore":
        (tmp_path / "source.sql").write_text(SOURCE + f"select {TWO}::int;")
    elif case == "source":
        (tmp_path / "source.sql").write_text(SOURCE + "insert into public.people values (9, 'geheim7', 'zitat7');")
    elif case == "stuck":
        made = settings(tmp_path, server, "\\! true\nbegin; update public.people set doc = 'geheim7';\n"
                        "select pg_sleep(100), 'zeile7';\n")  # fmt: skip
        made = replace(made, timeout=2.0)
    else:
        made = settings(tmp_path, server, "update public.people set email = 'geheim7 neu', n = 70577;\n")
    result = rehearse(made)
    assert case in {"changed", "rule"} or result.verdict == "failed"
    assert leaks(str(result)) or case == "rule"
    told = shown(result, mode)
    if mode == "keys" and case == "changed":
        return
    assert not leaks(told)
