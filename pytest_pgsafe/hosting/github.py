"""Pull requests of GitHub, from within a job of GitHub Actions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, StepError
from .comment import Comment, needed
from .http import Interface

_REMEDY = "give the job `permissions: pull-requests: write`; a pull request from a fork has none"
_PULL = re.compile(r"refs/pull/(\d+)/")


class Pull:
    """The pull request that a job runs for."""

    #: GitHub refuses more than 65,536, which it counts in its own way.
    limit = 65_000

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Find it.

        :raises ConfigError: the job runs for no pull request, or has no token.
        """
        url, repository, token = needed(
            environment,
            {
                "GITHUB_API_URL": "run it in a step of a workflow",
                "GITHUB_REPOSITORY": "run it in a step of a workflow",
                "GITHUB_TOKEN": "give it to the step: env: GITHUB_TOKEN: ${{ github.token }}",
            },
            "GitHub Actions",
        )
        number = _number(environment)
        self._api = Interface(
            url=url,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
            remedy=_REMEDY,
        )
        self._comments = f"/repos/{repository}/issues/comments"
        self._of_pull = f"/repos/{repository}/issues/{number}/comments"

    def comments(self) -> Iterator[Comment]:
        """Yield them."""
        login = self._login()
        for found in self._api.pages(f"{self._of_pull}?"):
            app: dict[str, Any] = found.get("performed_via_github_app") or {}
            own: bool = found["user"]["login"] == login if login is not None else app.get("slug") == "github-actions"
            yield Comment(id=found["id"], text=found["body"] or "", own=own)

    def create(self, text: str) -> str:
        """Write one."""
        return str(self._api.ask("POST", self._of_pull, {"body": text})["html_url"])

    def edit(self, comment: Comment, text: str) -> str:
        """Replace its text."""
        return str(self._api.ask("PATCH", f"{self._comments}/{comment.id}", {"body": text})["html_url"])

    def _login(self) -> str | None:
        """Return whose token it is; None if it is the job's own, which may not ask."""
        try:
            return str(self._api.ask("GET", "/user")["login"])
        except StepError:
            return None


def _number(environment: Mapping[str, str]) -> int:
    path = environment.get("GITHUB_EVENT_PATH", "")
    try:
        event: dict[str, Any] = json.loads(Path(path).read_bytes()) if path else {}
        pull: dict[str, Any] = event.get("pull_request") or event.get("issue") or {}
        return int(pull["number"])
    except (OSError, ValueError, KeyError, AttributeError):
        found = _PULL.match(environment.get("GITHUB_REF", ""))
    if found is None:
        raise ConfigError(
            "this job runs for no pull request",
            looked_at=["GITHUB_EVENT_PATH", "GITHUB_REF"],
            remedies=["run the step with `if: github.event_name == 'pull_request'`"],
        )
    return int(found[1])
