"""``pgsafe pull``."""

from __future__ import annotations

from pathlib import Path

import click

from ..passwords import redact
from . import defaults, options
from .answer import Answer, give, progress
from .recording import recording


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
    from ..backup import manifest
    from ..runbook.entries import of_pull
    from ..storage.open import open_store
    from ..storage.pull import pull

    if url is None:
        raise defaults.needed("address of a store", "URL", "storage", "url")
    into = root.expanduser().absolute()
    with recording("pull", url=redact(url)) as evidence:
        store = open_store(url, options.store(url, endpoint=endpoint))
        folder = pull(store, into, name=name, identity=identity, progress=progress)
        digest = manifest.sha256(folder / manifest.MANIFEST)
        evidence.add("pull", of_pull(str(folder), manifest.load(folder), digest, str(store)))
    told = Answer(passed=True, lines=[str(folder)], data={"folder": str(folder)})
    return give("pull", evidence.told(told), as_json=as_json)
