"""Who is put beside a migration: those who are plausible, and who may harm or be harmed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import catalog, constraint, table
from pytest_pgsafe.catalog.values import Catalog
from pytest_pgsafe.migrate.values import Lock, Statement, Trace
from pytest_pgsafe.traffic.conflicts import conflict
from pytest_pgsafe.traffic.order import AT_ONCE, holds, inversions, taken
from pytest_pgsafe.traffic.values import Taken

CHILD, PARENT, OTHER = "public.sale", "public.customer", "public.note"
STRONG, SHARE, ROW = "AccessExclusiveLock", "ShareLock", "ShareRowExclusiveLock"
KEYS: Catalog = catalog(
    table(CHILD, oid=2), table(PARENT, oid=1), table(OTHER, oid=3),
    constraint(f"{CHILD}.fk", "foreign key", "FOREIGN KEY (c) REFERENCES customer", references=PARENT),
)  # fmt: skip


def locks(*told: tuple[int, str, str], transaction: str = "3/1") -> tuple[Taken, ...]:
    numbers = max(number for number, *_ in told) + 1
    trace = Trace(seconds=1.0, sessions=1, statements=tuple(Statement(text=f"s{n}") for n in range(numbers)))
    found = [
        Lock(relation=relation, mode=mode, statement="", number=number, transaction=transaction)
        for number, relation, mode in told
    ]
    return taken(trace, found, lambda _: None)


def told(found: tuple[Taken, ...], oids: dict[str, int] | None = None) -> list[tuple[str, str, str]]:
    return [(one.who, str(one.held), str(one.wants)) for one in inversions(found, (KEYS,), oids)]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            locks((0, PARENT, STRONG), (1, CHILD, STRONG)),
            [("writer", f"RowExclusiveLock of {CHILD}", f"RowShareLock of {PARENT}")],
        ),
        (
            locks((0, CHILD, STRONG), (1, PARENT, STRONG)),
            [("writer", f"RowExclusiveLock of {PARENT}", f"RowExclusiveLock of {CHILD}")],
        ),
        # Who looks a key up does not mind this lock of the parent.
        (locks((0, PARENT, ROW), (1, CHILD, ROW)), []),
        (
            locks((0, CHILD, SHARE), (1, CHILD, STRONG)),
            [("writer", f"AccessShareLock of {CHILD}", f"RowExclusiveLock of {CHILD}")],
        ),
        # The first of them lets nobody in who has read it.
        (locks((0, CHILD, STRONG), (1, CHILD, STRONG)), []),
        # No key leads from one to the other.
        (locks((0, PARENT, STRONG), (1, OTHER, STRONG)), []),
        (locks((0, CHILD, STRONG)), []),
    ],
)
def test_orders_that_are_plausible(found: tuple[Taken, ...], expected: list[tuple[str, str, str]]) -> None:
    assert told(found) == expected


def test_of_one_statement_both_orders_are_tried() -> None:
    assert len(told(locks((0, PARENT, STRONG), (0, CHILD, STRONG)))) == 2


def test_locks_of_two_transactions_are_never_held_together() -> None:
    first, second = locks((0, PARENT, STRONG), (1, CHILD, STRONG))
    assert told((first, replace(second, transaction="3/2"))) == []


@pytest.mark.parametrize(
    ("oids", "found"), [({PARENT: 7, OTHER: 5}, 1), ({PARENT: 5, OTHER: 7}, 0), (None, 0), ({}, 0)]
)
def test_pg_dump_goes_by_the_source_s_oids(oids: dict[str, int] | None, found: int) -> None:
    assert [who for who, *_ in told(locks((0, PARENT, STRONG), (1, OTHER, STRONG)), oids)] == ["dump"] * found


def test_who_is_in_the_way() -> None:
    found = holds(
        locks((0, CHILD, STRONG), (1, PARENT, ROW), (2, OTHER, "ShareUpdateExclusiveLock"), (3, CHILD, STRONG))
    )
    assert [(one.taken.number, str(one.held)) for one in found] == [
        (0, f"AccessShareLock of {CHILD}"),
        (1, f"RowExclusiveLock of {PARENT}"),
    ]


def test_of_a_statement_with_many_relations_some_stand_for_all() -> None:
    parts = [(0, f"public.part_{number}", STRONG) for number in range(50)]
    assert len(holds(locks(*parts, (1, CHILD, STRONG)))) == AT_ONCE + 1


def test_pg_dump_is_tried_once_for_a_transaction() -> None:
    parts = [f"public.part_{number}" for number in range(5)]
    found = locks(*((number, part, STRONG) for number, part in enumerate(parts)))
    assert len(told(found, {part: 9 - number for number, part in enumerate(parts)})) == 1


@pytest.mark.parametrize(
    ("texts", "seen", "patience"),
    [
        (["truncate note"], None, 0.0),
        # Whether it holds for this statement is not known.
        (["SET LOCAL LOCK_TIMEOUT = '1s'", "truncate note"], None, None),
        (["set lock_timeout = '1s'", "alter table note add a int"], 1000.0, 1000.0),
        (["alter table note add a int"], 250.0, 250.0),
    ],
)
def test_for_how_long_it_waits(texts: list[str], seen: float | None, patience: float | None) -> None:
    trace = Trace(seconds=1.0, sessions=1, statements=tuple(Statement(text=text) for text in texts))
    lock = Lock(relation=OTHER, mode=STRONG, statement="", number=len(texts) - 1, patience=seen)
    assert [one.patience for one in taken(trace, [lock], lambda _: None)] == [patience]


def test_conflicts_go_both_ways() -> None:
    modes = [
        "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
        "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
    ]  # fmt: skip
    assert all(conflict(one, other) == conflict(other, one) for one in modes for other in modes)
    # As many as the documentation's table has crosses.
    assert sum(conflict(one, other) for one in modes for other in modes) == 38
