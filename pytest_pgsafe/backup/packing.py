"""Dumps as people pack them: what is in a gzip, bzip2, xz, zstd, lz4 or zip file, and text that is UTF-16."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import shutil
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from ..errors import ConfigError, RestoreError
from ..server.private import private_folder
from ..server.tied import STUCK, Tied

#: What reading a file that is cut or damaged raises.
DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)
_CHUNK = 1 << 20
#: So many packings in one another are looked through.
_DEPTH = 4
_MAGIC = (
    (b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"), (b"PK\x03\x04", "zip"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!", "rar"),
)  # fmt: skip
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)  # fmt: skip
_CLIENT_ENCODING = re.compile(r"^SET client_encoding = '([\w-]+)'", re.MULTILINE)


def packing_of(head: bytes) -> str | None:
    """Return how a file that begins so is packed: ``gzip``, ``zstd`` …; None where it is not."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def encoding_of(head: bytes) -> str | None:
    """Return the encoding that a text's first bytes show by a mark or by their zeros; None where they show none."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    some = head[:64]
    if len(some) >= 4 and not any(some[1::2]) and all(some[::2]):
        return "utf-16-le"
    if len(some) >= 4 and not any(some[::2]) and all(some[1::2]):
        return "utf-16-be"
    return None


@contextmanager
def content(path: Path) -> Generator[tuple[IO[bytes], tuple[str, ...]]]:
    """Open what is in a file, through every packing around it; with the names of these, the outermost first.

    Reading raises one of :data:`DAMAGED` where the file is cut or damaged.

    :raises ConfigError: nothing here unpacks it, or several files are in it; with the command that helps.
    """
    with ExitStack() as stack:
        stream: IO[bytes] = stack.enter_context(path.open("rb"))
        found: list[str] = []
        while (name := packing_of(_peek(stream))) is not None and len(found) < _DEPTH:
            stream = io.BufferedReader(_unpacking(name, stream, path, stack), _CHUNK)
            found.append(name)
        yield stream, tuple(found)


def text(stream: IO[bytes]) -> IO[bytes]:
    """Return a text in the encoding that it says it has: without a byte order mark, and UTF-16 as UTF-8.

    Windows' PowerShell writes UTF-16 for ``pg_dump > FILE``, whatever the dump says of its encoding.
    """
    head = _peek(stream)
    encoding = encoding_of(head)
    if encoding is None:
        return stream
    if encoding == "utf-8-sig":
        stream.read(len(codecs.BOM_UTF8))
        return stream
    said = _CLIENT_ENCODING.search(head[:_HEAD].decode(encoding, "ignore"))
    wanted = "utf-8"
    if said is not None and said[1].lower() not in {"utf8", "sql_ascii"}:
        try:
            wanted = codecs.lookup(said[1]).name
        except LookupError:
            wanted = "utf-8"
    return cast("IO[bytes]", io.BufferedReader(_Recoded(stream, encoding, wanted), _CHUNK))


@contextmanager
def unpacked(path: Path) -> Generator[Path]:
    """Write what is in a file into a private folder, if it is packed; else yield the file itself.

    A tar with one folder in it, of pg_dump's directory format, gives that folder.

    :raises RestoreError: it is damaged or cut.
    """
    if path.is_dir():
        yield path
        return
    with ExitStack() as stack:
        try:
            with content(path) as (stream, found):
                folder_inside = is_tar_of_folder(_peek(stream))
                if not found and not folder_inside:
                    yield path
                    return
                folder = stack.enter_context(private_folder("unpacked", swept=True))
                if folder_inside:
                    inside = _extracted(stream, folder)
                else:
                    inside = folder / "dump"
                    with inside.open("wb") as file:
                        shutil.copyfileobj(stream, file, _CHUNK)
        except DAMAGED as error:
            raise damaged(path) from error
        yield inside


def damaged(path: Path) -> RestoreError:
    """Return what is said of a packed file that cannot be read to its end."""
    return RestoreError(
        "the backup cannot be unpacked: it is damaged or cut",
        looked_at=[str(path)],
        remedies=["fetch another copy of the file, or take the backup again"],
    )


def is_tar(head: bytes) -> bool:
    """Tell whether a file begins as a tar does."""
    return head[257:262] == b"ustar"


def is_tar_of_folder(head: bytes) -> bool:
    """Tell whether a file begins as a tar of a folder does; what ``pg_dump -Ft`` writes has its toc.dat first."""
    return is_tar(head) and not head.startswith(b"toc.dat\0")


_HEAD = 4096


def head_of(stream: IO[bytes]) -> bytes:
    """Return the first bytes of an open stream, which stay to be read."""
    return _peek(stream)


def _peek(stream: IO[bytes]) -> bytes:
    peeked = getattr(stream, "peek", None)
    assert peeked is not None
    head: bytes = peeked(_HEAD)
    return head[:_HEAD]


def _extracted(stream: IO[bytes], folder: Path) -> Path:
    with tarfile.open(fileobj=stream, mode="r|") as members:
        for member in members:
            # Files alone, by their last names: nothing is written beside the folder.
            name = Path(member.name).name
            source = members.extractfile(member) if member.isfile() else None
            if source is not None and name:
                with source, (folder / name).open("xb") as file:
                    shutil.copyfileobj(source, file, _CHUNK)
    return folder


def _unpacking(name: str, stream: IO[bytes], path: Path, stack: ExitStack) -> Any:
    if name == "gzip":
        return stack.enter_context(gzip.GzipFile(fileobj=stream))
    if name == "bzip2":
        return stack.enter_context(bz2.BZ2File(stream))
    if name == "xz":
        return stack.enter_context(lzma.LZMAFile(stream))
    if name == "zip":
        return _zipped(stream, path, stack)
    commands = {
        "zstd": ["zstd", "-dcq"], "lz4": ["lz4", "-dcq"], "7z": ["7z", "x", "-so"], "rar": ["unrar", "p", "-inul"]
    }  # fmt: skip
    command = commands[name]
    if shutil.which(command[0]) is None or name in {"7z", "rar"}:
        raise ConfigError(
            f"the file is packed by {name}, and there is no program {command[0]} here to unpack it",
            looked_at=[str(path)],
            remedies=[f"{' '.join(command)} {path} > dump, and give pgsafe that file"],
        )
    return stack.enter_context(_Program(command, path))


def _zipped(stream: IO[bytes], path: Path, stack: ExitStack) -> IO[bytes]:
    if not stream.seekable():
        raise ConfigError("a zip file within another packing is not read", looked_at=[str(path)])
    archive = stack.enter_context(zipfile.ZipFile(stream))
    names = [one for one in archive.namelist() if not one.endswith("/") and not one.startswith("__MACOSX/")]
    if len(names) != 1:
        raise ConfigError(
            f"the zip file holds {len(names)} files, and one is restored",
            looked_at=[f"{path}: {', '.join(names[:8])}"],
            remedies=[f"unzip {path}, and give pgsafe the dump"],
        )
    if archive.getinfo(names[0]).flag_bits & 1:
        raise ConfigError(
            "the zip file has a password", looked_at=[str(path)], remedies=[f"unzip {path}, and give pgsafe the dump"]
        )
    return stack.enter_context(archive.open(names[0]))


class _Program(io.RawIOBase):
    """What a program unpacks from a file; it ends with the one who reads it."""

    def __init__(self, command: list[str], path: Path) -> None:
        super().__init__()
        self._name = command[0]
        with path.open("rb") as given:
            self._child = Tied(command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stuck=STUCK)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        assert self._child.stdout is not None
        chunk = self._child.stdout.read(len(buffer))
        buffer[: len(chunk)] = chunk
        if not chunk and self._child.wait():
            raise EOFError(f"{self._name} ended with {self._child.returncode}")
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            with self._child:
                self._child.end()
        super().close()


class _Recoded(io.RawIOBase):
    """A text in another encoding."""

    def __init__(self, stream: IO[bytes], given: str, wanted: str) -> None:
        super().__init__()
        self._stream, self._wanted = stream, wanted
        self._decoder = codecs.getincrementaldecoder(given)("replace")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            chunk = self._stream.read(_CHUNK)
            self._left = self._decoder.decode(chunk, final=not chunk).encode(self._wanted, "replace")
            if not chunk:
                break
        part = self._left[: len(buffer)]
        self._left = self._left[len(part) :]
        buffer[: len(part)] = part
        return len(part)
