"""What a recovery costs beside the same by hand: the base backup copied, postgres started on it, WAL replayed by `cp`.

python benchmarks/recovery.py [GB OF WAL] [GB OF DATA] [ROUNDS]

Both take the same base backup and the same archive to its end, in turns; the median of each is printed, and the ratio.
pgsafe's part that has no counterpart by hand is told apart: `pg_verifybackup` of the base backup.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pytest_pgsafe.pitr import base
from pytest_pgsafe.pitr.recover import recover
from pytest_pgsafe.pitr.target import Target
from pytest_pgsafe.pitr.wal import Segment
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms, find
from pytest_pgsafe.server.user import server_user

FILL = "insert into public.filled select n, repeat(md5(n::text), 30) from generate_series({}, {}) n"
#: Rows that make a GB of table, with its index.
ROWS = 950_000


def main(wal: float = 1, data: float = 1, rounds: int = 3) -> None:
    programs = find()
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o777)
        archive = place / "archive"
        archive.mkdir()
        archive.chmod(0o777)
        rows = _written(programs, place, archive, wal, data)
        folder = place / "base"
        copied = sum(path.lstat().st_size for path in (folder / base.DATA).rglob("*")) / (1 << 30)
        taken = base.read(folder)
        first = Segment.of(taken.start_lsn, taken.timeline, taken.segment_size).name(taken.segment_size)
        replayed = sum(path.stat().st_size for path in archive.iterdir() if path.name >= first) / (1 << 30)
        start = time.perf_counter()
        base.verify(folder / base.DATA, programs)
        verified = time.perf_counter() - start
        ours: list[float] = []
        by_hand: list[float] = []
        for _ in range(rounds):
            by_hand.append(_by_hand(programs, place, archive, rows))
            start = time.perf_counter()
            with recover(base.find(folder), archive, Target(kind="end"), programs) as (server, _found):
                ours.append(time.perf_counter() - start)
                with connect(server.address()) as session:
                    assert session.execute("select count(*) from public.filled").fetchone() == (rows,)
    one, other = statistics.median(by_hand), statistics.median(ours)
    print(f"base backup {copied:.2f} GB, WAL {replayed:.2f} GB, PostgreSQL {programs.version}")
    print(f"by hand: cp, postgres, cp of each segment  {one:7.2f} s   {one / (copied + replayed):.2f} s a GB")
    print(f"pgsafe's recovery                          {other:7.2f} s   {other / one:.2f} times")
    print(
        f"  of which pg_verifybackup                 {verified:7.2f} s   {(other - verified) / one:.2f} times without"
    )


def _written(programs: LocalPrograms, place: Path, archive: Path, wal: float, data: float) -> int:
    settings = {
        "archive_mode": "on", "full_page_writes": "on", "archive_command": f"cp %p {archive}/%f", "max_wal_size": "1GB",
        "wal_keep_size": "0",
    }  # fmt: skip
    with (
        LocalServer.start(programs, settings=settings) as primary,
        connect(primary.address(), read_only=False) as session,
    ):
        session.execute("create table public.filled (id int primary key, text text)")
        first = int(data * ROWS)
        session.execute(FILL.format(1, first).encode())
        base.take(primary.address(), place / "base", programs)
        rows = first + int(wal * ROWS)
        session.execute(FILL.format(first + 1, rows).encode())
        last = session.execute("select pg_walfile_name(pg_current_wal_lsn())").fetchone()
        session.execute("select pg_switch_wal()")
        assert last is not None
        while not (archive / last[0]).exists():
            time.sleep(0.1)
    return rows


def _by_hand(programs: LocalPrograms, place: Path, archive: Path, rows: int) -> float:
    """Recover as PostgreSQL's documentation has it, with the settings of pgsafe's server, which waits for no disk."""
    user = server_user()
    target = place / "by-hand"
    start = time.perf_counter()
    subprocess.run(["cp", "-R", str(place / "base" / base.DATA), str(target)], check=True)
    (target / "recovery.signal").touch()
    (target / "postgresql.auto.conf").write_text(
        f"restore_command = 'cp {archive}/%f %p'\nport = 54999\nlisten_addresses = ''\nfsync = off\n"
        f"shared_buffers = 256MB\nmax_wal_size = 4GB\ncheckpoint_timeout = 1h\nhot_standby = off\narchive_mode = off\n"
        f"unix_socket_directories = '{target}'\nlogging_collector = off\n",
        "utf-8",
    )
    (target / "pg_hba.conf").write_text("local all all trust\n", "utf-8")
    if user is not None:
        for path in (target, *target.rglob("*")):
            os.chown(path, user.uid, user.gid)
    command = [str(programs.readable_by(user) / "postgres"), "-D", str(target)]
    identity = {} if user is None else {"user": user.uid, "group": user.gid, "extra_groups": []}
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=target, **identity)  # type: ignore[call-overload]
    try:
        status = target / "postmaster.pid"
        while not (status.exists() and "ready" in status.read_text("utf-8")):
            if server.poll() is not None:
                sys.exit("the server that was started by hand ended")
            time.sleep(0.01)
        taken = time.perf_counter() - start
        asked = [str(programs.folder / "psql"), "-h", str(target), "-p", "54999", "-U", "postgres", "-Atc"]
        done = subprocess.run(
            [*asked, "select count(*) from public.filled"], check=True, capture_output=True, text=True
        )
        assert done.stdout.strip() == str(rows), done.stdout
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(target)
    return taken


if __name__ == "__main__":
    main(*(kind(word) for kind, word in zip((float, float, int), sys.argv[1:], strict=False)))
