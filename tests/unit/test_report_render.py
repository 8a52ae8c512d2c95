"""Reports: what the contract says of JSON, and that nothing of a database can break the other formats."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.compare.values import Action, Change
from pytest_pgsafe.reading.values import Cited
from pytest_pgsafe.rehearsal.measured import Measured, TableFacts
from pytest_pgsafe.rehearsal.values import Outcome, Result, Step
from pytest_pgsafe.report import html, markdown
from pytest_pgsafe.report import json as json_report
from pytest_pgsafe.report.overview import counted, severities
from pytest_pgsafe.report.terminal import SHOWN, cause, finding_lines, summary
from pytest_pgsafe.report.write import FORMATS, format_of, write
from pytest_pgsafe.snapshot.values import NotVerified, Reread, RowSample

LOST = Finding(
    code="PGS101",
    check="rows",
    severity=Severity.ERROR,
    object="public.sales",
    message="1 row is gone",
    before=3,
    after=2,
    samples=(RowSample(key={"id": "17"}, before={"customer_name": "Ada Lovelace", "note": None}, after=None),),
    remedy="keep the row",
    statement=Cited(text="delete from sales where id = 17", file="phase4.sql", line=12),
    declared=True,
)
CHANGED = Finding(
    code="PGS201",
    check="values",
    severity=Severity.WARNING,
    object="public.sales.total",
    message="1 value is another",
    samples=(RowSample(key={"id": "18"}, before={"total": "1.50"}, after={"total": None}),),
)
ANNOUNCED = Finding(
    code="PGS301",
    check="schema",
    severity=Severity.NOTE,
    object="public.sales.customer_name",
    message="dropped",
    reason="phase 4: read through customers",
)
RESULT = Result(
    steps=(
        Step(name="restore", seconds=1.25, outcome=Outcome.PASSED),
        Step(name="rollback", seconds=0.0, outcome=Outcome.SKIPPED, reason="no way back is configured"),
    ),
    source={"server_version": "15.18", "database": "crm_staging"},
    server={"kind": "local", "version": "15.18", "origin": "/usr/lib/postgresql/15/bin"},
    changes=(
        Change(kind="column", action=Action.DROPPED, object="public.sales.customer_name"),
        Change(
            kind="index", action=Action.CHANGED, object="public.i", attribute="columns", before=("a", None), after=()
        ),
        Change(
            kind="table", action=Action.CHANGED, object="public.t", attribute="estimate", before=float("nan"), after=1
        ),
    ),
    findings=(LOST, CHANGED, ANNOUNCED),
    relations=15,
    rows=123456,
    not_verified=(NotVerified(object="public.remote", reason="a foreign table"),),
    unused={"rollback": "no way back is configured"},
)
NASTY = "</td><script>alert(1)</script> | `a` *b* [c](http://x) <details> ```\n# d\x1b[31m"


def rendered(result: Result) -> Any:
    """Return the JSON report as a tool reads it: strictly."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(json_report.render(result), parse_constant=refuse)


def test_the_page_counts_the_tables_that_stayed_as_they_were() -> None:
    """One with a change, one that was not compared or not read, and a new one are not among them."""
    rows = {
        "public.t": (3, 3), "public.same": (1_000, 1_000), "public.still": (5, 5), "public.fewer": (3, 2),
        "public.remote": (9, 9), "public.new": (None, 4), "public.unread": (None, None), "public.sales": (8, 8),
    }  # fmt: skip
    tables = [TableFacts(table=name, rows=both, bytes=(0, 0), touched=False) for name, both in rows.items()]
    found = replace(RESULT, measured=Measured(tables=tuple(tables)))
    page = html.render(found)
    assert "2 tables with the same content: 1,005 rows, compared whole" in page
    assert [name for name in rows if f'<th scope="row">{name}</th><td class="number">' in page] == [
        "public.same", "public.still"
    ]  # fmt: skip
    one = frozenset({"public.same"})
    part = html.render(replace(found, reread=Reread(touched=frozenset(), untouched=one)))
    assert "1,005 rows; 1 proven not to have been written to, the others compared whole" in part
    whole = html.render(replace(found, reread=Reread(touched=frozenset(), untouched=one | {"public.still"})))
    assert "1,005 rows, proven not to have been written to" in whole
    assert "same content" not in html.render(RESULT)


def test_json_is_the_contract() -> None:
    found = rendered(RESULT)
    assert found["format"] == "pgsafe-report/1"
    assert found["result"] == "failed"
    assert found["source"] == {"server_version": "15.18", "database": "crm_staging"}
    assert found["server"]["kind"] == "local"
    assert found["steps"][0] == {"name": "restore", "seconds": 1.25, "outcome": "passed", "reason": None}
    assert found["steps"][1]["reason"] == "no way back is configured"
    column, index, table = found["changes"]
    assert (column["kind"], column["object"], column["before"]) == ("column", "public.sales.customer_name", None)
    assert (index["before"], index["after"]) == (["a", None], [])
    assert table["before"] == "nan"
    assert found["findings"][0] == {
        "code": "PGS101",
        "check": "rows",
        "severity": "error",
        "object": "public.sales",
        "message": "1 row is gone",
        "before": 3,
        "after": 2,
        "samples": [{"key": {"id": 17}, "before": {"customer_name": "Ada Lovelace", "note": None}, "after": None}],
        "reason": None,
        "remedy": "keep the row",
        "revision": None,
        "statement": {"file": "phase4.sql", "line": 12, "text": "delete from sales where id = 17"},
        "declared": True,
    }
    assert found["findings"][1]["samples"][0]["after"] == {"total": None}
    assert found["compared"] == {
        "relations": 15,
        "rows": 123456,
        "not_verified": [{"object": "public.remote", "reason": "a foreign table"}],
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("17", 17),
        ("-3", -3),
        ("0", 0),
        ("007", "007"),
        ("-0", "-0"),
        ("1.0", "1.0"),
        ("9007199254740991", 9007199254740991),
        ("9007199254740993", "9007199254740993"),
        ("٣", "٣"),
        (None, None),
    ],
)
def test_a_key_is_a_number_where_every_reader_has_it_exactly(text: str | None, value: object) -> None:
    assert json_report.key_value(text) == value


@pytest.mark.parametrize(
    "result",
    [
        RESULT,
        replace(RESULT, findings=()),
        Result(steps=(), source={}, server={}, interrupted="interrupted"),
        replace(RESULT, source={"server_version": "15.18", "database": "x", "from": "a.sql"}),
    ],
)
def test_json_keeps_to_the_schema_that_ships(result: Result) -> None:
    schema = json_report.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(rendered(result), schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("result",), "fine"),
        (("steps", 0, "outcome"), "ok"),
        (("findings", 0, "severity"), "fatal"),
        (("findings", 0, "samples", 0, "key"), None),
        (("compared", "rows"), -1),
        (("server", "kind"), "cloud"),
        (("format",), "pgsafe-report/2"),
    ],
)
def test_the_schema_refuses_what_the_contract_does_not_say(path: tuple[str | int, ...], value: object) -> None:
    found = place = rendered(RESULT)
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, json_report.schema(), cls=jsonschema.Draft202012Validator)


def test_the_schema_allows_more_keys() -> None:
    found = rendered(RESULT)
    found["more"] = found["steps"][0]["more"] = found["findings"][0]["more"] = {}
    jsonschema.validate(found, json_report.schema(), cls=jsonschema.Draft202012Validator)


def test_markdown_shows_keys_and_never_values() -> None:
    text = markdown.render(RESULT)
    assert text.startswith("## pgsafe: ❌ not safe\n")
    assert "15 relations (123,456 rows) compared, 1 not verified" in text
    assert "row id=17" in text
    assert "row id=18" in text
    for value in ("Ada", "1.50", "id = 17"):
        assert value not in text
    assert "by phase4.sql:12 delete from sales where id = …" in text
    assert "on purpose: phase 4: read through customers" in text
    assert "<summary>3 changes</summary>" in text
    assert text.count("<details>") == text.count("</details>")


def test_markdown_has_a_limit() -> None:
    many = tuple(replace(LOST, object=f"public.t{number}", samples=()) for number in range(1000))
    changes = tuple(replace(RESULT.changes[0], object=f"public.t.c{number}") for number in range(5000))
    text = markdown.render(replace(RESULT, findings=many, changes=changes))
    assert len(text) < 65536
    assert "… and 900 more" in text
    assert text.count("<details>") == text.count("</details>")
    # Whatever a finding says, the verdict is there.
    endless = markdown.render(replace(RESULT, findings=(replace(LOST, message="x " * 40_000),)))
    assert len(endless) < 65536
    assert endless.startswith("## pgsafe: ❌ not safe\n")


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_nothing_of_a_database_breaks_a_report(form: str) -> None:
    sample = RowSample(key={NASTY: NASTY}, before={NASTY: NASTY}, after={NASTY: None})
    finding = replace(LOST, object=NASTY, message=NASTY, before=NASTY, remedy=NASTY, reason=NASTY, samples=(sample,))
    result = Result(
        steps=(Step(name=NASTY, seconds=0, outcome=Outcome.FAILED, reason=NASTY),),
        source={"database": NASTY},
        server={NASTY: NASTY},
        changes=(replace(RESULT.changes[0], kind=NASTY, object=NASTY, attribute=NASTY, before=NASTY, after=(NASTY,)),),
        findings=(finding, replace(finding, severity=Severity.NOTE)),
        not_verified=(NotVerified(object=NASTY, reason=NASTY),),
        unused={NASTY: NASTY},
        interrupted=NASTY,
    )
    if form == "html":
        page = html.render(result)
        # The one script is the page's own, and no other may run.
        assert page.count("<script") == 1
        assert "<script>alert" not in page
        assert "<details> ```" not in page
        tags = Tags()
        tags.feed(page)
        assert not tags.open
        assert not tags.links
        return
    text = markdown.render(result)
    fenced = re.sub(r"^(`{3,})text\n.*?\n\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert fenced.count("<details>") == fenced.count("</details>")
    assert "<script" not in fenced
    assert "\n# d" not in fenced
    cells = {line.replace("\\|", "").count("|") for line in fenced.splitlines() if line.startswith("| error")}
    assert cells == {5}


class Tags(HTMLParser):
    """Which elements were left open, and what leads elsewhere or runs something."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # Nothing of others is a link, a style or a handler.
        self.links += [name for name, _ in attrs if name in {"href", "src", "style"} or name.startswith("on")]
        if tag not in {"meta", "br", "input"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_says_the_statement_of_several_findings_once() -> None:
    result = replace(RESULT, findings=(LOST, replace(LOST, object="public.other", declared=True)))
    page = html.render(result)
    assert page.count('<p class="statement"><code>phase4.sql:12 ') == 1
    assert "<dt>statement</dt>" not in page
    page = html.render(replace(result, findings=(LOST, replace(LOST, object="public.other", declared=False))))
    assert page.count("<dt>statement</dt>") == 1


def test_html_is_whole_and_self_contained() -> None:
    page = html.render(RESULT)
    assert page.startswith("<!DOCTYPE html>")
    for outside in ("http:", "https:", " src=", " href=", "url(", "@import"):
        assert outside not in page
    script = page.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert "default-src 'none'" in page
    for text in ("Ada Lovelace", "1 row is gone", "public.remote", "phase 4: read through customers", "1.25"):
        assert text in page


@pytest.mark.parametrize(
    ("before", "after", "one", "two"),
    [
        ("8.75", "9.00", ("", "8.75", ""), ("", "9.00", "")),
        ("Acme 12", "ACME 12", ("A", "cme", " 12"), ("A", "CME", " 12")),
        ("aa", "aaa", ("aa", "", ""), ("aa", "a", "")),
        ("", "x", ("", "", ""), ("", "x", "")),
        ("same", "same", ("same", "", ""), ("same", "", "")),
    ],
)
def test_what_differs_is_marked(before: str, after: str, one: tuple[str, str, str], two: tuple[str, str, str]) -> None:
    assert html.marked(before, after) == (one, two)


def test_one_count_is_no_difference() -> None:
    # 2,000 rows with another value: nothing was counted before.
    changed = replace(CHANGED, severity=Severity.ERROR, before=None, after=2000)
    page = html.render(replace(RESULT, findings=(changed,)))
    assert "Before" not in page
    assert "before nothing" not in page


def test_a_finding_with_its_evidence() -> None:
    assert finding_lines(LOST) == [
        "PGS101 error: public.sales: 1 row is gone",
        "  before: 3",
        "  after: 2",
        "  row id=17: gone, was customer_name=Ada Lovelace, note=NULL",
        "  by: phase4.sql:12 delete from sales where id = 17",
        "  remedy: keep the row",
    ]
    assert finding_lines(CHANGED)[1:] == ["  row id=18: total: 1.50 -> NULL"]
    assert finding_lines(ANNOUNCED)[1:] == ["  announced: phase 4: read through customers"]


def test_what_did_it() -> None:
    assert cause(ANNOUNCED) is None
    named = "phase4.sql:12 delete from sales where id = 17"
    assert cause(LOST) == named
    assert cause(replace(LOST, declared=False)) == f"{named} (which does not name it)"
    assert "no statement of the migration names it" in str(cause(replace(ANNOUNCED, declared=False)))
    long = cause(replace(LOST, statement=Cited.of("select\n\x1b[2J" + "x" * 300)))
    assert long is not None
    assert len(long) == SHOWN
    assert long.startswith("select \\x1b[2Jx")


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        (RowSample(key={"a": "1", "b": None}, before=None, after=None), "row a=1, b=NULL"),
        (RowSample(key={"id": "1"}, before=None, after={"x": "y"}), "row id=1: new, is x=y"),
        (RowSample(key={}, before={"x": ""}, after=None), "row: gone, was x=''"),
        (RowSample(key={"id": "1"}, before={"x": "NULL"}, after={"x": None}), "row id=1: x: 'NULL' -> NULL"),
        (RowSample(key={"id": "1"}, before={"x": "a", "y": "b"}, after={"x": "a", "y": "c"}), "row id=1: y: b -> c"),
        (RowSample(key={"id": "1"}, before={"s.c": "a"}, after={"c.n": "b"}), "row id=1: s.c=a but c.n=b"),
        (RowSample(key={"id": "1"}, before={"x": "a\nb\x1b[2J"}, after=None), r"row id=1: gone, was x=a\nb\x1b[2J"),
    ],
)
def test_a_row_in_one_line(sample: RowSample, text: str) -> None:
    assert finding_lines(replace(LOST, samples=(sample,)))[3] == f"  {text}"


def test_the_summary() -> None:
    lines = summary(RESULT, short=False)
    texts = [line.text for line in lines]
    assert texts[0] == (
        "pgsafe failed: 15 relations (123,456 rows) compared, 1 not verified · 1 error, 1 warning, 1 note"
    )
    assert lines[0].tone == "bad"
    assert texts[1:3] == [
        "phase4.sql:12 delete from sales where id = 17",
        "  PGS101 error: public.sales: 1 row is gone",
    ]
    assert texts[3].startswith("PGS201 warning: ")
    assert "not verified: public.remote: a foreign table" in texts
    assert texts[-2].split() == ["restore", "1.25", "s", "passed"]
    assert "no way back is configured" in texts[-1]
    assert [line.text for line in summary(RESULT, short=True)] == [texts[0]]


def test_what_was_compared_is_said_in_every_case() -> None:
    nothing = Result(steps=(), source={}, server={})
    assert counted(nothing) == "0 relations (0 rows) compared, 0 not verified"
    assert counted(replace(nothing, relations=1, rows=1)) == "1 relation (1 row) compared, 0 not verified"
    assert severities(nothing) == "no findings"


def test_reports_are_written_whole(tmp_path: Path) -> None:
    files = [tmp_path / "new" / f"out{suffix}" for suffix in FORMATS]
    write(RESULT, files, private=False)
    for file in files:
        assert file.read_text(encoding="utf-8") == FORMATS[format_of(file)](RESULT)
        assert file.stat().st_mode & 0o077 == 0o044
    # With rows' values they are their owner's alone; Markdown never holds any.
    write(RESULT, files)
    assert {format_of(file): file.stat().st_mode & 0o777 for file in files} == {
        ending: 0o600 if ending in {".json", ".html"} else 0o644 for ending in FORMATS
    }
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(f"out{ending}" for ending in FORMATS)


def test_one_report_that_cannot_be_written_does_not_take_the_others_along(tmp_path: Path) -> None:
    (tmp_path / "out.json").mkdir()
    (tmp_path / "out.json" / "x").touch()
    with pytest.raises(OSError, match=r"out\.json"):
        write(RESULT, [tmp_path / "out.json", tmp_path / "out.md"])
    assert (tmp_path / "out.md").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "out.md"]


@pytest.mark.parametrize("short", [False, True])
def test_what_was_left_running_is_said(short: bool) -> None:
    lines = summary(replace(RESULT, kept="connect: psql\nstop it: kill 17"), short=short)
    assert "kept: connect: psql\nstop it: kill 17" in [line.text for line in lines]
