"""``pgsafe comment``: the report as a comment on the pull request."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..errors import ConfigError
from . import options
from .answer import Answer, give


@click.command("comment")
@click.argument("report", type=options.folder)
@click.option("--name", default="migration", show_default=True, help="Of the gate, where a repository has several.")
@options.as_json
def command(*, report: Path, name: str, as_json: bool) -> int:
    """Write REPORT, Markdown, as a comment on this job's pull or merge request; the next run edits it.

    In GitHub Actions it needs GITHUB_TOKEN, in GitLab CI PGSAFE_GITLAB_TOKEN.
    """
    from ..hosting.comment import post
    from ..hosting.here import host

    try:
        text = report.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the report {report} cannot be read: {error}",
            remedies=["pytest --pgsafe --pgsafe-report=FILE.md writes one"],
        ) from None
    address, new = post(host(os.environ), text, name)
    data = {"url": address, "created": new}
    return give(
        "comment",
        Answer(passed=True, lines=[f"{'written' if new else 'edited'}: {address}"], data=data),
        as_json=as_json,
    )
