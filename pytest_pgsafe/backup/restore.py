"""Restoring an archive into an empty scratch database, with every error counted."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg import sql

from ..catalog.stored import Option
from ..errors import BackupError, ConfigError, RestoreError
from ..server.address import Address
from ..server.base import Completed, Programs
from ..server.capabilities import restricts as knows_restrict
from ..server.connection import connect, for_programs, version
from ..server.private import private_folder
from . import admitted, complaints, edited, extensions, fitting, packing, whole
from . import dump as dumps
from .archive import Archive
from .psql import guarded
from .toc import Entry

#: From this size (bytes of the archive) several processes restore; below, starting them costs more.
PARALLEL_FROM = 4 << 20
_JOBS = max(2, min(4, os.cpu_count() or 1))


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
) -> tuple[str, ...]:
    """Restore everything that an archive holds; tell what of it the server does not take, each in one line.

    pg_restore goes on after an error, and here it may: the database is a scratch one, and all errors say more than
    the first. One is enough to fail.

    :param owners: restore owners and privileges; their roles exist.
    :param jobs: processes of pg_restore; None decides by the size.
    :param stop: end at the first error.
    :param only: a list file: these entries of the archive, in one transaction.
    :param deadline: seconds.
    :raises RestoreError: with the number of errors and the first of them.
    """
    said = dumps.read(archive.path)
    target = for_programs(target)
    with extensions.ready(() if only is not None else said.extensions, target) as called:
        return _whole(
            archive, said, called, programs, owners=owners, jobs=jobs, stop=stop, only=only, deadline=deadline
        )


def _whole(
    archive: Archive,
    dump: dumps.Dump,
    target: Address,
    programs: Programs,
    *,
    owners: bool,
    jobs: int | None,
    stop: bool,
    only: Path | None,
    deadline: float | None,
) -> tuple[str, ...]:
    gone = fitting.refused(dump.options, lambda: connect(target, read_only=False))
    taken_out = fitting.omissions(option for option in dump.options if option in gone)
    if archive.form == "plain":
        done = _psql(archive.path, dump, target, programs, owners=owners, stored=gone, deadline=deadline)
    else:
        with ExitStack() as stack:
            path = stack.enter_context(packing.unpacked(archive.path))
            whole.check(path)
            path = stack.enter_context(fitting.without(path, gone))
            arguments = [] if owners else ["--no-owner", "--no-privileges"]
            arguments += ["--exit-on-error"] if stop else []
            files = [path]
            if only is not None:
                arguments += ["--single-transaction", f"--use-list={only}"]
                files.append(only)
            else:
                if left := _left_out(dump, target):
                    files.append(stack.enter_context(_without(left, path, programs)))
                    arguments.append(f"--use-list={files[-1]}")
                if archive.form != "tar":
                    arguments += _jobs(path, jobs)
            done = _pg_restore(arguments, files, target, programs, deadline)
            judge(done, dump)
            if dump.public and only is None and owners:
                _own_public(dump, target)
        return taken_out
    judge(done, dump)
    return taken_out


def left_out(dump: dumps.Dump, major: int, *, foreign: bool = True, superuser: bool = True) -> tuple[str, ...]:
    """Return what is left out of a dump, or of a script, when it is restored; each in a line for people.

    :param major: of the server.
    :param foreign: it is no script of one's own project.
    :param superuser: who restores is one.
    """
    lines = () if dump.text is None else edited.omissions(edited.edits(dump, major=major, foreign=foreign), dump)
    if superuser or not foreign:
        return lines
    return lines + tuple(f"left out, since only a superuser may make it: {one}" for one in dump.superuser)


def run_sql(
    files: Sequence[Path],
    target: Address,
    programs: Programs,
    *,
    owners: bool = True,
    deadline: float | None = None,
    through: Sequence[str] = (),
) -> None:
    r"""Build a database from SQL files of a user, in order, stopping at the first error.

    Whatever database a file makes or connects to, it is this one: ``CREATE DATABASE`` and ``\\connect`` are left out.

    :param owners: owners and privileges are restored; their roles exist.
    :param through: a command that runs psql, and keeps what it does besides to this database.
    :raises RestoreError: with psql's words, which name file and line.
    """
    wanted = {name for path in files for name in dumps.read(path).extensions}
    with extensions.ready(wanted, for_programs(target)) as called:
        _run(files, called, programs, owners=owners, deadline=deadline, through=through)


def _run(
    files: Sequence[Path],
    target: Address,
    programs: Programs,
    *,
    owners: bool,
    deadline: float | None,
    through: Sequence[str],
) -> None:
    with connect(target) as session:
        major = version(session).major
    for path in files:
        said = dumps.read(path)
        wanted = edited.edits(
            said, owners=owners, major=major, foreign=False, folder=path.parent.absolute(), database=target.dbname
        )
        with ExitStack() as stack:
            script = path
            if wanted.needed or said.packed:
                script = stack.enter_context(private_folder("unpacked", swept=True)) / path.name
                edited.write(path, script, wanted)
            arguments = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={script}"]
            done = programs.run("psql", arguments, address=target, files=[script], deadline=deadline, through=through)
        judge(replace(done, stderr=done.stderr.replace(str(script), str(path))), said)


def judge(done: Completed, dump: dumps.Dump | None = None) -> None:
    """Raise unless a program ended well and printed no error.

    :param dump: what the dump says of itself, by which a cause is told.
    :raises RestoreError:
    """
    errors = complaints.of(done.stderr)
    if done.returncode == 0 and not errors:
        return
    what = f"{len(errors)} error{'s' if len(errors) != 1 else ''}" if errors else f"status {done.returncode}"
    raise RestoreError(
        f"{done.command[0].rsplit('/', 1)[-1]} ended with {what}: the restore is not complete",
        looked_at=[str(error) for error in errors[:10]] or complaints.last(done.stderr),
        remedies=complaints.remedies(done.stderr, rows_only=dump is not None and dump.rows_only),
    )


def _jobs(path: Path, jobs: int | None) -> list[str]:
    if jobs is None:
        jobs = _JOBS if _size(path) >= PARALLEL_FROM else 1
    return [f"--jobs={jobs}"] if jobs > 1 else []


def _pg_restore(
    arguments: Sequence[str], files: Sequence[Path], target: Address, programs: Programs, deadline: float | None
) -> Completed:
    # A tablespace is a folder of the source's machine.
    # Without --verbose it does not say of which object an error is.
    command = ["--dbname=service=pgsafe", "--verbose", "--no-tablespaces", *arguments, str(files[0])]
    return programs.run("pg_restore", command, address=target, files=files, deadline=deadline)


def _psql(
    path: Path, dump: dumps.Dump, target: Address, programs: Programs, *, owners: bool, stored: frozenset[Option],
    deadline: float | None,
) -> Completed:  # fmt: skip
    # psql commits what a COPY cut in the middle has sent, and ends with 0.
    try:
        admitted.whole(path, dump)
        admitted.inside(path, dump, ours=True)
    except (BackupError, ConfigError) as error:
        raise RestoreError(error.message, looked_at=error.looked_at, remedies=error.remedies) from error
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    with ExitStack() as stack:
        server = _server(target)
        fits = dump.text is not None and dump.text.transactional and dump.text.objects * _LOCKS < server.locks // 2
        options += ["--single-transaction"] if fits else []
        restricts = knows_restrict(programs.version)
        wanted = edited.edits(
            dump,
            owners=owners,
            major=server.major,
            restricts=restricts,
            superuser=server.superuser,
            stored=stored,
            database=target.dbname,
        )
        plain = path
        if wanted.needed or dump.packed:
            plain = stack.enter_context(private_folder("unpacked", swept=True)) / "dump.sql"
            try:
                edited.write(path, plain, wanted)
            except packing.DAMAGED as error:
                raise packing.damaged(path) from error
        guard = stack.enter_context(guarded(plain, programs.version))
        done = programs.run(
            "psql", [*options, *guard.arguments], address=target, files=[guard.path], deadline=deadline, confined=True
        )
    return replace(done, stderr=done.stderr.replace(str(guard.path), path.name))


#: Locks that an object that is made holds at the most, with its index, its TOAST table and the index of that.
_LOCKS = 4


@dataclass(frozen=True)
class _Server:
    """What is known of the server that is restored into."""

    major: int
    #: So many locks all its transactions may hold.
    locks: int
    #: Whether who restores is a superuser.
    superuser: bool


def _server(target: Address) -> _Server:
    with connect(target) as session:
        row = session.execute(
            "select current_setting('max_locks_per_transaction')::int"
            " * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int),"
            " (select rolsuper from pg_catalog.pg_roles where rolname = current_user)"
        ).fetchone()
        assert row is not None
        return _Server(version(session).major, *row)


def _left_out(dump: dumps.Dump, target: Address) -> tuple[Entry, ...]:
    """Return the entries of an archive that cannot be made: the schema public is there, or it takes a superuser."""
    found: tuple[Entry, ...] = ()
    if dump.restricted and not _server(target).superuser:
        found += dump.restricted
    if dump.public:
        with connect(target) as session:
            there = session.execute("select from pg_catalog.pg_namespace where nspname = 'public'").fetchone()
        found += dump.public if there is not None else ()
    return found


@contextmanager
def _without(entries: Sequence[Entry], path: Path, programs: Programs) -> Generator[Path]:
    """Yield a list file without some entries."""
    listed = programs.run("pg_restore", ["--list", str(path)], files=[path])
    numbers = {f"{entry.number};" for entry in entries}
    with private_folder("listed", swept=True) as folder:
        kept = [line for line in listed.stdout.splitlines() if line.partition(" ")[0] not in numbers]
        (folder / "list").write_text("\n".join(kept) + "\n", encoding="utf-8")
        yield folder / "list"


def _own_public(dump: dumps.Dump, target: Address) -> None:
    """Give the schema public the owner that its entry names."""
    with connect(target, read_only=False) as session:
        for entry in dump.public:
            if entry.owner:
                session.execute(sql.SQL("alter schema public owner to {}").format(sql.Identifier(entry.owner)))


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size
