"""Whether a dump of others is whole, told by its own structure: pg_restore does not see each cut.

Of a tar that is cut it reads the end again and again, for ever. Of a folder it takes rows, large objects and LZ4 frames
for complete that end in the middle, and restores what is left of them with status 0.
"""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import RestoreError
from . import packing

_BLOCK = tarfile.BLOCKSIZE
_CONTENTS = "toc.dat"
_ROWS = re.compile(r"\d+\.dat(\.gz|\.lz4|\.zst)?")
_OBJECT = re.compile(r"blob_\d+\.dat(\.gz|\.lz4|\.zst)?")
_OBJECTS = re.compile(r"blobs(_\d+)?\.toc")
_PACKED = (".gz", ".lz4", ".zst")
#: Bytes.
_SMALL = 1 << 16
_LZ4, _ZSTD = 0x184D2204, 0xFD2FB528


def check(path: Path) -> None:
    """Refuse a tar or a folder that was cut; each other form is told by its restore.

    :param path: of an archive that pg_restore can read as it is.
    :raises RestoreError: it is not whole, with what is missing.
    """
    try:
        faults = list(_folder(path) if path.is_dir() else _tar(path) if _is_tar(path) else ())
    except OSError as error:
        faults = [f"{path}: {error.strerror}"]
    if faults:
        raise RestoreError(
            "the dump is cut: parts of it are missing",
            looked_at=faults[:10],
            remedies=["fetch another copy, or take the dump again and look at pg_dump's exit status"],
        )


def _is_tar(path: Path) -> bool:
    with path.open("rb") as file:
        return packing.is_tar(file.read(_BLOCK))


def _tar(path: Path) -> Iterator[str]:
    """Yield what is missing of a tar: pg_dump writes two blocks of zeros behind the last member."""
    names: set[str] = set()
    end = 0
    size = path.stat().st_size
    with path.open("rb") as file:
        while not (header := _read(file, end, _BLOCK)).startswith(b"\0" * _BLOCK):
            try:
                member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
            except tarfile.HeaderError:
                yield f"{path}: ends, or is no tar any more, after {end} of {size} bytes"
                return
            names.add(member.name.removeprefix("./"))
            end += _BLOCK + -(-member.size // _BLOCK) * _BLOCK
            if end > size:
                yield f"{path}: ends within {member.name}"
                return
        if len(_read(file, end, 2 * _BLOCK).strip(b"\0")) or size < end + 2 * _BLOCK:
            yield f"{path}: the blocks that end a tar are missing"
    if _CONTENTS not in names:
        yield f"{path}: it holds no {_CONTENTS}"


def _folder(path: Path) -> Iterator[str]:
    """Yield what is missing of a directory archive."""
    names = {entry.name for entry in path.iterdir()}
    for name in sorted(names):
        if _ROWS.fullmatch(name) and not name.endswith(_PACKED):
            yield from _rows(path / name)
        elif _ROWS.fullmatch(name) or (_OBJECT.fullmatch(name) and name.endswith(_PACKED)):
            yield from _packed(path / name)
    listed = {
        line.partition(" ")[2]
        for name in names
        if _OBJECTS.fullmatch(name)
        for line in (path / name).read_text("utf-8", "replace").splitlines()
    }
    for name in sorted(filter(_OBJECTS.fullmatch, names)):
        if not (path / name).read_bytes().endswith(b"\n"):
            yield f"{path / name}: ends within a line, or is empty"
    # A list has the name that pg_dump gave the file, without what its compression adds.
    for name in sorted(names):
        if _OBJECT.fullmatch(name) and not {name, _bare(name)} & listed:
            yield f"{path / name}: no list of large objects names it"
    bare = {_bare(name) for name in names}
    yield from (f"{path / name}: is missing" for name in sorted(listed) if not {name, _bare(name)} & (names | bare))


def _bare(name: str) -> str:
    return name.rpartition(".")[0] if name.endswith(_PACKED) else name


def _rows(path: Path) -> Iterator[str]:
    """Yield a file of rows that has no end: COPY's has a last line of its own."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head, tail = _read(file, 0, 12), _read(file, max(size - 5, 0), 5)
    # With --inserts a table without rows is two empty lines.
    whole = head == b"\n\n" or tail.endswith(b";\n\n\n" if head == b"INSERT INTO " else b"\\.\n\n\n")
    if not whole:
        yield f"{path}: ends after {size} bytes, within the rows"


def _packed(path: Path) -> Iterator[str]:
    """Yield a compressed file that has no end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        whole = _gzip(file, size) if path.name.endswith(".gz") else _frames(file, size)
    if not whole:
        yield f"{path}: ends after {size} bytes, within what is compressed"


def _gzip(file: BinaryIO, size: int) -> bool:
    """Tell whether a small file of gzip is whole; pg_restore reads what is left of its head as rows.

    Of a larger one it sees the end itself.
    """
    headed = _read(file, 0, 3) == b"\x1f\x8b\x08"
    if size > _SMALL or not headed:
        return headed
    unpacking = zlib.decompressobj(wbits=31)
    try:
        unpacking.decompress(_read(file, 0, _SMALL))
    except zlib.error:
        # Damaged, and not cut: pg_restore says so.
        return True
    return unpacking.eof


def _frames(file: BinaryIO, size: int) -> bool:
    """Tell whether a file consists of whole frames of LZ4 or Zstandard; what is in their blocks is not looked at."""
    position = 0
    while position < size:
        magic = _number(file, position, 4)
        if magic == _LZ4:
            end = _lz4(file, position)
        elif magic == _ZSTD:
            end = _zstd(file, position)
        else:
            return False
        if end is None or end > size:
            return False
        position = end
    return size > 0


def _lz4(file: BinaryIO, position: int) -> int | None:
    flags = _number(file, position + 4, 1)
    if flags is None:
        return None
    # Flags, block size and the header's checksum; the content's size and a dictionary, where they are given.
    position += 4 + 3 + (8 if flags & 0x08 else 0) + (4 if flags & 0x01 else 0)
    while block := _number(file, position, 4):
        position += 4 + (block & 0x7FFFFFFF) + (4 if flags & 0x10 else 0)
    return None if block is None else position + 4 + (4 if flags & 0x04 else 0)


def _zstd(file: BinaryIO, position: int) -> int | None:
    flags = _number(file, position + 4, 1)
    if flags is None:
        return None
    single = bool(flags & 0x20)
    content = (1 if single else 0, 2, 4, 8)[flags >> 6]
    position += 5 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3] + content
    while (block := _number(file, position, 3)) is not None:
        position += 3 + (1 if (block >> 1) & 3 == 1 else block >> 3)
        if block & 1:
            return position + (4 if flags & 0x04 else 0)
    return None


def _number(file: BinaryIO, position: int, length: int) -> int | None:
    read = _read(file, position, length)
    return int.from_bytes(read, "little") if len(read) == length else None


def _read(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    return file.read(length)
