"""Merge requests of GitLab, from within a job of GitLab CI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .comment import Comment, needed
from .http import Interface

#: The job's own token may not write notes.
TOKEN = "PGSAFE_GITLAB_TOKEN"  # noqa: S105 (its name)


class MergeRequest:
    """The merge request that a job runs for."""

    limit = 1_000_000

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Find it.

        :raises ConfigError: the job runs for no merge request, or has no token.
        """
        url, project, number, token = needed(
            environment,
            {
                "CI_API_V4_URL": "run it in a job of GitLab CI",
                "CI_PROJECT_ID": "run it in a job of GitLab CI",
                "CI_MERGE_REQUEST_IID": "run the job with `rules: - if: $CI_PIPELINE_SOURCE == 'merge_request_event'`",
                TOKEN: "make a project access token with the scope api, and a masked variable of it with this name",
            },
            "GitLab CI",
        )
        remedy = f"{TOKEN} needs the scope api, and the role of a Reporter"
        self._api = Interface(url=url, headers={"PRIVATE-TOKEN": token}, remedy=remedy)
        self._notes = f"/projects/{project}/merge_requests/{number}/notes"
        self._web = f"{environment.get('CI_MERGE_REQUEST_PROJECT_URL', '')}/-/merge_requests/{number}"

    def comments(self) -> Iterator[Comment]:
        """Yield them."""
        name = self._api.ask("GET", "/user")["username"]
        for found in self._api.pages(f"{self._notes}?order_by=created_at&sort=asc&"):
            yield Comment(id=found["id"], text=found["body"], own=found["author"]["username"] == name)

    def create(self, text: str) -> str:
        """Write one."""
        return self._address(self._api.ask("POST", self._notes, {"body": text})["id"])

    def edit(self, comment: Comment, text: str) -> str:
        """Replace its text."""
        return self._address(self._api.ask("PUT", f"{self._notes}/{comment.id}", {"body": text})["id"])

    def _address(self, note: int) -> str:
        return f"{self._web}#note_{note}"
