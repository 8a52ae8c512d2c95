"""One HTML file: nothing is loaded from elsewhere, no script runs but its own, and what others wrote is escaped."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from ..checks.evidence import duration
from ..checks.values import ANNOUNCED, Finding, Severity
from ..compare.values import Attribute, Change
from ..rehearsal.values import Result
from ..snapshot.values import RowSample
from ..visible import visible
from . import costs, recovery
from .overview import Entry, about, overview, plain, table_of
from .terminal import cause, finding_lines, shown

_WORDS = {"passed": "safe", "failed": "not safe", "error": "no verdict"}
#: Pixels of the drawings.
_BAR, _LINE = 100, 200
#: Statements and locks that are drawn: the longest.
_DRAWN = 40

#: Statements in the table of costs.
_COSTS = 500


@dataclass(frozen=True, kw_only=True)
class Side:
    """A column of a row, before and after: what both begin with, what differs, and what both end with."""

    key: str
    column: str
    before: tuple[str, str, str]
    after: tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Something of a table that has a number."""

    table: str
    what: str
    before: str
    after: str
    bars: tuple[int, int] | None


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A statement, or a lock that one took, in the time of the migration."""

    kind: str
    text: str
    time: str
    begins: str
    x: float
    width: float


def render(result: Result, *, member: str | None = None, fleet: str | None = None) -> str:
    """Return the report as an HTML document.

    :param member: of a fleet: its name.
    :param fleet: where the fleet's page lies.
    """
    summary = overview(result)
    same = list(_same(result))
    style, script = asset("page.css"), asset("page.js")
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _template().render(
        result=result,
        member=member,
        fleet=fleet,
        summary=summary,
        about=about(result),
        words=_WORDS,
        style=Markup(style),  # noqa: S704 (our own files)
        script=Markup(script),  # noqa: S704
        script_hash=Markup(f"sha256-{digest}"),  # noqa: S704
        findings=result.findings,
        warnings=[plain(finding) for finding in summary.warnings],
        levels=[
            (level.value, number)
            for level in reversed(Severity)
            if (number := sum(finding.severity is level for finding in result.findings))
        ],
        tables=list(_tables(result.changes)),
        same=same,
        same_text=_same_text(same, result),
        timeline=list(_timeline(result)),
        costs=[] if result.measured is None else costs.rows(result.measured, whole=True)[:_COSTS],
        totals=[] if result.measured is None else list(costs.totals(result.measured)),
        gaps=[(gap.object, gap.reason) for gap in result.not_verified],
        unused=list(result.unused.items()),
        recovered=[] if result.pitr is None else recovery.facts(result.pitr),
        changes=result.changes,
        facts=[
            *(("source " + name, text) for name, text in result.source.items()),
            *(("server " + name, text) for name, text in result.server.items()),
        ],
    )


def sides(sample: RowSample) -> Iterator[Side]:
    """Yield the columns of a row that differ, or what it held or holds alone."""
    key = ", ".join(f"{column}={shown(value)}" for column, value in sample.key.items())
    before, after = sample.before or {}, sample.after or {}
    both = sample.before is not None and sample.after is not None
    columns = [
        column
        for column in dict.fromkeys([*before, *after])
        if not both or column not in before or column not in after or before[column] != after[column]
    ]
    if not columns:
        yield Side(key=key, column="", before=("", "", ""), after=("", "", ""))
    for column in columns:
        was = shown(before[column]) if column in before else "(none)"
        now = shown(after[column]) if column in after else "(none)"
        one, two = marked(was, now)
        yield Side(key=key, column=column, before=one, after=two)


def marked(before: str, after: str) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    """Return two texts, each as its beginning, what the other has not there, and its end."""
    if before == after:
        return (before, "", ""), (after, "", "")
    first = _common(before, after)
    last = _common(before[first:][::-1], after[first:][::-1])
    ends = len(before) - last, len(after) - last
    return (
        (before[:first], before[first : ends[0]], before[ends[0] :]),
        (after[:first], after[first : ends[1]], after[ends[1] :]),
    )


def _common(first: str, second: str) -> int:
    """Return how many characters both begin with."""
    return next(
        (at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )


def prompt(entry: Entry) -> str:
    """Return a text that asks somebody else, who has the migration at hand, to mend a finding."""
    return "\n".join(
        (
            "pgsafe rehearsed this project's PostgreSQL migration on a copy of the real database and found:",
            "",
            *finding_lines(entry.finding, entry.announce, entry.comment),
            "",
            "Change the migration so that this does not happen. Do not announce it in [expect] unless I say that it",
            f"is meant. `pgsafe explain {entry.finding.code}` says more; `pytest --pgsafe` judges the result.",
        )
    )


def attribute(value: Attribute) -> str:
    """Return an attribute as text; empty where there is none."""
    if value is None:
        return ""
    return ", ".join(str(part) for part in value) if isinstance(value, tuple) else str(value)


def _before_and_after(finding: Finding) -> str | None:
    """Return the two numbers, or the two texts, where both are known."""
    if finding.before is None or finding.after is None:
        return None
    return f"Before {_number(finding.before)}, after {_number(finding.after)}."


def _reason(finding: Finding) -> str:
    return (finding.reason or "").removeprefix(ANNOUNCED)


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _tables(changes: tuple[Change, ...]) -> Iterator[Counted]:
    """Yield what has a number before and after: rows, and NULLs and orphans of foreign keys; values that changed."""
    for change in sorted(changes, key=lambda one: (table_of(one.object), one.object)):
        table = table_of(change.object)
        what = change.object.removeprefix(table).lstrip(".")
        before, after = change.before, change.after
        if isinstance(before, bool) or isinstance(after, bool) or change.kind not in {"rows", "values", "foreign key"}:
            continue
        if change.kind == "values" and isinstance(after, int):
            yield Counted(
                table=table, what=f"{what}: rows with another value", before="", after=f"{after:,}", bars=None
            )
        elif isinstance(before, int) and isinstance(after, int):
            most = max(before, after, 1)
            bars = (round(before / most * _BAR), round(after / most * _BAR))
            what = " ".join(filter(None, (what, change.attribute or change.kind)))
            yield Counted(table=table, what=what, before=f"{before:,}", after=f"{after:,}", bars=bars)


def _same(result: Result) -> Iterator[tuple[str, int]]:
    """Yield the tables that hold what they held, all of which was compared; each with its rows."""
    names = [*(change.object for change in result.changes), *(gap.object for gap in result.not_verified)]
    other = {table_of(name) for name in names}
    for one in () if result.measured is None else result.measured.tables:
        before, after = one.rows
        if before is not None and before == after and one.table not in other:
            yield one.table, before


def _same_text(same: Sequence[tuple[str, int]], result: Result) -> str:
    tables = "1 table" if len(same) == 1 else f"{len(same):,} tables"
    text = f"{tables} with the same content: {sum(rows for _, rows in same):,} rows"
    reread = result.reread
    proven = 0 if reread is None or reread.why is not None else sum(name in reread.untouched for name, _ in same)
    if not proven:
        return f"{text}, compared whole"
    if proven == len(same):
        return f"{text}, proven not to have been written to"
    return f"{text}; {proven:,} proven not to have been written to, the others compared whole"


def _timeline(result: Result) -> Iterator[Bar]:
    """Yield statements one after the other, each with the locks that it took, from the first to the last."""
    trace = result.trace
    timed = [] if trace is None else [one for one in trace.statements if one.duration is not None]
    whole = sum(one.duration or 0.0 for one in timed)
    if trace is None or not whole:
        return
    least = sorted((one.duration or 0.0 for one in timed), reverse=True)[:_DRAWN][-1]
    # Locks may be held longer than statements take: until the transaction's end.
    scale = _LINE / max(whole, 0.001)
    begins = 0.0
    told: set[int] = set()
    for one in timed:
        text, taken = _flat(one.text), one.duration or 0.0
        if taken >= least:
            yield _bar("ran", text, begins, taken, scale)
        for number, lock in enumerate(trace.locks):
            if number not in told and lock.held is not None and _flat(lock.statement) == text and len(told) < _DRAWN:
                told.add(number)
                yield _bar("lock", f"{lock.mode} on {lock.relation}", begins, lock.held, scale)
        begins += taken


def _bar(kind: str, text: str, begins: float, taken: float, scale: float) -> Bar:
    x = min(begins * scale, _LINE - 1.0)
    width = min(max(taken * scale, 1.0), _LINE - x)
    return Bar(
        kind=kind, text=text if len(text) <= 160 else f"{text[:159]}…", time=duration(taken), begins=duration(begins),
        x=round(x, 1), width=round(width, 1),
    )  # fmt: skip


def _flat(text: str) -> str:
    return " ".join(text.split()).removesuffix(";")


def asset(name: str) -> str:
    """Return a file of ours that goes into pages."""
    return files(__name__.rpartition(".")[0]).joinpath(name).read_text(encoding="utf-8")


def _finalized(value: Any) -> Any:
    """Write control and format characters of others so that they are seen; what is escaped already is ours."""
    return value if isinstance(value, Markup) else visible(str(value))


def environment() -> Environment:
    """Return what templates are read by: what others wrote is escaped."""
    return Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_finalized, trim_blocks=True, lstrip_blocks=True
    )


@cache
def _template() -> Template:
    functions: dict[str, Any] = {
        "sides": sides, "cause": cause, "prompt": prompt, "attribute": attribute, "plain": plain, "reason": _reason,
        "before_and_after": _before_and_after,
    }  # fmt: skip
    return environment().from_string(asset("page.html.j2"), globals=functions)
