"""``pgsafe snapshot``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import ConfigError
from . import options
from .answer import Answer, give, progress


@click.command("snapshot")
@options.source
@click.argument("file", type=options.folder)
@options.config
@options.as_json
def command(*, source: str | None, file: Path, config: str | None, as_json: bool) -> int:
    """Write the facts of a database into FILE: its catalog, counts and digests; no value of a row."""
    from ..copy.source import examine
    from ..runbook.facts import of_address
    from ..snapshot.file import save

    settings = options.settings(config=config, source=source)
    found = None if settings.source is None else examine(settings.source)
    if found is None or found.address is None:
        raise ConfigError("no database is named", remedies=["--source=postgresql://USER@HOST/DATABASE"])
    progress("snapshot")
    facts = of_address(found.address)
    path = file.expanduser().absolute()
    save(facts, path)
    rows = sum(table.rows for table in facts.tables.values())
    gaps = [f"{gap.object}: {gap.reason}" for gap in facts.not_verified]
    data = {"file": str(path), "relations": len(facts.tables), "rows": rows, "not_read": gaps}
    lines = [*(f"not read: {gap}" for gap in gaps), str(path)]
    return give("snapshot", Answer(passed=True, lines=lines, data=data), as_json=as_json)
