"""From a word of the configuration to the program that runs; and tools that other packages bring."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_pgsafe.checks.bookkeeping import is_known
from pytest_pgsafe.config import resolve, tools
from pytest_pgsafe.config.values import Options, Way
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.migrate import tables
from pytest_pgsafe.migrate.tools import TOOLS, Copy, Migration, Rows, everyone, of

DOCS = Path(__file__).parents[2] / "docs"
MANAGE = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')"
CONTENT = {
    ".ini": "[alembic]\n",
    ".cfg": "[alembic]\n",
    ".py": MANAGE,
    ".sql": "select 1;",
    ".conf": "[core]\n",
    ".plan": "%project=crm\n",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A word, and what it leads to."""

    #: A key of ``[migration]``, or the option.
    key: str
    word: str
    tool: str
    #: What runs it ends so; for psql, the names of the files.
    runs: str
    #: What lies in the folder.
    there: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.key}={self.word}"


ALEMBIC, DJANGO = ("alembic.ini",), ("manage.py",)
FOLDER = ("migrations/10_b.sql", "migrations/2_a.sql")
CASES = (
    Case(key="sql", word="phase4.sql", tool="sql", runs="phase4.sql", there=("phase4.sql",)),
    Case(key="sql", word="PHASE4.SQL", tool="sql", runs="PHASE4.SQL", there=("PHASE4.SQL",)),
    Case(key="sql", word="migrations", tool="sql", runs="2_a.sql 10_b.sql", there=FOLDER),
    Case(key="option", word="phase4.sql", tool="sql", runs="phase4.sql", there=("phase4.sql",)),
    Case(key="option", word="PHASE4.SQL", tool="sql", runs="PHASE4.SQL", there=("PHASE4.SQL",)),
    Case(key="option", word="migrations", tool="sql", runs="2_a.sql 10_b.sql", there=FOLDER),
    Case(key="option", word="sql:migrations", tool="sql", runs="2_a.sql 10_b.sql", there=FOLDER),
    Case(key="rollback", word="UNDO.Sql", tool="sql", runs="UNDO.Sql", there=("UNDO.Sql",)),
    Case(key="rollback", word="back", tool="sql", runs="2.down.sql 1.down.sql",
         there=("back/1.down.sql", "back/2.down.sql")),
    Case(key="alembic", word="alembic.ini", tool="alembic", runs="alembic.ini upgrade head", there=ALEMBIC),
    Case(key="alembic", word="alembic.cfg", tool="alembic", runs="alembic.cfg upgrade head", there=("alembic.cfg",)),
    Case(key="alembic", word="db/alembic.ini", tool="alembic", runs="alembic.ini upgrade head",
         there=("db/alembic.ini",)),
    Case(key="option", word="alembic.ini", tool="alembic", runs="alembic.ini upgrade head", there=ALEMBIC),
    Case(key="option", word="ALEMBIC.INI", tool="alembic", runs="ALEMBIC.INI upgrade head", there=("ALEMBIC.INI",)),
    Case(key="option", word="alembic:alembic.cfg", tool="alembic", runs="alembic.cfg upgrade head",
         there=("alembic.cfg",)),
    Case(key="rollback", word="alembic.ini", tool="alembic", runs="alembic.ini downgrade ", there=ALEMBIC),
    Case(key="rollback", word="alembic:alembic.cfg", tool="alembic", runs="alembic.cfg downgrade ",
         there=("alembic.cfg",)),
    Case(key="django", word="manage.py", tool="django", runs="manage.py migrate --noinput", there=DJANGO),
    Case(key="django", word="manage_prod.py", tool="django", runs="manage_prod.py migrate --noinput",
         there=("manage_prod.py",)),
    Case(key="option", word="manage.py", tool="django", runs="manage.py migrate --noinput", there=DJANGO),
    Case(key="option", word="django: manage_prod.py", tool="django", runs="manage_prod.py migrate --noinput",
         there=("manage_prod.py",)),
    Case(key="rollback", word="manage.py", tool="django", runs="sh -c ", there=DJANGO),
    Case(key="sqitch", word="sqitch.conf", tool="sqitch", runs="sqitch deploy db:pg:", there=("sqitch.conf",)),
    Case(key="sqitch", word="db/crm.conf", tool="sqitch", runs="sqitch deploy db:pg:", there=("db/crm.conf",)),
    Case(key="option", word="sqitch.plan", tool="sqitch", runs="sqitch deploy db:pg:", there=("sqitch.plan",)),
    Case(key="option", word="sqitch:db/crm.conf", tool="sqitch", runs="sqitch deploy db:pg:", there=("db/crm.conf",)),
    Case(key="rollback", word="sqitch.conf", tool="sqitch", runs="sqitch revert -y db:pg:", there=("sqitch.conf",)),
    Case(key="run", word=" make migrate ", tool="run", runs="sh -c make migrate"),
    Case(key="run", word="alembic upgrade head", tool="run", runs="sh -c alembic upgrade head", there=ALEMBIC),
    Case(key="option", word=" cmd:make migrate", tool="run", runs="sh -c make migrate"),
    Case(key="option", word="cmd: alembic.ini", tool="run", runs="sh -c alembic.ini", there=ALEMBIC),
    Case(key="rollback", word="cmd: make back", tool="run", runs="sh -c make back"),
    Case(key="rollback", word="make back", tool="run", runs="sh -c make back"),
    Case(key="rollback", word="make: back", tool="run", runs="sh -c make: back"),
)  # fmt: skip


def configured(folder: Path, key: str, word: str) -> Way:
    """Return the configuration's value of a word."""
    options = Options(migration=word) if key == "option" else Options()
    keys = {} if key == "option" else {"run": "true", key: word} if key == "rollback" else {key: word}
    written = "\n".join(f"{name} = {text!r}" for name, text in keys.items())
    (folder / "pgsafe.toml").write_text(f"[migration]\n{written}\n")
    settings = resolve(options, environment={}, rootdir=folder, invocation_dir=folder)
    way = settings.rollback if key == "rollback" else settings.migration
    assert way is not None
    return way


def copy(private: Path) -> Copy:
    return Copy(fill=lambda text: text, private=private, environ={})


@pytest.mark.parametrize("case", CASES, ids=str)
def test_from_the_word_of_the_configuration_to_what_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    # Sqitch is no package of Python's: it need not be here.
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    for name in case.there:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(CONTENT[Path(name).suffix.casefold()])
    way = configured(tmp_path, case.key, case.word)
    found = of(way, way_back=case.key == "rollback")
    assert type(found) is TOOLS[case.tool]
    assert found == of(way, way_back=case.key == "rollback")
    if found.files:
        assert " ".join(file.name for file in found.files) == case.runs
        return
    private = tmp_path / "private"
    private.mkdir()
    job = found.job(copy(private))
    assert " ".join(job.command).endswith(case.runs)
    assert job.folder == ((tmp_path / case.there[0]).parent if case.tool != "run" else None)


def test_every_word_is_gone_through() -> None:
    assert {word.name for word in tools.WORDS} | {"run"} == set(TOOLS)
    for name in TOOLS:
        assert {case.key for case in CASES if case.tool == name} >= {name, "option", "rollback"}
    # Each form that the documentation has, in its first column.
    page = (DOCS / "migrations.md").read_text(encoding="utf-8")
    table = page.partition("## Forms")[2].partition("\n\nA folder")[0]
    forms = [row.partition("|")[0].strip() for row in re.findall(r"^\| (.*)$", table, re.MULTILINE)[1:]]
    assert forms == [
        "a `.sql` file", "a folder of `.sql` files", "`alembic.ini`", "`manage.py`", "`sqitch.conf`", "`cmd:COMMAND`",
        "`NAME:PATH`",
    ]  # fmt: skip


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_every_tool_says_what_is_asked_of_it(name: str) -> None:
    tool = TOOLS[name]
    assert tool.alternative
    assert set(tool.tables) <= set(tables.every())
    assert tool.__doc__


@pytest.mark.parametrize(
    ("key", "word", "said"),
    [
        ("alembic", "folder", "'folder' is not alembic.ini"),
        ("option", "django:folder", "'folder' is not manage.py"),
        ("sql", "alembic.ini", "'alembic.ini' is not a .sql file or a folder of them"),
        ("option", "sql:alembic.ini", "'alembic.ini' is not a .sql file or a folder of them"),
        ("option", "alembic:nothing.ini", "the migration 'nothing.ini' does not exist"),
        ("option", "alembicc:alembic.ini", "the migration 'alembicc:alembic.ini' does not exist"),
        ("option", "migrate.rb", "not a kind of migration that is known"),
        ("alembicc", "alembic.ini", "unknown key migration.alembicc"),
    ],
)
def test_a_word_that_leads_to_no_tool(tmp_path: Path, key: str, word: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "alembic.ini").write_text("[alembic]\n")
    (tmp_path / "migrate.rb").touch()
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, key, word)
    assert said in caught.value.message
    if key == "alembicc":
        assert caught.value.remedies == ("did you mean migration.alembic?",)


def test_sqitch_goes_back_to_the_last_change_of_its_own_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    (tmp_path / "sqitch.conf").touch()
    (tmp_path / "sqitch.plan").write_text("%syntax-version=1.0.0\n%project=crm\n")
    back = of(Way(kind="sqitch", path=tmp_path / "sqitch.conf"), way_back=True)

    def rows(*deployed: tuple[str, str]) -> Rows:
        return lambda table, query: list(deployed)

    before = rows(("a1", "crm"), ("b1", "billing"))
    found = back.back_to(before, rows(("a1", "crm"), ("b1", "billing"), ("a2", "crm")))
    assert str(found) == "sqitch revert -y --to-change a1 db:pg:"
    assert str(back.back_to(rows(), before)) == "sqitch revert -y db:pg:"
    # What another project deployed is not this one's.
    assert back.back_to(before, rows(("a1", "crm"), ("b1", "billing"), ("b2", "billing"))) is None
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=r"sqitch\.conf needs the program sqitch"):
        of(Way(kind="sqitch", path=tmp_path / "sqitch.conf"))


def test_sqitch_says_what_it_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    (tmp_path / "sqitch.plan").touch()
    migration = of(Way(kind="sqitch", path=tmp_path / "sqitch.plan"))
    printed = """Deploying changes to db:pg:
  + users ........ ok
  + phone @v1 @v2 .. ok
  + index .. psql:deploy/index.sql:2: ERROR:  relation "x" does not exist
not ok
  - index .. ok
+ nothing .. ok
"""
    found = [one.name for one in migration.revisions(printed, copy(tmp_path))]
    assert found == ["users", "phone", "index"]
    assert [str(part) for _, part in migration.parts(found[:1])] == ["sqitch deploy --to-change users db:pg:"]


THEIRS = """
from dataclasses import dataclass
from pathlib import Path
from pytest_pgsafe.migrate.tools import BookkeepingTable, Job, Migration

@dataclass(frozen=True, kw_only=True)
class Steps(Migration):
    path: Path
    back: bool
    tables = (BookkeepingTable(tool="steps", name="steps_done"),)
    alternative = "name its .sql files"

    @classmethod
    def made(cls, way, *, way_back):
        return cls(path=way.path, back=way_back)

    def __str__(self):
        return f"steps {self.path.name}"

    def job(self, copy):
        return Job(command=["steps", "down" if self.back else "up", str(self.path)])
"""


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder of installed packages, one of which brings a tool, for as long as the test runs."""
    packages = tmp_path / "packages"
    about = packages / "pgsafe_steps-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: pgsafe-steps\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[pytest_pgsafe.tools]\nsteps = pgsafe_steps:Steps\n")
    (packages / "pgsafe_steps.py").write_text(THEIRS)
    monkeypatch.syspath_prepend(str(packages))
    everyone.cache_clear()
    tables.every.cache_clear()
    yield packages
    everyone.cache_clear()
    tables.every.cache_clear()
    sys.modules.pop("pgsafe_steps", None)


@pytest.mark.parametrize(
    ("key", "word", "runs"),
    [("steps", "changes.txt", "up"), ("option", "steps:changes.txt", "up"), ("rollback", "steps:changes.txt", "down")],
)
def test_a_tool_of_others_is_a_word_like_ours(tmp_path: Path, theirs: Path, key: str, word: str, runs: str) -> None:
    (tmp_path / "changes.txt").touch()
    assert theirs.is_dir()
    found = of(configured(tmp_path, key, word), way_back=key == "rollback")
    assert isinstance(found, Migration)
    assert found.job(copy(tmp_path)).command == ["steps", runs, str(tmp_path / "changes.txt")]
    with pytest.raises(ConfigError, match="a command cannot be told how far to go"):
        found.to("3")


def test_the_tables_of_others_are_known_and_their_keys_are_checked(tmp_path: Path, theirs: Path) -> None:
    assert is_known("steps_done", ("step",))
    assert "steps_done" in tables.revisions()
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, "stepps", "changes.txt")
    assert caught.value.remedies == ("did you mean migration.steps?",)
    with pytest.raises(ConfigError, match="wanted a text that is not empty"):
        configured(tmp_path, "steps", " ")
    assert theirs.is_dir()


def test_without_the_package_its_word_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "changes.txt").touch()
    with pytest.raises(ConfigError, match=r"unknown key migration\.steps"):
        configured(tmp_path, "steps", "changes.txt")
    assert not is_known("steps_done", ("step",))


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("import nothing_of_the_kind", "cannot be imported: No module named 'nothing_of_the_kind'"),
        ("Steps = dict", "is no class derived from"),
        ("steps = 1", "cannot be imported: module 'pgsafe_steps' has no attribute 'Steps'"),
    ],
)
def test_a_broken_tool_of_others_is_named(tmp_path: Path, theirs: Path, module: str, said: str) -> None:
    (tmp_path / "changes.txt").touch()
    (theirs / "pgsafe_steps.py").write_text(module)
    way = configured(tmp_path, "steps", "changes.txt")
    with pytest.raises(ConfigError) as caught:
        of(way)
    assert "the migration tool steps" in caught.value.message
    assert said in caught.value.message
    assert caught.value.looked_at == ("pytest_pgsafe.tools: steps = pgsafe_steps:Steps",)


def test_nobody_takes_a_word_of_ours(tmp_path: Path, theirs: Path) -> None:
    about = theirs / "pgsafe_steps-1.0.dist-info" / "entry_points.txt"
    about.write_text("[pytest_pgsafe.tools]\nsql = pgsafe_steps:Steps\ncmd = pgsafe_steps:Steps\n")
    (tmp_path / "a.sql").write_text("select 1;")
    assert type(of(configured(tmp_path, "sql", "a.sql"))) is TOOLS["sql"]
    assert type(of(configured(tmp_path, "option", "cmd:true"))) is TOOLS["run"]
