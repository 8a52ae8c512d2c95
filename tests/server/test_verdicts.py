"""Verdicts that were wrong once: false alarms, silence, and statements that did something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.announcing import announcement
from pytest_pgsafe.checks.blame.explained import Explained, explain
from pytest_pgsafe.checks.values import Finding, Rules, Severity
from pytest_pgsafe.config.expectations import Dropped, ValuesRule
from pytest_pgsafe.config.file import load
from pytest_pgsafe.config.sections import ExpectSection
from pytest_pgsafe.copy.comparing import compare_databases
from pytest_pgsafe.migrate.run import run
from pytest_pgsafe.rehearsal import judging
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take
from tests.migrations import parse
from tests.server.bench import Bench

BASE = """
create domain short as text not null check (length(value) < 9);
create table a (
    id int constraint k primary key, u int not null unique, v int not null, w short not null, d int default 1
);
insert into a select n, n, n, 'x' || n, n from generate_series(1, 30) n;
create table customers (id int primary key, name text not null);
create table sales (id int primary key, customer int not null references customers, customer_name text, bought_at text);
insert into customers select n, 'customer ' || n from generate_series(1, 40) n;
insert into sales select n, n, 'customer ' || n, 'shop ' || n % 7 from generate_series(1, 40) n;
update sales set customer_name = 'other' where id = 7;
create function top() returns int language sql immutable as 'select 9';
create table b (id int primary key, d int);
insert into b select n, n from generate_series(1, 30) n;
create view lower as select id from b where id < top();
create function worth(n int) returns int language plpgsql stable as
    $$ begin return (select d from public.b where id = n); end $$;
create table noted (id bigserial primary key, n int);
create function kept() returns trigger language plpgsql as
    $$ begin insert into public.noted (n) values (new.d); return new; end $$;
create trigger b_kept after update on b for each row execute function kept();
create table zebra (id int primary key);
create table middle (id int primary key, zebra int references zebra on delete cascade);
create table ant (id int primary key, middle int references middle on delete cascade);
insert into zebra values (1), (2);
insert into middle values (1, 1), (2, 2);
insert into ant values (1, 1), (2, 2);
"""


@pytest.fixture(scope="module")
def bench(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    file = tmp_path_factory.mktemp("verdicts") / "base.sql"
    file.write_text(BASE)
    bench = Bench.load(server, [file], role=server.address().user)
    yield bench
    server.drop(bench.before)


def found(bench: Bench, folder: Path, text: str, rules: Rules | None = None) -> tuple[Finding, ...]:
    """Return the findings of a migration, each with its statement."""
    return explained(bench, folder, text, rules).findings


def explained(bench: Bench, folder: Path, text: str, rules: Rules | None = None) -> Explained:
    file = folder / "m.sql"
    file.write_text(text)
    after = bench.server.clone(bench.before, "after")
    try:
        migration = parse(str(file), folder)
        trace = run(migration, bench.server, after, role=bench.role, folder=folder)
        with connect(bench.before) as one, connect(after, read_only=False) as two:
            comparison = compare_databases(one, two, bench.facts, take(two), "values")
            findings = judge(judging.evidence(comparison, trace, rules or Rules(), one, two))
        return explain(comparison.changes, findings, comparison, trace, migration)
    finally:
        bench.server.drop(after)


def errors(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(one.code, one.object) for one in findings if one.severity is Severity.ERROR]


ID = Rules(dropped=(Dropped(kind="column", object="public.a.id", reason="u is the key"),))


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("alter table a drop column id; alter table a add constraint k primary key (u);", ID),
        ("alter table a drop column id; alter table a add constraint k primary key (u, v);", ID),
        ("alter table a drop column id; alter table a add constraint k check (v > 0);", ID),
        ("alter table a add constraint n check (v is not null); alter table a alter v drop not null;", Rules()),
        ("alter table a alter v drop not null, add constraint n check (v is not null);", Rules()),
        (
            "alter table a add check (v is not null) not valid; alter table a alter v drop not null;"
            " do $$ begin execute (select format('alter table a validate constraint %I', conname) from pg_constraint"
            " where conrelid = 'a'::regclass and contype = 'c'); end $$;",
            Rules(),
        ),
    ],
)  # fmt: skip
def test_no_false_alarm(bench: Bench, tmp_path: Path, text: str, rules: Rules) -> None:
    assert errors(found(bench, tmp_path, text, rules)) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # The key's column is there: the key protects less.
        ("alter table a drop constraint k; alter table a add constraint k unique (id, u);", ("PGS502", "public.a.k")),
        ("alter table a add check (v is not null) not valid; alter table a alter v drop not null;",
         ("PGS521", "public.a.v")),
        ("alter table a add check (v is not null or u > 3); alter table a alter v drop not null;",
         ("PGS521", "public.a.v")),
    ],
)  # fmt: skip
def test_its_neighbour_is_still_told(bench: Bench, tmp_path: Path, text: str, wanted: tuple[str, str]) -> None:
    assert wanted in errors(found(bench, tmp_path, text))


@pytest.mark.parametrize("column", ["v", "u"])
def test_a_column_without_a_domain_leaves_none(bench: Bench, tmp_path: Path, column: str) -> None:
    text = f"alter table a alter column {column} type bigint, alter column {column} drop not null;"
    assert errors(found(bench, tmp_path, text)) == [("PGS521", f"public.a.{column}")]


def test_a_column_that_leaves_its_domain_is_told_of_the_rest(bench: Bench, tmp_path: Path) -> None:
    [(code, _)] = errors(found(bench, tmp_path, "alter table a alter w type text;"))
    assert code == "PGS204"


@pytest.mark.parametrize(
    ("text", "code", "name", "line"),
    [
        ("alter table a alter v drop not null;\nalter table a alter v set statistics 7;", "PGS521", "public.a.v", 1),
        ("alter table a alter v drop not null;\nalter table a alter v set default 3;", "PGS521", "public.a.v", 1),
        ("alter table a alter v type bigint;\nalter table a alter v set default 3;", "PGS204", "public.a.v", 1),
        ("alter table a alter d set default 2;\nupdate a set d = 5;", "PGS533", "public.a.d", 1),
        ("update a set d = 5;\nalter table a alter d set default 2;", "PGS201", "public.a.d", 1),
    ],
)
def test_the_statement_is_that_of_the_attribute(
    bench: Bench, tmp_path: Path, text: str, code: str, name: str, line: int
) -> None:
    told = [one for one in found(bench, tmp_path, text) if (one.code, one.object) == (code, name)]
    assert [one.statement.line for one in told if one.statement is not None] == [line], told


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("alter table sales drop column customer_name;", Severity.WARNING),
        ("update sales set customer_name = upper(customer_name);", Severity.WARNING),
        ("update sales set customer_name = 'customer 7' where id = 7;", Severity.NOTE),
    ],
)
def test_a_copy_that_nobody_declared_is_told_though_it_was_announced(
    bench: Bench, tmp_path: Path, text: str, severity: Severity
) -> None:
    column = "public.sales.customer_name"
    rules = Rules(
        dropped=(Dropped(kind="column", object=column, reason="phase 4"),) if "drop" in text else (),
        values=() if "drop" in text else (ValuesRule(column=column, reason="phase 4"),),
    )
    findings = found(bench, tmp_path, text, rules)
    assert errors(findings) == []
    assert [(one.severity, one.object) for one in findings if one.code == "PGS404"] == [(severity, column)]


def test_what_is_no_copy_is_not_called_one(bench: Bench, tmp_path: Path) -> None:
    rules = replace(ID, dropped=(Dropped(kind="column", object="public.sales.bought_at", reason="unused"),))
    findings = found(bench, tmp_path, "alter table sales drop column bought_at;", rules)
    assert [one for one in findings if one.code == "PGS404"] == []


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        ("create or replace function top() returns int language sql immutable as 'select 0'", {"public.lower"}),
        ("alter table b rename column d to e", {"public.b", "public.worth(integer)"}),
        (
            "create or replace function kept() returns trigger language plpgsql as $$ begin return new; end $$",
            {"public.b"},
        ),
    ],
)
def test_what_follows_from_a_change_is_announced_with_it(
    bench: Bench, tmp_path: Path, text: str, objects: set[str]
) -> None:
    """Objects that stayed as they were and work otherwise: each line as it stands, all of them together."""
    told = explained(bench, tmp_path, text)
    wrong = [one for one in told.findings if one.severity is Severity.ERROR]
    assert {one.object for one in wrong} >= objects, wrong
    assert {one.object for one in wrong} - objects <= {"public.kept()"}, wrong
    lines = {announcement(one, told.changes) for one in wrong}
    entries = [str(line).removeprefix("changed = [").removesuffix("]") for line in sorted(map(str, lines))]
    (tmp_path / "expect.toml").write_text(f"[expect]\nchanged = [{', '.join(entries)}]\n", encoding="utf-8")
    said = ExpectSection.model_validate(load(tmp_path / "expect.toml")["expect"]).expect()
    assert errors(found(bench, tmp_path, text, Rules(**said.forms()))) == []


def test_causes_come_first(bench: Bench, tmp_path: Path) -> None:
    """A row, what refers to it, and what refers to that: by its name the last would be the first."""
    text = "delete from zebra where id = 1"
    rows = [one.object for one in found(bench, tmp_path, text) if one.code == "PGS101"]
    assert rows == ["public.zebra", "public.middle", "public.ant"]


def test_a_new_owner_loses_no_grant(bench: Bench, tmp_path: Path) -> None:
    text = (
        "do $$ begin if not exists (select from pg_roles where rolname = 'verdicts_one') then"
        " create role verdicts_one; end if; end $$;"
    )
    file = tmp_path / "needs.sql"
    file.write_text(text + "select lo_create(815); grant select on large object 815 to verdicts_one;")
    with bench.prepared([file]) as prepared:
        said = found(prepared, tmp_path, "alter large object 815 owner to verdicts_one;")
        assert [one for one in said if one.code == "PGS701"] == [], said
        lost = found(prepared, tmp_path, "revoke select on large object 815 from verdicts_one;")
        assert [one.severity for one in lost if one.code == "PGS701"] == [Severity.ERROR], lost


def test_what_the_way_back_leaves_is_told_with_its_statement(bench: Bench, tmp_path: Path) -> None:
    up, down = tmp_path / "up.sql", tmp_path / "down.sql"
    up.write_text("select 1;\ndrop table ant;\nalter table b drop column d;\ncreate table more (n int);")
    down.write_text("select 1;")
    after = bench.server.clone(bench.before, "after")
    try:
        migration = parse(str(up), tmp_path)
        trace = run(migration, bench.server, after, role=bench.role, folder=tmp_path)
        with connect(bench.before) as one, connect(after, read_only=False) as two:
            comparison = compare_databases(one, two, bench.facts, take(two), "values")
            gathered = judging.evidence(comparison, trace, Rules(), one, two)
        gathered, _ = bench.go_back(gathered, after, str(up), str(down), folder=tmp_path)
        told = explain(comparison.changes, judge(gathered), comparison, trace, migration).findings
    finally:
        bench.server.drop(after)
    back = {(one.object, one.aspect): one for one in told if one.code == "PGS902"}
    table, column = back["public.ant", "table dropped"], back["public.b.d", "column dropped"]
    assert "which held 2 rows" in table.message
    assert "which held 30 values" in column.message
    lines = [one.statement.line for one in (table, column, back["public.more", "table added"]) if one.statement]
    assert lines == [2, 3, 4]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("update a set v = v + 100;", "public.a.v"),
        ("alter table a drop column v;", "public.a.v"),
        ("alter table a alter w type text;", "public.a.w"),
        ("alter table a alter v drop not null;", "public.a.v"),
        ("alter table sales drop constraint sales_customer_fkey;", "public.sales.sales_customer_fkey"),
        ("alter table a drop constraint k; alter table a add constraint k unique (id, u);", "public.a.k"),
    ],
)
def test_the_line_that_announces_an_error_does(bench: Bench, tmp_path: Path, text: str, name: str) -> None:
    """Written into the file as it stands, it makes the same migration green."""
    told = explained(bench, tmp_path, text)
    assert {one.object for one in told.findings if one.severity is Severity.ERROR} == {name}
    [line] = {announcement(one, told.changes) for one in told.findings if one.severity is Severity.ERROR}
    (tmp_path / "expect.toml").write_text(f"[expect]\n{line}\n", encoding="utf-8")
    said = ExpectSection.model_validate(load(tmp_path / "expect.toml")["expect"]).expect()
    assert errors(found(bench, tmp_path, text, Rules(**said.forms()))) == []
