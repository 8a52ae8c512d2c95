"""A small project in which an inner pytest runs: in this process, or where something is run in one of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlglot.dialects.postgres

# Loaded once: what an inner run in this process loads is unloaded after it; half of sqlglot can parse nothing.
import pytest_pgsafe.config.file
import pytest_pgsafe.plugin.feature
import pytest_pgsafe.rehearsal.preflight

_LOADED = (pytest_pgsafe, sqlglot)

#: A table of three rows.
SCHEMA = """
create table public.people (id integer primary key, name text not null, email text);
insert into public.people values (1, 'Ada', 'ada@example.org'), (2, 'Bea', 'bea@example.org'), (3, 'Cy', null);
"""
ADDITIVE = "alter table public.people add column age integer;\n"
LOSS = "delete from public.people where id = 2;\n"
#: Warnings are errors there, too; hypothesis would be loaded at the end of each run, which takes seconds.
QUIET = ("-W", "error", "-p", "no:hypothesispytest")


@dataclass(frozen=True)
class Project:
    """The files of a project and how pytest is run in it."""

    pytester: pytest.Pytester

    #: What a rehearsal needs but the migration.
    needed = ("--pgsafe", "--pgsafe-source=schema.sql", "--pgsafe-server=local")

    @property
    def path(self) -> Path:
        return self.pytester.path

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_inprocess(*QUIET, "-p", "no:xdist", *arguments)

    def run_apart(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_subprocess(*QUIET, *arguments)

    def rehearse(self, *arguments: str) -> pytest.RunResult:
        """Run apart with everything that a rehearsal needs but the migration."""
        return self.run_apart(*self.needed, *arguments)

    def collect(self, *arguments: str) -> list[str]:
        """Return the ids that are collected, and demand that nothing else happens."""
        result = self.run(*self.needed, "--collect-only", "-q", *arguments)
        assert result.ret == 0, result.stdout.str() + result.stderr.str()
        return [line for line in result.outlines if "::" in line]

    def report(self, name: str = "out.json") -> Any:
        return json.loads((self.path / name).read_text(encoding="utf-8"))


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty folder but for schema.sql, additive.sql and loss.sql; nothing is set in the environment."""
    for name in [name for name in os.environ if name.startswith("PGSAFE")]:
        monkeypatch.delenv(name)
    # pytester puts its folder there; the temporary folders of servers need short names.
    project = Project(pytester)
    project.write({"schema.sql": SCHEMA, "additive.sql": ADDITIVE, "loss.sql": LOSS})
    return project
