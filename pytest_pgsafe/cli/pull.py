"""``pgsafe pull``."""

from __future__ import annotations

from pathlib import Path

import click

from . import defaults, options
from .answer import Answer, give, progress


@click.command("pull")
@click.argument("url", required=False)
@click.option("--root", type=options.folder, default=".", help="Where the backup goes, below its environment.")
@options.endpoint
@click.option("--name", help="Which backup; the latest without.")
@click.option(
    "--identity", type=options.folder, metavar="FILE", help="The age keys of one that was encrypted for them."
)
@options.config
@options.as_json
def command(
    *, url: str | None, root: Path, endpoint: str | None, name: str | None, identity: Path | None,
    config: str | None, as_json: bool,  # noqa: ARG001
) -> int:  # fmt: skip
    """Download a complete backup from URL, and prove each of its files; the folder appears when all are right."""
    from ..storage.open import open_store
    from ..storage.pull import pull

    if url is None:
        raise defaults.needed("address of a store", "URL", "storage", "url")
    into = root.expanduser().absolute()
    folder = pull(
        open_store(url, options.store(url, endpoint=endpoint)),
        into,
        name=name,
        identity=identity,
        progress=progress,
    )
    return give("pull", Answer(passed=True, lines=[str(folder)], data={"folder": str(folder)}), as_json=as_json)
