"""``pgsafe verify``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .answer import Answer, give, progress

if TYPE_CHECKING:
    from ..backup.proof import Proof


@click.command("verify")
@click.argument("backup")
@click.option("--max-age", metavar="AGE", callback=options.age, help="An older backup fails: 24h, 7d …")
@click.option("--no-record", is_flag=True, help="Do not keep the outcome beside the backup's manifest.")
@options.stored
@options.scratch
@options.config
@options.as_json
def command(
    *, backup: str, max_age: timedelta | None, no_record: bool, name: str | None, identity: Path | None,
    server: str | None, image: str | None, config: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Prove a backup: files, checksums, decoding, and a restore into an ephemeral server that equals the source.

    Each is an outcome of its own; BACKUP is proven when all have passed. It is a folder, a dump, or s3://BUCKET/PREFIX:
    then a copy is fetched, proven and thrown away, and the outcome is told and not kept.
    """
    from ..drill.verify import Scratch, verify
    from ..storage.fetched import at_hand, is_url

    settings = options.settings(config=config, server=server, image=image)
    scratch = Scratch(use=settings.server.use, image=settings.server.image)
    with at_hand(backup, name=name, identity=identity, progress=lambda key, _: progress(key)) as path:
        record = not (no_record or is_url(backup))
        proof = verify(path, scratch, max_age=max_age, record=record, progress=progress)
    return give("verify", answer(proof), as_json=as_json)


def answer(proof: Proof) -> Answer:
    """Return what a verification found, each outcome in a line."""
    lines = [
        f"{outcome.name + ':':<11} {outcome.result}{': ' + outcome.said if outcome.said else ''}"
        for outcome in proof.outcomes
    ]
    lines += [f"not verified: {gap}" for gap in proof.not_verified]
    if proof.restore_seconds is not None:
        lines.append(f"restored into PostgreSQL {proof.server_version} in {proof.restore_seconds:.1f} s")
    lines.append(f"PROVEN: {'YES' if proof.proven else 'NO'}")
    data = {
        "proven": proof.proven,
        "outcomes": [
            {"name": one.name, "result": one.result, "said": one.said, "seconds": one.seconds} for one in proof.outcomes
        ],
        "not_verified": list(proof.not_verified),
        "server_version": proof.server_version,
        "restore_seconds": proof.restore_seconds,
    }
    return Answer(passed=proof.proven, lines=lines, data=data)
