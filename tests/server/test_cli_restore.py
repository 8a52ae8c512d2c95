"""``pgsafe restore``: whole or not at all, never over anything, and a live database only by a verified one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pytest_pgsafe.config.values import Source
from pytest_pgsafe.copy.source import examine
from pytest_pgsafe.runbook.keep import keep
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.server.runbook import SCHEMA, answer, uri
from tests.tiers import FULL

#: Seconds after the start at which a restore is killed.
MOMENTS = [0.8 + n / 20 for n in range(50)] if FULL else [1.5, 2.2]

MORE = """
create type mood as enum ('well', 'ill');
create domain percent as int check (value between 0 and 100);
create function stamp() returns trigger language plpgsql as $$begin new.seen := now(); return new; end$$;
create table "Odd, name" (
    id int generated always as identity primary key, account int not null references account, state mood default 'well',
    share percent, seen timestamptz, unique (account, state)
);
create index on "Odd, name" (share);
create trigger stamp before insert on "Odd, name" for each row execute function stamp();
comment on column "Odd, name".share is 'of what there is';
alter table "Odd, name" enable row level security;
create policy everybody on "Odd, name" using (true);
insert into "Odd, name" (account, share) select id, id % 100 from account where id <= 50;
create table leaf (odd int references "Odd, name", note text);
insert into leaf values (1, 'one');
"""


@dataclass
class Ground:
    """A source, its backup, and names for databases that are dropped afterwards."""

    source: Address
    folder: Path

    def name(self, word: str) -> str:
        return f"{self.source.dbname}_{word}"

    def into(self, word: str) -> str:
        return f"--into={uri(self.source, self.name(word))}"

    def at(self, word: str) -> Address:
        return self.source.with_(dbname=self.name(word))

    def databases(self) -> set[str]:
        with connect(self.source) as session:
            pattern = f"%{self.source.dbname}%"
            found = session.execute("select datname from pg_database where datname like %s", (pattern,)).fetchall()
        return {name.removeprefix(self.source.dbname) for (name,) in found}

    def do(self, word: str, statement: str) -> None:
        with connect(self.at(word), read_only=False) as session:
            session.execute("set search_path = public")
            session.execute(statement.encode())

    def ask(self, word: str, query: str) -> list[tuple[object, ...]]:
        with connect(self.at(word)) as session:
            return session.execute(query.encode()).fetchall()


@pytest.fixture(scope="module")
def backup(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Address, Path]]:
    database = server.create("live")
    with connect(database, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(SCHEMA)
        connection.execute(MORE)
        name = sql.Identifier(database.dbname)
        connection.execute(sql.SQL("alter database {} set work_mem = '5MB'").format(name))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", database.parameters.get("password", ""))
        source = examine(Source(dsn=uri(database)))
        taken = keep(source, tmp_path_factory.mktemp("root"), environment="e", retain=timedelta(0), jobs=1)
    assert taken.archive.folder is not None
    yield database, taken.archive.folder
    server.drop(database)


@pytest.fixture
def ground(backup: tuple[Address, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    source, folder = backup
    monkeypatch.setenv("PGPASSWORD", source.parameters.get("password", ""))
    found = Ground(source, folder)
    yield found
    with connect(source.with_(dbname="postgres"), read_only=False) as session:
        for word in found.databases() - {""}:
            name = word if word.startswith("pgsafe") else source.dbname + word
            session.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_into_a_new_database_and_never_over_it(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["restore", str(ground.folder), ground.into("new"), "--json"]
    done = answer([*arguments, "--jobs=2"], capsys)
    assert (done["database"], done["relations"], done["aside"]) == (ground.name("new"), 4, None)
    assert [step["name"] for step in done["steps"]] == ["backup", "restore", "analyze", "verify"]
    assert done["rto_seconds"] == pytest.approx(sum(step["seconds"] for step in done["steps"]))
    assert ground.ask("new", "select count(*) from public.log") == [(500,)]
    assert ground.ask("new", "select current_setting('work_mem')") == [("5MB",)]
    assert ground.ask("new", "select count(*) > 0 from pg_stats where schemaname = 'public'") == [(True,)]
    assert ground.ask(
        "new", "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"
    ) != [("",)]
    ground.do("new", "delete from log")
    told = answer(arguments, capsys, status=4)["error"]
    assert "not empty" in told["message"]
    assert ground.ask("new", "select count(*) from public.log") == [(0,)]
    assert ground.databases() == {"", "_new"}


def test_from_plain_sql_too(ground: Ground, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plain = ground.folder / "database.sql"
    done = answer(["restore", str(plain), ground.into("plain"), "--json"], capsys)
    assert done["relations"] == 4
    text = plain.read_bytes()
    cut = tmp_path / "cut.sql"
    cut.write_bytes(text[: text.index(b"note 250\n")])
    assert "is cut" in answer(["restore", str(cut), ground.into("cut"), "--json"], capsys, status=1)["error"]["message"]
    # The first error stops it, and nothing is left.
    broken = tmp_path / "broken.sql"
    broken.write_bytes(text.replace(b"REFERENCES public.account(id)", b"REFERENCES public.accounts(id)"))
    answer(["restore", str(broken), ground.into("broken"), "--json"], capsys, status=1)
    assert ground.databases() == {"", "_plain"}


def test_a_live_database_is_replaced_by_a_verified_one(
    ground: Ground, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answer(["restore", str(ground.folder), ground.into("app"), "--json"], capsys)
    ground.do("app", "delete from log; create table newer (x int)")
    log = tmp_path / "log"
    with psycopg.connect(**ground.at("app").parameters) as session:
        session.execute("select 1")
        done = answer(
            ["restore", str(ground.folder), ground.into("app"), "--replace", "--json",
             f"--stop=echo stopped >> {log}", f"--start=echo started >> {log}"], capsys,
        )  # fmt: skip
        with pytest.raises(psycopg.OperationalError):
            session.execute("select 1")
    assert log.read_text().split() == ["stopped", "started"]
    assert [step["name"] for step in done["steps"]] == [
        "backup", "stop", "restore", "analyze", "verify", "swap", "start"
    ]  # fmt: skip
    assert ground.ask("app", "select count(*) from public.log") == [(500,)]
    aside = Address.parse(uri(ground.source, done["aside"])).with_(password=ground.source.parameters.get("password"))
    with connect(aside) as session:
        assert session.execute("select count(*) from public.newer").fetchone() == (0,)
    assert ground.databases() == {"", "_app", done["aside"].removeprefix(ground.source.dbname)}


_BESIDE = """
select datconnlimit, pg_get_userbyid(datdba) = 'pgsafe_owner', shobj_description(oid, 'pg_database'), datacl::text,
    datistemplate
from pg_database where datname = current_database()
"""


@pytest.mark.parametrize("known", [True, False], ids=["with facts", "of somebody else"])
def test_what_a_database_has_beside_its_content_stays(
    ground: Ground, capsys: pytest.CaptureFixture[str], tmp_path: Path, known: bool
) -> None:
    """Of a dump without facts, which says nothing of its database, what the replaced one had."""
    answer(["restore", str(ground.folder), ground.into("app"), "--json"], capsys)
    name = ground.name("app")
    ground.do("app", "create role pgsafe_owner")
    try:
        ground.do(
            "app",
            f"alter database {name} with connection limit 7; alter database {name} owner to pgsafe_owner;"
            f"alter database {name} set work_mem = '9MB'; comment on database {name} is 'the shop';"
            f"revoke temporary on database {name} from public",
        )
        before = ground.ask("app", _BESIDE)
        assert before[0][:3] == (7, True, "the shop")
        backup = str(ground.folder)
        if known:
            source = examine(Source(dsn=uri(ground.at("app"))))
            taken = keep(source, tmp_path / "root", environment="e", retain=timedelta(0), jobs=1)
            backup = str(taken.archive.folder)
            # What somebody changed since then is not in the backup.
            ground.do("app", f"alter database {name} with connection limit 9")
        else:
            backup = str(shutil.copy(ground.folder / "database.dump", tmp_path / "dump"))
        done = answer(["restore", backup, ground.into("app"), "--replace", "--json"], capsys)
        assert ground.ask("app", _BESIDE) == before
        assert ground.ask("app", "select current_setting('work_mem')") == [("9MB",)]
        ground.do("app", f"alter database {name} owner to current_user")
        ground.do("app", f'alter database "{done["aside"]}" owner to current_user')
    finally:
        for left in ground.databases():
            if left.startswith("_app"):
                ground.do(left[1:], "reassign owned by pgsafe_owner to current_user; drop owned by pgsafe_owner")
        ground.do("app", "drop role pgsafe_owner")


def test_a_restore_that_fails_leaves_the_live_database(
    ground: Ground, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answer(["restore", str(ground.folder), ground.into("app"), "--json"], capsys)
    ground.do("app", "delete from log")
    damaged = tmp_path / "damaged.dump"
    data = (ground.folder / "database.dump").read_bytes()
    damaged.write_bytes(data[: len(data) * 6 // 10])
    log = tmp_path / "log"
    arguments = [ground.into("app"), "--replace", f"--start=echo started >> {log}", "--json"]
    told = answer(["restore", str(damaged), *arguments], capsys, status=1)
    assert "pg_restore" in told["error"]["message"]
    # Whether pg_restore sees it before the start depends on where its major writes the rows.
    log.unlink(missing_ok=True)
    assert ground.ask("app", "select count(*) from public.log") == [(0,)]
    # One that cannot be swapped, since a prepared transaction holds the database.
    folder = str(ground.folder)
    ground.do("app", "begin; insert into log values (1, 1); prepare transaction 'held'")
    told = answer(["restore", folder, *arguments], capsys, status=1)
    assert "in its place as it was" in told["error"]["message"]
    assert log.read_text().split() == ["started"]
    ground.do("app", "rollback prepared 'held'")
    told = answer(["restore", folder, *arguments, "--stop=exit 3"], capsys, status=1)
    assert "could not be stopped" in told["error"]["message"]
    assert ground.databases() == {"", "_app"}


def test_tables_come_with_everything_that_belongs_to_them(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    answer(["restore", str(ground.folder), ground.into("part"), "--json"], capsys)
    arguments = ["restore", str(ground.folder), ground.into("part"), "--table=Odd, name", "--json"]
    assert "nothing is overwritten" in answer(arguments, capsys, status=4)["error"]["message"]
    ground.do("part", 'drop table "Odd, name" cascade; drop type mood cascade; drop function stamp cascade')
    ground.do("part", "delete from log where id > 100")
    done = answer(arguments, capsys)
    assert (done["relations"], done["rows"], done["notes"]) == (1, 50, [])
    describe = (
        "select (select count(*) from pg_constraint where conrelid = t.oid or confrelid = t.oid),"
        " (select count(*) from pg_index where indrelid = t.oid),"
        " (select count(*) from pg_policy where polrelid = t.oid),"
        " (select count(*) from pg_trigger where tgrelid = t.oid and not tgisinternal), relrowsecurity,"
        " col_description(t.oid, 4), (select count(*) from pg_stats where tablename = relname) > 0"
        " from pg_class t where relname = 'Odd, name'"
    )
    with connect(ground.source) as session:
        wanted = session.execute(describe).fetchall()
    assert ground.ask("part", describe)[0][:6] == wanted[0][:6]
    ground.do("part", 'insert into "Odd, name" (account) values (60)')
    assert ground.ask("part", 'select max(id) from public."Odd, name"') == [(51,)]
    assert ground.ask("part", "select count(*) from public.log") == [(100,)]
    # What would be orphaned is not restored at all.
    ground.do(
        "part", 'alter table leaf drop constraint leaf_odd_fkey; drop table "Odd, name"; update leaf set odd = 99'
    )
    assert "violates foreign key" in str(answer(arguments, capsys, status=1)["error"])
    assert ground.ask("part", "select count(*) from pg_class where relname = 'Odd, name'") == [(0,)]


def test_a_table_alone_in_a_new_database(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["restore", str(ground.folder), ground.into("alone"), "--json"]
    assert "means none" in answer([*arguments, "--table=nothing"], capsys, status=4)["error"]["message"]
    done = answer([*arguments, "--table=public.log"], capsys)
    assert (done["relations"], done["rows"]) == (1, 500)
    assert done["notes"] == ["public.log.log_account_fkey: left out, the table that it points to is not there"]


def test_what_the_server_lacks_is_said_before_the_start(
    server: Server, ground: Ground, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if not server.owns_cluster:
        pytest.skip("roles are made on servers of our own alone")
    role = sql.Identifier(f"{ground.source.dbname}_owner")
    with connect(ground.source, read_only=False) as session:
        session.execute(sql.SQL("create role {}").format(role))
        session.execute(sql.SQL("alter table public.leaf owner to {}").format(role))
    taken = keep(examine(Source(dsn=uri(ground.source))), tmp_path, environment="e", retain=timedelta(0), jobs=1)
    with connect(ground.source, read_only=False) as session:
        session.execute("alter table public.leaf owner to current_user")
        session.execute(sql.SQL("drop role {}").format(role))
    arguments = ["restore", str(taken.archive.folder), ground.into("roles"), "--json"]
    told = answer(arguments, capsys, status=4)["error"]
    assert f"lacks 1 role of the backup: {ground.source.dbname}_owner" in told["message"]
    assert ground.databases() == {""}
    assert answer([*arguments, "--no-owner"], capsys)["relations"] == 4


def test_a_restore_that_stands_still_is_ended_and_says_who_blocks_it(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(["restore", str(ground.folder), ground.into("busy"), "--json"], capsys)
    ground.do("busy", "drop table log")
    with psycopg.connect(**ground.at("busy").parameters) as holder:
        holder.execute("update public.account set balance = 0 where id = 1")
        arguments = ["restore", str(ground.folder), ground.into("busy"), "--table=log", "--stall=0m", "--json"]
        told: list[dict[str, object]] = []
        thread = threading.Thread(target=lambda: told.append(answer(arguments, capsys, status=1)))
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
    assert "nothing moved" in str(told[0]["error"])
    assert "update public.account" in str(told[0]["error"])
    assert ground.ask("busy", "select count(*) from pg_class where relname = 'log'") == [(0,)]


def test_a_damaged_backup_is_not_begun(ground: Ground, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(ground.folder, folder)
    (folder / "globals.sql").write_text("")
    told = answer(["restore", str(folder), ground.into("never"), "--json"], capsys, status=1)["error"]
    assert "not what its manifest says" in told["message"]
    assert "holds a password" in str(
        answer(["restore", str(folder), "--into=postgresql://a:b@localhost/x", "--json"], capsys, status=4)
    )
    assert ground.databases() == {""}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_restore_that_is_killed_never_swaps_in_half_a_database(
    ground: Ground, capsys: pytest.CaptureFixture[str], moment: float
) -> None:
    """Whenever it ends, the live database is the old one or a whole new one."""
    answer(["restore", str(ground.folder), ground.into("app"), "--json"], capsys)
    ground.do("app", "delete from log; delete from leaf")
    program = "from pytest_pgsafe.cli import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", program, "restore", str(ground.folder), ground.into("app"), "--replace"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        child.wait(moment)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    with connect(ground.source, read_only=False) as session:
        # Between the refusal of connections and the swap it may have been the last moment.
        session.execute(sql.SQL("alter database {} allow_connections true").format(sql.Identifier(ground.name("app"))))
    counts = ground.ask("app", "select (select count(*) from public.log), (select count(*) from public.leaf)")
    assert counts in ([(0, 0)], [(500, 1)])
