"""A real S3 server for tests: SeaweedFS from its wheel, on loopback, in a folder of the test's own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: SeaweedFS listens on each port and on the one 10,000 above it.
GRPC = 10_000
ACCESS, SECRET = "PGSAFETESTACCESSKEY", "pgsafe-test-secret-key"


@dataclass(frozen=True)
class ObjectStorage:
    """The address of an S3 server, and the folder of its volumes."""

    endpoint: str
    data: Path
    #: Where it answers by TLS too, if it was given a certificate.
    https: int | None = None

    def client(self) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )


def program() -> str | None:
    """Return SeaweedFS's program, which lies beside the interpreter or on the path."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.is_file() else shutil.which("weed")


@contextmanager
def seaweedfs(weed: str, folder: Path, *, tls: tuple[Path, Path] | None = None) -> Iterator[ObjectStorage]:
    """Start a server with one bucket, ``backups``, and end it.

    :param tls: certificate and key; it answers by TLS on a port more.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    identity = {"accessKey": ACCESS, "secretKey": SECRET}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    (folder / "s3.json").write_text(
        json.dumps({"identities": [{"name": "pgsafe", "credentials": [identity], "actions": actions}]})
    )
    s3, filer, master, volume, secure = _ports(5)
    encrypted: list[str] = []
    if tls is not None:
        encrypted = [f"-s3.port.https={secure}", f"-s3.cert.file={tls[0]}", f"-s3.key.file={tls[1]}"]
    log = (folder / "weed.log").open("wb")
    process = subprocess.Popen(
        [
            weed,
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-dir={data}",
            "-s3",
            f"-s3.config={folder / 's3.json'}",
            f"-s3.port={s3}",
            *encrypted,
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-filer.port={filer}",
            f"-filer.localSocket={folder / 'filer.sock'}",
            f"-master.port={master}",
            f"-volume.port={volume}",
            "-master.telemetry=false",
        ],
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "WEED_S3_SSE_KEK": secrets.token_hex(32)},
    )
    try:
        storage = ObjectStorage(f"http://127.0.0.1:{s3}", data, None if tls is None else secure)
        _ready(storage, process, folder / "weed.log")
        yield storage
    finally:
        # SIGTERM takes it half a minute; nothing of it is kept.
        process.kill()
        process.wait()
        log.close()


def _ready(storage: ObjectStorage, process: subprocess.Popen[bytes], log: Path) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    until = time.monotonic() + 120
    while True:
        try:
            # A bucket is there before a volume can be written to.
            client = storage.client()
            client.create_bucket(Bucket="backups")
            client.put_object(Bucket="backups", Key="ready", Body=b"ready")
            client.delete_object(Bucket="backups", Key="ready")
        except (BotoCoreError, ClientError) as error:
            if getattr(error, "response", {}).get("Error", {}).get("Code") in (
                "BucketAlreadyExists",
                "BucketAlreadyOwnedByYou",
            ):
                raise
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text("utf-8", "replace")[-2000:]) from error
            time.sleep(0.2)
        else:
            return


def _ports(count: int) -> list[int]:
    """Return ports that are free with those above them, below the range from which the system gives out its own."""
    found: list[int] = []
    while len(found) < count:
        port = 10_240 + secrets.randbelow(12_000)
        with socket.socket() as low, socket.socket() as high:
            try:
                low.bind(("127.0.0.1", port))
                high.bind(("127.0.0.1", port + GRPC))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
