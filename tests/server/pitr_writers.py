"""Sessions that write at once, each with a log of its own outside of the database, and the order in the WAL."""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import psycopg

from pytest_pgsafe.server import cluster, tied
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.programs import LocalPrograms
from pytest_pgsafe.server.user import server_user

SCHEMA = """
create schema made;
create table item (writer int, id int, value text, primary key (writer, id));
create table counter (id int primary key, n int not null);
insert into counter select n, 0 from generate_series(1, 3) n;
"""
COUNTERS = 3
#: Bytes of a segment, and of a page.
SIZE, PAGE = 1 << 20, 8192
#: What is written, by ``table:key``; None takes it away, a number is added.
Change = tuple[str, "str | int | None"]
State = dict[str, "str | int"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a writer knows of a transaction of its own when the server has answered."""

    xid: int
    committed: bool
    changes: tuple[Change, ...]
    #: By pg_xact_commit_timestamp; None of one that was rolled back.
    at: datetime | None
    #: Of a prepared one.
    gid: str | None = None


def template(programs: LocalPrograms, place: Path) -> cluster.Template:
    """Make a cluster with segments of 1 MB: they are many after little was written."""
    user = server_user()
    folder = programs.readable_by(user)
    made = cluster.template(programs, folder, user)
    data = place / "template"
    # As initdb --wal-segsize=1 has it, in a tenth of the time.
    for command in (
        ["cp", "-R", str(made.data), str(data)],
        [f"{folder}/pg_resetwal", "--wal-segsize=1", f"--pgdata={data}"],
    ):
        done = tied.run(user, command, environment=cluster.surroundings())
        assert done.returncode == 0, done.stderr
    return cluster.Template(data=data, password=made.password)


class Writer(threading.Thread):
    """A session that writes until it is told to stop, in transactions of every kind."""

    def __init__(self, number: int, address: Address, seed: int, log: Path, stop: threading.Event) -> None:
        super().__init__(name=f"writer {number}")
        self.number = number
        self.done = 0
        self.error: BaseException | None = None
        self._random = random.Random(f"{seed}:{number}")
        self._address = address
        self._log = log
        self._stop_at = stop
        self._next = 0
        #: Keys of rows that are committed, and that no prepared transaction holds.
        self._mine: list[int] = []
        self._tables: list[str] = []

    def run(self) -> None:
        try:
            with (
                session_of(self._address) as session,
                self._log.open("w", encoding="utf-8") as log,
            ):
                while not self._stop_at.is_set():
                    for entry in self._one(session):
                        log.write(json.dumps(vars(entry), default=str) + "\n")
                    self.done += 1
        except BaseException as error:
            self.error = error

    def _one(self, session: psycopg.Connection) -> list[Entry]:
        kind = self._random.choices(["single", "block", "rollback", "prepared", "ddl", "block"], [5, 8, 2, 1, 1, 3])[0]
        if kind == "single":
            key, value = self._fresh()
            row = session.execute(
                "insert into item values (%s, %s, %s) returning pg_current_xact_id()::text", (self.number, key, value)
            ).fetchone()
            assert row is not None
            self._mine.append(key)
            return [self._entry(session, int(row[0]), ((f"item:{self.number},{key}", value),))]
        if kind == "prepared":
            return self._prepared(session)
        session.execute("begin")
        changes = self._ddl(session) if kind == "ddl" else self._statements(session)
        xid = _xid(session)
        if kind == "rollback":
            session.execute("rollback")
            return [Entry(xid=xid, committed=False, changes=changes, at=None)]
        session.execute("commit")
        self._settle(changes)
        return [self._entry(session, xid, changes)]

    def _prepared(self, session: psycopg.Connection) -> list[Entry]:
        gid = f"w{self.number}-{self.done}"
        session.execute("begin")
        changes = tuple(self._insert(session) for _ in range(2))
        xid = _xid(session)
        session.execute(f"prepare transaction '{gid}'")
        between = [entry for _ in range(self._random.randrange(3)) for entry in self._plain(session)]
        if self._random.random() < 0.3:
            session.execute(f"rollback prepared '{gid}'")
            return [*between, Entry(xid=xid, committed=False, changes=changes, at=None, gid=gid)]
        session.execute(f"commit prepared '{gid}'")
        self._settle(changes)
        return [*between, self._entry(session, xid, changes, gid)]

    def _plain(self, session: psycopg.Connection) -> list[Entry]:
        session.execute("begin")
        changes = self._statements(session)
        xid = _xid(session)
        session.execute("commit")
        self._settle(changes)
        return [self._entry(session, xid, changes)]

    def _statements(self, session: psycopg.Connection) -> tuple[Change, ...]:
        changes: list[Change] = []
        for _ in range(self._random.choice([1, 1, 2, 4, 12])):
            changes.append(self._change(session, changes))
            if self._random.random() < 0.2:
                # Subtransactions: one that is kept, with one in it that is not.
                session.execute("savepoint kept")
                changes.append(self._insert(session))
                session.execute("savepoint lost")
                self._insert(session)
                session.execute("rollback to lost")
                session.execute("release kept")
            if self._random.random() < 0.1:
                session.execute("select pg_sleep(%s)", (self._random.random() / 100,))
        if self._random.random() < 0.5:
            # The last statement, as the others wait for it: their commits follow each other closely.
            counter = self._random.randint(1, COUNTERS)
            session.execute("update counter set n = n + 1 where id = %s", (counter,))
            changes.append((f"counter:{counter}", 1))
        return tuple(changes)

    def _change(self, session: psycopg.Connection, before: Sequence[Change]) -> Change:
        touched = {name for name, _ in before}
        free = [key for key in self._mine if f"item:{self.number},{key}" not in touched]
        kind = self._random.choice(["insert", "insert", "update", "delete"]) if free else "insert"
        if kind == "insert":
            return self._insert(session)
        key = self._random.choice(free)
        name = f"item:{self.number},{key}"
        if kind == "delete":
            session.execute("delete from item where writer = %s and id = %s", (self.number, key))
            return name, None
        value = self._fresh()[1]
        session.execute("update item set value = %s where writer = %s and id = %s", (value, self.number, key))
        return name, value

    def _insert(self, session: psycopg.Connection) -> Change:
        key, value = self._fresh()
        session.execute("insert into item values (%s, %s, %s)", (self.number, key, value))
        return f"item:{self.number},{key}", value

    def _ddl(self, session: psycopg.Connection) -> tuple[Change, ...]:
        if self._tables and self._random.random() < 0.4:
            name = self._tables[-1]
            session.execute(f"drop table made.{name}")
            return ((f"made:{name}", None),)
        name = f"w{self.number}_{self.done}"
        session.execute(f"create table made.{name} as select n from generate_series(1, 5) n")
        session.execute(f"alter table made.{name} add column more int default 7")
        return ((f"made:{name}", 5), self._insert(session))

    def _settle(self, changes: Sequence[Change]) -> None:
        for name, value in changes:
            kind, _, key = name.partition(":")
            if kind == "item":
                number = int(key.partition(",")[2])
                if value is None:
                    self._mine.remove(number)
                elif number not in self._mine:
                    self._mine.append(number)
            elif kind == "made":
                self._tables.remove(key) if value is None else self._tables.append(key)

    def _fresh(self) -> tuple[int, str]:
        self._next += 1
        return self._next, self._random.randbytes(self._random.choice([4, 40, 800])).hex()

    def _entry(
        self, session: psycopg.Connection, xid: int, changes: tuple[Change, ...], gid: str | None = None
    ) -> Entry:
        row = session.execute("select pg_xact_commit_timestamp(%s::text::xid)", (str(xid),)).fetchone()
        assert row is not None
        return Entry(xid=xid, committed=True, changes=changes, at=row[0].astimezone(timezone.utc), gid=gid)


def session_of(address: Address) -> psycopg.Connection:
    """Open a session as an application does, with public in its search path."""
    return psycopg.connect(**dict(address.parameters), autocommit=True)


def _xid(session: psycopg.Connection) -> int:
    row = session.execute("select pg_current_xact_id()::text").fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def writing(address: Address, place: Path, *, seed: int, sessions: int) -> Iterator[list[Writer]]:
    """Let sessions write as long as the block lasts."""
    stop = threading.Event()
    writers = [Writer(n, address, seed, place / f"writer{n}.log", stop) for n in range(1, sessions + 1)]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    for writer in writers:
        if writer.error is not None:
            raise writer.error


def entries(place: Path) -> dict[int, Entry]:
    """Read what the writers noted, by transaction."""
    found: dict[int, Entry] = {}
    for path in place.glob("writer*.log"):
        for line in path.read_text("utf-8").splitlines():
            read = json.loads(line)
            read["changes"] = tuple((name, value) for name, value in read["changes"])
            read["at"] = None if read["at"] is None else datetime.fromisoformat(read["at"])
            found[read["xid"]] = Entry(**read)
    return found


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record of the WAL."""

    lsn: int
    #: Bytes, without headers of pages and what it is padded with.
    length: int
    #: PREPARE, COMMIT, COMMIT_PREPARED, ABORT, ABORT_PREPARED, SWITCH; empty for any other.
    kind: str
    xid: int
    at: datetime | None
    gid: str = ""

    @property
    def end(self) -> int:
        """The position behind its last byte: headers of pages lie in between."""
        place, left = self.lsn, self.length
        while left > (room := PAGE - place % PAGE):
            left -= room
            place += room
            place += 40 if place % SIZE == 0 else 24
        return place + left

    @property
    def ends(self) -> bool:
        """Whether a transaction ends with it."""
        return self.kind.startswith(("COMMIT", "ABORT"))


_RECORD = re.compile(
    r"len \(rec/tot\): +\d+/ *(?P<length>\d+), tx:\s+(?P<xid>\d+), lsn: (?P<high>[0-9A-F]+)/(?P<low>[0-9A-F]+),"
    r".* desc: (?P<desc>.*)"
)
_ENDED = re.compile(
    r"(?P<kind>(?:COMMIT|ABORT|PREPARE)(?:_PREPARED)?) (?:gid (?P<gid>\S+): |(?P<xid>\d+): )?"
    r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}) UTC"
)


def records(programs: LocalPrograms, folder: Path, first: str, last: str) -> list[Record]:
    """Read the WAL's records in their order, from one segment to another."""
    done = programs.run("pg_waldump", [f"--path={folder}", first, last], environment={"TZ": "UTC"})
    found: list[Record] = []
    for line in done.stdout.splitlines():
        if (match := _RECORD.search(line)) is None:
            continue
        lsn = (int(match["high"], 16) << 32) + int(match["low"], 16)
        ended = _ENDED.match(match["desc"]) if "rmgr: Transaction" in line else None
        length = int(match["length"])
        if ended is None:
            kind = "SWITCH" if match["desc"].startswith("SWITCH") else ""
            found.append(Record(lsn=lsn, length=length, kind=kind, xid=int(match["xid"]), at=None))
            continue
        at = datetime.strptime(ended["at"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=timezone.utc)
        xid = int(ended["xid"] or match["xid"])
        gid = (ended["gid"] or "").strip("'")
        found.append(Record(lsn=lsn, length=length, kind=ended["kind"], xid=xid, at=at, gid=gid))
    assert found, done.stderr
    return found


def state_of(log: dict[int, Entry], before: Sequence[Record]) -> tuple[State, set[str]]:
    """Return what there is when the records have happened: rows, and transactions that are prepared and open."""
    state: State = {f"counter:{n}": 0 for n in range(1, COUNTERS + 1)}
    open_ones: dict[int, str] = {}
    for record in before:
        if record.kind == "PREPARE":
            open_ones[record.xid] = record.gid
        elif record.ends:
            open_ones.pop(record.xid, None)
        entry = log.get(record.xid)
        # Of a transaction that nobody noted (DDL of the test's, autovacuum) no row is compared.
        if entry is None or not record.kind.startswith("COMMIT"):
            continue
        for name, value in entry.changes:
            if value is None:
                del state[name]
            elif name.startswith("counter:"):
                held = state[name]
                assert isinstance(held, int)
                assert isinstance(value, int)
                state[name] = held + value
            else:
                state[name] = value
    return state, set(open_ones.values())


def state_in(address: Address) -> tuple[State, set[str]]:
    """Read the same of a server."""
    state: State = {}
    with session_of(address) as session:
        for writer, key, value in session.execute("select writer, id, value from item"):
            state[f"item:{writer},{key}"] = value
        for key, number in session.execute("select id, n from counter"):
            state[f"counter:{key}"] = number
        tables = session.execute("select relname from pg_class where relnamespace = 'made'::regnamespace").fetchall()
        for (name,) in tables:
            row = session.execute(f"select count(*) from made.{name} where more = 7").fetchone()
            assert row is not None
            state[f"made:{name}"] = row[0]
        gids = {row[0] for row in session.execute("select gid from pg_prepared_xacts")}
    return state, gids
