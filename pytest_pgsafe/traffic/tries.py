"""Run the migration on fresh copies, each time with sessions of others at the statements where they matter."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from ..compare.repeated import differences
from ..config.values import Script
from ..migrate.run import FailedRun
from ..migrate.tools import Migration
from ..retry.between import Between
from ..retry.tries import Copy, Ground, invalid_indexes
from ..retry.values import Sent
from ..server.connection import connect
from ..snapshot.take import take as read_facts
from ..snapshot.values import Snapshot
from .inverted import DEADLOCK, Inverted
from .queued import Queued
from .scripted import Scripted
from .values import Deadlock, Hold, Inversion, Queue, Scripts, Taken, Traffic, Waited

#: A deadlock is told when it was made so often, of so many times that it is tried.
TWICE, ATTEMPTS = 2, 4
#: Seconds of lock_timeout that are waited out, and what a busy machine takes beyond them.
LONGEST, SLACK = 5.0, 10.0
#: So many waits are tried in one run: each has its sessions, and a server has room for some.
TOGETHER = 8
#: Seconds for which it is waited whether a migration gives up of which that is not known.
UNKNOWN = 2.0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What the migration is tried on."""

    ground: Ground
    migration: Migration
    #: Of the copy before the migration.
    facts: Snapshot
    #: All that the migration takes.
    locks: tuple[Taken, ...]
    #: Of the relations, by their names before the migration.
    oids: dict[str, int]
    #: So many sessions come while it waits, at most.
    clients: int
    #: What the team says that others do, and the migration's first statement.
    scripts: tuple[Script, ...] = ()
    first: Sent | None = None


def try_all(holds: Sequence[Hold], inversions: Sequence[Inversion], scene: Scene, *, budget: float) -> Traffic:
    """Try everything.

    :param budget: seconds, after which nothing further is begun.
    """
    return _Trial(scene, budget).all(holds, inversions)


class _Trial:
    def __init__(self, scene: Scene, budget: float) -> None:
        self._scene = scene
        self._started = time.monotonic()
        self._budget = budget
        self._probes = 0
        self._left_out: list[str] = []

    def all(self, holds: Sequence[Hold], inversions: Sequence[Inversion]) -> Traffic:
        """Try what costs one run for all, then deadlocks, then those that end the run."""
        patient = [one for one in holds if one.taken.patience == 0]
        # As much as possible is done by the last of them.
        impatient = [one for one in reversed(holds) if one.taken.patience != 0]
        if len(patient) > TOGETHER:
            told = (
                f"{len(patient) - TOGETHER} of {len(patient)} waits for a lock: of such a run {TOGETHER} stand for all"
            )
            self._left_out.append(told)
        queues = self._queues(patient[:TOGETHER]) if patient else []
        scripts = self._scripted() if self._scene.scripts else None
        deadlocks: list[Deadlock] = []
        for number, inversion in enumerate(inversions):
            if self._is_late(len(inversions) - number, "orders of locks"):
                break
            deadlocks += self._deadlock(inversion)
        for number, hold in enumerate(impatient):
            if self._is_late(len(impatient) - number, "waits for a lock with a lock_timeout"):
                break
            queues += self._queues([hold])
        return Traffic(
            probes=self._probes, queues=tuple(queues), deadlocks=tuple(deadlocks), scripts=scripts,
            left_out=tuple(self._left_out), seconds=round(time.monotonic() - self._started, 3),
        )  # fmt: skip

    def _is_late(self, rest: int, what: str) -> bool:
        late = self._probes > 0 and time.monotonic() - self._started > self._budget
        if late:
            self._left_out.append(f"{rest} {what}: {self._budget:.0f} s did not suffice for all")
        return late

    def _deadlock(self, inversion: Inversion) -> Iterator[Deadlock]:
        """Yield a deadlock if it comes about twice."""
        self._probes += 1
        killed: list[Literal["migration", "other"]] = []
        for _ in range(ATTEMPTS):
            with ExitStack() as stack:
                copy = self._copy(stack)
                beside = Inverted(inversion, copy.server.address(), copy.address, self._scene.oids)
                stack.callback(beside.close)
                self._run(copy, [beside])
                if not beside.placed:
                    self._left_out.append(f"{inversion.second.at.cited}: the run did not come there again")
                    return
                who = beside.killed()
            if who is None and not killed:
                return
            if who is not None:
                killed.append(who)
            if len(killed) == TWICE:
                yield Deadlock(inversion=inversion, killed=tuple(killed))
                return
        self._left_out.append(f"{inversion.second.at.cited}: a deadlock came about once in {ATTEMPTS} runs")

    def _scripted(self) -> Scripts | None:
        """Run the migration beside the team's scripts, once more where there was a deadlock."""
        runs = [self._beside_scripts()]
        while runs[-1] is not None and any(one.deadlocks for one in runs if one) and len(runs) < ATTEMPTS:
            if sum(one.deadlocks for one in runs if one) >= TWICE:
                break
            runs.append(self._beside_scripts())
        done = [one for one in runs if one is not None]
        if not done:
            return None
        longest: dict[tuple[str, str], Waited] = {}
        for one in sorted((one for run in done for one in run.waited), key=lambda one: one.seconds):
            longest[one.query, one.statement] = one
        return Scripts(
            runs=len(done),
            waited=tuple(sorted(longest.values(), key=lambda one: -one.seconds)),
            refused=tuple(dict.fromkeys(one for run in done for one in run.refused)),
            deadlocks=sum(one.deadlocks for one in done),
            died=next((one.died for one in done if one.died is not None), None),
        )

    def _beside_scripts(self) -> Scripts | None:
        scene = self._scene
        if scene.first is None:
            return None
        self._probes += scene.clients
        with ExitStack() as stack:
            copy = self._copy(stack)
            beside = Scripted(scene.scripts, copy.server, copy.address, scene.clients)
            stack.callback(beside.close)
            fails = beside.fails()
            if fails is not None:
                self._left_out.append(f"[traffic] script: it cannot be run on the copy before the migration: {fails}")
                return None
            with Between(copy.address, beside.stop(scene.first)) as between:
                with suppress(FailedRun):
                    copy.run(scene.migration, between.address, scene.ground.patience, between.running)
                beside.close()
            refused = tuple(beside.refused())
            died = next((str(one) for one in between.failures if one.state == DEADLOCK), None)
            dead = died is not None or any(one.state == DEADLOCK for one in refused)
            return Scripts(runs=1, waited=beside.waited(), refused=refused, deadlocks=int(dead), died=died)

    def _queues(self, holds: Sequence[Hold]) -> list[Queue]:
        """Return where the migration waited for somebody, in one run."""
        self._probes += len(holds)
        with ExitStack() as stack:
            copy = self._copy(stack)
            beside = [self._queued(list(group), copy, stack) for _, group in groupby(holds, lambda one: one.taken.at)]
            failed = self._run(copy, beside)
            missed = [one for one in beside if not one.reached]
            self._left_out += [f"{one.at.cited}: the run did not come there again" for one in missed]
            found = [queue for one in beside for queue in one.found()]
            return [self._ended(queue, copy, failed) if queue.gave_up is not None else queue for queue in found]

    def _queued(self, holds: Sequence[Hold], copy: Copy, stack: ExitStack) -> Queued:
        scene = self._scene
        beside = Queued(
            holds, scene.locks, copy.server.address(), copy.address, scene.oids, clients=scene.clients,
            patience=self._waited_out(holds[0].taken),
        )  # fmt: skip
        stack.callback(beside.close)
        return beside

    def _waited_out(self, taken: Taken) -> float:
        """Return for how long it is waited that the migration gives up."""
        if taken.patience is None:
            return UNKNOWN
        if taken.patience > LONGEST * 1000:
            told = f"its lock_timeout of {taken.patience / 1000:.0f} s was not waited for, nor what it leaves then"
            self._left_out.append(f"{taken.at.cited}: {told}")
            return 0.0
        return taken.patience / 1000 + SLACK if taken.patience else 0.0

    def _ended(self, queue: Queue, copy: Copy, failed: FailedRun | None) -> Queue:
        """Return it with what the migration left when it had given up."""
        if failed is None:
            return replace(queue, recovered=True)
        with connect(copy.address) as session:
            invalid = invalid_indexes(session)
            now = read_facts(session)
        return replace(queue, left=differences(self._scene.facts, now), invalid=invalid)

    def _copy(self, stack: ExitStack) -> Copy:
        copy = stack.enter_context(self._scene.ground.copy("traffic"))
        copy.prepare()
        return copy

    def _run(self, copy: Copy, beside: Sequence[Queued | Inverted]) -> FailedRun | None:
        """Run the migration with others beside it, and return how it failed."""
        ground = self._scene.ground
        with Between(copy.address, *(one.stop() for one in beside)) as between:
            for one in beside:
                one.attend(between)
            try:
                copy.run(self._scene.migration, between.address, ground.patience, between.running)
            except FailedRun as error:
                return error
        return None
