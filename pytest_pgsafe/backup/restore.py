"""Restoring an archive into an empty scratch database, with every error counted."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path

from ..errors import RestoreError
from ..server.address import Address
from ..server.base import Completed, Programs
from ..server.private import private_folder
from .archive import Archive, is_complete
from .psql import guarded

#: From this size (bytes of the archive) several processes restore; below, starting them costs more.
PARALLEL_FROM = 4 << 20
_JOBS = max(2, min(4, os.cpu_count() or 1))

_ERROR = re.compile(r"^(?:pg_restore|psql)(?::[^:\n]*:\d+)?: error: |: ERROR:  |^ERROR:  ", re.MULTILINE)


def restore(
    archive: Archive,
    target: Address,
    programs: Programs,
    *,
    owners: bool = True,
    jobs: int | None = None,
    stop: bool = False,
    only: Path | None = None,
    deadline: float | None = None,
) -> None:
    """Restore everything that an archive holds.

    pg_restore goes on after an error, and here it may: the database is a scratch one, and all errors say more than
    the first. One is enough to fail.

    :param owners: restore owners and privileges; their roles exist.
    :param jobs: processes of pg_restore; None decides by the size.
    :param stop: end at the first error.
    :param only: a list file: these entries of the archive, in one transaction.
    :param deadline: seconds.
    :raises RestoreError: with the number of errors and the first of them.
    """
    if archive.form == "gzip":
        with private_folder("unpacked") as folder:
            plain = folder / "dump.sql"
            try:
                with gzip.open(archive.path) as packed, plain.open("wb") as file:
                    shutil.copyfileobj(packed, file, 1 << 20)
            except (OSError, EOFError, zlib.error) as error:
                raise RestoreError(
                    "the backup cannot be unpacked: it is damaged or cut", looked_at=[str(archive.path)]
                ) from error
            done = _psql(plain, target, programs, deadline)
    elif archive.form == "plain":
        done = _psql(archive.path, target, programs, deadline)
    else:
        arguments = [] if owners else ["--no-owner", "--no-privileges"]
        arguments += ["--exit-on-error"] if stop else []
        if only is not None:
            arguments += ["--single-transaction", f"--use-list={only}"]
        elif archive.form != "tar":
            arguments += _jobs(archive.path, jobs)
        files = [archive.path, *([] if only is None else [only])]
        done = _pg_restore(arguments, files, target, programs, deadline)
    judge(done)


def run_sql(files: Sequence[Path], target: Address, programs: Programs, *, deadline: float | None = None) -> None:
    """Build a database from SQL files of a user, in order, stopping at the first error.

    :raises RestoreError: with psql's words, which name file and line.
    """
    for path in files:
        arguments = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={path}"]
        judge(programs.run("psql", arguments, address=target, files=[path], deadline=deadline))


def judge(done: Completed) -> None:
    """Raise unless a program ended well and printed no error.

    :raises RestoreError:
    """
    errors = [line for line in done.stderr.splitlines() if _ERROR.search(line)]
    if done.returncode == 0 and not errors:
        return
    what = f"{len(errors)} error{'s' if len(errors) != 1 else ''}" if errors else f"status {done.returncode}"
    raise RestoreError(
        f"{done.command[0].rsplit('/', 1)[-1]} ended with {what}: the restore is not complete",
        looked_at=(errors or done.stderr.strip().splitlines())[:10],
        remedies=_remedies(done.stderr),
    )


def _jobs(path: Path, jobs: int | None) -> list[str]:
    if jobs is None:
        jobs = _JOBS if _size(path) >= PARALLEL_FROM else 1
    return [f"--jobs={jobs}"] if jobs > 1 else []


def _pg_restore(
    arguments: Sequence[str], files: Sequence[Path], target: Address, programs: Programs, deadline: float | None
) -> Completed:
    # A tablespace is a folder of the source's machine.
    command = ["--dbname=service=pgsafe", "--no-tablespaces", *arguments, str(files[0])]
    return programs.run("pg_restore", command, address=target, files=files, deadline=deadline)


def _psql(path: Path, target: Address, programs: Programs, deadline: float | None) -> Completed:
    # psql commits what a COPY cut in the middle has sent, and ends with 0: the trailer is the proof of the whole.
    if not is_complete(path):
        raise RestoreError(
            "the plain dump is cut: its last line, 'PostgreSQL database dump complete', is missing",
            looked_at=[str(path)],
            remedies=["take the dump again, and look at pg_dump's exit status"],
        )
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction"]
    with guarded(path, programs.version) as guard:
        return programs.run(
            "psql", [*options, *guard.arguments], address=target, files=[guard.path], deadline=deadline, confined=True
        )


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size


def _remedies(text: str) -> list[str]:
    """Say what cures the errors that users meet most."""
    remedies: list[str] = []
    if found := re.search(
        r'extension "([^"]+)" is not available|could not open extension control file "([^"]+)"', text
    ):
        remedies.append(
            f"the scratch server lacks the extension {found[1] or found[2]}: use an image or package that has it"
        )
    if found := re.search(r'role "([^"]+)" does not exist', text):
        remedies.append(f"the backup names the role {found[1]}, which the scratch server lacks")
    if re.search(r'(relation|function|type) "?[^"]+"? does not exist', text) and "CONTEXT" in text:
        named = re.search(r'SQL function "([^"]+)"|PL/\S+ function (\S+\([^)]*\))', text)
        name = "…" if named is None else named[1] or named[2]
        remedies.append(
            f"a function ({name}) is called while search_path is empty, as in every restore: "
            f"ALTER FUNCTION {name} SET search_path = … in the source cures it"
        )
    elif re.search(r'relation "[^"]+" does not exist', text):
        remedies.append(
            "a dump of rows alone (--data-only) cannot be restored: it wants the tables that it is of, and with "
            "--disable-triggers nothing looks at their foreign keys; take one of the whole database"
        )
    if "backslash commands are restricted" in text:
        remedies.append("the dump holds a command of psql's, which no dump of pg_dump does: none is taken from it")
    if "unsupported version" in text:
        remedies.append("the archive was written by a newer pg_dump: use a server of that major")
    if re.search(
        r"could not read|unexpected end of file|invalid .*(compress|zlib|block)|out of data", text, re.IGNORECASE
    ):
        remedies.append("the archive is damaged or cut: fetch another copy, or take it again")
    if "No space left on device" in text:
        remedies.append("the disk of the scratch server is full: free space, or set TMPDIR to a larger one")
    return remedies
