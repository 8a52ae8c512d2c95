"""Expectations of values, names and patterns, and those that a migration's comments announce."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builders import column, content, difference, evidence, sales, sample, shown, snapshot, table
from pytest_pgsafe.catalog.names import covers, is_pattern
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.baseline import parse
from pytest_pgsafe.checks.values import Evidence, Rules, Severity
from pytest_pgsafe.config import Settings, Way
from pytest_pgsafe.config.comments import expectations
from pytest_pgsafe.config.expectations import Converted, Dropped, Expect, Moved, Renamed, RowsRule, ValuesRule
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.migrate.tools import Alembic, Command, SqlFiles
from pytest_pgsafe.migrate.values import Revision, Trace
from pytest_pgsafe.rehearsal.rules import announced as told
from pytest_pgsafe.rehearsal.rules import demand_known, predicates


@pytest.mark.parametrize(
    ("name", "pattern", "meant"),
    [
        ("billing.invoices", "billing.*", True),
        ("public.invoices", "billing.*", False),
        ("public.sales.updated_at", "*.updated_at", True),
        ("public.sales.updated_at", "*.updated_*", True),
        ("public.sales.updated_by", "*.updated_at", False),
        ("public.sales.name", "sales.*", True),
        ("public.sales.name", "other.sales.*", False),
        ('public.sales."a*b"', 'sales."a*b"', True),
        ("public.sales.axb", 'sales."a*b"', False),
        ("public.sales.a_b", "sales.a?b", False),
        ("public.sales", "*.*.*", False),
    ],
)
def test_patterns(name: str, pattern: str, meant: bool) -> None:
    assert covers(name, pattern) is meant
    assert is_pattern(pattern) is ("*" in pattern and '"' not in pattern)


VALUES = ValuesRule(column="public.sales.name", reason="upper case")


def changed(*values: ValuesRule, outside: int = 0) -> Evidence:
    found = replace(
        difference(changed={"name": 5}),
        outside={"name": outside} if outside else {},
        outside_samples={"name": (sample("8", {"name": "x"}, {"name": "X"}),)} if outside else {},
    )
    return evidence(snapshot(*sales()), snapshot(*sales()), found, rules=Rules(values=values))


def test_announced_values_are_a_note_with_the_reason() -> None:
    (finding,) = judge(changed(VALUES))
    assert (finding.code, finding.severity, finding.reason) == ("PGS201", Severity.NOTE, "upper case")
    (finding,) = judge(changed(replace(VALUES, column="*.name", where="true")))
    assert finding.severity is Severity.NOTE


def test_rows_that_were_not_announced_are_an_error_with_those_rows() -> None:
    (finding,) = judge(changed(replace(VALUES, where="name <> upper(name)"), outside=2))
    assert (finding.severity, finding.after) == (Severity.ERROR, 2)
    assert "2 rows of which “name <> upper(name)” did not hold before" in finding.message
    assert finding.samples[0].key == {"id": "8"}
    # What the baseline says of the announced rows is no reason for others.
    listed = parse("[a]\nPGS201 values-changed public.sales.name  # upper case", {"PGS201": "values-changed"})
    found = changed(replace(VALUES, where="name <> upper(name)"), outside=2)
    found = replace(found, rules=replace(found.rules, baseline=listed.section("a")))
    assert shown(judge(found)) == [("PGS201", "error", "public.sales.name")]
    # A rule for all rows covers them.
    assert judge(changed(replace(VALUES, where="false"), VALUES, outside=2))[0].severity is Severity.NOTE


def test_other_columns_are_not_announced() -> None:
    assert shown(judge(changed(replace(VALUES, column="public.sales.id")))) == [
        ("PGS006", "error", "public.sales.id"),
        ("PGS201", "error", "public.sales.name"),
    ]


def test_announced_values_that_stay_fail() -> None:
    same = snapshot(*sales())
    for name in ("public.sales.name", "sales.nmae", "*.updated_at"):
        rules = Rules(values=(replace(VALUES, column=name),))
        assert shown(judge(evidence(same, same, rules=rules))) == [("PGS006", "error", name)]


def test_predicates_are_joined_unless_all_rows_may_change() -> None:
    catalog = snapshot(*sales()).catalog
    one, two = replace(VALUES, where="a"), replace(VALUES, column="sales.*", where="b")
    found = predicates(Rules(values=(one, two)), catalog)["public.sales"]
    assert found["name"] == "(\na\n)\nOR (\nb\n)"
    assert found["id"] == "(\nb\n)"
    assert "name" not in predicates(Rules(values=(one, two, VALUES)), catalog)["public.sales"]


def renamed(to: str) -> Evidence:
    before = [table("public.t", oid=7), column("public.t.a", oid=7)]
    after = [table("public.t", oid=7), column("public.t.b", oid=7)]
    rule = Renamed(object="public.t.a", kind="column", to=to, reason="clearer")
    return evidence(snapshot(*before), snapshot(*after), rules=Rules(renamed=(rule,), strict=True))


def test_an_announced_rename() -> None:
    (finding,) = judge(renamed("b"))
    assert (finding.code, finding.severity, finding.reason) == ("PGS534", Severity.NOTE, "clearer")
    assert shown(judge(renamed("c"))) == [("PGS005", "error", "public.t.a"), ("PGS534", "error", "public.t.a")]


def test_a_rename_that_does_not_happen() -> None:
    same = snapshot(*sales())
    for name in ("public.sales.name", "sales.nmae"):
        rule = Renamed(object=name, kind="column", to="title", reason="clearer")
        assert shown(judge(evidence(same, same, rules=Rules(renamed=(rule,))))) == [("PGS005", "error", name)]


def test_a_pattern_of_drops_and_rows() -> None:
    old = [table("old.a"), table("old.b"), *sales()]
    before = snapshot(*old, tables={name: content(3, key=()) for name in ("old.a", "old.b")})
    after = snapshot(table("old.b"), *sales(), tables={"old.b": content(3, key=())})
    drop = Dropped(object="old.*", kind="table", reason="retired")
    found = judge(evidence(before, after, rules=Rules(dropped=(drop,))))
    assert [(one.code, one.severity, one.reason) for one in found] == [("PGS103", Severity.NOTE, "retired")]
    assert shown(judge(evidence(before, before, rules=Rules(dropped=(drop,))))) == [("PGS002", "error", "old.*")]
    none = replace(drop, object="new.*")
    assert ("PGS002", "error", "new.*") in shown(judge(evidence(before, after, rules=Rules(dropped=(none,)))))
    # The table's own rule comes before the pattern, and each table is held to it.
    rows = (RowsRule(table="old.*", rule="= 3"), RowsRule(table="old.b", rule="= 4"))
    assert shown(judge(evidence(before, before, rules=Rules(rows=rows)))) == [("PGS105", "error", "old.b")]
    rows = (RowsRule(table="new.*", rule="any"),)
    assert shown(judge(evidence(before, before, rules=Rules(rows=rows)))) == [("PGS105", "error", "new.*")]


COMMENTS = """
-- pgsafe: expect dropped sales.customer_name: read through customers
--pgsafe: expect dropped view public."Odd: one": nobody reads it
-- pgsafe: expect dropped function total(integer, text): replaced
-- pgsafe: expect values customers.email: lower case
  -- pgsafe: expect values customers.email where email::text <> lower(email): lower case: all of them
-- pgsafe: expect renamed sales.name to title: clearer
-- pgsafe: expect moved customer.email to contact.email via contact.customer_id: several for each
-- pgsafe: expect moved customer.fax to contact.fax: several for each
-- pgsafe: expect converted post.created from to_timestamp(ms::numeric / 1000): moments: all
-- pgsafe: expect rows sessions +1..+10: seeded
-- pgsafety is none of ours
select 1; -- pgsafe: nor is what stands behind a statement
"""


def test_comments_announce(tmp_path: Path) -> None:
    file = tmp_path / "a.sql"
    file.write_text(COMMENTS)
    found = expectations([file])
    assert found == Expect(
        dropped=(
            Dropped(kind="column", object="sales.customer_name", reason="read through customers"),
            Dropped(kind="view", object='public."Odd: one"', reason="nobody reads it"),
            Dropped(kind="function", object="total(integer, text)", reason="replaced"),
        ),
        rows=(RowsRule(table="sessions", rule="+1..+10", reason="seeded"),),
        values=(
            ValuesRule(column="customers.email", reason="lower case"),
            ValuesRule(column="customers.email", where="email::text <> lower(email)", reason="lower case: all of them"),
        ),
        renamed=(Renamed(kind="column", object="sales.name", to="title", reason="clearer"),),
        moved=(
            Moved(column="customer.email", to="contact.email", via="contact.customer_id", reason="several for each"),
            Moved(column="customer.fax", to="contact.fax", reason="several for each"),
        ),
        converted=(
            Converted(column="post.created", expression="to_timestamp(ms::numeric / 1000)", reason="moments: all"),
        ),
    )
    ours = Settings(folder=tmp_path, expect=Expect(rows=(RowsRule(table="t", rule="any"),)))
    both = told(ours, SqlFiles(files=(file,), text="a.sql")).expect
    assert (both.values, len(both.rows)) == (found.values, 2)
    assert told(ours, Command(command="true")) is ours


def test_comments_of_python_files_announce_for_the_revisions_that_ran(tmp_path: Path) -> None:
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = a\n")
    (tmp_path / "a").mkdir()
    for name in ("old", "new"):
        text = f"revision = {name!r}\ndef upgrade():\n    # pgsafe: expect dropped sales.{name}: unused\n    pass\n"
        (tmp_path / "a" / f"{name}.py").write_text(f"# pgsafety is none of ours\n{text}")
    migration = Alembic(ini=tmp_path / "alembic.ini")
    settings = Settings(folder=tmp_path, migration=Way(kind="alembic", path=tmp_path / "alembic.ini"))
    demand_known(settings)
    assert told(settings, migration) is settings
    ran = Trace(seconds=1, sessions=1, revisions=(Revision(name="new"),))
    [dropped] = told(settings, migration, ran).expect.dropped
    assert (dropped.object, dropped.reason) == ("sales.new", "unused")
    (tmp_path / "a" / "old.py").write_text("# pgsafe: expect nonsense\n")
    with pytest.raises(ConfigError, match=r"^old\.py:1: ") as caught:
        demand_known(settings)
    assert caught.value.remedies[0].startswith("# pgsafe: expect dropped ")


@pytest.mark.parametrize(
    "comment",
    [
        "expect droped sales.x: r",
        "expects dropped sales.x: r",
        "ignore everything",
        "expect dropped sales.x",
        "expect dropped sales.x:",
        "expect dropped customer_name: no table",
        "expect values email: no table",
        "expect renamed sales.x: r",
        "expect moved sales.x: r",
        "expect moved sales.x to y: no table",
        "expect rows sales some: r",
        "",
    ],
)
def test_a_comment_that_says_nothing_known_is_an_error(tmp_path: Path, comment: str) -> None:
    file = tmp_path / "a.sql"
    file.write_text(f"select 1;\n-- pgsafe: {comment}\n")
    with pytest.raises(ConfigError, match=r"^a\.sql:2: ") as caught:
        expectations([file])
    assert caught.value.remedies


def test_a_comment_announces_a_lock(tmp_path: Path) -> None:
    file = tmp_path / "phase.sql"
    file.write_text("-- pgsafe: expect locks sales AccessExclusiveLock: at night\nselect 1;\n")
    [found] = expectations([file]).locks
    assert (found.table, found.mode, found.reason) == ("sales", "AccessExclusiveLock", "at night")
    file.write_text("-- pgsafe: expect locks sales Exclusive: at night\nselect 1;\n")
    with pytest.raises(ConfigError):
        expectations([file])


def test_a_comment_behind_the_mark_of_windows_editors_announces(tmp_path: Path) -> None:
    file = tmp_path / "phase.sql"
    file.write_bytes(b"\xef\xbb\xbf-- pgsafe: expect dropped sales.fax: unused\r\nselect 1;\r\n")
    [found] = expectations([file]).dropped
    assert (found.object, found.reason) == ("sales.fax", "unused")
