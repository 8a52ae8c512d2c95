"""A program's server that has fallen silent: the program would wait for it for ever."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

from . import lost
from .address import Address
from .lost import ConnectionLost, briefly

# Of a program's sessions: whether there are any, whether all of them wait for it, and since when.
_STATES = """
select count(*),
       bool_and(a.state like 'idle%%' or (a.state = 'active' and a.wait_event_type = 'Client')),
       coalesce(max(a.state_change)::text, '')
from pg_catalog.pg_stat_activity a
where a.application_name = %s
"""
_ENDED = "the server has no session of it any more"
_DONE = "the server waits for it"


class Peer:
    """The server that a program works with.

    It is looked at when the program neither works nor writes: whether it can be reached, and, where the address names
    an application of its own, whether it has anything to do for the program.
    """

    def __init__(self, address: Address, output: Path | None = None) -> None:
        """Begin with the start of the program.

        :param output: a file or folder that it writes.
        """
        self._address = address
        self._output = output
        self._work: tuple[int | None, int] = (None, 0)
        self._worked = self._looked = time.monotonic()
        self._found, self._since = "", 0.0

    def look(self, group: int) -> ConnectionLost | None:
        """Say why the program is waited for no longer, if that is so.

        :param group: of its processes.
        """
        work = (_processor_time(group), _size(self._output))
        now = time.monotonic()
        if work != self._work:
            self._work, self._worked, self._found = work, now, ""
        if now - self._worked < lost.SILENCE or now - self._looked < lost.SILENCE / 6:
            return None
        found = self._suspicion(known=work[0] is not None)
        self._looked = time.monotonic()
        if found != self._found:
            self._found, self._since = found, now
        longest = lost.GONE if found == lost.UNREACHED else lost.DONE
        if not found or self._looked - self._since < longest:
            return None
        return ConnectionLost.silent(self._address, self._looked - self._worked, found.partition("\n")[0])

    def _suspicion(self, *, known: bool) -> str:
        """Say what speaks for it that the program waits in vain, empty if nothing does.

        :param known: whether it is known that the program does not work.
        """
        try:
            with briefly(dict(self._address.parameters)) as looking:
                name = self._address.parameters.get("application_name")
                if not known or name is None:
                    return ""
                row = looking.execute(_STATES, (name,)).fetchone()
        except psycopg.Error as error:
            return "" if "FATAL" in str(error) else lost.UNREACHED
        assert row is not None
        sessions, waiting, changed = row
        if not sessions:
            return _ENDED
        return f"{_DONE}\n{changed}" if waiting else ""


def _processor_time(group: int) -> int | None:
    """Return the clock ticks that the processes of a group have used, None where it cannot be known."""
    found: int | None = None
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            found = (found or 0) + int(fields[11]) + int(fields[12])
    return found


def _size(path: Path | None) -> int:
    try:
        files = [path] if path is not None and path.is_file() else [] if path is None else list(path.rglob("*"))
        return sum(file.stat().st_size for file in files)
    except OSError:
        return -1
