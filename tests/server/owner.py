"""Own a local server until ended from outside: run as a script by test_server_keeper.py.

Arguments: the user to become, or ``-``; the interpreter for the keeper, or ``-``; ``copy`` for a copy of a server that
was stopped, as one of a base is. Prints one line of JSON about the server, then waits; ``SIGINT`` ends it as
Ctrl-C ends pytest.
"""

from __future__ import annotations

import importlib
import json
import os
import pwd
import sys
import time
from contextlib import ExitStack
from dataclasses import replace

# Up front: the user may not be able to read this interpreter's files.
for module in ("psycopg", "psycopg_binary", "encodings.idna", "ipaddress", "concurrent.futures.thread"):
    importlib.import_module(module)

from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find

name, interpreter, *wanted = [*sys.argv[1:], "-"][: max(len(sys.argv) - 1, 2)]
if name != "-":
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ["HOME"] = "/nonexistent"
if interpreter != "-":
    sys.executable = interpreter
with ExitStack() as held:
    server = held.enter_context(LocalServer.start(find(major=None), enclosed=True))
    address = server.create("owned")
    lower = str(server.data)
    if wanted == ["copy"]:
        with connect(address, read_only=False) as session:
            session.execute("create table public.numbers as select generate_series(1, 10000) as n")
        template = replace(server.seal(), stays=True)
        server = held.enter_context(LocalServer.start(find(major=None), template=template, enclosed=True))
        address = server.address(address.dbname)
        with connect(address, read_only=False) as session:
            session.execute("delete from public.numbers where n > 5000")
            session.execute("vacuum full public.numbers")
            session.execute("checkpoint")
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
                    "copy": server.describe().get("copy"),
                    "lower": lower,
                    "enclosure": server.describe()["enclosure"],
                }
            ),
            flush=True,
        )
        time.sleep(60)
    except KeyboardInterrupt:
        # As pytest: an exception that leads through the context manager.
        raise SystemExit(130) from None
