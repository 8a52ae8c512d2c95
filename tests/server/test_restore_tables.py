"""``pgsafe restore --table --replace``: a damaged table of a live database, and everything around it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_pgsafe.cli import run
from pytest_pgsafe.config.values import Source
from pytest_pgsafe.copy.source import examine
from pytest_pgsafe.runbook import replace
from pytest_pgsafe.runbook.keep import keep
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.server.runbook import answer, uri
from tests.tiers import FULL

SHAPES = """
create schema "Far; off";
create type mood as enum ('well', 'ill');
create function stamp() returns trigger language plpgsql as $$begin new.seen := now(); return new; end$$;
create sequence shared;
create table region (id int primary key, name text);
create table "Odd, ""name" (
    id int generated always as identity primary key, region int references region, up int references "Odd, ""name",
    state mood default 'well', note text collate "C", code serial unique, total numeric(10, 2), tags text[], doc json,
    number bigint default nextval('shared'), seen timestamptz, twice numeric generated always as (total * 2) stored,
    constraint positive check (total > 0)
);
comment on table "Odd, ""name" is 'it''s odd';
comment on column "Odd, ""name".note is E'two\\nlines';
comment on constraint "Odd, ""name_region_fkey" on "Odd, ""name" is 'where';
create index "an index;" on "Odd, ""name" (lower(note)) where total > 1;
create statistics "Far; off".together (dependencies) on region, state from "Odd, ""name";
create trigger stamp before insert on "Odd, ""name" for each row execute function stamp();
alter table "Odd, ""name" enable row level security;
create policy everybody on "Odd, ""name" using (true);
grant select on "Odd, ""name" to public;
grant update (note) on "Odd, ""name" to public;
create table "Far; off".leaf (odd int references "Odd, ""name" on delete set null deferrable, note text);
comment on constraint leaf_odd_fkey on "Far; off".leaf is 'from afar';
create table other (id int primary key default nextval('"Odd, ""name_code_seq"'), what text);
create view rich with (security_barrier) as select id, note, total from "Odd, ""name" where total > 5;
comment on view rich is 'of them';
grant select on rich to public;
create view on_view as select r.*, l.note as leaf from rich r left join "Far; off".leaf l on l.odd = r.id;
create view by_key as select o.id, o.note, count(l.odd) from "Odd, ""name" o left join "Far; off".leaf l on l.odd = o.id
    group by o.id;
create rule writes as on insert to on_view do instead insert into "Odd, ""name" (note) values (new.note);
create materialized view summary as select state, count(*) from "Odd, ""name" group by state;
create unique index on summary (state);
comment on materialized view summary is 'counted';
grant select on summary to public;
create materialized view empty as select 1 as one from "Odd, ""name" with no data;
alter table "Far; off".leaf enable row level security;
create policy seen on "Far; off".leaf using (exists (select from "Odd, ""name" o where o.id = odd));
create function by_text() returns bigint language plpgsql as
    $$begin return (select count(*) from public."Odd, ""name"); end$$;
create function atomic(int) returns numeric language sql
    begin atomic select total from "Odd, ""name" where id = $1; end;
{again}
create procedure given(inout one "Odd, ""name", n int default 3) language plpgsql as $$begin one.note := n; end$$;
create function every() returns setof "Odd, ""name" language sql as 'select * from public."Odd, ""name"';
create publication {publication} for table "Odd, ""name"{published};
create table part (at date not null, id int, note text, primary key (id, at)) partition by range (at);
create table part_1 partition of part for values from ('2026-01-01') to ('2026-02-01');
create table part_2 partition of part for values from ('2026-02-01') to ('2026-03-01');
create index on part (note);
create table of_part (id int, at date, foreign key (id, at) references part);
create table parent (id int, note text);
create table child (more text) inherits (parent);
insert into region select n, 'region ' || n from generate_series(1, 5) n;
insert into "Odd, ""name" (region, note, total, tags, doc)
    select 1 + n % 5, E'a\\tb\\\\ ' || n, n, array['x', null, n::text], json_build_object('n', n)
    from generate_series(1, 100) n;
update "Odd, ""name" set up = 1 where id > 90;
insert into "Far; off".leaf select n, 'leaf ' || n from generate_series(1, 50) n;
insert into part select date '2026-01-01' + n, n, 'p' || n from generate_series(0, 58) n;
insert into of_part select id, at from part;
insert into parent values (1, 'one');
insert into child values (2, 'two', 'more');
refresh materialized view summary;
"""
#: Seconds after the start at which a replacement is killed.
MOMENTS = [0.6 + n / 20 for n in range(30)] if FULL else [1.2]
ODD = '"Odd, ""name"'
#: From 15.20 on no column changes its type while a function whose body is stored parsed uses the table's row type.
WITHOUT = 'drop function named("Odd, ""name")'
AGAIN = """
create function named("Odd, ""name") returns text language sql stable return $1.note || $1.id;
comment on function named is 'by its row';
revoke all on function named from public;
"""


@dataclass
class Ground:
    """A backup, and a live database that equals it."""

    folder: Path
    live: Address

    def do(self, statement: str) -> None:
        with connect(self.live, read_only=False) as session:
            session.execute("set search_path = public")
            session.execute(statement.encode())

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with connect(self.live) as session:
            session.execute("set search_path = public")
            return session.execute(query.encode()).fetchall()

    def arguments(self, *tables: str) -> list[str]:
        named = [f"--table={name}" for name in tables]
        return ["restore", str(self.folder), f"--into={uri(self.live)}", *named, "--replace", "--json"]

    def differences(self, capsys: pytest.CaptureFixture[str]) -> list[str]:
        """Return in what the live database differs from the backup, beside what is aside."""
        capsys.readouterr()
        assert run(["compare", str(self.folder), uri(self.live), "--json"]) in {0, 1}
        found = json.loads(capsys.readouterr().out)["changes"]
        return sorted(
            f"{one['kind']} {one['object']}"
            for one in found
            if not one["object"].startswith(("public_replaced_", '"Far; off_replaced_'))
            and "default privileges" not in one["object"]
        )


@pytest.fixture(scope="module")
def made(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Address, Path]]:
    database = server.create("tables")
    newer = server.version.major >= 15
    text = (
        SHAPES.replace("{again}", AGAIN)
        .replace("{publication}", "told")
        .replace("{published}", " (id, note) where (id > 0) with (publish = 'insert')" if newer else "")
    )
    with connect(database, read_only=False) as session:
        session.execute("set search_path = public")
        session.execute(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", database.parameters.get("password", ""))
        taken = keep(
            examine(Source(dsn=uri(database))), tmp_path_factory.mktemp("root"), environment="e",
            retain=timedelta(0), jobs=1, plain=False,
        )  # fmt: skip
    assert taken.archive.folder is not None
    yield database, taken.archive.folder
    server.drop(database)


@pytest.fixture
def ground(server: Server, made: tuple[Address, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.setenv("PGPASSWORD", made[0].parameters.get("password", ""))
    live = server.clone(made[0], "live")
    yield Ground(made[1], live)
    server.drop(live)


DAMAGE = f"""
alter table {ODD} drop constraint positive;
drop index "an index;";
drop trigger stamp on {ODD};
{WITHOUT};
alter table {ODD} add column extra text default 'x', alter column tags type text using tags::text;
{AGAIN}
insert into {ODD} (note, total) select 'new ' || n, -n from generate_series(1, 17) n;
delete from {ODD} where id between 60 and 62;
update {ODD} set region = null where id between 1 and 9;
drop policy everybody on {ODD};
revoke all on {ODD} from public;
alter default privileges grant insert on tables to public;
alter default privileges revoke execute on functions from public;
"""


def test_a_damaged_table_is_replaced_with_everything_around_it(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    ground.do(DAMAGE)
    damaged = ground.ask(f"select count(*), sum(total) from {ODD}")
    before = ground.differences(capsys)
    shown = answer([*ground.arguments(ODD), "--dry-run"], capsys)["replaced"]
    assert shown["dry_run"] is True
    assert ground.differences(capsys) == before
    assert ground.ask("select count(*) from pg_namespace where nspname ~ '_replaced_'") == [(0,)]
    done = answer(ground.arguments(ODD), capsys)
    [told] = done["replaced"]["since"]
    assert (told["live"], told["restored"], told["live_only"], told["restored_only"]) == (114, 100, 17, 3)
    assert told["samples"] == ["101", "102", "103", "104", "105"]
    # In tags' other type every value reads the same, so what the update did is all that is told.
    assert told["changed"] == 9
    assert ground.differences(capsys) == [
        # Keys that were given out since are not given out again.
        'sequence value public."Odd, ""name_code_seq"', 'sequence value public."Odd, ""name_id_seq"',
        "sequence value public.shared",
    ]  # fmt: skip
    [aside] = done["replaced"]["aside"]
    assert ground.ask(f"select count(*), sum(total) from {aside}") == damaged
    counts = "(select count(*) from rich), by_text(), atomic(7), (select count(*) from by_key)"
    assert ground.ask(f"select {counts}, (select count(*) from every())") == [(95, 100, 7, 100, 100)]
    assert ground.ask(f"select named(o) = note || id from {ODD} o limit 1") == [(True,)]
    ground.do("insert into on_view (note) values ('by rule')")
    assert ground.ask(f"select id > 117, seen is not null from {ODD} where note = 'by rule'") == [(True, True)]
    ground.do(f"drop schema {aside.partition('.')[0]} cascade")
    assert ground.ask(f"select count(*) from {ODD}") == [(101,)]


def test_partitions_and_children_keep_their_places(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    ground.do("delete from of_part where id < 10; delete from part where id < 10; update part set note = 'x'")
    ground.do("insert into of_part values (40, '2026-02-10')")
    answered = answer(ground.arguments("part_1"), capsys)
    assert [(one["table"], one["restored_only"], one["changed"]) for one in answered["replaced"]["since"]] == [
        ("public.part_1", 10, 21)
    ]
    # Its rows are in the facts with those of the whole table: nothing is said to be equal that was not compared.
    assert [note for note in answered["notes"] if "public.part_1: a partition restored by itself" in note]
    assert ground.ask("select count(*), count(*) filter (where note = 'x') from part") == [(59, 28)]
    ground.do("delete from of_part; insert into of_part select id, at from part; alter table parent add extra int")
    done = answer(ground.arguments("part", "child", "parent"), capsys)["replaced"]
    assert [one["table"] for one in done["since"]] == ["public.part", "public.parent"]
    assert ground.differences(capsys) == []
    # The child alone, beside a parent that stays.
    ground.do("update child set more = 'less'")
    answer(ground.arguments("child"), capsys)
    assert ground.differences(capsys) == []
    assert ground.ask("select count(*) from parent") == [(2,)]
    # A partition that is gone, of a table that is there and would give it the keys that it brings.
    ground.do("delete from of_part; alter table part detach partition part_2; drop table part_2")
    missing = [word for word in ground.arguments("part_2") if word != "--replace"]
    assert answer(missing, capsys)["relations"] == 1
    ground.do("insert into of_part select id, at from part")
    assert ground.differences(capsys) == []


def test_what_cannot_be_carried_is_refused_before_anything_is_begun(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    ground.do(
        f"""
        alter table {ODD} add column fresh int;
        create view fresh as select fresh from {ODD};
        create function last({ODD}) returns text language sql as 'select $1.note';
        create view lasts as select last(null) as one;
        create table whole (one {ODD});
        create view above as select * from summary;
        create table part_3 partition of part for values from ('2026-03-01') to ('2026-04-01');
        create table grandchild () inherits (child);
        """
    )
    before = ground.differences(capsys)
    told = answer(ground.arguments(ODD, "part", "child"), capsys, status=4)["error"]
    assert sorted(line.partition(":")[0] for line in told["looked_at"]) == [
        "materialized view public.summary", 'routine public.last(public."Odd, ""name")',
        "rule _RETURN on view public.fresh", "rule _RETURN on view public.lasts", "table public.grandchild",
        "table public.part_3", "table public.whole",
    ]  # fmt: skip
    assert ground.differences(capsys) == before
    assert "with --table and --replace" in str(answer([*ground.arguments(), "--dry-run"], capsys, status=4)["error"])


def test_orphans_in_either_direction_are_told_and_keep_the_live_table(
    ground: Ground, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ground.do(f"insert into {ODD} (id, note) overriding system value values (501, 'new')")
    ground.do("insert into \"Far; off\".leaf values (501, 'new')")
    ground.do(f"update {ODD} set region = null; delete from region where id = 3")
    before = ground.differences(capsys)
    log = tmp_path / "log"
    arguments = [*ground.arguments(ODD), f"--start=echo started >> {log}"]
    told = answer([*arguments, "--dry-run"], capsys, status=1)["error"]
    assert told["message"] == "21 rows would point to nothing: nothing was swapped"
    assert told["looked_at"] == [
        '"Far; off".leaf.leaf_odd_fkey: 1 row without what the key points to, such as (501)',
        'public."Odd, ""name"."Odd, ""name_region_fkey": 20 rows without what the key points to, such as '
        "(3), (3), (3), (3), (3)",
    ]
    assert not log.exists()
    answer(arguments, capsys, status=1)
    assert log.read_text() == "started\n"
    assert ground.differences(capsys) == before
    done = answer([*arguments, "--accept-orphans"], capsys)["replaced"]
    assert [one["count"] for one in done["orphans"]] == [1, 20]
    waiting = "select conname from pg_constraint where contype = 'f' and not convalidated order by 1"
    assert ground.ask(waiting) == [('Odd, "name_region_fkey',), ("leaf_odd_fkey",)]


def test_a_failure_on_the_way_leaves_everything(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A view that cannot read the old type: seen when it is made again, after the restore.
    ground.do(f"create table late (n int); {WITHOUT}; alter table {ODD} alter column code type bigint; {AGAIN}")
    ground.do(f"create view later as select code from {ODD}")
    before = ground.differences(capsys)
    told = answer(ground.arguments(ODD), capsys, status=1)["error"]
    assert told["message"].endswith("cannot use the restored one: nothing was changed")
    assert "cannot change data type of view column" in told["looked_at"][0]
    ground.do("drop view later")
    monkeypatch.setattr(replace, "WAIT", 0.2)
    monkeypatch.setattr(replace, "ATTEMPTS", 2)
    with psycopg.connect(**ground.live.parameters) as holder:
        holder.execute("select from public.rich for share of rich")
        told = answer(ground.arguments(ODD), capsys, status=1)["error"]
    assert told["message"].startswith("the tables could not be locked in 2 attempts of 0.2 s")
    assert "select from public.rich" in str(told["looked_at"])
    ground.do("create view later as select code::bigint as code from region, generate_series(1, 2) code")
    assert [line for line in ground.differences(capsys) if "later" not in line] == [
        line for line in before if "later" not in line
    ]


@pytest.mark.parametrize("moment", MOMENTS)
def test_one_that_is_killed_has_done_all_or_nothing(ground: Ground, moment: float) -> None:
    ground.do(f"delete from {ODD} where id > 50")
    program = "from pytest_pgsafe.cli import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", program, *ground.arguments(ODD)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        child.wait(moment)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    # Its session may still be at work for a moment: whoever waits for the lock sees what became of it.
    ground.do(f"begin; lock table {ODD}; commit")
    state = f"""select (select count(*) from {ODD}), (select count(*) from pg_namespace where nspname ~ '_replaced_'),
        (select count(*) from rich), (select count(*) from pg_constraint where conname = 'leaf_odd_fkey')"""
    assert ground.ask(state) in ([(50, 0, 45, 1)], [(100, 1, 95, 1)])
