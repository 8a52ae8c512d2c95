"""What code hosts run: the action's steps and the GitLab job, as a runner would; and what linters say of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect
from tests.server.runbook import env_of, uri
from tests.unit.code_host import TOKEN, Host, serving

ROOT = Path(__file__).parents[2]
ACTION, TEMPLATE, PAGE = ROOT / "action.yml", ROOT / "templates" / "pgsafe.yml", ROOT / "docs" / "how-to" / "ci.md"
SAFE, HARM = "alter table people add column nickname text;\n", "delete from people where id = 1;\n"
_INPUT = re.compile(r"\$\[\[ inputs\.(\w+) \]\]")


def examples() -> dict[str, str]:
    """Return the files that the page shows."""
    found = re.findall(r"^File `([^`]+)`:\n\n```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return dict(found)


FORMS = {path.name: path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"}


@pytest.mark.parametrize(
    ("schema", "name"),
    [("vendor.github-actions", "action"), ("vendor.github-workflows", "workflow"), ("vendor.gitlab-ci", "gitlab"),
     ("vendor.gitlab-ci", "job"), *(("vendor.github-issue-forms", name) for name in FORMS)],
)  # fmt: skip
def test_schemas(schema: str, name: str, tmp_path: Path) -> None:
    texts = {"action": ACTION.read_text("utf-8"), "workflow": examples()["github-workflow.yml"]}
    texts |= {"gitlab": examples()["gitlab-ci.yml"], "job": job_text({"arguments": "-q"})}
    texts |= {form: FORMS[form].read_text("utf-8") for form in FORMS}
    path = tmp_path / "file.yml"
    path.write_text(texts[name], encoding="utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_zizmor_says_of_them(tmp_path: Path) -> None:
    """Injection by inputs, credentials that stay, permissions that nobody needs."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    # The page names actions by their tags, to be read; it says that they are to be pinned.
    pinned = re.sub(r"(uses: [^@\s]+)@\S+", rf"\1@{'a' * 40}", examples()["github-workflow.yml"])
    (folder / "migration.yml").write_text(pinned, encoding="utf-8")
    (tmp_path / "action.yml").write_text(ACTION.read_text("utf-8"), encoding="utf-8")
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--format=json", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [(one["ident"], one["desc"]) for one in json.loads(done.stdout)] == [], done.stderr


def job_text(inputs: Mapping[str, str]) -> str:
    """Return the component's job, as GitLab makes it of the template."""
    head, _, body = TEMPLATE.read_text("utf-8").partition("\n---\n")
    known = YAML(typ="safe").load(head)["spec"]["inputs"]
    assert set(inputs) <= set(known)
    return _INPUT.sub(lambda found: inputs.get(found[1], known[found[1]]["default"]), body)


@pytest.fixture
def project(database: Address, tmp_path: Path) -> Path:
    with connect(database, read_only=False) as session:
        session.execute("create table public.people (id int primary key, name text)")
        session.execute("insert into public.people values (1, 'Ada'), (2, 'Bo')")
    (tmp_path / "db").mkdir()
    (tmp_path / "pgsafe.toml").write_text('[migration]\nsql = "db/migration.sql"\n', encoding="utf-8")
    return tmp_path


@pytest.fixture
def host() -> Iterator[Host]:
    with serving() as found:
        yield found


def surroundings(database: Address, project: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return a runner's environment, and nothing of this test run's."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PGSAFE", "GITHUB", "CI"))
    }
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {**kept, **env_of(database), "PGSAFE_SOURCE": uri(database), "CI": "true", "HOME": str(project), **more}


class Runner:
    """GitHub's, as far as a composite action needs it."""

    def __init__(self, database: Address, project: Path, host: Host) -> None:
        self.project = project
        self.output = project / "output"
        self.environment = surroundings(
            database, project,
            {
                "GITHUB_ACTIONS": "true", "GITHUB_API_URL": host.url, "GITHUB_REPOSITORY": "o/r",
                "GITHUB_REF": "refs/pull/7/merge", "GITHUB_OUTPUT": str(self.output),
                "GITHUB_STEP_SUMMARY": str(project / "summary.md"), "PGSAFE_SERVER": "local",
            },
        )  # fmt: skip

    def run(self, token: str = TOKEN, **inputs: str) -> tuple[int, str, dict[str, str]]:
        """Run the steps; return the job's status, what was printed, and the outputs."""
        action: dict[str, Any] = YAML(typ="safe").load(ACTION.read_text("utf-8"))
        values = {name: entry["default"] for name, entry in action["inputs"].items()}
        # The package is there: what the action would install is this very checkout.
        values |= {"requirement": "", "token": token, **inputs}
        self.output.write_text("", encoding="utf-8")
        status, printed = 0, ""
        for step in action["runs"]["steps"]:
            if not condition(step.get("if", "success()"), values, failed=status != 0):
                continue
            environment = {**self.environment}
            for name, value in step.get("env", {}).items():
                environment[name] = re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: values[found[1]], value)
            assert "${{" not in step["run"]
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=self.project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                check=False,
            )  # fmt: skip
            printed += done.stdout
            status = status or done.returncode
        return status, printed, dict(line.split("=", 1) for line in self.output.read_text("utf-8").splitlines())


def condition(text: str, inputs: Mapping[str, str], *, failed: bool) -> bool:
    """Evaluate the expressions that the action uses, and no other."""
    known = {
        "success()": not failed,
        "always()": True,
        "inputs.requirement != ''": inputs["requirement"] != "",
        "inputs.comment == 'true'": inputs["comment"] == "true",
        "github.event_name == 'pull_request'": True,
    }
    parts = text.split(" && ")
    # Without a function of its own a condition holds for what has not failed.
    return all(known[part] for part in parts) and ("always()" in parts or not failed)


def test_the_action(database: Address, project: Path, host: Host) -> None:
    runner = Runner(database, project, host)
    migration = project / "db" / "migration.sql"
    migration.write_text(HARM, encoding="utf-8")
    status, printed, outputs = runner.run()
    assert status == 1, printed
    assert outputs == {"result": "failed"}
    assert "::error file=db/migration.sql,line=1,title=PGS101" in printed
    [comment] = host.comments
    assert comment["body"].startswith("<!-- pgsafe: migration -->\n## pgsafe: ❌ not safe")
    assert "## pgsafe: ❌ not safe" in (project / "summary.md").read_text("utf-8")
    assert {path.name for path in (project / "pgsafe-reports").iterdir()} == {
        "pgsafe.json", "pgsafe.md", "pgsafe.html", "pgsafe.sarif",
    }  # fmt: skip
    # The next push: the same comment, and arguments are words, not commands.
    migration.write_text(SAFE, encoding="utf-8")
    status, printed, outputs = runner.run(arguments="-q --ignore='$(touch made)'", reports="my reports")
    assert (status, outputs) == (0, {"result": "passed"}), printed
    [comment] = host.comments
    assert "✅ safe" in comment["body"]
    assert not (project / "made").exists()


def test_the_action_without_what_it_needs(database: Address, project: Path, host: Host) -> None:
    runner = Runner(database, project, host)
    status, printed, outputs = runner.run()
    assert status == 4, printed
    assert outputs == {"result": "error"}
    assert "db/migration.sql" in printed
    assert host.comments == []
    (project / "db" / "migration.sql").write_text(SAFE, encoding="utf-8")
    # What cannot be split is not left out.
    status, printed, outputs = runner.run(arguments="--pgsafe-strict -k 'rows")
    assert status not in {0, 5}, printed
    assert outputs == {"result": "error"}
    # A pull request of a fork: its token may not write.
    status, printed, outputs = runner.run(token="none")
    assert (status, outputs) == (0, {"result": "passed"}), printed
    assert "::warning::pgsafe: the comment was not written" in printed
    # What lies there from the run before is not taken for this one's.
    (project / "db" / "migration.sql").unlink()
    status, printed, outputs = runner.run()
    assert (status, outputs) == (4, {"result": "error"}), printed
    assert host.comments == []


def test_the_job_of_gitlab(database: Address, project: Path, host: Host) -> None:
    job = YAML(typ="safe").load(job_text({"arguments": "-q", "name": "tenants"}))["pgsafe-tenants"]
    (project / "db" / "migration.sql").write_text(HARM, encoding="utf-8")
    environment = surroundings(
        database, project,
        {
            "GITLAB_CI": "true", "CI_API_V4_URL": host.url, "CI_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "7",
            "PGSAFE_GITLAB_TOKEN": TOKEN, "PGSAFE_SERVER": "local", **job["variables"],
        },
    )  # fmt: skip
    install, *script = job["script"]
    assert "pip install" in install

    def run(lines: list[str]) -> subprocess.CompletedProcess[str]:
        text = "\n".join(lines)
        return subprocess.run(
            ["sh", "-e", "-c", text], cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )  # fmt: skip

    done = run(script)
    assert done.returncode == 1, done.stdout
    after = run(job["after_script"])
    assert after.returncode == 0, after.stdout
    [comment] = host.comments
    assert comment["body"].startswith("<!-- pgsafe: tenants -->\n## pgsafe: ❌ not safe")
    paths = job["artifacts"]["reports"]
    quality = json.loads((project / paths["codequality"].replace("$REPORTS", "pgsafe-reports")).read_text("utf-8"))
    assert quality[0]["location"] == {"path": "db/migration.sql", "lines": {"begin": 1}}
    assert (project / paths["junit"].replace("$REPORTS", "pgsafe-reports")).exists()
    with suppress(KeyError):
        # Without the token there is no comment, and no failure.
        del environment["PGSAFE_GITLAB_TOKEN"]
    host.comments.clear()
    assert run(job["after_script"]).returncode == 0
    assert host.comments == []
