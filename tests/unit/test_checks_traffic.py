"""What is made of a queue, a deadlock or a give-up: the severity, the budget, and what is told once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import evidence, sales, snapshot
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.announcing import announcement
from pytest_pgsafe.checks.values import Rules
from pytest_pgsafe.config.expectations import Locked
from pytest_pgsafe.migrate.values import Lock, Statement, Trace
from pytest_pgsafe.reading.values import Cited
from pytest_pgsafe.report import traffic
from pytest_pgsafe.retry.values import Sent
from pytest_pgsafe.traffic.values import Deadlock, Hold, Inversion, Queue, Taken, Traffic, Waiter, Wanted

T, MODE = "public.sales", "AccessExclusiveLock"
ALTER = "alter table sales add column n integer"
AT = Taken(
    at=Sent(text=ALTER, occurrence=1, cited=Cited(text=ALTER)), number=0, relation=T, mode=MODE, transaction="3/1",
    patience=0.0,
)  # fmt: skip
QUEUE = Queue(
    hold=Hold(taken=AT, held=Wanted(relation=T, mode="AccessShareLock"), who="a long query"),
    waiters=(Waiter(who="reader", relation=T, seconds=0.2),),
)
TIMED = replace(QUEUE, hold=replace(QUEUE.hold, taken=replace(AT, patience=2000.0)))
DEADLOCK = Deadlock(
    inversion=Inversion(
        first=AT, second=AT, who="writer", does="a transaction that writes", held=QUEUE.hold.held, wants=QUEUE.hold.held
    ),
    killed=("migration", "migration"),
)
TRACE = Trace(
    seconds=1.0, sessions=1, statements=(Statement(text=ALTER),), observed=True,
    locks=(Lock(relation=T, mode=MODE, statement=ALTER, held=1.0, own=1.0, scanned=0, number=0, patience=0.0),),
)  # fmt: skip


def found(tried: Traffic, rules: Rules | None = None) -> list[tuple[str, str, str]]:
    facts = snapshot(*sales())
    told = judge(replace(evidence(facts, facts, trace=TRACE, rules=rules or Rules()), traffic=tried))
    return [(one.code, one.check, one.severity.value) for one in told if one.code != "PGS801"]


def test_a_queue_without_end_is_told_once() -> None:
    assert found(Traffic()) == [("PGS815", "locks", "note")]
    assert found(Traffic(queues=(QUEUE,))) == [("PGS822", "traffic", "warning")]


def test_a_wait_that_ends_is_judged_by_the_budget_alone() -> None:
    assert ("PGS822", "traffic", "warning") not in found(Traffic(queues=(TIMED,)))


@pytest.mark.parametrize(("queue", "seconds", "over"), [(QUEUE, 60.0, True), (TIMED, 1.0, True), (TIMED, 2.0, False)])
def test_the_budget_for_waits_behind_the_migration(queue: Queue, seconds: float, over: bool) -> None:
    told = found(Traffic(queues=(queue,)), Rules(wait_budget=seconds))
    assert (("PGS814", "traffic", "error") in told) == over


def test_nobody_behind_it_is_no_queue() -> None:
    assert found(Traffic(queues=(replace(QUEUE, waiters=()),)), Rules(wait_budget=0.1)) == [("PGS815", "locks", "note")]


def test_a_deadlock_is_an_error_unless_it_was_announced_or_is_pg_dump_s() -> None:
    dump = replace(DEADLOCK, inversion=replace(DEADLOCK.inversion, who="dump"))
    assert ("PGS821", "traffic", "error") in found(Traffic(deadlocks=(DEADLOCK,)))
    assert ("PGS821", "traffic", "warning") in found(Traffic(deadlocks=(dump,)))
    announced = Rules(locks=(Locked(table=T, mode=MODE, reason="in the maintenance window"),))
    assert ("PGS821", "traffic", "note") in found(Traffic(deadlocks=(DEADLOCK,)), announced)


def test_each_says_how_it_is_announced_and_that_line_excuses_it() -> None:
    facts = snapshot(*sales())
    tried = Traffic(deadlocks=(DEADLOCK,), queues=(QUEUE,))
    told = judge(replace(evidence(facts, facts, trace=TRACE, rules=Rules()), traffic=tried))
    lines = {one.code: announcement(one, ()) for one in told if one.check == "traffic"}
    line = f'locks = [{{ table = "{T}", mode = "{MODE}", reason = "…" }}]'
    assert lines == {"PGS821": line, "PGS822": line}
    announced = Rules(locks=(Locked(table=T, mode=MODE, reason="…"),))
    assert {severity for _, check, severity in found(tried, announced) if check == "traffic"} == {"note"}


def test_two_locks_of_one_statement_cannot_be_taken_apart() -> None:
    facts = snapshot(*sales())
    two = replace(DEADLOCK, inversion=replace(DEADLOCK.inversion, second=replace(AT, number=1)))
    for deadlock, apart in ((DEADLOCK, False), (two, True)):
        told = judge(
            replace(evidence(facts, facts, trace=TRACE, rules=Rules()), traffic=Traffic(deadlocks=(deadlock,)))
        )
        [remedy] = [one.remedy for one in told if one.code == "PGS821"]
        assert ("commit before the next one" in (remedy or "")) == apart


def test_what_a_give_up_left_is_told_and_nothing_else() -> None:
    clean = replace(TIMED, gave_up=2.0)
    assert "PGS823" not in {code for code, *_ in found(Traffic(queues=(clean,)))}
    left = replace(clean, invalid=("public.sales_n",))
    assert ("PGS823", "traffic", "warning") in found(Traffic(queues=(left,)))
    assert ("PGS823", "traffic", "error") in found(Traffic(queues=(left,)), Rules(strict=True))


def test_the_report_names_the_longest_wait() -> None:
    assert traffic.document(Traffic())["longest_wait"] is None
    assert traffic.document(Traffic(probes=1, queues=(TIMED,)))["longest_wait"]["seconds"] == 2.0
    assert traffic.document(Traffic(probes=2, queues=(TIMED, QUEUE)))["longest_wait"]["seconds"] is None
