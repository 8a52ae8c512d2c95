"""Kill rehearsals at random moments, and say what is left of them: after ten seconds, and after the next run.

    python -m benchmarks.kills --times 100 [--server local|existing|container] [--victim process|controller|worker]
        [--lanes 3] [--image NAME] [--seed 1]

The source is a live database. Each lane has a server of its own that holds it, and a temporary folder of its own, by
which its processes are found; ``existing`` makes the copies on that server too. Without ``--victim`` each has its turn:
``process`` is pytest alone, ``controller`` and ``worker`` are of a run with ``-n2``. After every ten kills of a lane a
run follows that nobody disturbs. Linux; as root, or with one lane's processes all of the caller's.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from pytest_pgsafe.server import engine
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import SCRATCH_PREFIX
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.container import LABEL
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find

#: Seconds after which nothing may be left of a killed run but its private folders and its marked databases.
AFTER = 10.0
#: Seconds in which a run of which one worker was killed has to come to its end.
END = 300.0
#: Kills after which a run is left alone.
UNDISTURBED = 10
VICTIMS = ("process", "controller", "worker")
SCHEMA = """
create table public.t (id int primary key, v text);
insert into public.t select n, md5(n::text) from generate_series(1, 50000) n;
"""
MIGRATION = "alter table t add column w text; update t set w = upper(v); select pg_sleep(1);"
SESSIONS = (
    "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
    " and application_name <> 'kills'"
)


@dataclass(kw_only=True)
class Lane:
    """One run after another, on a source of its own."""

    server: str
    image: str | None
    place: Path
    host: LocalServer
    source: Address
    chosen: random.Random
    found: Counter[str] = field(default_factory=Counter[str])
    #: What was left where nothing may be, for whoever reads it.
    left: list[str] = field(default_factory=list[str])
    postmasters: set[int] = field(default_factory=set[int])

    def run(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pgsafe",
            "--pgsafe-migration=migration.sql", *arguments,
        ]  # fmt: skip
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PGSAFE"))}
        where = self.host.address().url() if self.server == "existing" else self.server
        environment = {**kept, "TMPDIR": str(self.place), "PGSAFE_SOURCE": self.source.url(), "PGSAFE_SERVER": where}
        if self.image:
            environment["PGSAFE_IMAGE"] = self.image
        with (self.place / "output").open("wb") as output:
            return subprocess.Popen(
                command,
                cwd=self.place / "project",
                env=environment,
                start_new_session=True,
                stdout=output,
                stderr=output,
            )

    def kill(self, victim: str, seconds: float) -> None:
        """Kill a run, wait, and count what is left."""
        process = self.run(*([] if victim == "process" else ["-n2"]))
        self.found[f"kills of a {victim}"] += 1
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.postmasters |= set(self._postmasters())
            self._hit(process, victim)
        else:
            self.found["that came too late"] += 1
        time.sleep(AFTER)
        self._count("after 10 s")

    def _hit(self, process: subprocess.Popen[bytes], victim: str) -> None:
        if victim != "worker":
            process.kill()
            process.wait()
            return
        while process.poll() is None:
            if workers := list(_workers(process.pid)):
                os.kill(self.chosen.choice(workers), signal.SIGKILL)
                break
            time.sleep(0.02)
        try:
            status = process.wait(END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self.found["runs without an end after a killed worker"] += 1
            self._note("no end")
            return
        self.found[f"runs with exit status {status} after a killed worker"] += 1
        if status not in {0, 1}:
            self._note(f"exit status {status}")
        # A verdict that was reached all the same needs every check to have reported.
        if status == 0 and b"pgsafe passed" not in self.output():
            self.found["green runs without a verdict after a killed worker"] += 1
            self._note("green without a verdict")

    def rest(self) -> None:
        """Let a run come to its end, and count what is left of those before it."""
        status = self.run().wait()
        if status:
            self.found["unsuccessful next runs"] += 1
            self._note(f"next run ended with {status}")
        self._count("after the next run")

    def output(self) -> bytes:
        return (self.place / "output").read_bytes()

    def _count(self, when: str) -> None:
        left = {
            "a process": processes(self.place), "a session": self._sessions(), "a marked database": self._databases(),
            "a private folder": [path.name for path in self.place.glob("pgsafe-*")], "shared memory": self._memory(),
            "a container": self._containers(),
        }  # fmt: skip
        for what, found in left.items():
            self.found[f"runs with {what} left {when}"] += bool(found)
            if found and (when != "after 10 s" or what not in {"a private folder", "a marked database"}):
                self._note(f"{when}: {what}: {', '.join(found)}")

    def _note(self, what: str) -> None:
        self.left.append(f"{what}\n{self.output()[-1500:].decode(errors='replace')}")

    def _sessions(self) -> list[str]:
        with self._other() as other:
            [(count,)] = other.execute(SESSIONS).fetchall()
        return [str(count)] if count else []

    def _databases(self) -> list[str]:
        with self._other() as other:
            found = other.execute(
                "select datname::text from pg_database where starts_with(datname, %s) and datname <> %s",
                (SCRATCH_PREFIX, self.source.dbname),
            )
            return [name for (name,) in found.fetchall()]

    def _other(self) -> psycopg.Connection[Any]:
        parameters: Mapping[str, Any] = {**self.host.address().parameters, "application_name": "kills"}
        return psycopg.connect(**parameters, autocommit=True)

    def _postmasters(self) -> Iterator[int]:
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_bytes().split(b"\0")
                if len(words) > 2 and words[0].endswith(b"postgres") and os.fsencode(self.place) in words[2]:
                    yield int(process.name)

    def _memory(self) -> list[str]:
        """Return System V's segments that a server of a killed run made."""
        lines = Path("/proc/sysvipc/shm").read_text("ascii").splitlines()[1:]
        return [line.split()[1] for line in lines if int(line.split()[4]) in self.postmasters]

    def _containers(self) -> list[str]:
        if self.server != "container":
            return []
        with engine.find().client() as client:
            return [one.name for one in client.containers.list(all=True, filters={"label": LABEL})]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--server", choices=["local", "existing", "container"], default="local")
    parser.add_argument("--image", help="of the container")
    parser.add_argument("--victim", choices=VICTIMS)
    parser.add_argument(
        "--lanes", type=int, default=3, help="runs at once, but for containers: these are one at a time"
    )
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    count = 1 if asked.server == "container" else asked.lanes
    lanes: list[Lane] = []
    with tempfile.TemporaryDirectory(prefix="kills-", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        try:
            # One by one: those that were made are closed if the next one cannot be.
            for number in range(count):
                chosen = random.Random(asked.seed * 1000 + number)
                lanes += [lane_at(Path(name) / str(number), server=asked.server, image=asked.image, chosen=chosen)]
            share = [asked.times // count + (number < asked.times % count) for number in range(count)]
            threads = [
                threading.Thread(target=_work, args=(lane, times, asked.victim))
                for lane, times in zip(lanes, share, strict=True)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            for lane in lanes:
                lane.host.close()
    found = sum((lane.found for lane in lanes), Counter())
    for what in dict.fromkeys(key for lane in lanes for key in lane.found):
        print(f"{what}: {found[what]}")
    for text in (one for lane in lanes for one in lane.left):
        print(f"\n--- {text}")


def lane_at(place: Path, *, server: str, chosen: random.Random, image: str | None = None) -> Lane:
    """Begin a lane in a folder that is not there yet; whoever asks closes its ``host``."""
    (place / "project").mkdir(parents=True)
    place.chmod(0o1777)
    (place / "project" / "migration.sql").write_text(MIGRATION)
    host = LocalServer.start(find())
    source = host.create("source")
    with connect(source, read_only=False) as session:
        session.execute(SCHEMA.encode())
    return Lane(server=server, image=image, place=place, host=host, source=source, chosen=chosen)


def _work(lane: Lane, times: int, victim: str | None) -> None:
    whole: dict[str, float] = {}
    for number in range(times):
        turn = victim or VICTIMS[number % len(VICTIMS)]
        if turn not in whole:
            begun = time.monotonic()
            status = lane.run(*([] if turn == "process" else ["-n2"])).wait()
            if status:
                raise SystemExit(f"a run that nobody disturbs ends with {status}\n{lane.output().decode()}")
            whole[turn] = time.monotonic() - begun
        lane.kill(turn, lane.chosen.uniform(0, whole[turn]))
        if (number + 1) % UNDISTURBED == 0 or number + 1 == times:
            lane.rest()
        print(f"{lane.place.name}: {number + 1} of {times}", file=sys.stderr, flush=True)
    lane.found[f"seconds of whole runs, lane {lane.place.name}: {whole}"] += 1


def _workers(controller: int) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            state = (process / "stat").read_text("utf-8").rpartition(")")[2].split()
            if int(state[1]) == controller and state[0] != "Z" and b"exec(eval(" in (process / "cmdline").read_bytes():
                yield int(process.name)


def processes(place: Path) -> list[str]:
    """Return the processes that were given a temporary folder, or work in it."""
    found: list[str] = []
    inside = os.fsencode(place) + b"/"
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        with suppress(OSError):
            words = (process / "cmdline").read_bytes()
            if not words:
                # One that nobody has waited for.
                continue
            given = words + (process / "environ").read_bytes() + os.fsencode((process / "cwd").readlink()) + b"/"
            if inside in given or os.fsencode(place) + b"\0" in given:
                found.append(f"{process.name} {words.replace(bytes(1), b' ').decode(errors='replace')[:100]}")
    return found


if __name__ == "__main__":
    main()
