"""Own a local server until ended from outside: run as a script by test_server_keeper.py.

Arguments: the user to become, or ``-``. Prints one line of JSON about the server, then waits; ``SIGINT`` ends it as
Ctrl-C ends pytest.
"""

from __future__ import annotations

import importlib
import json
import os
import pwd
import sys
import time

# Up front: the user may not be able to read this interpreter's files.
for module in ("psycopg", "psycopg_binary", "encodings.idna", "ipaddress", "concurrent.futures.thread"):
    importlib.import_module(module)

from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find

name = sys.argv[1]
if name != "-":
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ["HOME"] = "/nonexistent"
    sys.executable = sys.argv[2]
with LocalServer.start(find(major=None), enclosed=True) as server:
    address = server.create("owned")
    with connect(address) as session:
        row = session.execute("select pg_postmaster_start_time()::text, current_user").fetchone()
    try:
        print(
            json.dumps(
                {
                    "folder": str(server.data.parent),
                    "postmaster": int((server.data / "postmaster.pid").read_text().split()[0]),
                    "keeper": server.keeper,
                    "row": row,
                    "enclosure": server.describe()["enclosure"],
                }
            ),
            flush=True,
        )
        time.sleep(60)
    except KeyboardInterrupt:
        # As pytest: an exception that leads through the context manager.
        raise SystemExit(130) from None
