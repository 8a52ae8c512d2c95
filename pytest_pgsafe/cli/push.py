"""``pgsafe push``."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .answer import Answer, give, progress


@click.command("push")
@click.argument("backup", type=options.folder)
@click.argument("url")
@click.option("--encryption", type=click.Choice(["AES256", "aws:kms"]), help="What object storage has to encrypt with.")
@click.option("--kms-key", metavar="ID", help="The key of aws:kms.")
@click.option(
    "--storage-class", metavar="CLASS", help="STANDARD_IA, GLACIER … of the files; moved once they are proven."
)
@click.option(
    "--recipient", multiple=True, metavar="KEY", help="Encrypt before the upload, to this age key; repeatable."
)
@options.as_json
def command(
    *, backup: Path, url: str, encryption: str | None, kms_key: str | None, storage_class: str | None,
    recipient: tuple[str, ...], as_json: bool,
) -> int:  # fmt: skip
    """Upload BACKUP below URL: s3://BUCKET/PREFIX, or a folder elsewhere.

    Every object is read back before the backup counts as stored. Credentials and server are those of boto3:
    AWS_PROFILE, AWS_ENDPOINT_URL_S3 …
    """
    from ..storage.cipher import Cipher
    from ..storage.push import push
    from ..storage.store import Options, open_store

    wanted = Options(encryption=encryption, kms_key=kms_key, storage_class=storage_class)
    store = open_store(url, wanted)
    cipher = Cipher.to(recipient) if recipient else None
    folder = backup.expanduser().absolute()
    stored = push(folder, store, cipher=cipher, progress=lambda name, _: progress(name))
    size = sum(entry.stored_bytes for entry in stored.entries)
    data = {
        "url": f"{store}/{stored.name}",
        "objects": len(stored.entries),
        "bytes": size,
        "encryption": stored.encryption,
    }
    line = f"{store}/{stored.name}: {len(stored.entries)} objects, {size} bytes, each of them read back"
    return give("push", Answer(passed=True, lines=[line], data=data), as_json=as_json)
