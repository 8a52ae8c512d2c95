"""Names and messages of others move no cursor, turn no line round and forge none, wherever they are printed."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.cli.answer import Answer, give, say_error
from pytest_pgsafe.compare.values import Action, Change
from pytest_pgsafe.errors import PgsafeError
from pytest_pgsafe.rehearsal.values import Outcome, Result, Step
from pytest_pgsafe.report.terminal import finding_lines, summary
from pytest_pgsafe.report.write import FORMATS, write
from pytest_pgsafe.snapshot.values import NotVerified, RowSample
from pytest_pgsafe.visible import in_json, indented, one_line, visible

#: ESC, BEL, CR, BS, CSI (C1), NEL, line separators, marks of direction, soft hyphen, no-width blanks, a lone byte.
BAD = "\x1b[2J\x07\r\x08\x9b31m\x85\u2028\u2029\u202e\u2066\u200f\u061c\xad\u200b\ufeff\x00\x7f\udcff"
NAME = f'public."t{BAD}\npgsafe passed: 1 relation"'


def result(name: str = NAME) -> Result:
    finding = Finding(
        code="PGS101", check="rows", severity=Severity.ERROR, object=name, message=f"{name}: 1 row is gone",
        before=name, after=name, reason=name, remedy=name, revision=name,
        samples=(RowSample(key={name: name}, before={name: name}, after=None),),
    )  # fmt: skip
    return Result(
        steps=(Step(name=name, seconds=1, outcome=Outcome.FAILED, reason=f"{name} failed"),),
        source={"database": name}, server={"version": name}, findings=(finding,),
        changes=(Change(kind="column", action=Action.CHANGED, object=name, attribute=name, before=name, after=name),),
        not_verified=(NotVerified(object=name, reason=name),), unused={name: name}, interrupted=f"x\n{name}",
        kept="psql", baseline=name,
    )  # fmt: skip


def unseen(text: str, allowed: str = "\n") -> list[str]:
    """Return what a terminal would not show as it stands."""
    return [one for one in text if unicodedata.category(one)[0] == "C" and one not in allowed]


@pytest.mark.parametrize("suffix", list(FORMATS))
def test_reports(suffix: str) -> None:
    text = FORMATS[suffix](result())
    text.encode()
    # A space of no width keeps GitHub from telling the people whose name follows an @.
    assert not unseen(text, "\n\u200b" if suffix == ".md" else "\n")
    assert "202e" in text


def test_json_holds_the_names_as_they_are() -> None:
    assert json.loads(FORMATS[".json"](result()))["findings"][0]["object"] == NAME


def test_the_terminal() -> None:
    lines = [line.text for line in summary(result(), short=False)] + finding_lines(result().findings[0])
    assert not unseen("\n".join(lines))
    seen = "\n".join(lines).split("\n")
    assert not [line for line in seen if line.startswith("pgsafe passed")]
    assert any(line.startswith("pgsafe error") for line in seen)
    assert "\\x1b[2J" in "".join(lines)


def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    give("x", Answer(passed=True, lines=[NAME], warnings=[NAME]), as_json=False)
    say_error(PgsafeError(NAME, looked_at=[NAME], remedies=[NAME]), as_json=False)
    printed = "\n".join(capsys.readouterr())
    assert not unseen(printed)
    assert not [line for line in printed.splitlines() if line.startswith("pgsafe passed")]
    give("x", Answer(passed=True, lines=[], data={"name": NAME}), as_json=True)
    printed = capsys.readouterr().out
    assert not unseen(printed)
    assert json.loads(printed)["name"] == NAME


@given(st.text())
def test_what_is_printed_is_to_be_seen(text: str) -> None:
    assert not unseen(visible(text), "\n\t")
    assert not unseen(one_line(text), "\t")
    assert all(line[:1] in {" ", ""} for line in indented(text).split("\n")[1:])
    assert json.loads(in_json(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.parametrize("text", ["Ünïcode 表 таблица 🦙 …", "two\nlines\tand a tab", 'public."Ärger"'])
def test_other_letters_stay(text: str) -> None:
    assert visible(text) == text


def test_a_report_with_a_byte_that_is_no_character_can_be_written(tmp_path: Path) -> None:
    files = [tmp_path / f"r{suffix}" for suffix in FORMATS]
    write(result("caf\udce9.sql"), files)
    assert all("udce9" in file.read_text(encoding="utf-8") for file in files)
