"""One comment for each gate of a pull request: the next run edits it, and writes no second one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from ..errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Comment:
    """A comment that is there."""

    id: int
    text: str
    #: Whether it was written with the credentials of this run: nobody else's is ever edited.
    own: bool


class Host(Protocol):
    """A pull request, or merge request, of the run that this process belongs to."""

    #: Characters that a comment may have.
    limit: int

    def comments(self) -> Iterator[Comment]:
        """Yield the comments that there are, the oldest first.

        :raises StepError: the host refuses, or does not answer.
        """
        ...

    def create(self, text: str) -> str:
        """Write a comment; return its address."""
        ...

    def edit(self, comment: Comment, text: str) -> str:
        """Replace a comment's text; return its address."""
        ...


def marker(name: str) -> str:
    """Return the first line of a gate's comment, which the host does not show.

    :raises ConfigError: the name would end it.
    """
    if "--" in name or not name.isprintable():
        raise ConfigError(
            f"{name!r} cannot be the name of a comment", remedies=["take letters, digits and single hyphens"]
        )
    return f"<!-- pgsafe: {name} -->"


def post(host: Host, text: str, name: str) -> tuple[str, bool]:
    """Write or edit the comment of a gate; return its address, and whether it is a new one.

    :param name: of the gate, for repositories that have several.
    """
    mark = marker(name)
    body = f"{mark}\n{text}"
    if len(body) > host.limit:
        end = "\n\nThe rest is too long for a comment.\n"
        body = body[: host.limit - len(end)] + end
    for comment in host.comments():
        if comment.own and comment.text.partition("\n")[0].rstrip("\r") == mark:
            return host.edit(comment, body), False
    return host.create(body), True


def needed(environment: Mapping[str, str], names: Mapping[str, str], where: str) -> list[str]:
    """Return the values of variables.

    :param names: what gives each, by its name.
    :raises ConfigError: one is missing.
    """
    for name, remedy in names.items():
        if not environment.get(name):
            raise ConfigError(f"{name} is not set in this job of {where}", looked_at=[name], remedies=[remedy])
    return [environment[name] for name in names]
