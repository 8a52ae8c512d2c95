"""The baseline: its form, what is written, and what is held against it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from builders import column, difference, evidence, index, sales, snapshot
from pytest_pgsafe.checks import BY_CODE, effects, judge
from pytest_pgsafe.checks.baseline import HEAD, Baseline, Section, parse, render
from pytest_pgsafe.checks.values import Evidence, Finding, Rules, Severity
from pytest_pgsafe.config import Settings
from pytest_pgsafe.config.values import Way
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.rehearsal import baseline

NAMES = effects.names(BY_CODE)
TEXT = """\
# Ours.

# Reviewed by Ann.
[a.sql]
# The addresses.
PGS201 values-changed public.sales.name  # upper case  # for good
PGS535 added public.sales.extra (column)

[b.sql]
PGS203 column-dropped public.sales."odd # name"  # reason?
"""
NAME = "PGS201 values-changed public.sales.name"
EXTRA = "PGS535 added public.sales.extra (column)"


def section(text: str, migration: str = "a.sql") -> Section:
    found = parse(text, NAMES).section(migration)
    assert found is not None
    return found


def test_a_file_is_read() -> None:
    found = parse(TEXT, NAMES)
    assert [one.migration for one in found.sections] == ["a.sql", "b.sql"]
    first, second = found.sections
    assert [(one.effect, one.reason, one.line) for one in first.entries] == [
        (NAME, "upper case  # for good", 6),
        (EXTRA, None, 7),
    ]
    assert first.comments == ("# Reviewed by Ann.",)
    assert first.entries[0].comments == ("# The addresses.",)
    assert [(one.object, one.reason) for one in second.entries] == [('public.sales."odd # name"', None)]
    assert first.entries[1].object == "public.sales.extra"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PGS201 values-changed public.t.c", "pgsafe.baseline:1: 'PGS201 values-changed public.t.c' stands before"),
        ("[a.sql", "pgsafe.baseline:1: '[a.sql' is no head"),
        ("[a]\n[ ]", "pgsafe.baseline:2: '[ ]' is no head"),
        ("[a]\n\n[a]", "pgsafe.baseline:3: a second section [a]"),
        ("[a]\nnonsense", "pgsafe.baseline:2: 'nonsense' is no effect"),
        ("[a]\nPGS201 values-changed", "pgsafe.baseline:2: "),
        ("[a]\nPGS299 whatever public.t", "pgsafe.baseline:2: PGS299 is no effect that can be listed"),
        ("[a]\nPGS801 strong-lock public.t", "pgsafe.baseline:2: PGS801 is no effect that can be listed"),
        ("[a]\nPGS201 rows-gone public.t", "pgsafe.baseline:2: PGS201 is values-changed, and not rows-gone"),
        (
            "[a]\nPGS101 rows-gone t\nPGS101  rows-gone t # x",
            "pgsafe.baseline:3: PGS101 rows-gone t stands there twice",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(said)}") as caught:
        parse(text, NAMES)
    assert caught.value.remedies


def changed(*, extra: bool = True, section: Section | None = None, strict: bool = False) -> Evidence:
    """Values of a column change, and a column is added."""
    after = snapshot(*sales(), *([column("public.sales.extra", number=9)] if extra else []))
    found = difference(changed={"name": 3})
    return evidence(snapshot(*sales()), after, found, rules=Rules(baseline=section, strict=strict))


def written(findings: tuple[Finding, ...], known: Baseline, migration: str = "a.sql") -> str:
    old = known.section(migration)
    return render(known, effects.observed(findings, old, migration, BY_CODE))


def codes(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity.value) for finding in findings]


def test_a_new_file_asks_for_reasons_of_errors_alone() -> None:
    text = written(judge(changed()), Baseline())
    assert text.splitlines() == [*HEAD, "", "[a.sql]", f"{NAME}  # reason?", EXTRA]
    # Nobody has written the reason, so the run fails as before.
    (error, note) = judge(changed(section=section(text)))
    assert (error.code, error.severity, note.severity) == ("PGS201", Severity.ERROR, Severity.NOTE)
    assert error.message.endswith("; pgsafe.baseline has no reason for it")
    assert error.remedy is not None
    assert "pgsafe.baseline, line 5" in error.remedy


def test_a_reason_makes_it_a_note() -> None:
    text = written(judge(changed()), Baseline()).replace("reason?", "names in upper case")
    (first, second) = judge(changed(section=section(text)))
    assert codes((first, second)) == [("PGS201", "note"), ("PGS535", "note")]
    assert (first.reason, first.remedy) == ("names in upper case", None)


def test_an_error_that_is_not_listed_stays_one_and_says_so() -> None:
    (error, _) = judge(changed(section=section(f"[a.sql]\n{EXTRA}")))
    assert (error.code, error.severity.value) == ("PGS201", "error")
    assert error.message.endswith("; pgsafe.baseline does not list it")


def test_an_effect_that_is_not_listed_fails() -> None:
    found = judge(changed(section=section(f"[a.sql]\n{NAME} # upper case")))
    assert codes(found) == [("PGS003", "error"), ("PGS201", "note"), ("PGS535", "note")]
    assert (found[0].object, found[0].check) == ("public.sales.extra", "schema")
    assert f"“{EXTRA}”" in found[0].message


def test_an_effect_that_did_not_happen_fails() -> None:
    found = judge(changed(extra=False, section=section(f"[a.sql]\n{NAME} # upper case\n{EXTRA}")))
    assert codes(found) == [("PGS004", "error"), ("PGS201", "note")]
    assert found[0].object == "public.sales.extra"
    assert "line 3" in found[0].message


def test_effects_of_the_way_back_are_not_missed_where_it_was_not_run() -> None:
    back = "PGS902 schema-not-restored public.sales.extra (column added)"
    listed = section(f"[a.sql]\n{NAME} # upper case\n{EXTRA}\n{back} # they stay so")
    assert codes(judge(changed(section=listed))) == [("PGS201", "note"), ("PGS535", "note")]
    run = changed(section=listed)
    run = replace(run, rollback=changed().comparison)
    assert ("PGS902", "note") in codes(judge(run))
    run = replace(run, rollback=evidence(snapshot(*sales()), snapshot(*sales())).comparison)
    assert ("PGS004", "error") in codes(judge(run))


def test_under_strict_a_change_of_behaviour_needs_a_reason_too() -> None:
    before = snapshot(*sales(), index("public.i", "public.sales", ["name"]))
    told = "PGS513 index-dropped public.i"
    for strict, line in ((False, told), (True, f"{told}  # reason?")):
        dropped = evidence(before, snapshot(*sales()), rules=Rules(strict=strict))
        assert written(judge(dropped), Baseline()).endswith(f"[a.sql]\n{line}\n")
    listed = Rules(strict=True, baseline=section(f"[a.sql]\n{told}  # nothing reads it"))
    assert codes(judge(evidence(before, snapshot(*sales()), rules=listed))) == [("PGS513", "note")]


def test_writing_keeps_what_people_wrote_and_other_sections() -> None:
    known = parse(TEXT.replace("PGS535", "PGS101 rows-gone public.gone  # retired\nPGS535"), NAMES)
    text = written(judge(changed()), known)
    assert text == TEXT
    assert written(judge(changed()), parse(text, NAMES)) == text


def test_a_section_is_put_in_by_its_name() -> None:
    known = parse(TEXT, NAMES)
    text = written(judge(changed()), known, "aa.sql")
    assert text == TEXT.replace("[b.sql]", f"[aa.sql]\n{NAME}  # reason?\n{EXTRA}\n\n[b.sql]")
    assert written((), known, "z.sql") == f"{TEXT}\n[z.sql]\n"


def test_what_is_no_effect_of_the_migration_is_not_listed() -> None:
    def finding(code: str, **more: object) -> Finding:
        return replace(
            Finding(code=code, check="rows", severity=Severity.ERROR, object="public.t", message="m"),
            **more,  # type: ignore[arg-type]
        )

    for code in ("PGS001", "PGS002", "PGS010", "PGS105", "PGS403", "PGS801", "PGS804"):
        assert effects.effect(finding(code), BY_CODE) is None
    assert effects.effect(finding("PGS402", standing=True), BY_CODE) is None
    assert effects.effect(finding("PGS402"), BY_CODE) == "PGS402 copy-drifted public.t"
    assert effects.effect(finding("PGS101", object='public."a\nb"'), BY_CODE) == 'PGS101 rows-gone public."a\\nb"'


def test_a_rule_that_nobody_gave_a_reason_is_none() -> None:
    announced = Finding(
        code="PGS101", check="rows", severity=Severity.NOTE, object="t", message="m", reason='announced: rows = "any"'
    )
    assert written((announced,), Baseline()).endswith("[a.sql]\nPGS101 rows-gone t\n")
    reasoned = replace(announced, reason="they\n expire")
    assert written((reasoned,), Baseline()).endswith("[a.sql]\nPGS101 rows-gone t  # they expire\n")


@pytest.mark.parametrize(
    ("way", "name"),
    [
        (Way(kind="sql", path=Path("/p/db/a.sql")), "db/a.sql"),
        (Way(kind="sql", path=Path("/elsewhere/a.sql")), "a.sql"),
        (Way(kind="run", command="migrate  --to\n7 --url=postgresql://u:secret@h/d"), None),
    ],
)
def test_the_name_of_a_section(way: Way, name: str | None) -> None:
    found = baseline.name(Settings(folder=Path("/p"), migration=way))
    assert found is not None
    if name is None:
        assert found.startswith("migrate --to 7 --url=")
        assert "secret" not in found
    else:
        assert found == name
