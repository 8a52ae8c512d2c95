"""A fleet out of one result: tenants that pass, fail alike, are away, or have another schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.fleet.schemas import MemberSchema, Schemas
from pytest_pgsafe.fleet.values import Absence, Member
from pytest_pgsafe.migrate.values import Lock, Trace
from pytest_pgsafe.rehearsal.values import Outcome, Result, Step
from pytest_pgsafe.report.fleet.gathered import Told, gathered
from pytest_pgsafe.snapshot.values import NotVerified, RowSample
from tests.unit import builders as b

SECRET = "Ada Lovelace"


def lost(rows: int, object_: str = "public.orders") -> Finding:
    return Finding(
        code="PGS101", check="rows", severity=Severity.ERROR, object=object_, message=f"{rows} rows are gone",
        samples=(RowSample(key={"id": str(rows)}, before={"name": SECRET}, after=None),), remedy="keep the rows",
    )  # fmt: skip


WARNED = Finding(
    code="PGS501", check="locks", severity=Severity.WARNING, object="public.orders", message="kept others out for 2 s",
    after="AccessExclusiveLock",
)  # fmt: skip
SAFE = Result(
    steps=(
        Step(name="restore", seconds=1.0, outcome=Outcome.PASSED),
        Step(name="migrate", seconds=0.5, outcome=Outcome.PASSED),
    ),
    source={"server_version": "15.18", "database": "x"},
    server={"kind": "local", "version": "15.18", "origin": "/usr"},
    relations=20,
    rows=1000,
    not_verified=(NotVerified(object="public.remote", reason="a foreign table"),),
    trace=Trace(
        sessions=1, seconds=0.25,
        locks=(Lock(relation="public.orders", mode="AccessExclusiveLock", statement="alter table orders", held=20.0),),
    ),
    time="2026-01-01T00:00:00+00:00",
    migration=("sql", "m.sql"),
)  # fmt: skip
STOPPED = replace(
    SAFE,
    steps=(SAFE.steps[0], Step(name="migrate", seconds=0.1, outcome=Outcome.FAILED, reason="m.sql:3: 42P01: no\nmore")),
    trace=None,
)
BROKEN = replace(SAFE, steps=(), interrupted="Traceback (most recent call last):\n  x\nRuntimeError: a defect")


def member(name: str) -> Member:
    return Member(name=name, source=f"host/{name}", database=name)


def fleet(
    folder: Path, results: Mapping[str, Result | Absence], *, odd: tuple[str, ...] = (), unknown: tuple[str, ...] = (),
    sample: str | None = None, interrupted: str | None = None,
) -> Told:  # fmt: skip
    """Return a fleet of these results by their members' names.

    :param odd: members that have an index less.
    :param unknown: members whose schema nobody knows.
    """
    schemas = Schemas(folder)
    index = b.index("public.i_x", "public.sales", ["total"])
    for name, result in results.items():
        if isinstance(result, Result) and name not in unknown:
            objects = b.sales() if name in odd else [*b.sales(), index]
            schemas.keep(MemberSchema(member=member(name), major=15, catalog=b.catalog(*objects)))
    found = {name: one for name, one in results.items() if isinstance(one, Result)}
    return gathered(
        [member(name) for name in results],
        read=found.get,
        absences={name: (one, "connection refused") for name, one in results.items() if isinstance(one, Absence)},
        schemas=schemas,
        sample=sample,
        interrupted=interrupted,
    )
