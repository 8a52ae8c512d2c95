"""What pg_restore would do, done in a session of our own: in one transaction with what comes before and after.

``pg_restore --single-transaction`` commits by itself, before anybody could look at what it made.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import IO

from ..backup import dump as dumps
from ..backup import fitting
from ..backup import restore as restores
from ..backup.archive import Archive
from ..errors import RestoreError
from ..server.base import Programs
from ..server.connection import Connection, pin

#: The meta-command that newer releases write around their output, with a key that nobody can guess.
_RESTRICT = re.compile(rb"\A(?:(?:--[^\n]*)?\n)*\\restrict (\w+)\n")
#: What a dump sets for all that follows: how long a lock is waited for is the caller's to say.
_TIMEOUTS = re.compile(
    rb"^SET (?:statement_timeout|lock_timeout|idle_in_transaction_session_timeout|transaction_timeout) = 0;\n",
    re.MULTILINE,
)
_CHUNK = 1 << 20


def run(
    session: Connection, archive: Archive, programs: Programs, chosen: Path, folder: Path, *, owners: bool,
    tablespaces: bool = True, lock_timeout: str = "0", between: Callable[[], None] = lambda: None,
) -> tuple[str, ...]:  # fmt: skip
    """Make the chosen objects in the session's transaction: definitions, rows, then what is faster made after the rows.

    :param chosen: a list file.
    :param folder: a private one, for the definitions; rows are streamed.
    :param between: called when the rows are there, before indexes and constraints are made.
    :returns: what was taken out of the archive, for the server does not take it.
    :raises RestoreError: pg_restore failed.
    :raises psycopg.Error: the server refused.
    """
    options = [f"--use-list={chosen}", *([] if owners else ["--no-owner", "--no-privileges"])]
    options += [] if tablespaces else ["--no-tablespaces"]
    found = dumps.read(archive.path).options
    gone = fitting.refused(found, lambda: nullcontext(session))
    with fitting.without(archive.path, gone) as path:
        files = [path, chosen]

        def section(name: str, stdout: Path | IO[bytes]) -> None:
            command = [*options, f"--section={name}", "--file=-", str(path)]
            restores.judge(programs.run("pg_restore", command, stdout=stdout, files=files))

        section("pre-data", folder / "pre.sql")
        define(session, (folder / "pre.sql").read_bytes(), lock_timeout)
        _rows(session, lambda stream: section("data", stream), lock_timeout)
        between()
        section("post-data", folder / "post.sql")
        define(session, (folder / "post.sql").read_bytes(), lock_timeout)
    return fitting.omissions(option for option in found if option in gone)


def define(session: Connection, text: bytes, lock_timeout: str = "0") -> None:
    """Run definitions as pg_dump writes them, and give the session its pinned settings back."""
    if found := _RESTRICT.match(text):
        text = text[: found.end()].replace(b"\\restrict " + found[1], b"") + text[found.end() :]
        end = text.rfind(b"\\unrestrict " + found[1])
        text = text[:end] + text[end:].partition(b"\n")[2]
    # What stands before the first object is pg_dump's own; the same words in a function's body are the user's.
    head, begin, rest = text.partition(b"\n-- Name: ")
    session.execute(_TIMEOUTS.sub(b"", head) + begin + rest, prepare=False)
    _pinned(session, lock_timeout)


def _pinned(session: Connection, lock_timeout: str) -> None:
    session.execute("reset client_encoding")
    pin(session, read_only=False, lock_timeout=lock_timeout)


def _rows(session: Connection, produce: Callable[[IO[bytes]], None], lock_timeout: str) -> None:
    """Stream rows from pg_restore to the server; they are never on a disk of ours."""
    read, write = os.pipe()
    with ThreadPoolExecutor(1) as pool, os.fdopen(read, "rb", buffering=_CHUNK) as lines:

        def writing() -> None:
            with os.fdopen(write, "wb") as stream:
                produce(stream)

        producer = pool.submit(writing)
        try:
            _copy(session, lines)
        except BaseException as error:
            # pg_restore, which writes into nothing then, ends by itself.
            lines.close()
            cause = producer.exception()
            if isinstance(error, RestoreError) and cause is not None:
                raise cause from error
            raise
        producer.result()
    _pinned(session, lock_timeout)


def _copy(session: Connection, lines: IO[bytes]) -> None:
    """Run the data section: settings, positions of sequences, and rows after COPY until a line that ends them."""
    statement: list[bytes] = []
    for line in lines:
        if not statement and line.startswith(b"\\"):
            # \restrict and \unrestrict.
            continue
        statement.append(line)
        text = b"".join(statement)
        if not line.endswith(b";\n"):
            # A comment or blank line ends by itself; a name may hold a line feed.
            if text.lstrip().startswith(b"--") or not text.strip():
                statement = []
            continue
        statement = []
        if text.startswith(b"COPY ") and text.endswith(b" FROM stdin;\n"):
            with session.cursor() as cursor, cursor.copy(text) as copy:
                for chunk in _until_end(lines):
                    copy.write(chunk)
        else:
            session.execute(text, prepare=False)


def _until_end(lines: IO[bytes]) -> Iterator[bytes]:
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        if line == b"\\.\n":
            yield b"".join(chunk)
            return
        chunk.append(line)
        size += len(line)
        if size > _CHUNK:
            yield b"".join(chunk)
            chunk, size = [], 0
    raise RestoreError("the rows of a table end in the middle: the archive is damaged")


def statements(session: Connection, texts: Sequence[str]) -> None:
    """Run statements, in order."""
    for text in texts:
        session.execute(text.encode(session.info.encoding if session.info.encoding != "ascii" else "utf-8"))
