"""How many sessions a source has left for us: a backup needs two, and takes more only where there are more."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SourceError
from ..server.connection import Connection

#: The one that holds the moment, and pg_dump's.
NEEDED = 2

# What others do is hidden from most roles, that they are there is not. A superuser has the server's limit alone.
_LEFT = """
select r.rolname,
       case when not r.rolsuper and r.rolconnlimit >= 0
           then r.rolconnlimit - count(*) filter (where a.usesysid = r.oid) end,
       case when not r.rolsuper and d.datconnlimit >= 0
           then d.datconnlimit - count(*) filter (where a.datid = d.oid) end,
       current_setting('max_connections')::int
       - case when r.rolsuper then 0 else current_setting('superuser_reserved_connections')::int end - count(*)
from pg_catalog.pg_roles r, pg_catalog.pg_database d, pg_catalog.pg_stat_activity a
where r.rolname = session_user and d.datname = current_database() and a.datid is not null
group by r.rolname, r.rolsuper, r.rolconnlimit, d.datname, d.datconnlimit
"""


@dataclass(frozen=True)
class Room:
    """How many sessions we may have at once, the one that asked among them, and what sets the limit."""

    sessions: int
    limit: str
    remedy: str

    def within(self, sessions: int | None) -> Room:
        """Return the room that is left if somebody allows so many sessions; None allows all."""
        if sessions is None or self.sessions <= sessions:
            return self
        return Room(sessions=sessions, limit="[fleet] source_sessions", remedy="allow more sessions at a time")

    def check(self) -> None:
        """Say that a backup cannot be taken.

        :raises SourceError: there is no room for the two sessions that it needs.
        """
        if self.sessions < NEEDED:
            raise SourceError(
                f"a backup needs {NEEDED} sessions of the source at once, one that holds its moment and pg_dump's, and"
                f" there is room for {self.sessions}",
                looked_at=[self.limit],
                remedies=[self.remedy],
            )

    def shared(self, jobs: int, most: int) -> tuple[int, int, bool]:
        """Return for how many processes of pg_dump, how many sessions for facts, and whether for a watching one."""
        if self.sessions <= NEEDED:
            return 1, 1, False
        # Besides the moment and the watching one; a parallel dump has one more than its workers.
        left = self.sessions - 2
        jobs = jobs if jobs == 1 or jobs + 1 <= left else max(1, left - 1)
        left -= jobs if jobs == 1 else jobs + 1
        return jobs, min(most, 1 + left), True


def room(connection: Connection) -> Room:
    """Ask how many more sessions like this one there may be.

    :raises psycopg.Error: as the server says it.
    """
    row = connection.execute(_LEFT).fetchone()
    assert row is not None
    role, of_role, of_database, of_server = row
    limits = [
        (of_role, f"CONNECTION LIMIT of the role {role}", f"ALTER ROLE {role} CONNECTION LIMIT 6, or use another role"),
        (of_database, "CONNECTION LIMIT of the database", "ALTER DATABASE … CONNECTION LIMIT -1 or more"),
        (of_server, "max_connections of the server", "end sessions, or raise max_connections"),
    ]
    left, limit, remedy = min((one for one in limits if one[0] is not None), key=lambda one: one[0])
    return Room(sessions=int(left) + 1, limit=limit, remedy=remedy)
