"""The comment on a pull request: written once, edited in place, and nobody else's is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from code_host import TOKEN, Host, serving
from pytest_pgsafe.cli import run

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "o/r",
    "GITHUB_REF": "refs/pull/7/merge",
    "GITHUB_TOKEN": TOKEN,
}
GITLAB = {
    "GITLAB_CI": "true", "CI_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "7", "PGSAFE_GITLAB_TOKEN": TOKEN,
    "CI_MERGE_REQUEST_PROJECT_URL": "https://host/o/r",
}  # fmt: skip
ADDRESSES = {"GITHUB_API_URL": GITHUB, "CI_API_V4_URL": GITLAB}


@pytest.fixture(params=ADDRESSES, ids=["github", "gitlab"])
def host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    for name in (*GITHUB, *GITLAB, *ADDRESSES, "GITHUB_EVENT_PATH"):
        monkeypatch.delenv(name, raising=False)
    with serving() as found:
        for name, value in {**ADDRESSES[request.param], request.param: found.url}.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "pgsafe.md"
    path.write_text("## pgsafe: safe\n", encoding="utf-8")
    return path


def test_it_is_written_once_and_edited_then(host: Host, report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host.add("looks good")
    assert run(["comment", str(report)]) == 0
    assert capsys.readouterr().out.startswith("written: https://host/")
    report.write_text("## pgsafe: not safe\n", encoding="utf-8")
    assert run(["comment", str(report), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["created"] is False
    assert [one["body"] for one in host.comments] == [
        "looks good", "<!-- pgsafe: migration -->\n## pgsafe: not safe\n",
    ]  # fmt: skip
    assert run(["comment", str(report), "--name", "tenants"]) == 0
    assert len(host.comments) == 3


def test_nobody_elses_comment_is_edited(host: Host, report: Path) -> None:
    mark = "<!-- pgsafe: migration -->\n"
    host.add(f"{mark}mine", login="somebody")
    host.add(f"> {mark}quoted")
    host.add("<!-- pgsafe: migration-2 -->\nanother gate's")
    before = [one["body"] for one in host.comments]
    assert run(["comment", str(report)]) == 0
    assert [one["body"] for one in host.comments[:3]] == before
    assert len(host.comments) == 4


@pytest.mark.parametrize("host", ["GITHUB_API_URL"], indirect=True)
def test_a_jobs_own_token_knows_its_comments(host: Host, report: Path) -> None:
    """GitLab's may not write any."""
    host.job = True
    host.add("<!-- pgsafe: migration -->\nsomebody's", login="somebody")
    host.add("<!-- pgsafe: migration -->\nanother app's", login="bot", app="other")
    for _ in range(2):
        assert run(["comment", str(report)]) == 0
    assert len(host.comments) == 3


def test_it_is_found_on_a_later_page(host: Host, report: Path) -> None:
    for number in range(130):
        host.add(str(number))
    assert run(["comment", str(report)]) == 0
    assert run(["comment", str(report)]) == 0
    assert len(host.comments) == 131


def test_what_is_too_long_is_cut(host: Host, report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_pgsafe.hosting.github.Pull.limit", 400)
    monkeypatch.setattr("pytest_pgsafe.hosting.gitlab.MergeRequest.limit", 400)
    report.write_text("x" * 1000, encoding="utf-8")
    assert run(["comment", str(report)]) == 0
    [one] = host.comments
    assert len(one["body"]) == 400
    assert one["body"].endswith("too long for a comment.\n")


@pytest.mark.parametrize(
    ("status", "word"), [(403, "answered 403"), (404, "answered 404"), (500, "try again"), (302, "302")]
)
def test_a_host_that_refuses(
    host: Host, report: Path, capsys: pytest.CaptureFixture[str], status: int, word: str
) -> None:
    host.status = status
    assert run(["comment", str(report)]) == 1
    said = capsys.readouterr().err
    assert word in said
    assert "remedy" in said
    assert TOKEN not in said
    assert host.comments == []
    assert not any("elsewhere" in call for call in host.calls)


def test_a_host_that_is_gone(
    host: Host, report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ADDRESSES:
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert run(["comment", str(report)]) == 1
    assert "does not answer" in capsys.readouterr().err
    for name in ADDRESSES:
        monkeypatch.setenv(name, "file:///etc")
    assert run(["comment", str(report)]) == 4


def test_what_is_missing_is_named(
    host: Host, report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["comment", str(report.with_name("none.md"))]) == 4
    assert "cannot be read" in capsys.readouterr().err
    assert run(["comment", str(report), "--name", "a --> b"]) == 4
    assert "name of a comment" in capsys.readouterr().err
    for name in ("GITHUB_TOKEN", "PGSAFE_GITLAB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert run(["comment", str(report)]) == 4
    assert "TOKEN is not set" in capsys.readouterr().err
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    assert run(["comment", str(report)]) == 4
    assert "no job of GitHub Actions or GitLab CI" in capsys.readouterr().err
    assert host.calls == []


@pytest.mark.parametrize("host", ["GITHUB_API_URL"], indirect=True)
def test_which_pull_request(
    host: Host, report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 12}}), encoding="utf-8")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    assert run(["comment", str(report)]) == 0
    assert host.calls[-1] == "POST /repos/o/r/issues/12/comments"
    event.write_text("{}", encoding="utf-8")
    assert run(["comment", str(report)]) == 0
    assert host.calls[-1] == "POST /repos/o/r/issues/7/comments" or "PATCH" in host.calls[-1]
    monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    assert run(["comment", str(report)]) == 4
    assert "for no pull request" in capsys.readouterr().err
