"""Parts of an archive, run in a transaction of the caller's.

pg_restore has one of its own, without lock_timeout, and commits it before anybody has looked at what was restored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ...backup.archive import Archive
from ...errors import RestoreError
from ...server.base import Programs
from ...server.connection import Connection

#: In the order in which pg_restore does them.
_SECTIONS = ("pre-data", "data", "post-data")
_COPY = re.compile(rb"COPY .* FROM stdin;\n")
#: Timeouts are the caller's; of psql's own commands pg_dump writes these two, from August 2025 on.
_LEFT_OUT = re.compile(
    rb"^(?:SET (?:statement_timeout|lock_timeout|idle_in_transaction_session_timeout|transaction_timeout) = 0;"
    rb"|\\(?:un)?restrict \w+)\n",
    re.MULTILINE,
)
_CHUNK = 1 << 16


def run(archive: Archive, listed: Path, session: Connection, programs: Programs, folder: Path, *, owners: bool) -> None:
    """Run what a list file names.

    :param listed: lines of ``pg_restore --list``.
    :param session: in a transaction.
    :param folder: for the scripts.
    :raises RestoreError: pg_restore cannot write them.
    """
    for section in _SECTIONS:
        script = folder / f"{section}.sql"
        arguments = [f"--section={section}", f"--use-list={listed}", "--file=-", "--no-tablespaces"]
        arguments += [] if owners else ["--no-owner", "--no-privileges"]
        done = programs.run("pg_restore", [*arguments, str(archive.path)], stdout=script, files=[archive.path, listed])
        if done.returncode:
            raise RestoreError("pg_restore cannot write the script", looked_at=done.stderr.strip().splitlines()[-5:])
        if section == "data":
            with script.open("rb") as file:
                _data(file, session)
        else:
            _statements(script.read_bytes(), session)


def _statements(text: bytes, session: Connection) -> None:
    # What stands before the first object is pg_dump's own; the same words in a function's body are the user's.
    head, begin, rest = text.partition(b"\n-- Name: ")
    end = rest.rfind(b"\n\\unrestrict ")
    if end > len(rest) - 200:
        rest = rest[: end + 1]
    session.execute(_LEFT_OUT.sub(b"", head) + begin + rest)


def _data(file: BinaryIO, session: Connection) -> None:
    """Run a script of section data alone: there a line that begins a COPY can be nothing else."""
    statements: list[bytes] = []
    for line in file:
        if _COPY.fullmatch(line):
            _flush(statements, session)
            with session.cursor().copy(line.rstrip()) as copy:
                for rows in _rows(file):
                    copy.write(rows)
        elif not _LEFT_OUT.fullmatch(line):
            statements.append(line)
    _flush(statements, session)


def _flush(statements: list[bytes], session: Connection) -> None:
    text = b"".join(line for line in statements if not line.startswith(b"--")).strip()
    if text:
        session.execute(text)
    statements.clear()


def _rows(file: BinaryIO) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for line in file:
        if line == b"\\.\n":
            break
        held.append(line)
        size += len(line)
        if size >= _CHUNK:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)
