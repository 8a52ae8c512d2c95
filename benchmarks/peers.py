"""The CRM's harms and its benign migrations, judged by what teams use instead. Writes docs/peers.md.

    python benchmarks/peers.py [--pytest-alembic=PYTHON]

PYTHON is an interpreter that has pytest-alembic, alembic and psycopg (an environment of its own). Each migration runs
once on a clone of the same database; every way judges the same two databases.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from pytest_pgsafe.catalog.names import means
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Rules, Severity
from pytest_pgsafe.config import resolve
from pytest_pgsafe.config.values import Options
from pytest_pgsafe.copy.comparing import compare_databases
from pytest_pgsafe.migrate.run import run
from pytest_pgsafe.rehearsal import judging
from pytest_pgsafe.rehearsal.rules import resolve_rules
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.choose import choose
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take
from tests.migrations import parse

ROOT = Path(__file__).parents[1]
CRM = ROOT / "fixtures" / "crm"
sys.path.insert(0, str(ROOT / "tests" / "server"))

from bench import Bench  # noqa: E402
from crm_facts import header  # noqa: E402

COUNTS, SCHEMA, DATA, ALEMBIC, PGSAFE = "row counts", "schema diff", "data diff", "pytest-alembic", "pgsafe"
#: What pytest-alembic needs: the database is at ``base`` already, ``head`` runs the migration.
ENVIRONMENT = {
    "conftest.py": """
import pytest, sqlalchemy
@pytest.fixture
def alembic_config():
    return {{"minimum_downgrade_revision": "base0"}}
@pytest.fixture
def alembic_engine():
    return sqlalchemy.create_engine({url!r}, poolclass=sqlalchemy.pool.NullPool)
""",
    "pytest.ini": "[pytest]\npytest_alembic_tests_path = conftest.py\n",
    "alembic.ini": "[alembic]\nscript_location = migrations\n",
    "migrations/env.py": """
from alembic import context
connectable = context.config.attributes.get("connection")
with connectable.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
""",
    "migrations/versions/base0.py": """
revision, down_revision = "base0", None
def upgrade(): pass
def downgrade(): pass
""",
    "migrations/versions/head0.py": """
import psycopg, re
revision, down_revision = "head0", "base0"
def upgrade():
    with psycopg.connect({dsn!r}, autocommit=True, options="-c role=crm_owner") as connection:
        for statement in {statements!r}:
            connection.execute(statement)
    open("ran", "w").close()
def downgrade(): pass
""",
}


def counts(address: Address) -> dict[str, int]:
    query = "select c.oid::regclass::text from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace"
    with connect(address) as connection:
        tables = [row[0] for row in connection.execute(query.encode())]
        found: dict[str, int] = {}
        for table in tables:
            row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
            assert row is not None
            found[table] = row[0]
    return found


def dump(bench: Bench, address: Address, what: str) -> Counter[str]:
    done = bench.server.programs.run("pg_dump", [what], address=address)
    assert done.returncode == 0, done.stderr
    # Comments, and the word of psql that is another in every dump.
    return Counter(line for line in done.stdout.splitlines() if line and not line.startswith(("--", "\\")))


def alembic(python: str, address: Address, migration: Path) -> bool:
    """Tell whether pytest-alembic's built-in tests fail."""
    p = address.parameters
    dsn = " ".join(f"{key}={p[key]}" for key in ("host", "port", "user", "password", "dbname") if p.get(key))
    # A statement each, as CONCURRENTLY needs; no migration of the CRM's but those with $$ has a semicolon inside.
    text = migration.read_text()
    statements = [text] if "$" in text else [part for part in text.split(";\n") if part.strip()]
    with tempfile.TemporaryDirectory() as folder:
        for name, content in ENVIRONMENT.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            url = f"postgresql+psycopg://{p['user']}:{p.get('password', '')}@{p['host']}:{p['port']}/{p['dbname']}"
            filled = content.format(url=url, dsn=dsn, statements=statements) if name != "migrations/env.py" else content
            path.write_text(filled)
        with connect(address, read_only=False) as connection:
            connection.execute("create table public.alembic_version (version_num varchar(32) primary key)")
            connection.execute("insert into public.alembic_version values ('base0')")
        command = [
            python,
            "-m",
            "pytest",
            "-q",
            "--test-alembic",
            "-p",
            "no:cacheprovider",
            "-k",
            "not model_definitions",
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        # Whether nothing was run is not what its exit status says.
        if not Path(folder, "ran").exists() and " failed" not in done.stdout:
            raise SystemExit(f"pytest-alembic ran nothing:\n{done.stdout[-1500:]}{done.stderr[-500:]}")
        if done.returncode and "--debug" in sys.argv:
            print(done.stdout[-1500:])
        return done.returncode != 0


def judged(bench: Bench, migration: Path, rules: Rules, python: str | None) -> dict[str, bool]:
    """Tell of each way whether it objects to a migration."""
    said = header(migration)
    after = bench.server.clone(bench.before, "after")
    try:
        trace = run(parse(str(migration), Path()), bench.server, after, role=bench.role, folder=Path())
        before = counts(bench.before)
        now = counts(after)
        found = {COUNTS: any(now.get(table) != rows for table, rows in before.items())}
        for name, what in ((SCHEMA, "--schema-only"), (DATA, "--data-only")):
            found[name] = bool(dump(bench, bench.before, what) - dump(bench, after, what))
        with connect(bench.before) as one, connect(after, read_only=False) as two:
            comparison = compare_databases(one, two, bench.facts, take(two), "values")
            evidence = judging.evidence(comparison, trace, rules, one, two)
        errors = [finding for finding in judge(evidence) if finding.severity is Severity.ERROR]
        # A harm counts only with the right object; a benign migration with any error.
        objects = said.get("object")
        found[PGSAFE] = any(objects is None or any(means(one.object, name) for name in objects) for one in errors)
    finally:
        bench.server.drop(after)
    if python is not None:
        other = bench.server.clone(bench.before, "alembic")
        try:
            found[ALEMBIC] = alembic(python, other, migration)
        finally:
            bench.server.drop(other)
    return found


def page(command: str, harms: dict[str, dict[str, bool]], benign: dict[str, dict[str, bool]]) -> str:
    ways = [way for way in (COUNTS, SCHEMA, DATA, ALEMBIC, PGSAFE) if way in next(iter(harms.values()))]
    head = "| | " + " | ".join(ways) + " |\n|---|" + "---|" * len(ways)

    def table(found: dict[str, dict[str, bool]], yes: str, no: str) -> str:
        rows = "\n".join(
            f"| `{name}` | " + " | ".join(yes if by[way] else no for way in ways) + " |" for name, by in found.items()
        )
        sums = " | ".join(f"**{sum(by[way] for by in found.values())} of {len(found)}**" for way in ways)
        return f"{head}\n{rows}\n| **{'harms caught' if yes == 'caught' else 'false alarms'}** | {sums} |"

    return f"""# The same harms, judged by other means

Made by `{command}` on the CRM of `fixtures/crm`. Every migration
runs once on a clone of one database, and every way judges the same two databases.

| way | what makes it object |
|---|---|
| row counts | a table that was there before has another count, or is gone |
| schema diff | a line of `pg_dump --schema-only` is gone or another; lines that are new are let pass |
| data diff | a line of `pg_dump --data-only`, sorted, is gone or another; lines that are new are let pass |
| pytest-alembic | one of its built-in tests fails (single head, upgrade, up and down); the migration is the head |
| pgsafe | an error: for a harm, one that names the harmed object |

A text diff objects to a change of any line, so what it catches comes with what it takes for harm: the two tables
belong together. Most harms here carry a harmless change of the schema beside the harm, as migrations do, and a diff
that objects to that one counts as caught. A diff that objected to new lines too would object to every migration that
adds anything.

## Harms

{table(harms, "caught", "missed")}

## Benign migrations

{table(benign, "alarm", "quiet")}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pytest-alembic", metavar="PYTHON", help="an interpreter that has pytest-alembic")
    parser.add_argument("--only", default="*", help="a pattern of file names; writes nothing")
    parser.add_argument("--debug", action="store_true")
    arguments = parser.parse_args()
    harms: dict[str, dict[str, bool]] = {}
    benign: dict[str, dict[str, bool]] = {}
    with choose("local", major=14) as server:
        bench = Bench.load(server, [CRM / "schema.sql", CRM / "data.sql"], role="crm_owner")
        settings = resolve(Options(source=(str(CRM / "schema.sql"),)), environment={}, rootdir=CRM, invocation_dir=CRM)
        # The copies are declared; no drop is announced.
        rules = Rules(denormalized=resolve_rules(settings, bench.facts.catalog).denormalized)
        for folder, found in (("harms", harms), ("benign", benign)):
            for migration in sorted((CRM / folder).glob(f"{arguments.only}.sql")):
                with bench.prepared([CRM / name for name in header(migration).get("needs", [])]) as prepared:
                    found[migration.stem] = judged(
                        prepared, migration, rules if folder == "harms" else Rules(), arguments.pytest_alembic
                    )
                print(folder, migration.stem, found[migration.stem], flush=True)
    if arguments.only == "*":
        command = "python benchmarks/peers.py" + (" --pytest-alembic=PYTHON" if arguments.pytest_alembic else "")
        (ROOT / "docs" / "peers.md").write_text(page(command, harms, benign), encoding="utf-8")


if __name__ == "__main__":
    main()
