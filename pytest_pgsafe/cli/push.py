"""``pgsafe push``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import ConfigError
from ..passwords import redact
from . import defaults, options
from .answer import Answer, give, progress
from .recording import recording


@click.command("push")
@click.argument("backup", required=False)
@click.argument("url", required=False)
@options.which
@options.endpoint
@click.option("--encryption", type=click.Choice(["AES256", "aws:kms"]), help="What object storage has to encrypt with.")
@click.option("--kms-key", metavar="ID", help="The key of aws:kms.")
@click.option(
    "--storage-class", metavar="CLASS", help="STANDARD_IA, GLACIER … of the files; moved once they are proven."
)
@click.option(
    "--recipient", multiple=True, metavar="KEY", help="Encrypt before the upload, to this age key; repeatable."
)
@options.config
@options.as_json
def command(
    *, backup: str | None, url: str | None, root: Path | None, environment: str | None, endpoint: str | None,
    encryption: str | None, kms_key: str | None, storage_class: str | None, recipient: tuple[str, ...],
    config: str | None, as_json: bool,  # noqa: ARG001
) -> int:  # fmt: skip
    """Upload BACKUP below URL: s3://BUCKET/PREFIX, or a folder elsewhere. Without BACKUP it is the latest proven one.

    Every object is read back before the backup counts as stored. Credentials and server are those of boto3:
    AWS_PROFILE, AWS_ENDPOINT_URL_S3 …
    """
    from ..backup import manifest
    from ..runbook.entries import of_push
    from ..storage.cipher import Cipher
    from ..storage.open import open_store
    from ..storage.push import push

    if backup is not None and "://" in backup:
        if not defaults.from_file("url") and url is not None:
            raise ConfigError(
                "two addresses and no backup", looked_at=[backup, url], remedies=["pgsafe push BACKUP URL"]
            )
        backup, url = None, backup
    if url is None:
        raise defaults.needed("address of a store", "URL", "storage", "url")
    word, _ = options.backup_of(backup, root, environment, proven=True)
    folder = Path(word).expanduser().absolute()
    wanted = {"encryption": encryption, "kms_key": kms_key, "storage_class": storage_class, "endpoint": endpoint}
    with recording("push", place=str(folder), url=redact(url)) as evidence:
        store = open_store(url, options.store(url, **wanted))
        cipher = Cipher.to(recipient) if recipient else None
        stored = push(folder, store, cipher=cipher, progress=progress)
        digest = manifest.sha256(folder / manifest.MANIFEST)
        place = f"{store}/{stored.name}"
        evidence.add("push", of_push(str(folder), manifest.load(folder), digest, place, stored))
    size = sum(entry.stored_bytes for entry in stored.entries)
    data = {
        "url": place,
        "objects": len(stored.entries),
        "bytes": size,
        "encryption": stored.encryption,
    }
    line = f"{place}: {len(stored.entries)} objects, {size} bytes, each of them read back"
    return give("push", evidence.told(Answer(passed=True, lines=[line], data=data)), as_json=as_json)
