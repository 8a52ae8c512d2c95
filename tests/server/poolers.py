"""A real PgBouncer for tests, in front of a local server."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.server.address import Address

PROGRAM = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"


@contextmanager
def pgbouncer(target: Address, folder: Path, mode: str, **settings: str) -> Iterator[Address]:
    """Run a PgBouncer before a server; yield the same database's address through it.

    :param mode: pool_mode.
    :param settings: further ones of its [pgbouncer] section.
    """
    if not Path(PROGRAM).exists():
        if os.environ.get("PGSAFE_TEST_REQUIRE_SERVER") == "1":
            raise FileNotFoundError(PROGRAM)
        pytest.skip("there is no PgBouncer here")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir(exist_ok=True)
    known = target.parameters
    (folder / "users.txt").write_text('"{}" "{}"\n'.format(known["user"], known["password"]))
    lines = {
        "listen_addr": "127.0.0.1", "listen_port": str(port), "auth_type": "scram-sha-256", "pool_mode": mode,
        "auth_file": str(folder / "users.txt"), "default_pool_size": "20", "unix_socket_dir": "",
        "max_client_conn": "200", "logfile": str(folder / "log"), **settings,
    }  # fmt: skip
    text = f"[databases]\n* = host={known['host']} port={known['port']}\n[pgbouncer]\n"
    (folder / "ini").write_text(text + "".join(f"{key} = {value}\n" for key, value in lines.items()))
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    if user is not None:
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)
        for parent in folder.parents:
            if parent.owner() == "root" and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    started = subprocess.Popen(
        [PROGRAM, "-q", str(folder / "ini")], user=user and user.pw_uid, group=user and user.pw_gid,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    address = target.with_(port=str(port), host="127.0.0.1")
    try:
        _wait(address, started)
        yield address
    finally:
        started.send_signal(signal.SIGINT)
        try:
            started.wait(5)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        if started.stderr is not None:
            started.stderr.close()


def _wait(address: Address, started: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 15
    while True:
        try:
            with socket.create_connection(("127.0.0.1", int(address.parameters["port"])), 1):
                return
        except OSError:
            if started.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)


#: What an application may have set, or find set.
STATE = """
select current_setting('transaction_read_only'), current_setting('default_transaction_read_only'),
       current_setting('search_path'), current_setting('timezone'), current_setting('datestyle'),
       current_setting('intervalstyle'), current_setting('statement_timeout'), current_setting('lock_timeout'),
       current_setting('idle_in_transaction_session_timeout'), current_setting('row_security'),
       current_setting('application_name'), current_setting('client_encoding'), current_setting('jit'),
       current_setting('bytea_output'), current_setting('extra_float_digits'), current_setting('work_mem'),
       current_setting('role'), current_setting('synchronize_seqscans'), current_setting('array_nulls'),
       current_setting('default_transaction_isolation'),
       (select count(*) from pg_prepared_statements), (select count(*) from pg_listening_channels()),
       (select count(*) from pg_cursors where name <> ''), pg_my_temp_schema() = 0,
       (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())
"""


class Application:
    """What lives behind the pooler: as many sessions at once as there are of the server's, each looked at."""

    def __init__(self, address: Address, sessions: int = 6) -> None:
        self._address, self._sessions = address, sessions

    def sees(self) -> set[tuple[object, ...]]:
        """Return every state in which a session of the server is found."""
        opened: list[psycopg.Connection[tuple[object, ...]]] = []
        found: set[tuple[object, ...]] = set()
        try:
            for _ in range(self._sessions):
                opened.append(psycopg.connect(**{**self._address.parameters, "connect_timeout": "10"}, autocommit=True))  # type: ignore[arg-type]
                opened[-1].prepare_threshold = None
            for one in opened:
                found.add(tuple(one.execute(STATE).fetchone() or ()))
        finally:
            for one in opened:
                one.close()
        return found

    def works(self) -> None:
        """Do what an application does: write, and find its table by its name."""
        with psycopg.connect(**self._address.parameters) as session:  # type: ignore[arg-type]
            session.execute("insert into people values (default, 'written')")
