"""Reports for tools: SARIF, CTRF and GitHub's workflow commands; none of them shows a value of a row."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from pytest_pgsafe.cli import run
from pytest_pgsafe.config import Way
from pytest_pgsafe.plugin import github
from pytest_pgsafe.reading.values import Cited
from pytest_pgsafe.rehearsal.measured import File, Measured
from pytest_pgsafe.rehearsal.values import Outcome, Result, Step
from pytest_pgsafe.report import codequality, ctrf, sarif
from pytest_pgsafe.report.annotations import commands
from pytest_pgsafe.report.located import located
from pytest_pgsafe.report.write import FORMATS, format_of
from test_report_render import ANNOUNCED, CHANGED, LOST, RESULT

STOPPED = Result(
    steps=(Step(name="migrate", seconds=1.5, outcome=Outcome.FAILED, reason="m.sql:2: 100% no\nmore"),),
    source={},
    server={},
)
#: Of SARIF's own schema what readers rely on.
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "results": {
                        "items": {
                            "required": ["ruleId", "level", "message", "locations", "partialFingerprints"],
                            "properties": {
                                "level": {"enum": ["error", "warning", "note", "none"]},
                                "message": {"required": ["text"]},
                                "locations": {
                                    "minItems": 1,
                                    "items": {
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "required": ["artifactLocation"],
                                                "properties": {
                                                    "region": {
                                                        "properties": {"startLine": {"type": "integer", "minimum": 1}}
                                                    }
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        }
                    }
                },
            }
        },
    },
}


def test_sarif() -> None:
    found = json.loads(sarif.render(RESULT))
    jsonschema.validate(found, SARIF)
    [run_] = found["runs"]
    assert [rule["id"] for rule in run_["tool"]["driver"]["rules"]] == ["PGS101", "PGS201", "PGS301"]
    lost, changed, announced = run_["results"]
    assert lost["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "phase4.sql"},
        "region": {"startLine": 12},
    }
    assert changed["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "pgsafe.toml"}}
    assert announced["suppressions"] == [{"kind": "external", "justification": "phase 4: read through customers"}]
    assert [one["level"] for one in run_["results"]] == ["error", "warning", "note"]
    assert run_["invocations"][0]["executionSuccessful"]
    # Numbers differ from day to day; it is the same finding.
    again = json.loads(sarif.render(replace(RESULT, findings=(replace(LOST, message="2 rows are gone", before=9),))))
    assert again["runs"][0]["results"][0]["partialFingerprints"] == lost["partialFingerprints"]
    stopped = json.loads(sarif.render(STOPPED))["runs"][0]["invocations"][0]
    assert not stopped["executionSuccessful"]
    assert "m.sql:2" in stopped["toolExecutionNotifications"][0]["message"]["text"]


def test_ctrf() -> None:
    found = json.loads(ctrf.render(RESULT))
    assert found["reportFormat"] == "CTRF"
    results = found["results"]
    assert [(test["name"], test["status"]) for test in results["tests"]] == [
        ("restore", "passed"),
        ("rollback", "skipped"),
        ("pgsafe.toml::rows", "failed"),
        ("pgsafe.toml::values", "passed"),
        ("pgsafe.toml::schema", "passed"),
    ]
    assert {key: results["summary"][key] for key in ("tests", "passed", "failed", "skipped", "pending", "other")} == {
        "tests": 5, "passed": 3, "failed": 1, "skipped": 1, "pending": 0, "other": 0,
    }  # fmt: skip
    assert all(isinstance(test["duration"], int) for test in results["tests"])
    assert (results["summary"]["start"], results["summary"]["stop"]) == (0, 1250)
    timed = json.loads(ctrf.render(replace(RESULT, time="2026-01-02T03:04:05+00:00")))["results"]["summary"]
    assert (timed["start"], timed["stop"]) == (1767323045000 - 1250, 1767323045000)
    broken = json.loads(ctrf.render(Result(steps=(), source={}, server={}, interrupted="interrupted")))
    assert broken["results"]["tests"][-1]["status"] == "failed"


def test_code_quality() -> None:
    lost, changed = json.loads(codequality.render(RESULT))
    assert lost["location"] == {"path": "phase4.sql", "lines": {"begin": 12}}
    assert changed["location"] == {"path": "pgsafe.toml", "lines": {"begin": 1}}
    assert [one["severity"] for one in (lost, changed)] == ["critical", "minor"]
    assert lost["check_name"] == "PGS101"
    assert lost["fingerprint"] != changed["fingerprint"]
    [stopped] = json.loads(codequality.render(STOPPED))
    assert stopped["severity"] == "blocker"
    assert "m.sql:2" in stopped["description"]


@pytest.mark.parametrize("ending", [".sarif", ".ctrf.json", ".codequality.json", ".md"])
def test_what_tools_get_holds_no_value(ending: str) -> None:
    text = FORMATS[ending](RESULT)
    assert "row id=17" in text
    for value in ("Ada", "1.50", "id = 17"):
        assert value not in text


def test_annotations() -> None:
    lost, changed = commands(located(RESULT, {"phase4.sql": "db/phase4.sql"}))
    assert lost.startswith("::error file=db/phase4.sql,line=12,title=PGS101 public.sales::public.sales: 1 row is gone")
    assert changed.startswith("::warning title=PGS201 public.sales.total::")
    assert "Ada" not in lost
    [stopped] = commands(STOPPED)
    assert stopped == "::error title=step migrate failed::m.sql:2: 100%25 no%0Amore"
    assert commands(replace(RESULT, findings=(ANNOUNCED,))) == []


def test_a_finding_without_a_line_is_shown_where_its_revision_is_written() -> None:
    cited = replace(LOST, statement=Cited(text="select 1", file="versions/a1.py"))
    by_revision = replace(CHANGED, statement=None, revision="b2")
    measured = Measured(files=(File(name="versions/b2.py", sha256="0" * 64, revision="b2"),))
    paths = {"versions/a1.py": "db/versions/a1.py", "versions/b2.py": "db/versions/b2.py"}
    found = located(replace(RESULT, findings=(cited, by_revision), measured=measured), paths)
    first, second = commands(found)
    assert first.startswith("::error file=db/versions/a1.py,line=1,title=")
    assert second.startswith("::warning file=db/versions/b2.py,line=1,title=")
    places = [one["locations"][0]["physicalLocation"] for one in json.loads(sarif.render(found))["runs"][0]["results"]]
    assert [one["artifactLocation"]["uri"] for one in places] == ["db/versions/a1.py", "db/versions/b2.py"]
    assert [one["location"]["path"] for one in json.loads(codequality.render(found))] == [*paths.values()]
    assert str(cited.statement) == "versions/a1.py select 1"


def test_nothing_of_a_database_forges_a_command() -> None:
    nasty = replace(LOST, object='public."a\n::set-output name=x::y,b:c"', message="x\r\n::error::forged %0A")
    text = "\n".join(commands(replace(RESULT, findings=(nasty,))))
    assert [line for line in text.splitlines() if line.startswith("::")] == [text]
    assert "%250A" in text
    title = text.partition("title=")[2].partition("::")[0]
    assert "," not in title


def test_the_summary_of_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert github.tell(RESULT) == commands(RESULT)
    assert summary.read_text(encoding="utf-8").startswith("before\n## pgsafe: ❌ not safe\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    assert "cannot be written" in github.tell(RESULT)[-1]


def test_the_paths_of_files(tmp_path: Path) -> None:
    folder = tmp_path / "db" / "migrations"
    folder.mkdir(parents=True)
    (folder / "1_a.sql").touch()
    (tmp_path / "one.sql").touch()
    assert github.paths(Way(kind="sql", path=folder), tmp_path) == {"1_a.sql": "db/migrations/1_a.sql"}
    assert github.paths(Way(kind="sql", path=tmp_path / "one.sql"), tmp_path) == {"one.sql": "one.sql"}
    (tmp_path / "db" / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    (folder / "a1.py").touch()
    paths = github.paths(Way(kind="alembic", path=tmp_path / "db" / "alembic.ini"), tmp_path)
    assert paths["migrations/a1.py"] == "db/migrations/a1.py"
    # Where the scripts are cannot be told.
    (tmp_path / "db" / "alembic.ini").write_text("[alembic]\nscript_location = package:migrations\n")
    assert github.paths(Way(kind="alembic", path=tmp_path / "db" / "alembic.ini"), tmp_path) == {}
    # Outside of the project there is no path that a host of code knows.
    assert github.paths(Way(kind="sql", path=tmp_path / "one.sql"), folder) == {}
    assert github.paths(Way(kind="run", command="true"), tmp_path) == {}
    assert located(RESULT, {}).findings == RESULT.findings
    assert located(replace(RESULT, findings=(CHANGED,)), {"x": "y"}).findings == (CHANGED,)


@pytest.mark.parametrize("name", ["x.json", "x.ctrf.json", "x.codequality.json", "x.sarif"])
def test_the_longest_ending_counts(name: str) -> None:
    assert f"x{format_of(Path(name))}" == name
    with pytest.raises(KeyError):
        format_of(Path("x.txt"))


@pytest.mark.parametrize("code", ["PGS201", "pgs201", "201", "values-changed"])
def test_a_code_is_explained(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", code]) == 0
    said = capsys.readouterr().out
    assert said.startswith("PGS201 values-changed\n")
    assert "what to do: Write the new value to a new column" in said


def test_a_code_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "PGS210"]) == 4
    assert "do you mean" in (said := capsys.readouterr().err)
    assert "PGS201" in said
    assert run(["explain", "values-change"]) == 4
    assert "values-changed" in capsys.readouterr().err.partition("known are")[0]


@pytest.mark.parametrize(
    ("typed", "meant"), [("verison", "--version"), ("verfy", "verify"), ("stauts", "status"), ("explian", "explain")]
)
def test_a_command_that_is_nearly_one(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([typed]) == 4
    assert f"there is no command '{typed}': do you mean pgsafe {meant}?" in capsys.readouterr().err
    assert run(["zzzzzz"]) == 4
    assert "do you mean" not in capsys.readouterr().err
