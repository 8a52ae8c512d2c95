"""A recovered cluster that is stopped, and what of it a scratch server is started from: PostgreSQL's own files alone.

What else lies in a data directory is its source's: keys and certificates, passwords in configuration files, scripts,
logs that quote rows. Replication slots would keep WAL, and logical ones keep a server from starting at all.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from ..errors import BackupError, ServerError
from .base import Programs
from .cluster import HBA

#: What PostgreSQL makes in a data directory, in every major.
OWN = frozenset(
    {
        "PG_VERSION", "base", "global", "pg_commit_ts", "pg_dynshmem", "pg_logical", "pg_multixact", "pg_notify",
        "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat", "pg_stat_tmp", "pg_subtrans", "pg_tblspc",
        "pg_twophase", "pg_wal", "pg_xact",
    }
)  # fmt: skip
#: Of them those that are emptied.
EMPTIED = ("pg_replslot", "pg_logical/mappings", "pg_logical/snapshots", "pg_stat_tmp", "pg_dynshmem", "pg_snapshots")
#: PostgreSQL's own statistics; those of extensions beside them quote statements.
_STATISTICS = re.compile(r"(pgstat|global|db_\d+)\.stat")
#: Where each replication origin stands; more of them than there is room for keep a server from starting.
_ORIGINS = "pg_logical/replorigin_checkpoint"
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_NEEDED = re.compile(r"REDO WAL file: +([0-9A-F]{24})")
_STOPPED = re.compile(r"^Database cluster state: +shut down$", re.MULTILINE)
_CHECKSUMS = re.compile(r"^Data page checksum version: +([1-9]\d*)$", re.MULTILINE)
_BAD = re.compile(r"checksum verification failed")
#: Lines of pg_checksums that a message shows.
_SHOWN = 10


def strip(data: Path, programs: Programs) -> None:
    """Leave of a stopped cluster what a scratch server needs, with tablespaces as folders of its own.

    :param data: ours alone; what its links lead to is as well.
    :raises ServerError: a part cannot be moved, or it was not stopped in order.
    """
    try:
        without_wal(data, programs)
        for path in sorted((data / "pg_tblspc").iterdir()):
            if path.is_symlink():
                place = path.resolve(strict=True)
                path.unlink()
                shutil.move(place, path)
        for path in data.iterdir():
            if path.name not in OWN:
                _remove(path)
        for path in (data / "pg_stat").iterdir():
            if not _STATISTICS.fullmatch(path.name):
                _remove(path)
        without_slots(data)
    except OSError as error:
        raise ServerError("the recovered cluster cannot be made a copy", looked_at=[str(error)]) from error
    for name, text in (
        ("postgresql.conf", ""), ("postgresql.auto.conf", ""), ("pg_ident.conf", ""), ("pg_hba.conf", HBA)
    ):  # fmt: skip
        (data / name).write_text(text, "utf-8")
        (data / name).chmod(0o600)
    (data / "log").mkdir(mode=0o700)
    if os.geteuid() == 0:
        # Whoever removes the rest has to be able to remove this.
        owner = data.stat()
        os.chown(data / "log", owner.st_uid, owner.st_gid)


def without_wal(data: Path, programs: Programs) -> None:
    """Remove the WAL that a cluster which was stopped in order needs no more, and segments that wait to be used again.

    :raises ServerError: it was not stopped in order.
    """
    done = programs.run("pg_controldata", [str(data)], environment={"LC_ALL": "C"})
    needed, stopped = _NEEDED.search(done.stdout), _STOPPED.search(done.stdout)
    if done.returncode or needed is None or stopped is None:
        raise ServerError("the server was not stopped in order", looked_at=done.stdout.splitlines()[:5])
    for segment in (data / "pg_wal").iterdir():
        # From a checkpoint that ends a cluster's life nothing before it is ever read.
        if _SEGMENT.fullmatch(segment.name) and segment.name != needed[1]:
            segment.unlink()


def without_slots(data: Path) -> None:
    """Take replication slots and origins out of a stopped cluster: they are its source's."""
    for name in EMPTIED:
        for path in (data / name).glob("*"):
            _remove(path)
    (data / _ORIGINS).unlink(missing_ok=True)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def check_pages(data: Path, programs: Programs) -> bool:
    """Compare each page with its checksum, where the cluster has checksums; tell whether it has.

    Afterwards it has none: they would make reading write WAL, and what was not read seem to be touched.

    :param data: stopped in order.
    :raises BackupError: pages are damaged: of which files.
    """
    if not _CHECKSUMS.search(programs.run("pg_controldata", [str(data)], environment={"LC_ALL": "C"}).stdout):
        return False
    done = programs.run("pg_checksums", ["--check", f"--pgdata={data}"])
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        wrong = [line for line in lines if _BAD.search(line)] or lines
        raise BackupError(
            f"pages of the recovered cluster are damaged: {len(wrong)} do not fit their checksums",
            looked_at=[line.replace(f"{data}/", "") for line in wrong[:_SHOWN]],
            remedies=["verify the backup, and the source's disk", "take a new backup, or name an older one"],
        )
    done = programs.run("pg_checksums", ["--disable", "--no-sync", f"--pgdata={data}"])
    if done.returncode:
        raise ServerError("pg_checksums --disable failed", looked_at=done.stderr.strip().splitlines()[-_SHOWN:])
    return True
