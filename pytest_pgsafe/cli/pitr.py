"""``pgsafe pitr``: archiving, base backups, recovery to a moment."""

from __future__ import annotations

from pathlib import Path

import click

from . import basebackup, check, options, pitr_prune, receive
from .answer import Answer, give
from .recover import command as recover
from .rescue import command as rescue


@click.group("pitr")
def command() -> None:
    """Recover a cluster to any moment: look at its archiving, take base backups, rehearse a recovery."""


command.add_command(check.command)
command.add_command(basebackup.command)
command.add_command(receive.command)
command.add_command(recover)
command.add_command(pitr_prune.command)
command.add_command(rescue)


@command.command("archive")
@click.argument("segment", type=options.folder)
@click.argument("folder", type=options.folder)
@options.as_json
def archive(*, segment: Path, folder: Path, as_json: bool) -> int:
    """Archive SEGMENT into FOLDER: for archive_command = 'pgsafe pitr archive "%p" "FOLDER"'.

    Whole, on disk, never over another file.
    """
    from ..pitr.archiver import store

    fresh = store(segment.absolute(), folder.absolute())
    lines = [] if fresh else [f"{segment.name} is in the archive already, with the same content"]
    return give("pitr archive", Answer(passed=True, lines=lines, data={"new": fresh}), as_json=as_json)
