"""Statements in, what they do out; what cannot be read exactly is unread."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pytest_pgsafe.reading.files import of_files, of_text
from pytest_pgsafe.reading.masked import masked
from pytest_pgsafe.reading.read import LONGEST, read
from pytest_pgsafe.reading.script import statements
from pytest_pgsafe.reading.values import Effect, Reading, TableLock, Work

CATALOGUE = Path(__file__).parents[1] / "catalogue"


def effect(one: Effect) -> str:
    words = f"{one.does.value} {one.kind} {one.object}"
    words += f" ({', '.join(one.columns)})" if one.columns else ""
    words += f" to {one.to}" if one.to is not None else ""
    return words + " whole" * one.whole + " cascade" * one.cascade + " weakens" * one.weakens


def lock(one: TableLock) -> str:
    return f"{one.relation} {one.mode}" + ("" if one.work is Work.BRIEF else f" {one.work.name}")


ROW = "RowExclusiveLock"
ALL = "AccessExclusiveLock"


@pytest.mark.parametrize(
    ("text", "effects", "locks"),
    [
        # Rows.
        ("delete from a.t", ["deletes from table a.t whole"], [f"a.t {ROW}"]),
        ('DELETE FROM ONLY "T" x WHERE x.id = 1', ['deletes from table "T"'], [f'"T" {ROW}']),
        ("delete from t using u where t.id = u.id", ["deletes from table t"], [f"t {ROW}"]),
        ("update t set (a, b) = (1, 2), c[1] = 3", ["updates table t (a, b, c) whole"], [f"t {ROW}"]),
        ("update t set a = u.a from u where u.id = t.id", ["updates table t (a)"], [f"t {ROW}"]),
        ("insert into t (a) values (1)", ["inserts into table t"], [f"t {ROW}"]),
        ("insert into t default values", ["inserts into table t"], [f"t {ROW}"]),
        (
            "insert into t select 1 on conflict (a) do update set b = excluded.b",
            ["inserts into table t", "updates table t (b)"],
            [f"t {ROW}"],
        ),
        (
            "with gone as (delete from t returning *) insert into u select * from gone",
            ["inserts into table u", "deletes from table t whole"],
            [f"u {ROW}", f"t {ROW}"],
        ),
        (
            "merge into t using u on t.id = u.id when matched then update set a = 1 when not matched then insert "
            "values (1)",
            ["merges into table t"],
            [f"t {ROW}"],
        ),
        ("select 1 from t for update", [], []),
        ("select * into u from t", ["creates table u"], []),
        ("copy t (a) from stdin", ["inserts into table t"], [f"t {ROW}"]),
        ("copy t to '/tmp/x'", [], []),
        ("truncate only t, s.u restart identity cascade",
         ["truncates table t whole cascade", "truncates table s.u whole cascade",
          "sets sequences of table t", "sets sequences of table s.u"], [f"t {ALL}", f"s.u {ALL}"]),
        ("select setval('s.seq'::regclass, 1)", ["sets sequence s.seq"], []),
        ("select setval(pg_get_serial_sequence('s.t', 'id'), 7)", ["sets sequence of column s.t.id"], []),
        ("select lo_unlink(1)", ["drops large objects large objects"], []),
        ("explain analyze delete from t", ["deletes from table t whole"], [f"t {ROW}"]),
        ("explain delete from t", [], []),
        # Tables.
        ("alter table if exists only t drop column if exists c cascade, drop d",
         ["drops column t.c cascade", "drops column t.d"], [f"t {ALL}"]),
        ("alter table t add column c int", ["creates column t.c"], [f"t {ALL}"]),
        ("alter table t add c timestamp(3) with time zone not null default now()",
         ["creates column t.c"], [f"t {ALL}"]),
        ("alter table t add c uuid default gen_random_uuid()", ["creates column t.c"], [f"t {ALL} REWRITE"]),
        ("alter table t add c int default mine()", ["creates column t.c"], [f"t {ALL} MAY_REWRITE"]),
        ("alter table t add c bigserial", ["creates column t.c"], [f"t {ALL} REWRITE"]),
        ("alter table t add c int generated always as (a * 2) stored", ["creates column t.c"], [f"t {ALL} REWRITE"]),
        ("alter table t add c int generated always as (a * 2) virtual", ["creates column t.c"], [f"t {ALL}"]),
        ("alter table t add c int references s.u (id) on delete set null",
         ["creates column t.c"], [f"t {ALL}", "s.u ShareRowExclusiveLock"]),
        ("alter table t alter c type double precision using c::float8",
         ["changes the type of column t.c (c)"], [f"t {ALL} MAY_REWRITE"]),
        ("alter table t alter c type varchar(5)",
         ["changes the type of column t.c"], [f"t {ALL} MAY_REWRITE"]),
        ("alter table t alter column c set not null", ["alters column t.c"], [f"t {ALL} SCAN"]),
        ("alter table t alter c drop not null", ["alters column t.c weakens"], [f"t {ALL}"]),
        ("alter table t alter c set default 5, alter d drop default",
         ["alters column t.c", "alters column t.d"], [f"t {ALL}"]),
        ("alter table t alter c set statistics -1", ["alters column t.c"], ["t ShareUpdateExclusiveLock"]),
        ("alter table t alter c drop identity if exists",
         ["alters column t.c", "drops sequence of column t.c"], [f"t {ALL}"]),
        ("alter table t add check (a > 0)", ["creates constraint t"], [f"t {ALL} SCAN"]),
        ("alter table t add constraint k check (a > 0) not valid", ["creates constraint t.k"], [f"t {ALL}"]),
        ("alter table t add constraint k foreign key (a) references u",
         ["creates constraint t.k"], ["t ShareRowExclusiveLock SCAN", "u ShareRowExclusiveLock"]),
        ("alter table t add constraint k foreign key (a) references u not valid",
         ["creates constraint t.k"], ["t ShareRowExclusiveLock", "u ShareRowExclusiveLock"]),
        ("alter table t add primary key using index i", ["creates constraint t"], [f"t {ALL} MAY_SCAN"]),
        ("alter table t validate constraint k", ["alters constraint t.k"], ["t ShareUpdateExclusiveLock SCAN"]),
        ("alter table t drop constraint k", ["drops constraint t.k"], [f"t {ALL}"]),
        ("alter table t rename a to b", ["renames column t.a to b"], [f"t {ALL}"]),
        ("alter table t rename constraint a to b", ["renames constraint t.a to b"], [f"t {ALL}"]),
        ("alter table s.t rename to u", ["renames table s.t to u"], [f"s.t {ALL}"]),
        ("alter table t set schema archive", ["renames table t to archive"], [f"t {ALL}"]),
        ("alter table t disable trigger all", ["alters triggers t weakens"], ["t ShareRowExclusiveLock"]),
        ("alter table t disable trigger x", ["alters trigger t.x weakens"], ["t ShareRowExclusiveLock"]),
        ("alter table t no force row level security", ["alters table t weakens"], [f"t {ALL}"]),
        ("alter table t set unlogged", ["alters table t weakens"], [f"t {ALL} REWRITE"]),
        ("alter table t set (fillfactor = 70)", ["alters table t"], ["t ShareUpdateExclusiveLock"]),
        ("alter table t owner to current_user", ["alters table t"], [f"t {ALL}"]),
        ("alter table t detach partition p concurrently",
         ["alters table t", "alters table p weakens", "deletes from table t"],
         ["t ShareUpdateExclusiveLock", f"p {ALL}"]),
        ("alter table t attach partition p for values in (1, 2)",
         ["alters table t", "alters table p"], ["t ShareUpdateExclusiveLock", f"p {ALL} SCAN"]),
        # Others.
        ("drop table if exists a, b.c cascade",
         ["drops table a cascade", "drops table b.c cascade"], [f"a {ALL}", f"b.c {ALL}"]),
        ("drop index concurrently i", ["drops index i"], ["i ShareUpdateExclusiveLock"]),
        ("drop function f(int, text), g", ["drops function f", "drops function g"], []),
        ("drop trigger x on s.t", ["drops trigger s.t.x"], [f"s.t {ALL}"]),
        ("drop materialized view m", ["drops materialized view m"], [f"m {ALL}"]),
        ("drop schema s cascade", ["drops schema s cascade"], []),
        ("create unique index concurrently i on s.t (lower(a)) where b", ["creates index s.i"],
         ["s.t ShareUpdateExclusiveLock SCAN"]),
        ("create index on t (a)", [], ["t ShareLock SCAN"]),
        ("create table t (a int references u, b int)", ["creates table t"], ["u ShareRowExclusiveLock"]),
        ("create temp table t on commit drop as select 1", ["creates temporary table t"], []),
        ("create table p partition of t for values in (1)", ["creates table p"], [f"t {ALL}"]),
        ("create or replace view v as select 1", ["replaces view v"], [f"v {ALL}"]),
        ("create trigger x before insert or update on t for each row execute function f()",
         ["creates trigger t.x"], ["t ShareRowExclusiveLock"]),
        ("create rule r as on delete to t do instead nothing", ["creates rule t.r", "alters table t weakens"],
         [f"t {ALL}"]),
        ("create function f() returns int language sql begin atomic select 1; end", ["creates function f"], []),
        ("alter type mood rename value 'sad' to 'low'", ["alters type mood weakens"], []),
        ("alter type mood add value 'new'", ["alters type mood"], []),
        ("alter sequence s.q restart with 5", ["alters sequence s.q", "sets sequence s.q"],
         ["s.q ShareRowExclusiveLock"]),
        ("alter domain d drop constraint k", ["drops constraint d.k"], []),
        ("grant select (a, b), update on table t to public, app with grant option",
         ["grants on table t to public, app weakens"], []),
        ("grant app to owner", ["grants on role app to owner"], []),
        ("revoke all on all tables in schema s from app cascade",
         ["revokes on all tables in schema s to app cascade"], []),
        ("comment on column t.a is null", ["alters column t.a"], []),
        ("refresh materialized view concurrently m", ["refreshes materialized view m"], ["m ExclusiveLock REWRITE"]),
        ("lock table t, u in share row exclusive mode nowait",
         [], ["t ShareRowExclusiveLock HELD", "u ShareRowExclusiveLock HELD"]),
        ("vacuum (full, verbose false) t", [], [f"t {ALL} REWRITE"]),
        ("vacuum (full off) t", [], ["t ShareUpdateExclusiveLock SCAN"]),
        ("reindex index concurrently i", [], ["i ShareUpdateExclusiveLock SCAN"]),
        ("cluster t using i", [], [f"t {ALL} REWRITE"]),
        ("begin", [], []),
        ("set local lock_timeout = '1s'", [], []),
    ],
)  # fmt: skip
def test_read(text: str, effects: list[str], locks: list[str]) -> None:
    found = read(text)
    assert found.unread is None
    assert [effect(one) for one in found.effects] == effects
    assert [lock(one) for one in found.locks] == locks


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("do $$ begin delete from t; end $$", "a DO block"),
        ("call p()", "procedure"),
        ("select mine(1)", "mine()"),
        ("select s.mine(1)", "s.mine()"),
        ('select "Lower"(a) from t', "Lower()"),
        ("select dblink_exec('x', 'delete from t')", "dblink_exec()"),
        ("select query_to_xml('delete from t returning 1', true, true, '')", "query_to_xml()"),
        ("select predict(a) from t", "predict()"),
        ("execute gone", "prepared"),
        ("drop owned by app", "does not name"),
        ("create extension postgis", "script"),
        ("alter extension postgis update", "script"),
        ("create schema s create table t (a int)", "schema"),
        ("alter table t frobnicate", "frobnicate"),
        ("alter table t drop column", "breaks off"),
        ("drop table t, ", "breaks off"),
        ("drop table t nonsense", "nonsense"),
        ("delete from t where current of c", "sqlglot"),
        ("sleect 1", "no known form"),
        ("copy t from program 'rm x'", "program"),
        ("select setval(name, 1) from t", "sequence"),
        ("cluster", "does not name"),
        ("vacuum full", "does not name"),
        ("", "no known form"),
        ("delete from t; delete from u", "several"),
        ("alter function f() stable; drop table t", "several"),
        ("select '" + "x" * LONGEST + "'", "longer"),
    ],
)
def test_unread(text: str, why: str) -> None:
    found = read(text)
    assert found.unread is not None
    assert why in found.unread


def test_what_calls_a_function_is_read_as_far_as_it_goes() -> None:
    found = read("update t set a = mine(a)")
    assert [effect(one) for one in found.effects] == ["updates table t (a) whole"]
    assert "mine()" in str(found.unread)


def test_sqlglot_says_nothing_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        read("select 1; alter table t frobnicate 'secret'")
        read("with a as (alter table b) select 1")
    assert caplog.records == []
    assert not logging.getLogger("sqlglot").disabled


def every_statement() -> list[Reading]:
    files = [file for folder in ("harms", "benign") for file in sorted((CATALOGUE / folder).glob("*.sql"))]
    return list(of_files(files))


def test_the_catalogue_is_read() -> None:
    """Every statement of 346 files: what is not read is a DO block, a call or what psql makes up."""
    found = every_statement()
    unread = [one for one in found if one.unread is not None]
    assert len(found) > 600
    assert len(unread) / len(found) < 0.03
    for one in unread:
        assert any(word in str(one.unread) for word in ("DO block", "body is not read", "\\gexec")), one


def test_a_statement_that_breaks_off_is_no_crash() -> None:
    for one in every_statement():
        words = one.text.split()
        for cut in (2, len(words) // 2, len(words) - 1):
            read(" ".join(words[:cut]))
            read(" ".join([*words[:cut], "(", *words[cut:]]))


FILE = r"""-- A comment; with a semicolon.
\set ON_ERROR_STOP on
begin;
alter table t
    drop column c; drop table u;
copy v from stdin;
1;drop table w;
\.
\i other.sql
select 'delete from t' \gexec
delete from :"name" where a[1:2] = '{1}' and b = :'value';
select a[1:n], b::text from t;
\copy t from 'x.csv'
"""


def test_a_file_is_read_as_psql_reads_it() -> None:
    found = [(str(one.place), [effect(each) for each in one.effects], one.unread) for one in of_text(FILE, "m.sql")]
    assert found == [
        ("m.sql:3", [], None),
        ("m.sql:4", ["drops column t.c"], None),
        ("m.sql:5", ["drops table u"], None),
        ("m.sql:6", ["inserts into table v"], None),
        ("m.sql:9", [], "psql reads another file (\\i)"),
        ("m.sql:10", [], "psql runs what its result says (\\gexec)"),
        ("m.sql:11", [], 'psql fills in its variable :"name"'),
        ("m.sql:12", [], None),
        ("m.sql:13", [], "a command of psql (\\copy)"),
    ]  # fmt: skip


def test_a_backslash_is_a_command_for_psql_alone() -> None:
    assert list(statements("select 1 \\gset\nselect 2")) == ["select 1 \\gset\nselect 2"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("update t set a1 = 'geheim', b = -17.5 where c = $1", "update t set a1 = '…', b = -… where c = $1"),
        ("alter role a password 'gehei''m' login", "alter role a password '…' login"),
        ("select e'geh\\'eim', $x$geheim$x$, \"a'b\", U&'geheim'", "select '…', '…', \"a'b\", '…'"),
        ("update t set a = 'geheim and cu…", "update t set a = …"),
        ("do $$ begin geheim", "do …"),
        ("do $x$ begin geheim", "do …"),
        ("drop table t", "drop table t"),
    ],
)
def test_masked(text: str, shown: str) -> None:
    assert masked(text) == shown
