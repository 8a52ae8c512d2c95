"""Sequences, privileges, locks, the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import (
    changed,
    column,
    comparison,
    content,
    difference,
    evidence,
    foreign_key,
    grant,
    index,
    role,
    sales,
    sales_content,
    sequence,
    shown,
    snapshot,
    table,
    view,
    without,
)
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.announcing import announcement
from pytest_pgsafe.checks.values import Evidence, Rules
from pytest_pgsafe.config.expectations import Dropped, Locked
from pytest_pgsafe.migrate.values import Lock, Statement, Trace
from pytest_pgsafe.snapshot.values import SequenceValue

T = "public.sales"
SEQ = "public.sales_id_seq"
ID = "public.sales.id"


def fed(value: int, bound: int | None, *, called: bool = True, **attributes):
    return snapshot(
        *sales(),
        sequence(SEQ, ID, **attributes),
        sequences={SEQ: SequenceValue(value=value, is_called=called)},
        bounds={SEQ: bound},
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (fed(10, 10), fed(10, 10), []),
        (fed(10, 10), fed(12, 11), []),
        (fed(10, 10), fed(10, 11), [("PGS601", "error")]),
        (fed(10, 10), fed(10, 10, called=False), [("PGS601", "error")]),
        (fed(10, 10), fed(5, 10), [("PGS601", "error")]),
        (fed(10, 20), fed(10, 20), [("PGS601", "warning")]),
        (fed(10, 20), fed(15, 20), [("PGS601", "warning")]),
        (fed(10, 20), fed(10, 25), [("PGS601", "error")]),
        (fed(10, 20), fed(20, 20), []),
        (fed(100, 10), fed(50, 10), [("PGS602", "error")]),
        (fed(100, 10), fed(5, 5), []),
        (fed(100, 10), fed(1, None, called=False), []),
        (fed(100, None), fed(1, None, called=False), [("PGS602", "error")]),
        (fed(100, 10, cycle=True), fed(50, 10, cycle=True), []),
        (fed(-10, -10, increment=-1), fed(-10, -10, increment=-1), []),
        (fed(-10, -10, increment=-1), fed(-9, -10, increment=-1), [("PGS601", "error")]),
        (fed(-100, -10, increment=-1), fed(-50, -10, increment=-1), [("PGS602", "error")]),
    ],
)
def test_sequences(before, after, expected: list) -> None:
    assert [(code, severity) for code, severity, _ in shown(judge(evidence(before, after)))] == expected


def test_a_sequence_that_feeds_nothing_and_goes_back() -> None:
    def side(value: int):
        return snapshot(sequence("public.s"), sequences={"public.s": SequenceValue(value=value, is_called=True)})

    assert shown(judge(evidence(side(9), side(3)))) == [("PGS602", "error", "public.s")]
    assert judge(evidence(side(9), side(30))) == ()


def test_a_serial_that_becomes_an_identity_without_its_value() -> None:
    def identity(value: int):
        name = "public.sales_id_seq1"
        return snapshot(
            *sales(),
            sequence(name, ID),
            sequences={name: SequenceValue(value=value, is_called=True)},
            bounds={name: 10},
        )

    lost = shown(judge(evidence(fed(10, 10), identity(1))))
    assert ("PGS601", "error", SEQ) in lost
    kept = shown(judge(evidence(fed(10, 10), identity(10))))
    assert kept == [("PGS535", "note", "public.sales_id_seq1"), ("PGS536", "note", SEQ)]


def test_a_lost_sequence() -> None:
    before = fed(10, 10)
    assert shown(judge(evidence(before, snapshot(*sales())))) == [("PGS603", "error", SEQ)]
    other = snapshot(*changed(sales(), ID, default="gen_random_uuid()"))
    assert ("PGS603", "note", SEQ) in shown(judge(evidence(before, other)))
    dropped = judge(evidence(before, snapshot(*without(sales(), ID, f"{T}.sales_pkey", "public.sales_pkey"))))
    assert SEQ not in {one.object for one in dropped}


def judged(before: list, after: list, **rules) -> list[tuple[str, str, str]]:
    return shown(judge(evidence(snapshot(*before), snapshot(*after), rules=Rules(**rules))))


READ = grant(T, "SELECT", "reader")


def test_grants() -> None:
    assert judged([*sales(), READ], sales()) == [("PGS701", "error", T)]
    assert judged(sales(), [*sales(), READ]) == [("PGS705", "note", T)]
    assert judged(sales(), [*sales(), grant(T, "SELECT", "PUBLIC")]) == [("PGS702", "error", T)]
    assert judged([*sales(), READ], [*sales(), replace(READ, grantable=True)]) == [("PGS705", "note", T)]
    assert judged([*sales(), replace(READ, grantable=True)], [*sales(), READ]) == [("PGS701", "error", T)]


def test_privileges_of_one_role_are_told_together() -> None:
    both = [READ, grant(T, "INSERT", "reader")]
    found = judge(evidence(snapshot(*sales(), *both), snapshot(*sales())))
    assert [one.message for one in found] == [
        "reader lost INSERT, SELECT on public.sales: what connects as reader gets “permission denied”"
    ]


@pytest.mark.parametrize(
    ("lost", "wider"),
    [
        (READ, grant(T, "SELECT", "PUBLIC")),
        (grant(f"{T}.name", "SELECT", "reader", "column"), READ),
    ],
)
def test_a_wider_grant_is_no_loss_of_access(lost, wider) -> None:
    found = judged([*sales(), lost], [*sales(), wider])
    assert ("PGS703", "note", lost.object) in found
    assert "PGS701" not in {code for code, _, _ in found}


def test_grants_go_with_their_object() -> None:
    assert judged([view("public.v", "SELECT 1"), grant("public.v", "SELECT", "reader")], []) == [
        ("PGS531", "error", "public.v")
    ]


def test_a_new_table_that_everybody_may_read_is_a_warning() -> None:
    found = judged([], [table("public.copy"), grant("public.copy", "SELECT", "PUBLIC")])
    assert found == [("PGS702", "warning", "public.copy"), ("PGS535", "note", "public.copy")]


def test_default_privileges_that_spell_out_what_public_has_anyway() -> None:
    implied = grant("owner ON FUNCTIONS", "EXECUTE", "PUBLIC", "default privileges")
    assert judged([], [implied]) == [("PGS705", "note", "owner ON FUNCTIONS")]
    opened = grant("owner ON TABLES", "SELECT", "PUBLIC", "default privileges")
    assert judged([], [opened]) == [("PGS702", "error", "owner ON TABLES")]


def test_default_privileges_that_kept_functions_from_public_and_are_gone() -> None:
    kept = grant("owner ON FUNCTIONS", "EXECUTE", "owner", "default privileges", to_owner=True)
    opened = [("PGS702", "error", "owner ON FUNCTIONS")]
    # Granting it to PUBLIC again leaves no entry, or one more grantee in it.
    assert judged([kept], []) == opened
    assert judged([kept], [kept, grant("owner ON FUNCTIONS", "EXECUTE", "PUBLIC", "default privileges")]) == opened
    reader = grant("owner ON FUNCTIONS", "EXECUTE", "reader", "default privileges")
    assert judged([kept, reader], [kept]) == [("PGS701", "error", "owner ON FUNCTIONS")]
    [message] = [one.message for one in judge(evidence(snapshot(kept), snapshot()))]
    assert message.startswith("each role gets EXECUTE on the functions that owner makes from now on")


def test_a_new_owner_is_one_note_and_no_lost_grant() -> None:
    before = [*sales(), grant(T, "SELECT", "owner", to_owner=True), grant(T, "SELECT", "other")]
    after = [*changed(sales(), T, owner="other"), grant(T, "SELECT", "other", to_owner=True)]
    assert judged(before, after) == [("PGS704", "note", T)]


@pytest.mark.parametrize(
    ("before", "after", "severity"),
    [
        ({}, {"superuser": True}, "error"),
        ({}, {"bypass_rls": True}, "error"),
        ({"login": True}, {"login": False}, "error"),
        ({"member_of": ("staff",)}, {}, "error"),
        ({}, {"member_of": ("staff",)}, "note"),
        ({"superuser": True}, {}, "note"),
        ({}, {"connection_limit": 3}, "note"),
    ],
)
def test_roles(before: dict, after: dict, severity: str) -> None:
    assert judged([role("app", **before)], [role("app", **after)]) == [("PGS706", severity, "app")]


def test_roles_that_a_database_needs_no_more_are_nobodys_business() -> None:
    assert judged([role("app")], []) == []


def locked(rows: int, *locks: Lock, observed: bool = True, seconds: float = 1.0, **rules):
    one = snapshot(*sales(), tables={T: sales_content(rows)})
    trace = Trace(seconds=seconds, sessions=1, locks=locks, observed=observed)
    return shown(judge(evidence(one, one, trace=trace, rules=Rules(**rules))))


def told(code: str, found: list) -> list:
    """Return the findings of one check."""
    return [one for one in found if one[0] == code]


def lock(mode: str = "AccessExclusiveLock", held: float | None = 500.0, **more) -> Lock:
    return Lock(relation=T, mode=mode, statement="ALTER TABLE sales …", held=held, **more)


LATER = Statement(text="UPDATE sales SET name = name", duration=900.0, rows=7)


@pytest.mark.parametrize("rows", [10, 200_000])
@pytest.mark.parametrize(
    ("taken", "code", "severity"),
    [
        # Neither rows nor milliseconds decide.
        (lock(scanned=0), "PGS801", "note"),
        (lock(scanned=0, held=9_000), "PGS801", "note"),
        (lock(scanned=10, held=1), "PGS801", "warning"),
        (lock("ShareLock", scanned=10), "PGS801", "warning"),
        (lock("ShareRowExclusiveLock", scanned=10), "PGS801", "warning"),
        (lock(scanned=10, held=None), "PGS801", "warning"),
        (lock(scanned=0, prolonged=LATER), "PGS801", "warning"),
        (lock("ShareUpdateExclusiveLock", scanned=10), None, None),
        (lock("RowExclusiveLock", scanned=10), None, None),
        (lock(rewritten=True), "PGS802", "warning"),
    ],
)
def test_strong_locks_and_rewrites(rows: int, taken: Lock, code: str | None, severity: str | None) -> None:
    expected = [] if code is None else [(code, severity, T)]
    assert locked(rows, taken) == expected
    strict = [] if code is None else [(code, "error" if severity == "warning" else severity, T)]
    assert locked(rows, taken, strict=True) == strict


def test_a_rewrite_of_an_empty_table_is_none() -> None:
    assert locked(0, lock(rewritten=True)) == []


def test_where_the_rows_that_were_read_are_not_told_the_statement_tells_it() -> None:
    for text, severity in (("create index on sales (id)", "warning"), ("alter table sales add x int", "note")):
        taken = replace(lock("ShareLock"), statement=text)
        assert locked(10, taken) == [("PGS801", severity, T)]


def test_the_referenced_table_is_locked_while_the_other_is_read() -> None:
    text = "alter table sales add foreign key (id) references other"
    one = Lock(relation=T, mode="ShareRowExclusiveLock", statement=text, held=5.0, scanned=9, number=3)
    other = Lock(relation="public.other", mode="ShareRowExclusiveLock", statement=text, held=5.0, scanned=0, number=3)
    side = snapshot(*sales(), table("public.other"), tables={T: sales_content(9)})
    found = judge(evidence(side, side, trace=Trace(seconds=1, sessions=1, locks=(one, other), observed=True)))
    told = {finding.object: finding for finding in found if finding.code == "PGS801"}
    assert {name: finding.severity.value for name, finding in told.items()} == {T: "warning", "public.other": "warning"}
    assert "while rows of another table are read" in told["public.other"].message
    assert told[T].remedy is not None
    assert "NOT VALID; then, in a transaction of its own, ALTER TABLE sales VALIDATE" in told[T].remedy


def test_what_holds_a_lock_on_is_named_with_what_to_do() -> None:
    taken = lock(scanned=0, prolonged=LATER)
    side = snapshot(*sales(), tables={T: sales_content(9)})
    [found] = judge(evidence(side, side, trace=Trace(seconds=1, sessions=1, locks=(taken,), observed=True)))
    assert "and on by UPDATE sales SET name = name (900 ms)" in found.message
    assert found.remedy is not None
    assert found.remedy.startswith("COMMIT right behind it, and run UPDATE sales SET name = name afterwards")
    assert "SET lock_timeout" in found.remedy
    limited = replace(taken, patience=500.0)
    [again] = judge(evidence(side, side, trace=Trace(seconds=1, sessions=1, locks=(limited,), observed=True)))
    assert again.remedy == found.remedy.partition("; SET")[0] + "."
    line = announcement(found, ())
    assert line == f'locks = [{{ table = "{T}", mode = "AccessExclusiveLock", reason = "…" }}]'


def test_no_lock_timeout_is_noted_once() -> None:
    taken = (lock(scanned=0, patience=0.0), lock("ShareLock", scanned=0, patience=0.0))
    assert [one for one in locked(10, *taken) if one[0] == "PGS815"] == [("PGS815", "note", T)]
    assert [one for one in locked(10, lock("RowExclusiveLock", patience=0.0)) if one[0] == "PGS815"] == []


@pytest.mark.parametrize(
    ("columns", "more", "found"),
    [
        (("customer_id",), {}, False),
        (("customer_id", "id"), {}, False),
        (("id", "customer_id"), {}, True),
        (("customer_id",), {"valid": False}, True),
        (("customer_id",), {"predicate": "(id > 5)"}, True),
        ((), {}, True),
    ],
)
def test_a_new_foreign_key_wants_an_index(columns: tuple, more: dict, found: bool) -> None:
    before = [*sales(), table("public.customers")]
    key = foreign_key(f"{T}.to_customer", "customer_id", "public.customers")
    indexes = [index("public.of_customer", T, columns, **more)] if columns else []
    got = judged(before, [*before, key, *indexes])
    assert ([one for one in got if one[0] == "PGS816"] == [("PGS816", "note", key.name)]) is found
    assert [one for one in judged([*before, key], [*before, key]) if one[0] == "PGS816"] == []


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (lock(held=1500), [("PGS803", "error", T)]),
        (lock(held=900), []),
        (lock(held=None), [("PGS803", "warning", T)]),
        (lock("ShareLock", held=1500), []),
    ],
)
def test_the_budget_for_locks(taken: Lock, expected: list) -> None:
    assert told("PGS803", locked(10, taken, lock_budget=("AccessExclusiveLock", 1.0))) == expected


ANNOUNCED = Locked(table=T, mode="ShareRowExclusiveLock", reason="at night")


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (lock("ShareRowExclusiveLock", scanned=9), [("PGS801", "note", T)]),
        # A weaker one than was announced is none to be afraid of, and the announcement says too much.
        (lock("ShareLock", scanned=9), [("PGS809", "error", T), ("PGS801", "note", T)]),
        (lock("AccessExclusiveLock", scanned=9), [("PGS801", "warning", T)]),
        (lock("ShareRowExclusiveLock", rewritten=True), [("PGS802", "note", T)]),
    ],
)
def test_an_announced_lock_is_a_note_with_its_reason(taken: Lock, expected: list) -> None:
    assert locked(200_000, taken, locks=(ANNOUNCED,)) == expected


def test_an_announced_lock_is_excused_from_the_budget() -> None:
    taken = lock("ShareRowExclusiveLock", held=5000)
    budget = ("ShareLock", 1.0)
    assert told("PGS803", locked(10, taken, lock_budget=budget, locks=(ANNOUNCED,))) == [("PGS803", "note", T)]
    other = replace(ANNOUNCED, table="public.customers")
    assert ("PGS803", "error", T) in locked(10, taken, lock_budget=budget, locks=(other,))


def test_an_announced_lock_has_to_be_taken() -> None:
    assert locked(10, locks=(ANNOUNCED,)) == [("PGS809", "error", T)]
    assert told("PGS809", locked(10, lock(held=1.0), locks=(ANNOUNCED,))) == []
    assert locked(10, observed=False, locks=(ANNOUNCED,)) == [("PGS809", "warning", T)]
    assert locked(10, observed=False, locks=(ANNOUNCED,), strict=True) == [("PGS809", "error", T)]
    nowhere = replace(ANNOUNCED, table="no_such")
    assert told("PGS809", locked(10, lock(held=1.0), locks=(nowhere,))) == [("PGS809", "error", "no_such")]


def test_budgets_that_could_not_be_checked_are_not_met() -> None:
    budget = ("AccessExclusiveLock", 1.0)
    assert locked(10, observed=False, lock_budget=budget) == [("PGS803", "warning", "AccessExclusiveLock")]
    assert locked(10, observed=False, lock_budget=budget, strict=True) == [("PGS803", "error", "AccessExclusiveLock")]
    one = snapshot(*sales())
    found = judge(evidence(one, one, rules=Rules(migrate_budget=3.0, strict=True)))
    assert shown(found) == [("PGS804", "error", "migration")]


def test_the_budget_for_time() -> None:
    assert locked(10, seconds=4.0, migrate_budget=3.0) == [("PGS804", "error", "migration")]
    assert locked(10, seconds=2.0, migrate_budget=3.0) == []


def returned(before, after, *differences):
    back = comparison(before, after, *differences)
    return judge(replace(evidence(before, before), rollback=back))


def test_a_way_back_that_brings_everything_back() -> None:
    one = snapshot(*sales(), tables={T: sales_content()})
    assert returned(one, one) == ()
    assert judge(Evidence(comparison=comparison(one, one), trace=None, rules=Rules())) == ()


def test_a_way_back_that_brings_the_column_back_empty() -> None:
    sides = [snapshot(*sales(), tables={T: sales_content(name=name)}) for name in (3, (0, 10))]
    found = returned(*sides, difference(changed={"name": 10}, nulled={"name": 10}))
    assert shown(found) == [("PGS901", "error", f"{T}.name")]
    assert found[0].message == "after the way back public.sales.name has another value in 10 rows"
    assert found[0].samples


def test_a_way_back_that_loses_rows() -> None:
    sides = [snapshot(*sales(), tables={T: sales_content(rows)}) for rows in (10, 8)]
    found = returned(*sides, difference(gone=2))
    assert shown(found) == [("PGS901", "error", T)]
    assert (found[0].before, found[0].after) == (10, 8)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([*sales(), READ], sales()),
        (sales(), [*sales(), READ]),
        ([*sales(), index("public.i", T, ["name"])], sales()),
        (sales(), changed(sales(), f"{T}.name", not_null=True)),
        ([table("public.t", 5)], [table("public.u", 5)]),
    ],
)
def test_a_way_back_to_another_schema(before: list, after: list) -> None:
    found = returned(snapshot(*before), snapshot(*after))
    assert [(one.code, one.severity.value) for one in found] == [("PGS902", "error")]


def test_a_sequence_that_moved_on_does_no_harm() -> None:
    assert [one.severity.value for one in returned(fed(10, 10), fed(15, 10))] == ["note"]
    assert [one.severity.value for one in returned(fed(10, 10), fed(10, 10, called=False))] == ["error"]


def test_the_bookkeeping_of_tools_is_not_rolled_back() -> None:
    objects = [table("public.flyway_schema_history"), column("public.flyway_schema_history.version", "text")]
    name = "public.flyway_schema_history"
    sides = [snapshot(*objects, tables={name: content(rows, key=(), digest=rows)}) for rows in (1, 2)]
    found = returned(*sides, difference(name, added=1, key=()))
    assert [one.severity.value for one in found] == ["note"]


def test_an_announced_table_covers_what_lies_within() -> None:
    rules = {"dropped": (Dropped(object="sales", kind="table", reason="moved"),)}
    parts = [READ, sequence(SEQ, ID), index("public.i", T, ["name"], unique=True)]
    assert judged([*sales(), *parts], [], **rules) == [("PGS103", "note", T)]
