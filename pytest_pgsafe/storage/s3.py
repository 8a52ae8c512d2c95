"""A store in S3-compatible object storage, through boto3.

Address, credentials, region and proxy are boto3's own: ``AWS_ENDPOINT_URL_S3``, ``AWS_PROFILE``, roles and so on.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import ConfigError, StorageError
from ..progress import Moved
from .store import Options

#: Classes whose objects have to be thawed, for hours, before they can be read.
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_CHUNK = 1 << 20
#: What an object is asked for when there is none of its name, or of its bucket's.
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
_REFUSED = frozenset({"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})


@dataclass(frozen=True)
class S3Store:
    """Objects of ``bucket`` whose names begin with ``prefix/``."""

    bucket: str
    prefix: str
    options: Options
    client: Any = field(repr=False, compare=False)

    @classmethod
    def open(cls, bucket: str, prefix: str, options: Options) -> S3Store:
        """Open a bucket that is there.

        :raises ConfigError: no boto3, no credentials, no such bucket, the server cannot be reached.
        """
        try:
            # Nothing of boto3 says its types.
            boto3: Any = import_module("boto3")
            botocore: Any = import_module("botocore.config")
        except ImportError as error:
            raise ConfigError(
                "object storage needs boto3",
                looked_at=[str(error)],
                remedies=["pip install 'pytest-pgsafe[s3]'"],
            ) from error
        store = cls(bucket, prefix, options, None)
        with store._failures("", kind=ConfigError):
            # A session of its own: boto3's default one keeps the credentials that it found first.
            # The client's own retries, with its backoff; a server that is not there is said within seconds.
            config = botocore.Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=10)
            store = replace(
                store, client=boto3.session.Session().client("s3", config=config, endpoint_url=options.endpoint)
            )
            store.client.head_bucket(Bucket=bucket)
        return store

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def put(self, path: Path, name: str, *, sha256: str, moved: Moved | None = None) -> None:
        """Upload, and see that the server says what it was asked for: size, encryption."""
        extra: dict[str, Any] = {"Metadata": {"sha256": sha256}, **self._encryption()}
        if self.options.storage_class is not None and self.options.storage_class not in ARCHIVED:
            extra["StorageClass"] = self.options.storage_class
        with self._failures(name):
            self.client.upload_file(str(path), self.bucket, self._key(name), ExtraArgs=extra, Callback=moved)
            head = self._head(name)
        if head["ContentLength"] != path.stat().st_size:
            raise StorageError(
                f"{name} has {head['ContentLength']} bytes in the store, and {path.stat().st_size} here",
                looked_at=[str(self)],
            )
        self._stands(name, head, extra.get("StorageClass", "STANDARD"))

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the object's content."""
        with self._failures(name):
            body = self.client.get_object(Bucket=self.bucket, Key=self._key(name))["Body"]
            yield from body.iter_chunks(_CHUNK)

    def names(self) -> list[str]:
        """List every object below the prefix."""
        found: list[str] = []
        start = f"{self.prefix}/" if self.prefix else ""
        with self._failures(""):
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=start):
                found += [entry["Key"][len(start) :] for entry in page.get("Contents", [])]
        return sorted(found)

    def settle(self, name: str) -> None:
        """Copy an object onto itself in the storage class that was asked for, if that is an archive."""
        wanted = self.options.storage_class
        if wanted not in ARCHIVED:
            return
        key = self._key(name)
        with self._failures(name):
            before = self._head(name)
            # The managed copy goes by parts from 5 GB, and carries no metadata of its own accord.
            self.client.copy(
                {"Bucket": self.bucket, "Key": key},
                self.bucket,
                key,
                ExtraArgs={
                    "StorageClass": wanted,
                    "Metadata": before["Metadata"],
                    "MetadataDirective": "REPLACE",
                    **self._encryption(),
                },
            )
            self._stands(name, self._head(name), wanted)

    def thaw(self, name: str, *, days: int) -> bool:
        """Say whether an object can be read now, and ask for a readable copy if it is archived."""
        with self._failures(name):
            head = self._head(name)
            if head.get("StorageClass") not in ARCHIVED or 'ongoing-request="false"' in head.get("Restore", ""):
                return True
            if "Restore" not in head and days:
                self.client.restore_object(Bucket=self.bucket, Key=self._key(name), RestoreRequest={"Days": days})
                # Some stores have it ready at once.
                return 'ongoing-request="false"' in self._head(name).get("Restore", "")
        return False

    def at(self, name: str) -> S3Store:
        """Return the store below that prefix."""
        return replace(self, prefix=f"{self.prefix}/{name}".strip("/"))

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}".lstrip("/")

    def _head(self, name: str) -> dict[str, Any]:
        head: dict[str, Any] = self.client.head_object(Bucket=self.bucket, Key=self._key(name))
        return head

    def _encryption(self) -> dict[str, str]:
        wanted: dict[str, str] = {}
        if self.options.encryption is not None:
            wanted["ServerSideEncryption"] = self.options.encryption
        if self.options.kms_key is not None:
            wanted["SSEKMSKeyId"] = self.options.kms_key
        return wanted

    def _stands(self, name: str, head: dict[str, Any], storage_class: str) -> None:
        """Believe the server, not the request: a header that it does not know is ignored without a word."""
        asked = {"encryption": self.options.encryption, "storage class": storage_class}
        said = {
            "encryption": head.get("ServerSideEncryption"),
            "storage class": head.get("StorageClass", "STANDARD"),
        }
        for what, wanted in asked.items():
            if wanted is not None and said[what] != wanted:
                raise StorageError(
                    f"the {what} of {name} was to be {wanted}, and the server says {said[what] or 'none'}",
                    looked_at=[str(self)],
                    remedies=["use a store that can, ask for another, or encrypt before the upload with a recipient"],
                )

    @contextmanager
    def _failures(
        self, name: str, *, kind: type[ConfigError | StorageError] = StorageError
    ) -> Generator[None, None, None]:
        boto3: Any = import_module("boto3.exceptions")
        botocore: Any = import_module("botocore.exceptions")
        where = [f"{self}/{name}" if name else str(self)]
        try:
            yield
        except botocore.NoCredentialsError as error:
            raise ConfigError(
                "object storage: no credentials were found",
                looked_at=where,
                remedies=["AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role, as boto3 reads them"],
            ) from error
        except (botocore.HTTPClientError, botocore.ConnectionError) as error:
            raise kind(
                f"object storage cannot be reached: {error}",
                looked_at=where,
                remedies=["--endpoint, endpoint in [storage] or AWS_ENDPOINT_URL_S3 names the server, if not Amazon's"],
            ) from error
        except botocore.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _MISSING:
                raise kind("object storage has nothing of that name", looked_at=where) from error
            if code in _REFUSED:
                raise kind(f"object storage refused: {error}", looked_at=where) from error
            raise kind(f"object storage failed: {error}", looked_at=where) from error
        except (botocore.BotoCoreError, boto3.Boto3Error) as error:
            raise kind(f"object storage failed: {error}", looked_at=where) from error
