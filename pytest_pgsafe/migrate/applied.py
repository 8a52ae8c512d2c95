"""Which files of a folder are applied in the source already: by what the user says, or by the tool's bookkeeping."""

from __future__ import annotations

import difflib
import hashlib
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from .bookkeeping import Book
from .tools import Migration

#: What says that no file is applied.
NONE = "none"
_VERSION = re.compile(r"^[VU](\d+(?:[._]\d+)*)__|^(\d+)", re.I)
_REPEATABLE = re.compile(r"^R__", re.I)
_SUFFIX = re.compile(r"(?:[._-](?:up|down|undo|rollback|revert))?(?:\.(?:sql|js|ts|cjs|mjs|rb|py))?$", re.I)
_REMEDIES = (
    "say the last file that is applied: --pgsafe-from=FILE, or --pgsafe-from=none if none is",
    "or run them as the tool does: cmd:COMMAND",
)
Key = tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, kw_only=True)
class Pending:
    """What is left to be run."""

    #: None: nothing is pending.
    migration: Migration | None
    rollback: Migration | None
    #: What was left out, and who said so.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Verdict:
    """What one bookkeeping table says of a folder."""

    book: Book
    left: tuple[Path, ...] = ()
    #: How many files it knows.
    known: int = 0
    #: Why it does not decide.
    why: str | None = None


def pending(
    migration: Migration, rollback: Migration | None, *, revision: str | None, books: Sequence[Book]
) -> Pending:
    """Leave out the files that are applied already, and their ways back.

    :param revision: the last file that is applied, as the user says; it wins over the tables.
    :param books: of the source.
    :raises ConfigError: no such revision, nothing after it, or tables that do not decide.
    """
    if revision is not None:
        left = _after(migration, revision)
        by = f"--pgsafe-from={revision}"
    else:
        left, by = _by_books(migration, books)
    gone = len(migration.files) - len(left)
    if not gone:
        return Pending(migration=migration, rollback=rollback)
    said = f"{gone} of {len(migration.files)} files are applied already: {by}"
    if not left:
        return Pending(migration=None, rollback=None, reason=f"nothing pending: {said}")
    back = _back(migration, left, rollback)
    return Pending(migration=migration.only(left), rollback=back, reason=said)


def named(files: Sequence[Path], revision: str) -> list[Path]:
    """Return the files that a revision may mean: by name, with or without its suffixes, else by version."""
    wanted = _version(revision) if re.fullmatch(r"[Vv]?\d+(?:[._]\d+)*", revision) else None
    return [file for file in files if revision in {file.name, file.stem, _stem(file.name)}] or [
        file for file in files if wanted is not None and _file_version(file) == wanted
    ]


def _after(migration: Migration, revision: str) -> tuple[Path, ...]:
    """Return the files that come after the one that the user named."""
    found = named(migration.files, revision)
    if not found and revision == NONE:
        return migration.files
    if len(found) != 1:
        names = [file.name for file in migration.files]
        nearest = difflib.get_close_matches(revision, names, n=3, cutoff=0.4)
        raise ConfigError(
            f"--pgsafe-from={revision}: "
            + ("no file of the folder is meant" if not found else "it means several files"),
            looked_at=[file.name for file in found] or names[:20],
            remedies=[f"did you mean --pgsafe-from={name}?" for name in nearest] or _REMEDIES[:1],
        )
    left = migration.files[migration.files.index(found[0]) + 1 :]
    if not left:
        raise ConfigError(
            f"nothing pending: --pgsafe-from={revision} is the last file of the folder",
            looked_at=[str(found[0])],
            remedies=["leave the option out, or name an earlier file"],
        )
    return left


def _by_books(migration: Migration, books: Sequence[Book]) -> tuple[tuple[Path, ...], str]:
    verdicts = [_judge(book, migration.files) for book in books]
    undecided = [verdict for verdict in verdicts if verdict.why is not None]
    knowing = [verdict for verdict in verdicts if verdict.why is None and verdict.known]
    # A table that knows files of this folder is its tool's; another tool's beside it says nothing of them.
    if knowing and len({verdict.left for verdict in knowing}) == 1 and not any(one.known for one in undecided):
        book = knowing[0].book
        return knowing[0].left, f"{book.table} of the source ({book.tool}) says so"
    if knowing or undecided:
        raise ConfigError(
            "it cannot be told which files of the folder are applied in the source already",
            looked_at=[
                f"{verdict.book.table} ({verdict.book.tool}): "
                + (verdict.why or f"{len(migration.files) - len(verdict.left)} files are applied")
                for verdict in (*knowing, *undecided)
            ],
            remedies=_REMEDIES,
        )
    return migration.files, ""


def _judge(book: Book, files: Sequence[Path]) -> _Verdict:
    keys = {file: _key(book, file) for file in files if not _REPEATABLE.match(file.name)}
    applied = [_said(book, text) for text in book.applied]
    done = [file for file, key in keys.items() if key is not None and key in applied]
    if book.by == "up to" and done:
        done = [file for file, key in keys.items() if key is not None and key <= max(applied)]
    if book.baseline is not None:
        begun = _version(book.baseline)
        done = [file for file, key in keys.items() if file in done or (key is not None and key <= begun)]
    repeated = [file for file in files if file not in keys and book.repeatable.get(file.name) == _crc(file)]
    left = tuple(file for file in files if file not in done and file not in repeated)
    why = book.trouble
    if why is None and (applied or book.baseline is not None):
        why = _doubt(book, keys, [file for file in left if file in keys], max(applied, default=None))
    return _Verdict(book=book, left=left, known=len(done) + len(repeated), why=why)


def _doubt(book: Book, keys: dict[Path, Key | None], left: Sequence[Path], last: Key | None) -> str | None:
    """Return why a table with rows does not decide, None if it does."""
    nameless = [file.name for file, key in keys.items() if key is None]
    if nameless:
        return f"no version in the name of {', '.join(nameless[:3])}"
    if len(set(keys.values())) < len(keys):
        return "two files have the same version"
    if book.by == "hash":
        order = list(keys)
        first = min((order.index(file) for file in left), default=len(order))
        if first + len(left) < len(order) or (left and first == 0):
            return f"the content of {order[first].name} is none that was applied"
        return None
    early = [file.name for file in left if last is not None and (keys[file] or ()) < last]
    if early:
        later = max(book.applied, key=lambda one: _said(book, one))
        return f"{', '.join(early[:3])} is not applied, but a later one is: {later}"
    return None


def _key(book: Book, file: Path) -> Key | None:
    if book.by == "hash":
        return ((1, 0, hashlib.sha256(file.read_bytes()).hexdigest()),)
    return _natural(_stem(file.name)) if book.by == "name" else _file_version(file)


def _said(book: Book, text: str) -> Key:
    """Return a row of a table in the form of a file's key."""
    if book.by == "hash":
        return ((1, 0, text),)
    return _natural(_stem(text)) if book.by == "name" else _version(text)


def _file_version(file: Path) -> Key | None:
    found = _VERSION.match(file.name)
    return None if found is None else _version(found[1] or found[2])


def _version(text: str) -> Key:
    """Return a version as numbers; 1.0 is 1."""
    numbers = [int(part) for part in re.findall(r"\d+", text)]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return tuple((0, number, "") for number in numbers)


def _natural(text: str) -> Key:
    pieces = [piece for piece in re.split(r"(\d+)", text) if piece]
    return tuple((0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in pieces)


def _stem(name: str) -> str:
    """Return a file's name without its folder, its suffix and the word for its direction."""
    return _SUFFIX.sub("", name.rpartition("/")[2])


def _crc(file: Path) -> int:
    """Return Flyway's checksum: CRC-32 of the lines without their ends, signed."""
    crc = 0
    for line in re.split(rb"\r\n|\r|\n", file.read_bytes().removeprefix(b"\xef\xbb\xbf")):
        crc = zlib.crc32(line, crc)
    return crc - 2**32 if crc >= 2**31 else crc


def _back(migration: Migration, left: Sequence[Path], rollback: Migration | None) -> Migration | None:
    """Leave out the ways back of files that are not run: they would undo what is not this migration's."""
    if rollback is None or not rollback.folder:
        return rollback
    ours = {_direction(file): file for file in migration.files}
    foreign = [file.name for file in rollback.files if _direction(file) not in ours]
    if foreign:
        raise ConfigError(
            "files of the migration are left out, and it cannot be told whose way back these are",
            looked_at=foreign[:5],
            remedies=["name each file of the way back as its file of the migration, or name one file for the way back"],
        )
    return rollback.only([file for file in rollback.files if ours[_direction(file)] in left])


def _direction(file: Path) -> Key:
    version = _file_version(file)
    return _natural(_stem(file.name)) if version is None else version
