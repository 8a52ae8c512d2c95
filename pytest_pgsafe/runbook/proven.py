"""The proof of replaced tables, in the transaction that has made them: before it ends, nothing is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..backup import contents
from ..catalog import read as catalog_of
from ..catalog.values import Catalog, Constraint, Grant
from ..compare import restored_equals_source
from ..compare.restored import difference, major
from ..errors import RestoreError
from ..server.connection import Connection
from ..snapshot.plan import plan_tables
from ..snapshot.take import take as read_facts
from ..snapshot.values import Snapshot
from . import dependents as pointing
from .keys import Orphans
from .plan import Plan

#: The first major with the privilege MAINTAIN.
_MAINTAIN = 17


def prove(session: Connection, facts: Snapshot, plan: Plan, orphans: Sequence[Orphans], *, owners: bool) -> Snapshot:
    """Hold the restored tables against the backup's facts, and what points to them against what it was.

    :param orphans: those that were accepted.
    :raises RestoreError: with every difference.
    """
    choice = plan.choice
    catalog = catalog_of.read(session)
    part = contents.part_of(catalog, choice)
    plans, _ = plan_tables(part)
    restored = read_facts(session, catalog=part, plans=plans, jobs=1)
    taken = {one.key for one in orphans}
    wanted, there = contents.part(facts, choice), contents.part(restored, choice)
    told = [
        difference(change)
        for change in restored_equals_source(wanted, there, owners=owners)
        if not (change.object in taken and (change.kind == "foreign key" or change.attribute == "validated"))
    ]
    if owners:
        ours, theirs = (_grants(one, facts, plan) for one in (facts.catalog, catalog))
        told += [f"{name}: not as in the backup" for name in sorted(ours ^ theirs)]
    if told:
        raise RestoreError("the restored tables do not equal the backup: nothing was changed", looked_at=told[:10])
    for key in plan.dependents.keys:
        made = catalog.constraints.get(key.name)
        if made is None or _same(made) != _same(key):
            raise RestoreError(f"the foreign key {key.name} of another table is not what it was: nothing was changed")
    # Dropping what is aside is to take nothing live along.
    aside = [plan.live.tables[name].oid for name in plan.moved]
    if left := [described for _, _, _, _, described in pointing.outside(session, aside)]:
        raise RestoreError("something still points to the tables aside: nothing was changed", looked_at=left[:10])
    return restored


def known(grant: Grant, facts: Snapshot) -> bool:
    """Tell whether the backup's server knew a privilege at all."""
    return grant.privilege != "MAINTAIN" or major(facts) >= _MAINTAIN


def _grants(catalog: Catalog, facts: Snapshot, plan: Plan) -> set[str]:
    return {name for name, one in contents.grants(catalog, plan.choice).items() if known(one, facts)}


def _same(key: Constraint) -> Constraint:
    # Whether it is valid is decided by its orphans; what silenced it is told.
    return replace(key, validated=True, enabled="origin")
