"""From a statement to the line of a Python migration, read as text; a line that cannot be told is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.checks.blame.places import places
from pytest_pgsafe.config.values import Way
from pytest_pgsafe.migrate.marks import of_statements
from pytest_pgsafe.migrate.tools import Alembic, Django
from pytest_pgsafe.migrate.tools.operations import Script
from pytest_pgsafe.migrate.values import Revision, Statement, Trace

ALEMBIC = '''"""Drop the fax."""

from alembic import op
import sqlalchemy as sa

revision, down_revision = "a1", None
NOTES = "notes"


def upgrade():
    op.add_column("sales", sa.Column("note", sa.Text()))
    op.alter_column("sales", "fax", nullable=True)
    op.drop_column("sales", "fax")
    with op.batch_alter_table("customers") as batch:
        batch.drop_column("fax")
        batch.create_index("by_name", ["name"])
    op.execute("""
        update sales set note = '';
        delete from sales
         where id = 7
    """)
    op.rename_table(NOTES, "remarks")
    op.drop_index(op.f("by_city"), table_name="customers")
    op.execute("vacuum sales")
    op.execute("vacuum sales")


def downgrade():
    op.drop_column("sales", "note")
    op.execute("truncate sales")
'''
DJANGO = """from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = []
    operations = [
        migrations.RemoveField(model_name="sale", name="fax"),
        migrations.RemoveField("Sale", "customer"),
        migrations.RunSQL(
            "delete from shop_sale",
            reverse_sql="insert into shop_sale select 1",
        ),
        migrations.RunPython(forwards, reverse_code=back),
    ]
"""


def script(path: Path, text: str) -> Script:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    found = Script.read(path, path.parent)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("ALTER TABLE sales ADD COLUMN note TEXT", 11),
        ("ALTER TABLE sales ALTER COLUMN fax DROP NOT NULL", 12),
        ("ALTER TABLE sales DROP COLUMN fax", 13),
        ("ALTER TABLE public.customers DROP COLUMN fax", 15),
        ("CREATE INDEX by_name ON customers (name)", 16),
        ("update sales set note = ''", 18),
        ("delete from sales where id = 7", 19),
        ("ALTER TABLE notes RENAME TO remarks", 22),
        ("DROP INDEX by_city", 23),
        ("vacuum sales", None),
        ("truncate sales", None),
        ("ALTER TABLE sales DROP COLUMN price", None),
        ("INSERT INTO sales VALUES (1)", None),
    ],
)
def test_lines_of_alembics_operations(tmp_path: Path, statement: str, line: int | None) -> None:
    assert script(tmp_path / "a1.py", ALEMBIC).line(statement) == line


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ('ALTER TABLE "shop_sale" DROP COLUMN "fax" CASCADE', 6),
        ('ALTER TABLE "shop_sale" DROP COLUMN "customer_id" CASCADE', 7),
        ("delete from shop_sale", 9),
        ("insert into shop_sale select 1", None),
        ('UPDATE "shop_sale" SET "total" = 0', None),
        ('ALTER TABLE "stock_sale" DROP COLUMN "fax" CASCADE', None),
    ],
)
def test_lines_of_djangos_operations(tmp_path: Path, statement: str, line: int | None) -> None:
    assert script(tmp_path / "shop" / "migrations" / "0002_x.py", DJANGO).line(statement) == line


@pytest.mark.parametrize(
    ("body", "statement"),
    [
        ('op.create_index("ix", "k", ["age", "name"])', "alter table k drop column age"),
        ('op.create_index("ix", "k", ["age", "name"])', "alter table k alter column age set not null"),
        ('op.create_index("ix", "k", ["age"])', "alter table k add column age int"),
        ('op.create_table("note")', "drop table note"),
        ('op.drop_table("note")', "create table note (id int)"),
    ],
)
def test_an_operation_that_does_something_else_is_not_cited(tmp_path: Path, body: str, statement: str) -> None:
    # What it was sent by is not written down.
    path = tmp_path / "a1.py"
    path.write_text(
        f"from alembic import op\n\ndef upgrade():\n    {body}\n    for one in found():\n        run(one)\n"
    )
    script = Script.read(path, tmp_path)
    assert script is not None
    assert script.line(statement) is None


def test_a_list_of_the_projects_own_is_no_list_of_operations(tmp_path: Path) -> None:
    path = tmp_path / "a1.py"
    path.write_text(
        'from alembic import op\noperations = ["one"]\n\ndef upgrade():\n    for one in operations:\n        run(one)\n'
    )
    script = Script.read(path, tmp_path)
    assert script is not None
    assert script.line("drop table one") != 2


def test_one_operation_alone_did_all_of_it(tmp_path: Path) -> None:
    text = "from alembic import op\ndef upgrade():\n    '''Fill it.'''\n    op.get_bind().execute(fill())\n"
    assert script(tmp_path / "a.py", text).line("update sales set note = ''") == 4
    assert script(tmp_path / "b.py", text + "    op.x()\n").line("update sales set note = ''") is None


def trace(*texts: str, revisions: tuple[str, ...]) -> Trace:
    return Trace(
        seconds=1, sessions=1, observed=True, statements=tuple(Statement(text=text) for text in texts),
        revisions=tuple(Revision(name=name) for name in revisions),
    )  # fmt: skip


NOTED = "UPDATE alembic_version SET version_num='{}' WHERE version_num = 'x'"


@pytest.mark.parametrize(
    ("texts", "revisions", "found"),
    [
        (("drop table a", NOTED.format("r1"), "drop table b"), ("r1",), ("r1", "r1", None)),
        (("CREATE TABLE alembic_version (v text)", "drop table a", NOTED.format("r1")), ("r1",), (None, "r1", "r1")),
        (("a b", NOTED.format("old"), "c d", NOTED.format("r2")), ("r2",), (None, None, "r2", "r2")),
        (("a b", "insert into schema_migrations values ($1)"), ("number 1",), ("number 1", "number 1")),
        (("a b", "insert into schema_migrations values ($1)"), ("1", "2"), (None, None)),
    ],
)
def test_a_statement_is_a_part_of_the_revision_that_is_noted_next(
    texts: tuple[str, ...], revisions: tuple[str, ...], found: tuple[str | None, ...]
) -> None:
    assert of_statements(trace(*texts, revisions=revisions)) == found


def test_statements_of_alembic_stand_in_the_files_of_their_revisions(tmp_path: Path) -> None:
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = a\n")
    script(tmp_path / "a" / "versions" / "a1_fax.py", ALEMBIC)
    script(tmp_path / "a" / "versions" / "b2_more.py", "revision: str = 'b2'\ndef upgrade():\n    pass\n")
    for name in ("one", "other"):
        script(tmp_path / "a" / "versions" / f"{name}.py", "revision = 'c3'\n")
    ran = trace(
        "CREATE TABLE alembic_version (version_num text)", "ALTER TABLE sales DROP COLUMN fax", NOTED.format("a1"),
        "select 1 from sales", "drop table c; drop table d", NOTED.format("b2"), "drop table e", NOTED.format("c3"),
        revisions=("a1", "b2", "c3"),
    )  # fmt: skip
    found = places(Alembic(ini=tmp_path / "alembic.ini"), ran)
    assert {text: str(place) for text, [place] in found.items() if place is not None} == {
        "ALTER TABLE sales DROP COLUMN fax": "a/versions/a1_fax.py:13",
        "select 1 from sales": "a/versions/b2_more.py:3",
        "drop table c": "a/versions/b2_more.py:3",
        "drop table d": "a/versions/b2_more.py:3",
    }
    named = Alembic.named(Way(kind="alembic", path=tmp_path / "alembic.ini"))
    assert named["a/versions/a1_fax.py"] == tmp_path / "a" / "versions" / "a1_fax.py"


def test_djangos_files_are_found_by_the_labels_of_their_apps(tmp_path: Path) -> None:
    for app in ("shop", "stock", "auth_ours"):
        script(tmp_path / app / "migrations" / "0001_initial.py", DJANGO)
    (tmp_path / "stock" / "apps.py").write_text("class StockConfig(AppConfig):\n    label = 'warehouse'\n")
    found = Django(manage=tmp_path / "manage.py").written(["shop.0001_initial", "warehouse.0001_initial", "auth.0001"])
    assert {name: one.name for name, one in found.items()} == {
        "shop.0001_initial": "shop/migrations/0001_initial.py",
        "warehouse.0001_initial": "stock/migrations/0001_initial.py",
    }
