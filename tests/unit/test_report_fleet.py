"""The report of a fleet: what is wrong by equal causes first, what is safe as a number, nothing lost, nothing shown."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
from rich.cells import cell_len

from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.fleet.gather import MOST
from pytest_pgsafe.fleet.schemas import Schemas
from pytest_pgsafe.fleet.values import Absence
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.report import json as json_report
from pytest_pgsafe.report.annotations import commands
from pytest_pgsafe.report.fleet import ctrf, html, markdown
from pytest_pgsafe.report.fleet.digest import digest
from pytest_pgsafe.report.fleet.gathered import gathered
from pytest_pgsafe.report.fleet.json import document
from pytest_pgsafe.report.fleet.terminal import summary
from pytest_pgsafe.report.fleet.write import folder, page_names, write
from pytest_pgsafe.report.terminal import wrapped
from pytest_pgsafe.report.write import FORMATS
from test_report_tools import SARIF
from tests.unit.fleets import BROKEN, SAFE, SECRET, STOPPED, WARNED, fleet, lost, member

#: Five lose rows, two stop, one is away, one was not sampled; two have another schema.
RESULTS: dict[str, Result | Absence] = {
    **{f"tenant_{number}": SAFE for number in range(1, 12)},
    **{f"tenant_{number}": replace(SAFE, findings=(lost(number), WARNED)) for number in (3, 5, 6, 7, 8)},
    "tenant_9": STOPPED,
    "tenant_10": STOPPED,
    "tenant_12": Absence.UNREACHABLE,
    "tenant_13": Absence.NOT_SAMPLED,
}
ODD = ("tenant_4", "tenant_8")


def shown(
    folder_: Path, *, short: bool = False, whole: bool = False, results: dict[str, Result | Absence] = RESULTS
) -> str:
    told = fleet(folder_, results, odd=ODD, sample="12 at random (seed 7)").whole
    return "\n".join(line.text for line in summary(told, short=short, whole=whole))


def test_the_terminal_tells_equal_causes_once(tmp_path: Path) -> None:
    lines = shown(tmp_path).splitlines()
    assert lines[0].startswith(
        "pgsafe failed: 12 members: 7 not safe, 1 without a verdict, 4 safe · 1 member not judged"
    )
    assert "schema drift: 2 of 11 members" in lines[0]
    assert "longest strong lock 20 ms (tenant_1: public.orders)" in lines[0]
    [told] = [line for line in lines if "PGS101" in line]
    assert told == ("5 members: PGS101 error: public.orders: 3 rows are gone (of tenant_3; of the others alike)")
    assert "2 members: step migrate failed: m.sql:3: 42P01: no" in lines
    assert "tenant_12: no verdict: connection refused" in lines
    assert "not judged: not in the sample: tenant_13" in lines
    assert any(
        line.split()[:3] == ["tenant_8", "not", "safe"] and line.endswith("index public.i_x is missing")
        for line in lines
    )
    assert any(line.startswith("4 members safe: 4,000 rows") for line in lines)
    assert not any(line.split()[:2] == ["tenant_1", "safe"] for line in lines)
    assert "schema: tenant_4, tenant_8: index public.i_x is missing" in lines
    assert lines.index(told) < lines.index("tenant_12: no verdict: connection refused")


def test_the_terminal_says_more_and_less(tmp_path: Path) -> None:
    assert len(shown(tmp_path, short=True).splitlines()) == 1
    kept = fleet(tmp_path, {"a": replace(STOPPED, kept="psql host=x")}).whole
    assert [line.text for line in summary(kept, short=True)][1:] == ["kept of a: psql host=x"]
    assert any(line.split()[:2] == ["tenant_1", "safe"] for line in shown(tmp_path, whole=True).splitlines())


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_is_as_wide_as_it_is(tmp_path: Path, width: int) -> None:
    for line in shown(tmp_path, whole=True).splitlines():
        if line.startswith("  if it is meant: "):
            # It is copied into a file, where a break would be an error.
            continue
        assert all(cell_len(part) <= width for part in wrapped(line, width).splitlines()), line


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ({"a": SAFE, "b": SAFE}, "passed"),
        ({"a": SAFE, "b": replace(SAFE, findings=(lost(1),))}, "failed"),
        ({"a": SAFE, "b": STOPPED}, "failed"),
        ({"a": SAFE, "b": BROKEN}, "error"),
        ({"a": SAFE, "b": replace(BROKEN, steps=STOPPED.steps)}, "error"),
        ({"a": SAFE, "b": Absence.UNREACHABLE}, "error"),
        ({"a": SAFE, "b": Absence.DEADLINE}, "error"),
        ({"a": SAFE, "b": Absence.DIED}, "error"),
        ({"a": SAFE, "b": Absence.FAIL_FAST}, "error"),
        ({"a": SAFE, "b": Absence.NOT_BEGUN}, "error"),
        ({"a": SAFE, "b": replace(BROKEN, absent="died")}, "error"),
        ({"a": SAFE, "b": Absence.NOT_SAMPLED}, "passed"),
        ({"a": SAFE, "b": Absence.NOT_SELECTED}, "passed"),
        ({"a": Absence.NOT_SAMPLED}, "error"),
        ({}, "error"),
        ({"a": STOPPED, "b": Absence.UNREACHABLE}, "failed"),
    ],
)
def test_the_verdict_is_that_of_the_worst(tmp_path: Path, results: dict[str, Result | Absence], verdict: str) -> None:
    told = fleet(tmp_path, results)
    assert told.whole.verdict == verdict
    assert digest(told.public).verdict == verdict
    assert fleet(tmp_path, results, interrupted="interrupted").whole.verdict == "error"
    found = json.loads(json.dumps(document(told.whole, {})))
    assert found["result"] == verdict
    jsonschema.validate(found, json_report.schema(), cls=jsonschema.Draft202012Validator)
    # failed if and only if there is an error finding or a failed step, which readers rely on.
    errors = [one for one in found["findings"] if one["severity"] == "error"]
    stopped = [one for one in found["steps"] if one["outcome"] == "failed"]
    assert (verdict == "failed") == bool(errors or stopped)


def test_json_names_each_member_and_its_report(tmp_path: Path) -> None:
    told = fleet(tmp_path, RESULTS, odd=ODD, sample="seed 7").whole
    found = document(told, {"tenant_3": "pgsafe.members/tenant_3.json"})
    members = {one["name"]: one for one in found["fleet"]["members"]}
    assert members["tenant_3"] == {
        "name": "tenant_3", "source": "host/tenant_3", "database": "tenant_3", "result": "failed", "absent": None,
        "reason": None, "relations": 20, "rows": 1000, "not_verified": 1, "seconds": 1.5, "migration_seconds": 0.25,
        "longest_lock": {"relation": "public.orders", "mode": "AccessExclusiveLock", "held_seconds": 0.02},
        "findings": {"error": 1, "warning": 1, "note": 0}, "codes": {"PGS101": 1, "PGS501": 1},
        "schema": members["tenant_1"]["schema"], "differences": 0, "report": "pgsafe.members/tenant_3.json",
    }  # fmt: skip
    assert (members["tenant_8"]["differences"], members["tenant_12"]["differences"]) == (1, None)
    assert (members["tenant_12"]["result"], members["tenant_12"]["absent"]) == ("error", "unreachable")
    assert (members["tenant_13"]["result"], members["tenant_13"]["absent"]) == (None, "not_sampled")
    first = found["findings"][0]
    assert first["members"] == ["tenant_3", "tenant_5", "tenant_6", "tenant_7", "tenant_8"]
    assert first["message"].startswith(
        "5 members (tenant_3, tenant_5, tenant_6, tenant_7, tenant_8), of tenant_3: 3 rows"
    )
    migrate = next(one for one in found["steps"] if one["name"] == "migrate")
    assert migrate["outcome"] == "failed"
    assert "2 members (tenant_9, tenant_10): step migrate failed" in migrate["reason"]
    assert found["compared"]["rows"] == 11_000
    assert found["fleet"]["drift"]["not_known"] == ["tenant_12"]


def test_formats_of_tools_name_the_members_and_show_no_value(tmp_path: Path) -> None:
    told = fleet(tmp_path, RESULTS, odd=ODD)
    texts = {ending: (tmp_path / f"r{ending}") for ending in FORMATS}
    write(told.whole, told.public, list(texts.values()), results=lambda: iter(()))
    for ending in (".sarif", ".ctrf.json", ".codequality.json", ".md"):
        text = texts[ending].read_text("utf-8")
        assert "tenant_5" in text.replace("\\_", "_"), ending
        assert SECRET not in text, ending
    jsonschema.validate(json.loads(texts[".sarif"].read_text()), SARIF)
    tests = {one["name"]: one for one in json.loads(texts[".ctrf.json"].read_text())["results"]["tests"]}
    assert {name: one["status"] for name, one in tests.items() if name.endswith(("_1]", "_3]", "_12]", "_13]"))} == {
        "pgsafe.toml[tenant_1]": "passed", "pgsafe.toml[tenant_3]": "failed",
        "pgsafe.toml[tenant_12]": "failed", "pgsafe.toml[tenant_13]": "skipped",
    }  # fmt: skip
    assert "PGS101" in tests["pgsafe.toml[tenant_5]"]["message"]
    lines = commands(digest(told.public))
    assert any(line.startswith("::error title=PGS101 ") and "5 members (tenant_3" in line for line in lines)
    assert any("tenant_12" in line for line in lines)
    assert SECRET not in "\n".join(lines)
    # Who may see values sees them in the pages that are for their owner alone.
    assert SECRET in json.dumps(document(told.whole, {}))


def thousand(failed: int = 300) -> dict[str, Result | Absence]:
    return {
        f"customer_of_a_long_name_{number:04}": replace(
            SAFE, findings=(lost(number, f"public.orders_{number}"), WARNED)
        )
        if number < failed
        else SAFE
        for number in range(1000)
    }


@pytest.mark.parametrize("failed", [0, 300, 1000])
def test_a_comment_of_a_thousand_members_is_short_enough(tmp_path: Path, failed: int) -> None:
    results = thousand(failed)
    told = fleet(tmp_path, results, unknown=tuple(results)).public
    text = markdown.render(told)
    assert len(text.encode("utf-16-le")) // 2 < 65_536
    assert text.startswith("## pgsafe: " + ("❌ not safe" if failed else "✅ safe"))
    assert (f"{failed:,} not safe" in text) == bool(failed)
    lines = summary(told, short=False)
    assert len(lines) < 150


def test_no_member_that_failed_is_left_without_a_cause(tmp_path: Path) -> None:
    results = {
        name: replace(SAFE, findings=tuple(lost(1, f"public.{name}_{number}") for number in range(3)))
        for name in (f"t{number}" for number in range(MOST))
    }
    told = fleet(tmp_path, results, unknown=tuple(results)).whole
    assert {name for cause in told.causes for name in cause.members} == set(results)
    assert len(told.causes) + told.more_causes == 3 * MOST
    assert told.more_causes > 0


def test_what_others_wrote_breaks_nothing(tmp_path: Path) -> None:
    nasty = "</td><script>alert(1)</script> | `a` *b* [c](http://x)\n# d\x1b[31m"
    finding = replace(lost(1, f"public.{nasty}"), message=nasty, remedy=nasty)
    told = fleet(tmp_path, {"a": replace(SAFE, findings=(finding,)), "b": replace(STOPPED, interrupted=nasty)})
    page = html.render(told.whole, {"a": "x.members/a.html"})
    assert "<script" not in page
    assert "\x1b" not in page + markdown.render(told.public) + ctrf.render(told.public)
    HTMLParser().feed(page)
    assert not any(line.startswith("# d") for line in markdown.render(told.public).splitlines())
    for line in summary(told.whole, short=False, whole=True):
        assert "\x1b" not in line.text
        assert all(part[:1] in {" ", ""} for part in line.text.split("\n")[1:])


def results_of(found: Mapping[str, Result | Absence]) -> Iterator[tuple[str, Result]]:
    return ((name, one) for name, one in found.items() if isinstance(one, Result))


def test_each_member_has_files_of_its_own(tmp_path: Path) -> None:
    told = fleet(tmp_path, RESULTS, odd=ODD)
    page, report = tmp_path / "out" / "gate.html", tmp_path / "out" / "gate.json"
    write(told.whole, told.public, [page, report], results=lambda: results_of(RESULTS))
    members = folder(page)
    assert (members, folder(report)) == (tmp_path / "out" / "gate.members", members)
    assert len(list(members.glob("*.html"))) == len(list(members.glob("*.json"))) == 11
    links = [part.split('"')[0] for part in page.read_text().split('href="')[1:]]
    assert len(links) == 11
    assert all((page.parent / unquote(link)).is_file() for link in links)
    listed = json.loads(report.read_text())["fleet"]["members"]
    for one in listed:
        if one["report"] is not None:
            own = json.loads((report.parent / one["report"]).read_text())
            assert own["result"] == one["result"]
            jsonschema.validate(own, json_report.schema(), cls=jsonschema.Draft202012Validator)
    assert [one["name"] for one in listed if one["report"] is None] == ["tenant_12", "tenant_13"]
    own_page = (members / "tenant_3.html").read_text()
    assert 'href="../gate.html"' in own_page
    assert "tenant_3</h1>" in own_page
    if os.name == "posix":
        assert stat.S_IMODE((members / "tenant_3.json").stat().st_mode) == 0o600
        assert stat.S_IMODE(members.stat().st_mode) == 0o700


def test_pages_of_members_that_are_gone_are_removed_and_nothing_else(tmp_path: Path) -> None:
    report = tmp_path / "gate.json"
    for results in (RESULTS, {"tenant_1": SAFE}):
        told = fleet(tmp_path, results)
        write(told.whole, told.public, [report], results=lambda found=results: results_of(found))  # type: ignore[misc]
        (folder(report) / "mine.json").write_text("{}")
    assert sorted(path.name for path in folder(report).glob("*.json")) == ["mine.json", "tenant_1.json"]


def test_names_of_files_are_apart(tmp_path: Path) -> None:
    # The first is what the third would be called beside the second.
    hostile = f"ABC-{sha256(b'ABC').hexdigest()[:12]}"
    assert len({name.casefold() for name in page_names([hostile, "abc", "ABC"]).values()}) == 3
    found = page_names(["a", "A", "..", "a/b", "x" * 300, "x" * 301, "a%20b"])
    assert len({name.casefold() for name in found.values()}) == len(found)
    for name in found.values():
        (tmp_path / f"{name}.html").write_text("")
    assert found["a"] == "a"
    assert found["a%20b"] == "a%20b"
    assert len(list(tmp_path.iterdir())) == len(found)


def test_a_report_that_cannot_be_written_is_said_and_the_others_are_there(tmp_path: Path) -> None:
    told = fleet(tmp_path, {"a": SAFE})
    (tmp_path / "gate.members").write_text("in the way")
    with pytest.raises(OSError, match=r"gate\.members"):
        write(told.whole, told.public, [tmp_path / "gate.json"], results=lambda: iter([("a", SAFE)]))
    assert json.loads((tmp_path / "gate.json").read_text())["fleet"]["members"][0]["report"] is None


def test_warnings_and_their_announcement_are_told(tmp_path: Path) -> None:
    told = fleet(tmp_path, {"a": replace(SAFE, findings=(WARNED,)), "b": replace(SAFE, findings=(WARNED,))}).whole
    assert [(one.level, one.members) for one in told.causes] == [("warning", ("a", "b"))]
    text = "\n".join(line.text for line in summary(told, short=False))
    assert "2 members (a, b): PGS501 warning: public.orders: kept others out for 2 s" in text
    assert WARNED.severity is Severity.WARNING


def test_why_a_begun_member_has_no_verdict_is_told_as_it_was_said(tmp_path: Path) -> None:
    died = replace(
        BROKEN, absent="died", interrupted="gw1 is gone\n  looked at: its exit status: 9\n  remedy: more memory"
    )
    told = fleet(tmp_path, {"a": SAFE, "b": died}).whole
    [cause] = told.causes
    assert (cause.level, cause.members, cause.text) == ("no verdict", ("b",), "gw1 is gone (its exit status: 9)")
    assert document(told, {})["fleet"]["members"][1]["absent"] == "died"
    broken = fleet(tmp_path, {"b": BROKEN}).whole
    assert broken.causes[0].text == "RuntimeError: a defect"


def test_a_member_that_nobody_began_has_no_verdict(tmp_path: Path) -> None:
    told = gathered([member("a"), member("b")], read={"a": SAFE}.get, absences={}, schemas=Schemas(tmp_path)).whole
    assert [one.verdict for one in told.members] == ["passed", "error"]
    assert told.verdict == "error"


def test_a_link_leads_to_a_file_whose_name_is_escaped(tmp_path: Path) -> None:
    told, page = fleet(tmp_path, {"a%20b": SAFE}), tmp_path / "gate.html"
    write(told.whole, told.public, [page], results=lambda: iter([("a%20b", SAFE)]))
    assert 'href="gate.members/a%2520b.html"' in page.read_text()
    assert (tmp_path / "gate.members" / "a%20b.html").is_file()
