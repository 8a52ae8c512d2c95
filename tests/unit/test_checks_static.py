"""Statements judged by their text: what destroys is a warning, unless it was announced or is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.checks.baseline import parse
from pytest_pgsafe.checks.pages import folder
from pytest_pgsafe.checks.static import CHECKS, judge
from pytest_pgsafe.checks.values import Check, Rules, Severity
from pytest_pgsafe.config.expectations import Changed, Converted, Dropped, Locked, Moved, RowsRule, ValuesRule
from pytest_pgsafe.config.values import Settings, Way
from pytest_pgsafe.reading.files import of_text
from pytest_pgsafe.rehearsal.static import prepare, read

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "checks"


def told(text: str, announced: Rules | None = None, *, strict: bool = False) -> list[tuple[str, str, str]]:
    found = judge(tuple(of_text(text, "m.sql")), announced or Rules(), strict=strict)
    return [(one.code, one.severity.value, one.object) for one in found]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
@pytest.mark.parametrize("example", ["unsafe", "safe"])
def test_example(check: Check, example: str) -> None:
    file = EXAMPLES / folder(check) / f"{example}.sql"
    settings = Settings(folder=file.parent, migration=Way(kind="sql", path=file))
    found = read(settings, prepare(settings)).findings
    alarms = [one.code for one in found if one.severity is not Severity.NOTE]
    assert (check.code in alarms) == (example == "unsafe"), found


@pytest.mark.parametrize(
    ("text", "code", "name"),
    [
        ("drop table a.t", "PGS020", "a.t"),
        ("alter table t drop c", "PGS020", "t.c"),
        ("drop schema s cascade", "PGS020", "s"),
        ("drop type mood cascade", "PGS020", "mood"),
        ("truncate t", "PGS020", "t"),
        ("delete from t where a", "PGS020", "t"),
        ("with gone as (delete from t returning *) select * from gone", "PGS020", "t"),
        ("update t set a = 1", "PGS020", "t"),
        ("alter table t alter c type int", "PGS020", "t.c"),
        ("alter table t detach partition p", "PGS020", "t"),
        ("alter type mood rename value 'a' to 'b'", "PGS020", "mood"),
        ("select lo_unlink(1)", "PGS020", "large objects"),
        ("drop view v", "PGS021", "v"),
        ("drop index i", "PGS021", "i"),
        ("drop type mood", "PGS021", "mood"),
        ("alter table t drop constraint k", "PGS021", "t.k"),
        ("alter table t alter c drop not null", "PGS021", "t.c"),
        ("alter table t disable trigger all", "PGS021", "t"),
        ("alter table t disable row level security", "PGS021", "t"),
        ("grant select on t to public", "PGS021", "t"),
        ("revoke select on t from app", "PGS021", "t"),
        ("alter default privileges in schema s revoke select on tables from app", "PGS021", "default privileges"),
        ("alter default privileges grant select on tables to public", "PGS021", "default privileges"),
        ("refresh materialized view m with no data", "PGS021", "m"),
        ("create index on t (a)", "PGS022", "t"),
        ("alter table t add check (a > 0)", "PGS022", "t"),
        ("alter table t add c uuid default gen_random_uuid()", "PGS022", "t"),
        ("lock t", "PGS022", "t"),
        ("refresh materialized view m", "PGS022", "m"),
    ],
)
def test_warned_of(text: str, code: str, name: str) -> None:
    assert (code, "warning", name) in told(text)
    strict = [severity for found, severity, _ in told(text, strict=True) if found == code]
    assert strict == ["warning" if code == "PGS022" else "error"]


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "create table t (a int references u)",
        "alter table t add c int default 5",
        "alter table t add constraint k check (a > 0) not valid; alter table t validate constraint k",
        "create index concurrently i on t (a)",
        "insert into t values (1)",
        "grant select on t to app",
        "alter default privileges grant select on tables to app",
        # What is new holds nothing, and nobody waits for it.
        "create table t (a int); create index on t (a); update t set a = 1; delete from t; drop table t",
        "create temp table t as select 1; truncate t; drop table t",
        "create table s.t (a int); alter table s.t rename to u; alter table s.u drop a",
        "alter table t add c text; update t set c = 'x'; alter table t drop c",
    ],
)
def test_not_warned_of(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # What is rolled back does nothing.
        ("begin; drop table t; rollback", []),
        ("begin; drop table t; commit", [("PGS020", "warning", "t")]),
        ("begin; savepoint s; drop table t; rollback to s; commit", [("PGS020", "warning", "t")]),
        # A lock that a later statement holds on.
        (
            "begin; alter table t add c int; update t set c = 1; commit",
            [("PGS022", "warning", "t")],
        ),
        ("alter table t add c int; update t set c = 1", []),
        (
            "begin; alter table t add constraint k check (a > 0) not valid; "
            "alter table t validate constraint k; commit",
            [("PGS022", "warning", "t")],
        ),
        ("begin; alter table t add c int; insert into v values ('a'); commit", []),
        # What no transaction may hold, or nothing ends.
        ("begin; create index concurrently i on t (a); commit", [("PGS023", "warning", "create index concurrently i")]),
        ("begin; vacuum t; commit", [("PGS023", "warning", "vacuum t")]),
        ("create index concurrently if not exists i on t (a)", [("PGS024", "warning", "i")]),
        ('create unique index concurrently if not exists "I" on t (a)', [("PGS024", "warning", '"I"')]),
        ("create index concurrently i on t (a)", []),
        (
            "drop index concurrently if exists s.i; create index concurrently if not exists i on s.t (a)",
            [("PGS021", "note", "s.i")],
        ),
        ("create table t (a int); create index if not exists i on t (a)", []),
        ("begin; alter table t add c int", [("PGS023", "warning", "transaction")]),
        (
            "begin; alter type mood add value 'new'; update u set m = 'new' where id = 1; commit",
            [("PGS020", "warning", "u"), ("PGS023", "warning", "new")],
        ),
        # False ones.
        (
            "alter table t add constraint k check (a is not null) not valid; alter table t validate constraint k; "
            "alter table t alter column a set not null",
            [],
        ),
        ("alter table t alter a set not null", [("PGS022", "warning", "t")]),
        ("refresh materialized view concurrently m", []),
        # Missed ones.
        ("alter table t add c int not null", [("PGS023", "warning", "t.c")]),
        ("alter table t add c int not null default 5", []),
        ("alter table t add c int generated always as identity primary key", [("PGS022", "warning", "t")]),
        ("alter table t rename a to b", [("PGS021", "note", "t.a")]),
        ("alter table t rename to u", [("PGS021", "note", "t")]),
        ("alter view v rename to w", [("PGS021", "note", "v")]),
        ("alter domain d add constraint k check (value > 0)", [("PGS022", "warning", "d")]),
        ("alter domain d add constraint k check (value > 0) not valid", []),
        ("alter domain d set not null", [("PGS022", "warning", "d")]),
        ("alter domain d validate constraint k", [("PGS022", "warning", "d")]),
        ("alter table t add c int default 1 references u", [("PGS022", "warning", "t")]),
        ("alter table t add c int references u", []),
        ("alter table t add primary key using index i", [("PGS022", "warning", "t")]),
        ("alter table t add constraint k unique using index i", []),
        ("alter system set fsync = off", [("PGS021", "warning", "server")]),
        ("alter role app superuser", [("PGS021", "warning", "app")]),
        ("alter role app nosuperuser login", []),
        ("create rule r as on delete to t do instead nothing", [("PGS021", "warning", "t")]),
        ("set session_replication_role = replica", [("PGS021", "warning", "session")]),
        ("set session_replication_role to default", []),
        ("alter index i set tablespace fast", [("PGS022", "warning", "i")]),
        # With and without CONCURRENTLY.
        ("drop index i", [("PGS021", "warning", "i"), ("PGS022", "note", "i")]),
        ("drop index concurrently i", [("PGS021", "warning", "i")]),
    ],
)
def test_transactions_and_what_was_false_or_missed(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert sorted(set(told(text)) - {("PGS020", "warning", "t")} if "update t" in text else told(text)) == expected


def test_a_file_that_runs_in_one_transaction_is_read_as_one() -> None:
    readings = tuple(of_text("create index concurrently i on t (a)", "m.sql"))
    assert [one.code for one in judge(readings, Rules(), strict=False, whole=True)] == ["PGS023"]
    assert judge(readings, Rules(), strict=False) == ()


def test_a_lock_that_was_announced_is_a_note_with_its_reason() -> None:
    announced = Rules(locks=(Locked(table="public.t", mode="ShareLock", reason="at night"),))
    assert told("create index on t (a)", announced) == [("PGS022", "note", "t")]
    assert told("alter table t add check (a > 0)", announced) == [("PGS022", "warning", "t")]


def test_the_safer_form_of_the_statement_is_the_remedy() -> None:
    [found] = judge(tuple(of_text("create index i on t (a)", "m.sql")), Rules(), strict=False)
    assert found.remedy == "create index CONCURRENTLY i on t (a), outside of a transaction."


def test_what_is_said_of_a_partition_is_english() -> None:
    found = judge(tuple(of_text("alter table t detach partition p", "m.sql")), Rules(), strict=False)
    assert "of of" not in " ".join(one.message for one in found)


def test_the_backfill_of_an_old_column_is_warned_of() -> None:
    assert told("alter table t add c text; update t set c = 'x', d = 'y'") == [("PGS020", "warning", "t")]


def test_what_is_made_again_is_a_note() -> None:
    assert told("drop view v; create view v as select 1") == [("PGS021", "note", "v")]
    again = "alter table t drop constraint k, add constraint k check (a > 1) not valid"
    assert told(again) == [("PGS021", "note", "t.k")]
    assert told("create view v as select 1; drop view w") == [("PGS021", "warning", "w")]


@pytest.mark.parametrize(
    ("text", "announced"),
    [
        ("alter table t drop c", Rules(dropped=(Dropped(kind="column", object="public.t.c", reason="why"),))),
        ("alter table s.t drop c", Rules(dropped=(Dropped(kind="column", object="t.*", reason="why"),))),
        ("alter table t drop c", Rules(dropped=(Dropped(kind="table", object="t", reason="why"),))),
        ("update t set a = 1", Rules(values=(ValuesRule(column="t.a", reason="why"),))),
        ("alter table t alter a type int", Rules(values=(ValuesRule(column="t.a", reason="why"),))),
        ("truncate t", Rules(rows=(RowsRule(table="t", rule="any", reason="why"),))),
        (
            "alter table t drop c",
            Rules(converted=(Converted(column="t.d", expression="lower(c)", reason="why"),)),
        ),
        (
            "alter table t alter c type date using c::date",
            Rules(converted=(Converted(column="t.c", expression="c::date", reason="why"),)),
        ),
        ("alter table t drop c", Rules(moved=(Moved(column="t.c", to="u.c", reason="why"),))),
        ("alter table t alter c type int",
         Rules(changed=(Changed(kind="column", object="t.c", reason="why"),))),
        (
            "alter table t drop c",
            Rules(baseline=parse("[m.sql]\nPGS203 column-dropped public.t.c  # why\n", {"PGS203": "column-dropped"})
                      .section("m.sql")),
        ),
    ],
)  # fmt: skip
def test_what_was_announced_is_a_note_with_its_reason(text: str, announced: Rules) -> None:
    found = judge(tuple(of_text(text, "m.sql")), announced, strict=True)
    destroys = [one for one in found if one.code == "PGS020"]
    assert [(one.severity, one.reason) for one in destroys] == [(Severity.NOTE, "why")]


@pytest.mark.parametrize(
    ("text", "announced"),
    [
        ("alter table t drop c", Rules(dropped=(Dropped(kind="column", object="u.c", reason="why"),))),
        ("drop table t", Rules(dropped=(Dropped(kind="view", object="t", reason="why"),))),
        ("update t set a = 1, b = 2", Rules(values=(ValuesRule(column="t.a", reason="why"),))),
        ("truncate t", Rules(rows=(RowsRule(table="t", rule="unchanged", reason="why"),))),
    ],
)
def test_another_announcement_excuses_nothing(text: str, announced: Rules) -> None:
    assert [one[:2] for one in told(text, announced)] == [("PGS020", "warning")]


def in_files(*texts: str) -> list[tuple[str, str]]:
    readings = tuple(reading for at, text in enumerate(texts) for reading in of_text(text, f"{at}.sql"))
    return [(one.code, one.object) for one in judge(readings, Rules(), strict=False)]


@pytest.mark.parametrize(
    ("text", "code", "name"),
    [
        ("alter table t drop column a", "PGS020", "t.a"),
        ("delete from t", "PGS020", "t"),
        ("drop table t", "PGS020", "t"),
        ("alter table t alter column a type bigint", "PGS020", "t.a"),
        ("create index on t (a)", "PGS022", "t"),
    ],
)
def test_what_an_earlier_file_made_is_there(text: str, code: str, name: str) -> None:
    made = "create table t (a int)"
    assert (code, name) in in_files(made, text)
    assert in_files(f"{made}; {text}") == []
    assert in_files("drop table if exists gone", f"{made}; {text}") == [("PGS020", "gone")]


def test_files_of_one_name_are_told_apart() -> None:
    readings = (*of_text("\n\ncreate table t (a int)", "migration.sql"), *of_text("drop table t", "migration.sql"))
    assert [one.object for one in judge(readings, Rules(), strict=False)] == ["t"]
