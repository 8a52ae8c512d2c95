"""The evidence of a root: a file of entries, a line each, to which is only added.

Each entry holds the hash of the line before it, so that an entry that was altered, removed or moved shows. How many
lines there are, and the hash of the last, stand in a file beside it: else nobody would miss entries that were cut off
the end. Who may write both can write another evidence; with a key the entries, and their number, are signed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ..errors import ConfigError, StepError
from . import seal
from .values import NOTHING, Entry

FILE, HEAD = "evidence.jsonl", "evidence.head.json"


@dataclass(frozen=True, kw_only=True)
class Head:
    """What there was when the last entry had been added."""

    lines: int
    #: SHA-256 of the last line.
    hash: str
    signature: str | None = None

    @property
    def signed(self) -> str:
        """What its signature is of."""
        return f"{self.lines} {self.hash}"


@dataclass(frozen=True, kw_only=True)
class Chain:
    """What is there."""

    #: In the order in which they were added.
    entries: tuple[Entry, ...]
    #: What shows that something was altered, removed, moved or put in; empty where nothing does.
    faults: tuple[str, ...] = ()
    #: What is no fault: writers that were ended in the middle of a line.
    notes: tuple[str, ...] = ()


def ready(root: Path) -> None:
    """Find out whether entries can be added, before what they are to tell is begun.

    :raises ConfigError: they cannot.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root):
            pass
    except OSError as error:
        raise ConfigError(
            "the evidence cannot be written", looked_at=[f"{root / FILE}: {error.strerror}"],
            remedies=["[evidence] root names a folder that this user may write into"],
        ) from None  # fmt: skip


def append(root: Path, entry: Entry, key: bytes | None) -> Entry:
    """Add an entry, and return it as it was written: behind what is there, and sealed anew.

    :raises StepError: it cannot be written.
    """
    try:
        with _locked(root) as file:
            lines = _lines(file.read())
            written = seal.sealed(replace(entry, previous=_before(root, lines)), key)
            line = seal.dumps(written).encode()
            # A writer that was ended in the middle of a line left it without an end.
            torn = bool(lines) and not _ended(file)
            file.write((b"\n" if torn else b"") + line + b"\n")
            file.flush()
            os.fsync(file.fileno())
            _write_head(root, Head(lines=len(lines) + 1, hash=_digest(line)), key)
    except OSError as error:
        raise StepError("the evidence cannot be written", looked_at=[f"{root / FILE}: {error.strerror}"]) from error
    return written


def read(root: Path, key: bytes | None) -> Chain:
    """Read all entries, and tell what is wrong with them.

    :raises ConfigError: there is no evidence, or it cannot be read.
    """
    try:
        data = (root / FILE).read_bytes()
    except OSError as error:
        raise ConfigError(
            "there is no evidence that can be read", looked_at=[f"{root / FILE}: {error.strerror}"],
            remedies=["[evidence] root in pgsafe.toml lets commands and rehearsals keep it from now on"],
        ) from None  # fmt: skip
    lines = _lines(data)
    entries: list[Entry] = []
    faults: list[str] = []
    notes: list[str] = []
    before = NOTHING
    for number, line in enumerate(lines, 1):
        last = number == len(lines)
        try:
            entry = seal.loads(line)
        except ValueError as error:
            # The line behind it tells whether it was so when that one was added.
            torn = (last and not data.endswith(b"\n")) or (not last and _previous(lines[number]) == _digest(line))
            told = "a writer was ended in the middle of it" if torn else f"it is no entry: {error}"
            (notes if torn else faults).append(f"line {number}: {told}")
        else:
            entries.append(entry)
            if found := seal.fault(entry, key):
                faults.append(f"line {number}: {found}")
            if entry.previous != before:
                faults.append(f"line {number}: {_gap(number)}")
        before = _digest(line)
    faults += _of_head(root, lines, key)
    if key is None and any(entry.signature is not None for entry in entries):
        notes.append(f"entries are signed, and {seal.KEY} is not set: their signatures were not looked at")
    return Chain(entries=tuple(entries), faults=tuple(faults), notes=tuple(notes))


def _before(root: Path, lines: list[bytes]) -> str:
    """Return the hash of the line that was the last when the last entry had been added.

    Where that line is gone, it is not that of the last line there is: what was cut off shows for good.
    """
    if not _of_head(root, lines, None):
        return _digest(lines[-1]) if lines else NOTHING
    try:
        return Head(**json.loads((root / HEAD).read_bytes())).hash
    except (OSError, ValueError, TypeError):
        return NOTHING


def _gap(number: int) -> str:
    if number == 1:
        return "it is not the first that was written: entries before it were removed"
    return "it does not follow the line before it: an entry was altered, removed, moved or put in"


def _of_head(root: Path, lines: list[bytes], key: bytes | None) -> list[str]:
    try:
        head = Head(**json.loads((root / HEAD).read_bytes()))
        if (missing := head.lines - len(lines)) > 0:
            return [f"at least {missing} of {head.lines} lines are missing: entries were cut off the end"]
        if head.lines < 1 or _digest(lines[head.lines - 1]) != head.hash:
            return [f"line {head.lines} is not what it was when it was the last"]
    except (OSError, ValueError, TypeError) as error:
        if len(lines) <= 1 and isinstance(error, FileNotFoundError):
            # The writer of the first line was ended before it wrote the other file.
            return []
        return [f"{HEAD} cannot be read: whether entries were cut off the end cannot be told"]
    if key is not None and head.signature != seal.signature(head.signed, key):
        return [f"{HEAD} is not signed by this key: entries may have been cut off the end"]
    return []


def _previous(line: bytes) -> str | None:
    try:
        return seal.loads(line).previous
    except ValueError:
        return None


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _ended(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


@contextmanager
def _locked(root: Path) -> Generator[BinaryIO, None, None]:
    """Open the file for adding to it, alone; the lock ends with the process."""
    handle = os.open(root / FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        yield file


def _write_head(root: Path, head: Head, key: bytes | None) -> None:
    signed = head if key is None else replace(head, signature=seal.signature(head.signed, key))
    handle, name = tempfile.mkstemp(prefix=f".{HEAD}.", dir=root)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(asdict(signed), file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(root / HEAD)
    finally:
        Path(name).unlink(missing_ok=True)
