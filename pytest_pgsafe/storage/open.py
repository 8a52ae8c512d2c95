"""How a store's address chooses one."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from ..errors import ConfigError
from .folder import FolderStore
from .s3 import S3Store
from .store import Options, Store


def open_store(url: str, options: Options | None = None) -> Store:
    """Open ``s3://BUCKET/PREFIX``, ``file:///PATH`` or a folder.

    :raises UsageError: another scheme, no bucket, no library for it.
    """
    options = options or Options()
    if "://" not in url:
        url = Path(url).absolute().as_uri()
    parts = urlsplit(url)
    for text in (parts, urlsplit(options.endpoint or "")):
        if text.scheme in {"s3", "http", "https"} and "@" in text.netloc:
            raise ConfigError(
                "the address of a store holds a user or a password, which everybody on this machine can read",
                looked_at=[f"{text.scheme}://{text.hostname or ''}{text.path}"],
                remedies=["AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role, as boto3 reads them"],
            )
    if parts.scheme == "file" and not parts.netloc:
        if options != Options():
            raise ConfigError(
                "encryption and storage class are those of object storage, and this is a folder",
                looked_at=[url],
                remedies=["push to s3://BUCKET/PREFIX, or encrypt before the upload with a recipient"],
            )
        return FolderStore.open(url)
    if parts.scheme == "s3" and parts.netloc:
        return S3Store.open(parts.netloc, parts.path.strip("/"), options)
    raise ConfigError(
        "a store is s3://BUCKET/PREFIX or a folder",
        # A user and password in front of the host would not be for us, nor for the screen.
        looked_at=[f"{parts.scheme}://{parts.hostname or ''}{parts.path}"],
    )
