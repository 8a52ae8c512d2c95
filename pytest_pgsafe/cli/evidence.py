"""``pgsafe evidence``: what was backed up, proven, restored and rehearsed in a period."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import StepError
from . import options
from .answer import Answer, give

if TYPE_CHECKING:
    from ..runbook.evidence import Shown


def _day(_: click.Context, parameter: click.Parameter, text: str | None) -> datetime | None:
    """Read ``2026-01-31`` or ``2026-01-31T12:00:00Z``, in UTC; an end is the end of its day."""
    if text is None:
        return None
    for form, length in (("%Y-%m-%d", timedelta(days=1)), ("%Y-%m-%dT%H:%M:%SZ", timedelta(seconds=1))):
        try:
            at = datetime.strptime(text, form).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
        return at + length - timedelta(seconds=1) if parameter.name == "until" else at
    raise click.BadParameter(f"{text!r} is no day: write 2026-01-31 or 2026-01-31T12:00:00Z")


@click.command("evidence")
@click.argument("root", type=options.folder, required=False)
@click.option("--from", "since", metavar="DAY", callback=_day, help="The first day; without it, from the first entry.")
@click.option("--to", "until", metavar="DAY", callback=_day, help="The last day, in UTC; without it, today.")
@click.option("--html", type=options.folder, metavar="FILE", help="Write it as one page, too.")
@options.config
@options.as_json
def command(
    *, root: Path | None, since: datetime | None, until: datetime | None, html: Path | None,
    config: str | None, as_json: bool,  # noqa: ARG001
) -> int:  # fmt: skip
    """Show the entries that commands and rehearsals left under ROOT: backups, proofs, restores, recoveries, uploads.

    They are left where [evidence] root, or PGSAFE_EVIDENCE_ROOT, names a folder. Each is chained to the one before:
    exit status 1 if one was altered, removed, moved or cut off. With PGSAFE_RECEIPT_KEY each has to be signed by it.
    """
    from ..records import chain, seal
    from ..report import evidence
    from ..runbook.evidence import show

    where = _root(root)
    now = datetime.now(timezone.utc)
    end = now if until is None else min(until, now)
    shown = show(chain.read(where, seal.key(os.environ)), where, begin=since, end=end)
    begin = "the first entry" if since is None else f"{since:%Y-%m-%d}"
    if html is not None:
        page = evidence.render(
            shown, root=str(where), begin=begin, end=f"{end:%Y-%m-%d}", made=f"{now:%Y-%m-%d %H:%M} UTC"
        )
        try:
            html.write_text(page, encoding="utf-8")
        except OSError as error:
            raise StepError("the page cannot be written", looked_at=[f"{html}: {error.strerror}"]) from None
    lines = [f"{where}: {begin} to {end:%Y-%m-%d}, {len(shown.entries)} entries", *_lines(shown)]
    data = {
        "root": str(where),
        "from": None if since is None else since.isoformat(),
        "to": end.isoformat(),
        **evidence.document(shown),
    }
    return give("evidence", Answer(passed=not shown.faults, lines=lines, data=data), as_json=as_json)


def _lines(shown: Shown) -> list[str]:
    from ..report import evidence

    lines = [
        f"  {number} {entry.time} {entry.kind} {entry.result}: {evidence.said(entry)}"
        for number, entry in shown.entries
    ]
    lines += [
        f"{one.environment} {one.database}".strip()
        + f": {one.backups} backups, {one.proven} of {one.verified} verifications proven, {one.restored} restores"
        + f", {one.recovered} recoveries, RPO {evidence.longest(one.rpo)}, RTO {evidence.longest(one.rto)}"
        for one in shown.databases
    ]
    lines += [f"note: {text}" for text in shown.notes] + [f"altered: {text}" for text in shown.faults]
    return [*lines, f"EVIDENCE INTACT: {'NO' if shown.faults else 'YES'}"]


def _root(root: Path | None) -> Path:
    from . import defaults

    if root is None:
        raise defaults.needed("folder of evidence", "ROOT", "evidence", "root")
    return root.expanduser().absolute()
