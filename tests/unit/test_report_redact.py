"""Redaction: values of rows that nobody may see are in no report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.compare.values import Action, Change
from pytest_pgsafe.migrate.values import Statement, Trace
from pytest_pgsafe.reading.values import Cited
from pytest_pgsafe.rehearsal.values import Outcome, Result, Step
from pytest_pgsafe.report.redact import MASKED, redact
from pytest_pgsafe.report.write import FORMATS
from pytest_pgsafe.snapshot.values import RowSample

FINDING = Finding(
    code="PGS201",
    check="values",
    severity=Severity.ERROR,
    object="public.people.email",
    message="1 value is another",
    samples=(
        RowSample(
            key={"id": "17", "email": "secret@a"},
            before={"email": "secret@a", '"Full Name"': "secret name", "city": "Paris"},
            after={"email": None, '"Full Name"': "secret other", "city": "Rome"},
        ),
    ),
)
PRINTED = """ERROR:  duplicate key value violates unique constraint "people_email_key"
DETAIL:  Key (email)=(secret@a) already exists.
CONTEXT:  COPY people, line 3: "17 secret@a"
STATEMENT:  insert into people"""


def result(*findings: Finding, **more: object) -> Result:
    return replace(
        Result(
            steps=(Step(name="migrate", seconds=1, outcome=Outcome.FAILED, reason=PRINTED),),
            source={},
            server={},
            findings=findings,
        ),
        **more,
    )


def test_values_are_shown_by_default() -> None:
    given = result(FINDING)
    assert redact(given, samples="values") == given


def test_keys() -> None:
    (sample,) = redact(result(FINDING), samples="keys").findings[0].samples
    assert sample == RowSample(key={"id": "17", "email": "secret@a"}, before=None, after=None)


def test_none() -> None:
    assert redact(result(FINDING), samples="none").findings[0].samples == ()


@pytest.mark.parametrize("mask", ["people.email", "public.people.email", '"people"."email"', "*.email", "pub*.*.email"])
def test_a_masked_column(mask: str) -> None:
    (sample,) = redact(result(FINDING), samples="values", mask=[mask]).findings[0].samples
    assert sample.key == {"id": "17", "email": MASKED}
    assert sample.before == {"email": MASKED, '"Full Name"': "secret name", "city": "Paris"}
    assert sample.after is not None
    assert sample.after["email"] is None
    assert sample.after["city"] == "Rome"


@pytest.mark.parametrize("mask", ["other.email", "billing.people.email", "people.mail", "public.email"])
def test_another_column_is_not_masked(mask: str) -> None:
    assert redact(result(FINDING), samples="values", mask=[mask]).findings[0] == FINDING


def test_a_quoted_column() -> None:
    (sample,) = redact(result(FINDING), samples="values", mask=['people."Full Name"']).findings[0].samples
    assert sample.before is not None
    assert sample.before['"Full Name"'] == MASKED


@pytest.mark.parametrize(("samples", "mask"), [("keys", ()), ("none", ()), ("values", ("people.city",))])
def test_values_that_a_statement_holds(samples: str, mask: tuple[str, ...]) -> None:
    text = "update people set email = 'secret@a' where id = 17"
    cited = Cited(text=text, file="m.sql", line=3)
    message = f"public.people (9 rows) was held in ShareLock for 20 ms by {text}: it keeps writers out"
    lock = replace(FINDING, check="locks", message=message, statement=cited)
    change = Change(kind="values", action=Action.CHANGED, object="public.people.email", statement=cited)
    trace = Trace(seconds=1, sessions=1, statements=(Statement(text=text),), observed=True)
    found = redact(result(lock, changes=(change,), trace=trace), samples=samples, mask=mask)  # type: ignore[arg-type]
    hidden = "update people set email = '…' where id = …"
    assert [one.statement for one in (*found.findings, *found.changes)] == [replace(cited, text=hidden)] * 2
    told = f"public.people (9 rows) was held in ShareLock for 20 ms by {hidden}: it keeps writers out"
    assert found.findings[0].message == told


@pytest.mark.parametrize("check", ["retry", "works", "old_release"])
def test_values_of_a_statement_that_a_message_cites(check: str) -> None:
    text = "insert into people (email) values ('secret@a')"
    message = f"broken off after m.sql:3 {text} (1 of 2) and run again, it ends in more"
    trace = Trace(seconds=1, sessions=1, statements=(Statement(text=text),), observed=True)
    [found] = redact(result(replace(FINDING, check=check, message=message), trace=trace), samples="keys").findings
    assert found.message == message.replace("secret@a", "…")


def test_values_of_a_statement_that_is_longer_than_what_is_cited() -> None:
    text = f"insert into people (email) values ('secret@a'), {'(null), ' * 60}('more@b')"
    trace = Trace(seconds=1, sessions=1, statements=(Statement(text=text),), observed=True)
    for shown in (text, Cited.of(text).text):
        given = replace(FINDING, check="retry", message=f"broken off after {shown}")
        [found] = redact(result(given, trace=trace), samples="keys").findings
        assert not {"secret@a", "more@b"} & set(found.message.replace("'", " ").split()), found.message


def test_a_finding_about_the_whole_table() -> None:
    whole = replace(FINDING, object="public.people")
    assert redact(result(whole), samples="values", mask=["people.email"]).findings[0].samples[0].key["email"] == MASKED


def test_a_renamed_column_is_masked_under_both_names() -> None:
    renamed = Change(kind="column", action=Action.RENAMED, object="public.people.mail", after="public.people.email")
    given = result(FINDING, changes=(renamed,))
    assert redact(given, samples="values", mask=["people.mail"]).findings[0].samples[0].key["email"] == MASKED


def test_a_renamed_table_is_masked_under_both_names() -> None:
    renamed = Change(kind="table", action=Action.RENAMED, object="public.persons", after="public.people")
    given = result(FINDING, changes=(renamed,))
    assert redact(given, samples="values", mask=["persons.email"]).findings[0].samples[0].key["email"] == MASKED


@pytest.mark.parametrize("mask", ["customers.name", "sales.customer_name"])
def test_a_copy_and_its_source_are_masked_together(mask: str) -> None:
    sample = RowSample(
        key={"id": "1"}, before={"public.sales.customer_name": "secret"}, after={"public.customers.name": "secret too"}
    )
    finding = replace(FINDING, object="public.sales.customer_name", samples=(sample,))
    (found,) = redact(result(finding), samples="values", mask=[mask]).findings[0].samples
    assert found.before == {"public.sales.customer_name": MASKED}
    assert found.after == {"public.customers.name": MASKED}
    assert found.key == {"id": "1"}


@pytest.mark.parametrize(("samples", "mask"), [("keys", ()), ("none", ()), ("values", ("people.email",))])
def test_rows_in_what_a_program_printed(samples: str, mask: tuple[str, ...]) -> None:
    found = redact(result(interrupted=PRINTED), samples=samples, mask=mask)  # type: ignore[arg-type]
    for text in (found.steps[0].reason, found.interrupted):
        assert text is not None
        assert "secret" not in text
        assert 'unique constraint "people_email_key"' in text
        assert "STATEMENT:  insert into people" in text


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: Key (a, b)=(secret, (1)) is not present in table",
        "psql:m.sql:3: ERROR:  x\npsql:m.sql:3: DETAIL:  Failing row contains (1, secret).",
        'new row violates check: Failing row contains (1, secret "x").',
    ],
)
def test_forms_in_which_rows_are_quoted(line: str) -> None:
    step = Step(name="migrate", seconds=1, outcome=Outcome.FAILED, reason=line)
    assert "secret" not in str(redact(result(steps=(step,)), samples="none").steps[0].reason)


@pytest.mark.parametrize("suffix", list(FORMATS))
def test_no_report_shows_what_is_masked(suffix: str) -> None:
    given = result(FINDING, replace(FINDING, severity=Severity.NOTE), interrupted=PRINTED)
    text = FORMATS[suffix](redact(given, samples="values", mask=["people.*"]))
    assert "secret" not in text
    assert "Rome" not in text
    assert "public.people.email" in text.replace("\\_", "_")


@pytest.mark.parametrize(
    "printed",
    [
        "  looked at: psql:d.sql:5: ERROR:  duplicate key\n  looked at: DETAIL:  Key (lower(email))=(secret@a) exists.",
        '  looked at: CONTEXT:  COPY people, line 2, column id: "secret"',
        "ERROR:  Key (lower(email))=(secret@a) is not present",
        "DETAIL:  Failing row contains (1, one\nsecret, two).\nHINT:  none",
        'ERROR:  invalid input syntax for type integer: "12 secret street"',
        'ERROR:  invalid input value for enum public.mood: "secret"',
        'ERROR:  date/time field value out of range: "secret"',
        'ERROR:  value "secret" is out of range for type integer',
        "(psycopg.errors.UniqueViolation) duplicate key\n[SQL: insert into people]\n[parameters: {'email': 'secret'}]",
    ],
)
def test_what_programs_quote(printed: str) -> None:
    given = result(steps=(Step(name="migrate", seconds=1, outcome=Outcome.FAILED, reason=printed),))
    (step,) = redact(given, samples="values", mask=["people.email"]).steps
    assert step.reason is not None
    assert "secret" not in step.reason
    assert step.reason.splitlines()[0].split(" ")[0] == printed.split(" ", maxsplit=1)[0]
