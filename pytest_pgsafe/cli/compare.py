"""``pgsafe compare``."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .answer import Answer, give, progress


@click.command("compare")
@click.argument("a")
@click.argument("b")
@options.as_json
def command(*, a: str, b: str, as_json: bool) -> int:
    """Compare the facts of A and B: files of pgsafe snapshot, backups, or databases. Ends with 1 if they differ."""
    from ..compare import recorded, sentence
    from ..runbook.facts import of

    for word in (a, b):
        options.refuse_secret(word, "the argument")
    found = recorded(of(a, Path.cwd(), progress), of(b, Path.cwd(), progress))
    gaps = [f"{gap.object}: {gap.reason}" for gap in found.not_verified]
    lines = [*map(sentence, found.changes), *(f"not compared: {gap}" for gap in gaps)]
    count = len(found.changes)
    lines.append("the facts are equal" if not count else f"{count} difference{'s' * (count > 1)}")
    changes = [
        {
            "kind": change.kind,
            "action": change.action.value,
            "object": change.object,
            "attribute": change.attribute,
            "before": change.before,
            "after": change.after,
        }
        for change in found.changes
    ]
    return give(
        "compare",
        Answer(passed=not count, lines=lines, data={"changes": changes, "not_verified": gaps}),
        as_json=as_json,
    )
