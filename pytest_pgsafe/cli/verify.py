"""``pgsafe verify``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import BackupError
from . import defaults, options, repositories
from .answer import Answer, give, progress
from .proofs import answer
from .recording import recording

if TYPE_CHECKING:
    from ..backup.manifest import Manifest


@click.command("verify")
@click.argument("backup", required=False)
@options.which
@click.option("--max-age", metavar="AGE", callback=options.age, help="An older backup fails: 24h, 7d …")
@click.option("--no-record", is_flag=True, help="Do not keep the outcome beside the backup's manifest.")
@options.stored
@options.scratch
@options.config
@options.as_json
def command(
    *, backup: str | None, root: Path | None, environment: str | None, max_age: timedelta | None, no_record: bool,
    name: str | None, identity: Path | None, endpoint: str | None,
    server: str | None, image: str | None, config: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Prove a backup: files, checksums, decoding, and a restore into an ephemeral server that equals the source.

    Each is an outcome of its own; BACKUP is proven when all have passed. It is a folder, a dump, or s3://BUCKET/PREFIX:
    then a copy is fetched, proven and thrown away, and the outcome is told and not kept. Without BACKUP it is the
    latest. A repository is 'pgbackrest:stanza=main dbname=crm' or 'barman:server=main': it is restored by its engine.
    """
    if backup is not None and repositories.is_one(backup):
        return repositories.verify(backup, max_age=max_age, config=config, as_json=as_json)
    from ..config.forms import duration
    from ..runbook.entries import of_verification
    from ..runbook.verify import Scratch, verify
    from ..storage.fetched import at_hand, is_url

    settings = options.settings(config=config, server=server, image=image)
    scratch = Scratch(
        use=settings.server.use,
        image=settings.server.image,
        preload=settings.server.preload,
        superuser=settings.server.superuser,
    )
    word, _ = options.backup_of(backup, root, environment, proven=False)
    if backup is None and max_age is None and (said := defaults.given()["backup"].get("max_age")):
        # What is asked of the latest; an older one that somebody names may be as old as it is.
        max_age = timedelta(seconds=duration(said))
    with (
        recording("verification", place=word) as evidence,
        at_hand(
            word, name=name, identity=options.identity_of(word, identity),
            options=options.store(word, endpoint=endpoint), progress=progress,
        ) as path,
    ):  # fmt: skip
        record = not (no_record or is_url(word))
        proof = verify(path, scratch, max_age=max_age, record=record, progress=progress)
        found = answer(proof)
        evidence.add("verification", of_verification(word, _manifest(path), proof), passed=found.passed)
    lines = found.lines if backup is not None else [f"backup {word}", *found.lines]
    told = Answer(passed=found.passed, lines=lines, data={"backup": word, **found.data})
    return give("verify", evidence.told(told), as_json=as_json)


def _manifest(path: Path) -> Manifest | None:
    from ..backup import manifest

    try:
        return manifest.load(path)
    except BackupError:
        # A dump of others has none, and a backup that lost its own is not proven.
        return None
