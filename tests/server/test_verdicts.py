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
