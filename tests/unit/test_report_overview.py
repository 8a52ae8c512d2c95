"""What a report says first: causes before what followed, what was meant in a line, and the line that announces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_pgsafe.checks.announcing import announcement, comment
from pytest_pgsafe.checks.evidence import duration, size
from pytest_pgsafe.checks.values import BEYOND, Finding, Severity
from pytest_pgsafe.compare.values import Action, Change
from pytest_pgsafe.config.comments import expectations
from pytest_pgsafe.migrate.values import Lock, Statement, Trace
from pytest_pgsafe.reading.values import Cited
from pytest_pgsafe.rehearsal.values import Outcome, Result, Step
from pytest_pgsafe.report import html, markdown
from pytest_pgsafe.report.overview import about, longest_lock, overview
from pytest_pgsafe.report.terminal import finding_lines, summary, wrapped

DROP = Cited(text="alter table sales drop column name cascade", file="m.sql", line=9)
UPDATE = Cited(text="update sales set total = 0", file="m.sql", line=2)


def error(code: str, name: str, **more: object) -> Finding:
    plain = Finding(code=code, check="values", severity=Severity.ERROR, object=name, message=f"{name} is harmed")
    return replace(plain, **more)  # type: ignore[arg-type]


VIEW = error("PGS531", "public.overview", statement=DROP, declared=False)
COLUMN = error("PGS203", "public.sales.name", statement=DROP, declared=True)
VALUES = error("PGS201", "public.sales.total", statement=UPDATE, declared=True)
UNKNOWN = error("PGS401", "public.s")
TRACE = Trace(
    seconds=1.5,
    sessions=1,
    # The one that stands first in the file ran last.
    statements=(Statement(text=f"{DROP.text};"), Statement(text=f"{UPDATE.text};")),
    locks=(
        Lock(relation="public.a", mode="AccessShareLock", statement="x", held=900.0),
        Lock(relation="public.b", mode="ShareLock", statement="x", held=20.0),
        Lock(relation="public.c", mode="AccessExclusiveLock", statement="x", held=25.0),
        Lock(relation="public.d", mode="AccessExclusiveLock", statement="x"),
    ),
    wal=3 * 1024 * 1024,
    observed=True,
)
RESULT = Result(
    steps=(Step(name="rollback", seconds=1.0, outcome=Outcome.PASSED),),
    source={},
    server={},
    findings=(UNKNOWN, VIEW, VALUES, COLUMN),
    relations=2,
    rows=1200,
    trace=TRACE,
)


def test_causes_come_in_the_order_of_the_run_and_before_what_followed() -> None:
    found = overview(RESULT).causes
    assert [cause.statement for cause in found] == [DROP, UPDATE, None]
    assert [(told.finding.code, told.follows) for told in found[0].entries] == [("PGS203", False), ("PGS531", True)]


def test_the_first_line_says_it() -> None:
    assert overview(RESULT).headline == (
        "2 relations (1,200 rows) compared, 0 not verified",
        "4 errors",
        "longest strong lock 25 ms (public.c, AccessExclusiveLock)",
        "migration 1.50 s",
        "WAL 3.0 MB",
        "way back proven",
    )
    known = replace(RESULT, findings=(VIEW, VALUES, COLUMN))
    assert overview(known).headline[1] == "3 errors from 2 statements"


def test_what_was_not_measured_is_left_out() -> None:
    assert overview(replace(RESULT, trace=None)).headline == RESULT_WITHOUT_TRACE
    unseen = replace(TRACE, locks=(), observed=False, wal=None)
    assert "lock" not in " ".join(overview(replace(RESULT, trace=unseen)).headline)
    seen = replace(TRACE, locks=())
    assert "no strong lock" in overview(replace(RESULT, trace=seen)).headline
    assert longest_lock(replace(RESULT, trace=seen)) is None
    bad = replace(UNKNOWN, check="rollback")
    assert overview(replace(RESULT, findings=(bad,))).headline[-1] == "way back does not lead back"


RESULT_WITHOUT_TRACE = ("2 relations (1,200 rows) compared, 0 not verified", "4 errors")


def test_a_step_that_failed_comes_first() -> None:
    step = Step(name="migrate", seconds=1.0, outcome=Outcome.FAILED, reason="m.sql:2: no such column\nmore")
    stopped = replace(RESULT, steps=(step,), findings=())
    first, second, *_ = [line.text for line in summary(stopped, short=False)]
    assert first.startswith("pgsafe failed: step migrate failed · 2 relations")
    assert "no findings" not in first
    assert second == "step migrate failed: m.sql:2: no such column"


def test_what_was_meant_is_a_line_for_a_check() -> None:
    dropped = [
        replace(COLUMN, object=f"public.{table}.c{n}", severity=Severity.NOTE, reason="phase 4")
        for table, count in (("a", 5), ("b", 20))
        for n in range(count)
    ]
    passed = replace(RESULT, findings=tuple(dropped))
    folded = [line.text for line in summary(passed, short=False) if "PGS203" in line.text]
    assert folded == ["PGS203 note: 25 announced (column-dropped): public.b 20, public.a 5"]
    assert len([line for line in summary(passed, short=False, whole=True) if "PGS203" in line.text]) == 25
    few = [line.text for line in summary(replace(RESULT, findings=tuple(dropped[:3])), short=False)]
    assert len([line for line in few if line.startswith("PGS203 note: public.a.c")]) == 3


def change(kind: str, action: Action, name: str) -> Change:
    return Change(kind=kind, action=action, object=name)


@pytest.mark.parametrize(
    ("finding", "changes", "line"),
    [
        (VALUES, (), 'values = [{ column = "public.sales.total", reason = "…" }]'),
        (
            COLUMN,
            (change("column", Action.DROPPED, COLUMN.object),),
            'dropped = [{ column = "public.sales.name", reason = "…" }]',
        ),
        (
            error("PGS521", "public.t.c"),
            (change("column", Action.CHANGED, "public.t.c"),),
            'changed = [{ column = "public.t.c", reason = "…" }]',
        ),
        (error("PGS101", "public.t"), (), 'rows = { "public.t" = { rule = "any", reason = "…" } }'),
        (error("PGS201", 'public."T"."a b"'), (), 'values = [{ column = \'public."T"."a b"\', reason = "…" }]'),
        # Nothing announces these.
        (COLUMN, (), None),
        (replace(VALUES, aspect=BEYOND), (), None),
        (replace(VALUES, severity=Severity.WARNING), (), None),
        (replace(VALUES, check="rollback"), (), None),
        (error("PGS006", "public.t.c"), (), None),
        (error("PGS999", "public.t.c"), (), None),
    ],
)
def test_the_line_that_announces(finding: Finding, changes: tuple[Change, ...], line: str | None) -> None:
    assert announcement(finding, changes) == line


def test_the_comment_that_announces_in_the_file_of_a_revision(tmp_path: Path) -> None:
    """Each is read again as what it is to announce."""
    dropped = (change("column", Action.DROPPED, "public.sales.name"), change("view", Action.DROPPED, "public.v"))
    wrong = (
        VALUES, error("PGS203", "public.sales.name"), error("PGS101", "public.t"), error("PGS531", "public.v"),
        replace(error("PGS801", "public.t"), severity=Severity.WARNING, after="AccessExclusiveLock"),
    )  # fmt: skip
    told = [comment(replace(one, statement=Cited(text="x", file="a/r1.py")), dropped) for one in wrong]
    file = tmp_path / "r1.py"
    file.write_text("\n".join(str(one).removeprefix("in a/r1.py: ").replace("…", "meant") for one in told))
    found = expectations([file])
    assert [one.column for one in found.values] == ["public.sales.total"]
    assert [(one.kind, one.object) for one in found.dropped] == [("column", "public.sales.name"), ("view", "public.v")]
    assert [(one.table, one.rule) for one in found.rows] == [("public.t", "any")]
    assert [(one.table, one.mode) for one in found.locks] == [("public.t", "AccessExclusiveLock")]
    assert comment(replace(VALUES, statement=None), ()) is None
    assert comment(replace(VALUES, statement=Cited(text="x", file="a.rb")), ()) is None
    script = tmp_path / "a.sql"
    script.write_text(
        str(comment(replace(VALUES, statement=Cited(text="x", file="a.sql")), ())).removeprefix("in a.sql: ")
    )
    assert [one.column for one in expectations([script]).values] == ["public.sales.total"]
    cited = replace(VALUES, statement=Cited(text="update x", file="a/r1.py", line=3))
    lines = "\n".join(finding_lines(cited, announcement(cited, ()), comment(cited, ())))
    assert lines.endswith("\n  or: in a/r1.py: # pgsafe: expect values public.sales.total: …")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = "\n".join(line.text for line in summary(RESULT, short=False)) + "\n  " + "wörd 漢字 " * 60
    lines = wrapped(text, width).split("\n")
    from rich.cells import cell_len

    assert max(map(cell_len, lines)) <= width
    assert wrapped(text, 10_000) == text
    # What continues a line begins with a blank: it is none of ours.
    assert [line for line in lines if not line.startswith((" ", "pgsafe", "m.sql", "PGS", "rollback"))] == []
    assert " ".join("".join(lines).split()).count("wörd") == 60


def test_what_is_copied_into_a_file_stays_whole() -> None:
    cited = replace(VALUES, statement=Cited(text="update x", file="a/r1.py", line=3))
    lines = finding_lines(cited, announcement(cited, ()), comment(cited, ()))[-2:]
    assert [line[:6] for line in lines] == ["  if i", "  or: "]
    assert wrapped("\n".join(lines), 20).split("\n") == lines


def test_what_cannot_be_broken_stays_whole() -> None:
    assert wrapped("a " + "x" * 100 + " b", 40).split("\n") == ["a", "    " + "x" * 100, "    b"]


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0.4, "0 ms"), (25.0, "25 ms"), (1500.0, "1.50 s"), (185_000.0, "3 min 5 s")]
)
def test_times(milliseconds: float, text: str) -> None:
    assert duration(milliseconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(512, "512 bytes"), (12 * 1024, "12 kB"), (3.4 * 1024**2, "3.4 MB"), (5 * 1024**4, "5.0 TB")]
)
def test_sizes(number: float, text: str) -> None:
    assert size(number) == text


def test_a_report_says_what_was_rehearsed_on_what_and_when() -> None:
    known = replace(
        RESULT,
        migration=("alembic", "alembic.ini"),
        source={"from": "shop@db/shop", "taken": "2026-01-01T00:00:00Z"},
        server={"version": "17.10"},
        time="2026-01-03T02:00:00+00:00",
    )
    said = about(known)
    assert said[:3] == ("migration alembic.ini", "source shop@db/shop as it was 2 d before", "PostgreSQL 17.10")
    assert (said[3].split()[0], said[4]) == ("pgsafe", "2026-01-03T02:00:00+00:00")
    # Without a moment of the source nothing is made up.
    assert about(replace(known, source={"from": "shop.sql"}))[1] == "source shop.sql"
    assert " · ".join(map(markdown.escape, said)) in markdown.render(known)
    assert " · ".join(said) in html.render(known)
