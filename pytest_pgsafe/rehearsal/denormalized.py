"""A team's rules about data, evaluated before and after: denormalised columns, and references nobody declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..catalog.names import bare, container
from ..catalog.values import Catalog, Constraint
from ..checks.values import Rules, Undeclared
from ..compare.values import Comparison
from ..errors import ConfigError, SnapshotError
from ..server.connection import Connection
from ..snapshot import carried, denormalized, references
from ..snapshot.denormalized import Reading
from ..snapshot.paths import path
from ..snapshot.plan import foreign_below
from ..snapshot.proposals import propose
from ..snapshot.values import (
    DenormalizedContent,
    DenormalizedLoss,
    DenormalizedRule,
    Proposal,
    ReferenceContent,
    ReferenceRule,
)

#: Of each statement that looks for copies which nobody declared.
_PROPOSING = "5s"


@dataclass(kw_only=True)
class Evaluated:
    """What was found of every rule."""

    denormalized: dict[DenormalizedRule, tuple[DenormalizedContent, DenormalizedContent | None]] = field(
        default_factory=dict["DenormalizedRule", "tuple[DenormalizedContent, DenormalizedContent | None]"]
    )
    losses: dict[DenormalizedRule, DenormalizedLoss] = field(
        default_factory=dict["DenormalizedRule", "DenormalizedLoss"]
    )
    unread: dict[DenormalizedRule | ReferenceRule, str] = field(
        default_factory=dict["DenormalizedRule | ReferenceRule", "str"]
    )
    references: dict[ReferenceRule, tuple[ReferenceContent, ReferenceContent | None]] = field(
        default_factory=dict["ReferenceRule", "tuple[ReferenceContent, ReferenceContent | None]"]
    )


def check(rules: Rules, catalog: Catalog, connection: Connection | None) -> None:
    """Find out whether every rule can be evaluated, without evaluating it.

    :param connection: to a database of this catalog, whose server parses what the rules ask; None without one.
    :raises ConfigError: one cannot.
    """
    for rule in rules.denormalized:
        if connection is None:
            path(catalog, rule, rules.references)
        else:
            denormalized.prepare(connection, catalog, rule, rules.references)
    for undeclared in rules.references:
        if connection is not None:
            references.check(connection, catalog, undeclared)


def gather(comparison: Comparison, rules: Rules, before: Connection, after: Connection) -> Evaluated:
    """Evaluate every rule on both sides, as far as what it is about is still there.

    :raises ConfigError: a rule cannot be evaluated on the side before.
    :raises SnapshotError: a rule failed over some row there.
    """
    evaluated = Evaluated()
    foreign = foreign_below(comparison.before.catalog)
    for rule in rules.denormalized:
        ready = denormalized.prepare(before, comparison.before.catalog, rule, rules.references)
        if ready.tables & foreign:
            evaluated.unread[rule] = f"{min(ready.tables & foreign)} is a foreign table, which is never scanned"
            continue
        _denormalized(evaluated, comparison, ready, before, after)
    for undeclared in rules.references:
        tables = {container(undeclared.column), container(undeclared.references)}
        if tables & foreign:
            evaluated.unread[undeclared] = f"{min(tables & foreign)} is a foreign table, which is never scanned"
            continue
        _reference(evaluated, comparison, undeclared, before, after)
    return evaluated


def undeclared(comparison: Comparison, rules: Rules, before: Connection, after: Connection) -> tuple[Undeclared, ...]:
    """Return which columns that went, or have other values, seem to be copies though no rule says so."""
    told = {rule.column for rule in rules.denormalized}
    catalog = comparison.before.catalog
    asked = {
        name
        for name, column in catalog.columns.items()
        if name not in told and column.table in comparison.tables
        and (name not in comparison.columns or _rewritten(comparison, column.table, column.column))
    }  # fmt: skip
    found = propose(before, catalog, timeout=_PROPOSING, only=asked)[0] if asked else ()
    return tuple(_as_if_told(one, comparison, rules, before, after) for one in found)


def _rewritten(comparison: Comparison, table: str, column: str) -> bool:
    found = comparison.rows.get(table)
    return found is not None and bool(found.changed.get(column))


def _as_if_told(
    proposal: Proposal, comparison: Comparison, rules: Rules, before: Connection, after: Connection
) -> Undeclared:
    rule = proposal.rule
    try:
        told = gather(comparison, Rules(denormalized=(rule,), references=rules.references), before, after)
    except (ConfigError, SnapshotError):
        return Undeclared(proposal=proposal)
    one, two = told.denormalized.get(rule, (None, None))
    return Undeclared(proposal=proposal, before=one, after=two, loss=told.losses.get(rule))


def _denormalized(
    evaluated: Evaluated, comparison: Comparison, ready: Reading, before: Connection, after: Connection
) -> None:
    rule = ready.rule
    content = denormalized.evaluate(before, ready)
    evaluated.denormalized[rule] = (content, None)
    names = comparison.columns
    if rule.column not in names and _untouched(comparison, ready, drifted=bool(content.drifted)):
        evaluated.losses[rule] = DenormalizedLoss(drifted=content.drifted, moved=0, drifted_samples=content.samples)
        return
    now = _renamed(rule, comparison)
    way = [_moved(step, comparison) for step in ready.way]
    if now is None or None in way:
        if rule.column in names and rule.source in names:
            evaluated.unread[rule] = "what it is read through was dropped"
        return
    key = _key(ready, comparison)
    if rule.column not in names:
        # A value that the rule is not about has to be readable too before it may go.
        limited = rule.kind in {"copy", "sql"} and rule.where is not None
        whole = denormalized.prepared(before, replace(rule, where=None), ready.way, ready.key) if limited else ready
        now = replace(now, where=None) if limited else now
    else:
        whole = ready
    try:
        new = denormalized.prepared(
            after,
            now,
            [step for step in way if step is not None],
            key,
            copy=rule.column in names,
            was=ready.copy_type,
        )
        if rule.column not in names:
            loss = carried.lost(before, after, whole, new)
            if loss is not None:
                evaluated.losses[rule] = loss
            return
        found = denormalized.evaluate(after, new)
        if content.drifted and found.drifted:
            found = carried.broken(before, after, ready, new, found)
        evaluated.denormalized[rule] = (content, found)
    except (ConfigError, SnapshotError) as error:
        evaluated.unread[rule] = f"it cannot be evaluated after the migration: {error.message.partition(': ')[2]}"


def _reference(
    evaluated: Evaluated, comparison: Comparison, rule: ReferenceRule, before: Connection, after: Connection
) -> None:
    content = references.read(before, comparison.before.catalog, rule)
    evaluated.references[rule] = (content, None)
    names = comparison.columns
    if rule.column not in names or rule.references not in names:
        return
    now = ReferenceRule(column=names[rule.column], references=names[rule.references], where=rule.where)
    try:
        references.check(after, comparison.after.catalog, now)
        evaluated.references[rule] = (content, references.read(after, comparison.after.catalog, now))
    except (ConfigError, SnapshotError) as error:
        evaluated.unread[rule] = f"it cannot be read after the migration: {error.message.partition(': ')[2]}"


def _renamed(rule: DenormalizedRule, comparison: Comparison) -> DenormalizedRule | None:
    """Return the rule by the names after; None if its table, or what the column has to be, is gone."""
    names, table = comparison.columns, comparison.tables.get(container(rule.column))
    if table is None:
        return None
    column = names.get(rule.column, f"{table}.{bare(rule.column)}")
    source: str | None = rule.source
    if rule.kind == "count":
        source = comparison.tables.get(rule.source)
    elif rule.kind != "sql":
        source = names.get(rule.source)
    by = None if rule.by is None else names.get(rule.by)
    if source is None or (by is None and rule.by is not None):
        return None
    return replace(rule, column=column, source=source, by=by)


def _moved(step: Constraint, comparison: Comparison) -> Constraint | None:
    """Return a step of the way by the names after, also where no constraint holds it any more; None if it is gone."""
    table, target = comparison.tables.get(step.table), comparison.tables.get(step.references or "")
    columns = _bare(step.table, step.columns, comparison.columns)
    theirs = _bare(step.references or "", step.reference_columns, comparison.columns)
    if table is None or target is None or columns is None or theirs is None:
        return None
    return replace(step, table=table, references=target, columns=columns, reference_columns=theirs)


def _bare(table: str, columns: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...] | None:
    found = [names.get(f"{table}.{column}") for column in columns]
    return None if None in found else tuple(bare(name) for name in found if name is not None)


def _key(ready: Reading, comparison: Comparison) -> tuple[str, ...]:
    """Return the key by which the rows before are known, by the names after; nothing if it is gone."""
    return _bare(container(ready.rule.column), ready.key, comparison.columns) or ()


def _untouched(comparison: Comparison, ready: Reading, *, drifted: bool) -> bool:
    """Tell whether everything that a rule reads, but for its own column, is there and holds what it held."""
    rule = ready.rule
    if rule.kind == "sql" or rule.where is not None or _renamed(rule, comparison) is None:
        return False
    read: dict[str, set[str]] = {container(rule.column): set()}
    for step in ready.way:
        read.setdefault(step.table, set()).update(step.columns)
        read.setdefault(step.references or "", set()).update(step.reference_columns)
    for name in (rule.source, rule.by):
        if name is not None and rule.kind != "count":
            read.setdefault(container(name), set()).add(bare(name))
    for table, columns in read.items():
        found = comparison.rows.get(table)
        if _bare(table, columns, comparison.columns) is None:
            return False
        if table not in comparison.before.tables or comparison.tables.get(table) not in comparison.after.tables:
            return False
        if found is None:
            continue
        if any(found.changed.get(column) for column in columns):
            return False
        # Rows of the column's own table that went or came are told by themselves.
        own = table == container(rule.column) and rule.kind == "copy" and container(rule.source) != table
        if (found.gone or found.added) and (drifted or not own):
            return False
    return True
