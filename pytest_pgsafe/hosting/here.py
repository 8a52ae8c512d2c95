"""Which host this process runs for."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ConfigError
from .comment import Host
from .github import Pull
from .gitlab import MergeRequest


def host(environment: Mapping[str, str]) -> Host:
    """Return the pull or merge request of this job.

    :raises ConfigError: this is no job of a host that is known, or what it needs is missing.
    """
    if environment.get("GITHUB_ACTIONS") == "true":
        return Pull(environment)
    if environment.get("GITLAB_CI") == "true":
        return MergeRequest(environment)
    raise ConfigError(
        "this is no job of GitHub Actions or GitLab CI",
        looked_at=["GITHUB_ACTIONS", "GITLAB_CI"],
        remedies=["run it in a step behind pytest --pgsafe --pgsafe-report=FILE.md"],
    )
