"""``pgsafe backup``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from ..errors import ConfigError
from . import options
from .answer import Answer, give, progress
from .proofs import answer
from .recording import recording


@click.command("backup")
@options.source
@click.option("--root", type=options.folder, metavar="DIR", help="Where backups are kept.")
@click.option("--environment", metavar="NAME", help="staging, production …; else the database's name.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes of pg_dump; else by the database's size.")
@click.option("--compress", metavar="METHOD", help="pg_dump's: 0, 9, zstd:3 …")
@click.option("--plain/--no-plain", default=True, help="Write the whole database as SQL too, or not.")
@click.option(
    "--retain",
    metavar="AGE",
    callback=options.age,
    default="30d",
    show_default=True,
    help="How long prune may not remove it.",
)
@click.option("--verify/--no-verify", default=False, help="Prove it at once, by restoring it, or not.")
@options.scratch
@options.config
@options.as_json
def command(
    *, source: str | None, root: Path | None, environment: str | None, jobs: int | None, compress: str | None,
    plain: bool, retain: timedelta, verify: bool, server: str | None, image: str | None, config: str | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Take a backup with its facts and manifest at one moment, and print its folder.

    It appears as ROOT/ENVIRONMENT/TIMESTAMP when it is whole: the archive, the same as SQL, the schema alone, the
    roles, data and metadata at a glance, the facts that a restored copy is held against, and the manifest.
    """
    from ..backup.manifest import MANIFEST, sha256
    from ..copy.source import examine
    from ..runbook.before import BROKEN
    from ..runbook.entries import of_backup, of_verification
    from ..runbook.keep import keep

    where = options.root_of(root, "--root")
    settings = options.settings(config=config, source=source, server=server, image=image)
    if settings.source is None:
        raise ConfigError(
            "no source: there is nothing to back up",
            looked_at=["--source", "PGSAFE_SOURCE", "[source] in pgsafe.toml"],
            remedies=["--source=postgresql://USER@HOST/DATABASE"],
        )
    progress("source")
    with recording("backup", environment=environment) as evidence:
        backup = keep(
            examine(settings.source), where, environment=environment, retain=retain, jobs=jobs,
            compress=compress, plain=plain, rules=settings, progress=progress,
        )  # fmt: skip
        assert backup.manifest is not None
        assert backup.archive.folder is not None
        folder, taken = backup.archive.folder, backup.manifest
        evidence.add("backup", of_backup(str(folder), taken, sha256(folder / MANIFEST)))
    data = {
        "folder": str(folder),
        "taken_at": taken.taken_at.isoformat(),
        "database": taken.database,
        "server_version": taken.server_version,
        "keep_until": None if taken.keep_until is None else taken.keep_until.isoformat(),
        "files": [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in taken.files],
        "left_out": list(taken.left_out),
        "restore": list(taken.restore),
    }
    warnings = [line for line in taken.left_out if line.startswith((BROKEN, "[[denormalized]]"))]
    if not verify:
        taken_alone = Answer(passed=True, lines=[str(folder)], data=data, warnings=warnings)
        return give("backup", evidence.told(taken_alone), as_json=as_json)
    from ..runbook.verify import Scratch
    from ..runbook.verify import verify as prove

    use = Scratch(
        use=settings.server.use,
        image=settings.server.image,
        preload=settings.server.preload,
        superuser=settings.server.superuser,
    )
    with recording("verification", place=str(folder)) as verification:
        proof = prove(folder, use, progress=progress)
        verification.add("verification", of_verification(str(folder), taken, proof), passed=proof.proven)
    proven = answer(proof)
    told = Answer(
        passed=proven.passed, lines=[str(folder), *proven.lines], data={**data, **proven.data}, warnings=warnings
    )
    return give("backup", evidence.joined(verification).told(told), as_json=as_json)
