"""What people and roles are shown: views with other rows, rows that were hidden, columns with one moment."""

from __future__ import annotations

from collections.abc import Iterator

from .evidence import count, unproven
from .values import Check, Evidence, Finding, Severity


def _others(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.tried.shown:
        emptied = bool(one.before and not one.after)
        told = f"{one.object} shows "
        if one.before != one.after:
            told += f"{count(one.after) if one.after else 'no row'}, and showed {one.before:,}"
        elif one.columns:
            told += f"other values in {', '.join(one.columns)}"
        else:
            told += "other values"
        if one.replaced:
            told += ": it was a table, and is a view now"
        elif one.own:
            told += ": it is another"
        else:
            told += f", though no row that it reads is another: {', '.join(one.through)} was changed"
        functions = one.own or any(name in evidence.comparison.before.catalog.functions for name in one.through)
        severity = unproven(evidence) if functions and not emptied else Severity.ERROR
        yield SHOWS_OTHERS.finding(
            one.object, told, severity=severity, before=one.before, after=one.after,
            causes=() if one.own or one.replaced else one.through,
        )  # fmt: skip


def _hidden(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.tried.exposed:
        told = f"{one.object} shows {one.role} {count(one.shown)} of {', '.join(one.tables)}"
        told += f", of which row security lets it see {one.own:,}"
        yield SHOWS_HIDDEN.finding(one.object, told, severity=unproven(evidence), aspect=one.role)


def _seen(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.tried.seen:
        through = tuple(name for name in one.through if name != one.object)
        # A table, or its policies, that were changed themselves are told of where they are.
        if not through:
            continue
        told = f"{one.role} sees {count(one.after) if one.after else 'no row'} of {one.object}"
        told += f", and saw {one.before:,}" if one.after != one.before else ", and not those that it saw"
        told += f", though its rows are what they were: {', '.join(through)} was changed"
        yield ROLE_SEES_OTHERS.finding(
            one.object, told, before=one.before, after=one.after, aspect=one.role, causes=through
        )


def _selected(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.tried.selected:
        index = one.object in evidence.comparison.before.catalog.indexes
        what = f"{one.object} is of {count(one.after)}" if index else f"{one.object} holds for {count(one.after)}"
        told = f"{what} of {one.table}, and was of {one.before:,}" if index else f"{what} of {one.table}"
        told += "" if index else f", and held for {one.before:,}"
        told += f", though its text is what it was, and no row another: {', '.join(one.through)} was changed"
        yield SELECTS_OTHERS.finding(one.object, told, before=one.before, after=one.after, causes=one.through)


def _stamped(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.tried.stamped:
        source = "the clock gave while the migration ran" if one.source == "clock" else "was drawn by chance, once"
        told = f"all {count(one.rows)} of {one.table} have one value in the new column {one.object}, which {source}"
        yield COLUMN_STAMPED.finding(one.object, told, severity=unproven(evidence))


SHOWS_OTHERS = Check(
    code="PGS558",
    check="works",
    name="view-shows-others",
    severity=Severity.ERROR,
    excused_by=frozenset({"view", "function", "table", "type"}),
    condition=(
        "A view, or a function without arguments that returns rows, shows other rows or values than before, though no "
        "row of a table that it reads is another. It is an error if it shows none any more, if a view stands in the "
        "place of a table, or if it was not changed itself, nor a function that it calls; else a warning. What "
        "depends on the time or on chance is not compared."
    ),
    effect="Readers get other figures, and nobody told them.",
    remedy="Compare what it shows with what it showed; announce it if it is meant: [expect] changed, with the view.",
    judge=_others,
)
SHOWS_HIDDEN = Check(
    code="PGS559",
    check="works",
    name="shows-hidden-rows",
    severity=Severity.WARNING,
    excused_by=frozenset({"view", "function"}),
    condition=(
        "A new or changed view, or SECURITY DEFINER function without arguments, shows a role more rows of a table "
        "under row security than the role sees by its own rights: both were counted as that role. Under strict it is "
        "an error."
    ),
    effect="Row security is passed by: a view reads its tables with the rights of its owner.",
    remedy="CREATE VIEW … WITH (security_invoker) (from PostgreSQL 15); SECURITY INVOKER; or REVOKE it from the role.",
    judge=_hidden,
)
SELECTS_OTHERS = Check(
    code="PGS565",
    check="works",
    name="selects-other-rows",
    severity=Severity.ERROR,
    excused_by=frozenset({"index", "constraint", "type", "function"}),
    condition=(
        "A partial index is of other rows than before, or a CHECK holds for others, though its text and the rows are "
        "what they were: a type that it compares by (an enum in another order) or a function that it calls is another."
    ),
    effect="A unique index lets duplicates in, queries that relied on the index read the table, rows break a rule.",
    remedy="Write the predicate for the new order, or keep the order: ALTER TYPE … ADD VALUE … BEFORE.",
    judge=_selected,
)
ROLE_SEES_OTHERS = Check(
    code="PGS563",
    check="works",
    name="role-sees-others",
    severity=Severity.ERROR,
    excused_by=frozenset({"table", "function", "policy"}),
    condition=(
        "A role sees other rows of a table under row security than before, though the table holds what it held, nor "
        "was a policy of it changed: a function or a table that a policy asks was. Counted as that role on both copies."
    ),
    effect="Rows of others are shown, or one's own are not there any more, and no policy says so.",
    remedy="Compare the function with what it was; announce it if it is meant: [expect] changed, with the function.",
    judge=_seen,
)
COLUMN_STAMPED = Check(
    code="PGS560",
    check="works",
    name="column-stamped",
    severity=Severity.WARNING,
    excused_by=frozenset({"column"}),
    condition=(
        "All rows that were there hold one value in a new column, and the clock or a random function gave it while the "
        "migration ran: a DEFAULT now() fills old rows too. Under strict it is an error."
    ),
    effect="All history has one moment, or one key, and what was true of each row is not known any more.",
    remedy="Add the column without a default, set the default afterwards, and fill old rows with what is known.",
    judge=_stamped,
)
CHECKS = (SHOWS_OTHERS, SHOWS_HIDDEN, COLUMN_STAMPED, ROLE_SEES_OTHERS, SELECTS_OTHERS)
