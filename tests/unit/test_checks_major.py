"""PGS040 to PGS045: what is said of the next major."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import shown
from pytest_pgsafe.checks import judge_upgrade
from pytest_pgsafe.rehearsal import majors
from pytest_pgsafe.server.version import Version
from pytest_pgsafe.upgrade.values import Collation, Default, Extension, Given, Key, Missing, Order, Transfer, Upgrade

PLAIN = Upgrade(source="15.18", server="17.10")
KEY = Key(object="public.people_name", form="unique index", table="public.people", column="name", collation="public.de")
BEFORE = Collation(name="public.de", provider="icu", locale="de", version="153.120")
AFTER = replace(BEFORE, version="153.14")


def found(upgrade: Upgrade) -> list[tuple[str, str, str]]:
    return [(one.code, one.severity.value, one.object) for one in judge_upgrade(upgrade)]


def test_what_is_alike_is_not_told() -> None:
    same = Order(key=KEY, before=BEFORE, after=BEFORE, values=9)
    transfers = (Transfer(mode="copy", seconds=1.0), Transfer(mode="link", seconds=1.0))
    assert found(replace(PLAIN, orders=(same,), refusals=(), transfers=transfers)) == []


@pytest.mark.parametrize("refused", [None, "SQLSTATE 22023: invalid value"])
def test_a_setting_that_is_gone_or_refused_is_an_error(refused: str | None) -> None:
    given = Given(name="old_snapshot_threshold", value="60", where="ALTER DATABASE crm … SET", refused=refused)
    [one] = judge_upgrade(replace(PLAIN, given=(given,)))
    assert (one.code, one.severity.value, one.object) == ("PGS040", "error", "setting old_snapshot_threshold")
    assert "ALTER DATABASE crm … SET" in one.message
    assert ("does not know it" in one.message) == (refused is None)


def test_a_default_is_a_warning_where_statements_do_otherwise_by_it() -> None:
    defaults = [
        Default(name="bytea_output", before="escape", after="hex", meaning=True),
        Default(name="effective_io_concurrency", before="1", after="16", meaning=False),
        Default(name="data_checksums", before="off", after="on", meaning=False, more="pg_upgrade refuses it"),
    ]
    assert found(replace(PLAIN, defaults=defaults)) == [
        ("PGS041", "warning", "setting bytea_output"),
        ("PGS041", "note", "setting data_checksums"),
        ("PGS041", "note", "setting effective_io_concurrency"),
    ]


def test_an_extension_of_another_version_is_a_note_if_an_update_leads_there() -> None:
    extensions = [
        Extension(name="hstore", before="1.8", after="1.9", updatable=True),
        Extension(name="ours", before="1", after="3", updatable=False),
    ]
    assert found(replace(PLAIN, extensions=extensions)) == [
        ("PGS042", "warning", "extension ours"),
        ("PGS042", "note", "extension hstore"),
    ]


def test_another_order_is_an_error_and_another_version_alone_a_note() -> None:
    other = Order(key=KEY, before=BEFORE, after=AFTER, values=9, pair=("Öl", "Ol"))
    [one] = judge_upgrade(replace(PLAIN, orders=(other,)))
    assert (one.code, one.severity.value, one.object) == ("PGS043", "error", "public.people_name")
    # Values are shown as samples alone: masks and [report] samples hold for them.
    assert "Öl" not in one.message
    assert [sample.before for sample in one.samples] == [{"public.people.name": "Öl"}, {"public.people.name": "Ol"}]
    assert found(replace(PLAIN, orders=(replace(other, pair=None),))) == [("PGS043", "note", "collation public.de")]


def test_nobody_knows_whose_the_values_of_an_expression_are() -> None:
    key = replace(KEY, column="lower(name)")
    [one] = judge_upgrade(replace(PLAIN, orders=(Order(key=key, before=BEFORE, after=AFTER, pair=("a", "b")),)))
    assert [sample.before for sample in one.samples] == [{"(lower(name))": "a"}, {"(lower(name))": "b"}]


def test_what_pg_upgrade_says_is_told_in_its_words() -> None:
    refusal = "Your installation contains one of the reg* data types in user tables: public.t.r"
    assert [one.message for one in judge_upgrade(replace(PLAIN, refusals=(refusal,)))] == [refusal]
    transfers = [
        Transfer(mode="copy", seconds=2.0, unequal=("table public.t is missing",)),
        Transfer(mode="link", seconds=2.0, failed=("could not create directory",)),
    ]
    told = shown(judge_upgrade(replace(PLAIN, refusals=(), transfers=transfers)))
    assert [one[0] for one in told] == ["PGS045", "PGS045"]


def test_what_pg_upgrade_passes_with_a_warning_is_one() -> None:
    warning = "Your installation contains relations that might be affected by a new version of Unicode: public.t"
    [one] = judge_upgrade(replace(PLAIN, refusals=(), warnings=(warning,)))
    assert (one.code, one.severity.value, warning in one.message) == ("PGS044", "warning", True)


def test_what_a_function_names_and_only_the_source_has_is_told() -> None:
    missing = Missing(function="public.load()", named="pg_stat_bgwriter.buffers_checkpoint")
    [one] = judge_upgrade(replace(PLAIN, missing=(missing,)))
    assert (one.code, one.check, one.severity.value, one.object) == ("PGS015", "major", "warning", "public.load()")
    assert "pg_stat_bgwriter.buffers_checkpoint" in one.message


def test_what_is_known_to_be_gone_is_told_of_the_functions_of_a_backup_too() -> None:
    body = "CREATE FUNCTION public.save() RETURNS void LANGUAGE plpgsql AS $$begin perform pg_start_backup(''); end$$"
    [one] = majors.of_functions(Version(140023), "18.6", {"public.save()": body})
    assert (one.object, one.aspect) == ("public.save()", "pg_start_backup()")
    assert majors.of_functions(Version(150018), "18.6", {"public.save()": body}) == ()
    # What the newer major takes alone is no harm to a function that is there.
    newer = body.replace("pg_start_backup", "pg_backup_start")
    assert majors.of_functions(Version(140023), "18.6", {"public.save()": newer}) == ()


def test_functions_that_may_do_otherwise_belong_to_the_item() -> None:
    body = "CREATE FUNCTION public.again() RETURNS void LANGUAGE sql AS $$ refresh materialized view public.sums $$"
    functions = {"public.again()": body}
    [one] = majors.of_functions(Version(150018), "17.10", functions)
    assert (one.check, one.severity.value, one.object) == ("major", "warning", "public.again()")
    assert majors.of_functions(Version(170009), "17.10", functions) == ()
    assert majors.of_functions(None, "17.10", functions) == ()
