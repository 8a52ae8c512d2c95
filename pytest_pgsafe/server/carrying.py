"""Files on their way into a container and out of it: tar archives, streamed."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

#: docker.models.containers.Container; the SDK brings no types of its own.
Container = Any
CHUNK = 1 << 20


def packed(content: Mapping[str, bytes], carried: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """Yield a tar archive of root's files without holding them in memory."""
    for name, text in content.items():
        entry = tarfile.TarInfo(name.strip("/"))
        entry.mode = 0o600
        if name.endswith("/"):
            entry.type, entry.mode = tarfile.DIRTYPE, 0o700
        entry.size = len(text)
        yield entry.tobuf(tarfile.PAX_FORMAT)
        yield _padded(text)
    for name, path in carried:
        for inner in (path, *sorted(path.rglob("*"))) if path.is_dir() else (path,):
            entry = tarfile.TarInfo(
                f"{name.strip('/')}/{inner.relative_to(path)}" if inner != path else name.strip("/")
            )
            entry.mode = 0o600
            if inner.is_dir():
                entry.type, entry.mode = tarfile.DIRTYPE, 0o700
                yield entry.tobuf(tarfile.PAX_FORMAT)
                continue
            with inner.open("rb") as file:
                entry.size = inner.stat().st_size
                yield entry.tobuf(tarfile.PAX_FORMAT)
                left = entry.size
                while left > 0:
                    chunk = file.read(min(CHUNK, left))
                    if not chunk:
                        raise OSError(f"{inner} became shorter while it was read")
                    left -= len(chunk)
                    yield chunk
                yield b"\0" * (-entry.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % tarfile.BLOCKSIZE)


class _Stream(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._rest = self._rest or next(self._chunks, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def unpack(container: Container, name: str, path: Path) -> None:
    """Copy what a program wrote to where it was wanted; nothing if it wrote nothing."""
    errors: Any = import_module("docker.errors")
    try:
        chunks, _ = container.get_archive(name)
    except errors.NotFound:
        return
    with (
        contextlib.closing(io.BufferedReader(_Stream(chunks), CHUNK)) as stream,
        tarfile.open(fileobj=stream, mode="r|") as tar,
    ):
        # Its one top entry has the name that path has.
        tar.extractall(path.parent, filter="data")
