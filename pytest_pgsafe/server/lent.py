"""One server of ours for one rehearsal after the other, where it is proven that the one before left nothing there.

To start a cluster and to stop it costs more than a small database does. What databases share, the roles and the
settings of the cluster, is read before a server is lent and after it came back: unless both are equal it is ended, and
the next rehearsal is given a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import ClassVar

import psycopg
from psycopg import sql

from ..errors import PgsafeError
from .address import Address
from .base import Kind, Server
from .connection import connect

#: What a rehearsal could leave behind, besides databases: all of it as one text.
_SHARED = """
select jsonb_build_array(
    (select jsonb_agg(to_jsonb(r) - 'oid' order by r.rolname) from pg_catalog.pg_roles r),
    (select jsonb_agg(to_jsonb(m) - 'oid' order by to_jsonb(m)::text) from pg_catalog.pg_auth_members m),
    (select jsonb_agg(to_jsonb(s) order by s.setdatabase, s.setrole) from pg_catalog.pg_db_role_setting s),
    (select jsonb_agg(to_jsonb(d) - 'datfrozenxid' - 'datminmxid' order by d.datname) from pg_catalog.pg_database d),
    (select jsonb_agg(to_jsonb(t) order by t.spcname) from pg_catalog.pg_tablespace t),
    (select jsonb_agg(o.roname order by o.roname) from pg_catalog.pg_replication_origin o),
    (select jsonb_agg(s.slot_name order by s.slot_name) from pg_catalog.pg_replication_slots s),
    (select jsonb_agg(x.gid order by x.gid) from pg_catalog.pg_prepared_xacts x),
    (select jsonb_agg(to_jsonb(l) order by l.objoid, l.provider) from pg_catalog.pg_shseclabel l),
    (select jsonb_agg(to_jsonb(c) order by c.classoid, c.objoid) from pg_catalog.pg_shdescription c),
    -- What is in the database that no rehearsal is about: from FirstNormalObjectId on.
    (select jsonb_agg(c.oid order by c.oid) from pg_catalog.pg_class c where c.oid >= 16384),
    (select jsonb_agg(p.oid order by p.oid) from pg_catalog.pg_proc p where p.oid >= 16384),
    (select jsonb_agg(n.oid order by n.oid) from pg_catalog.pg_namespace n where n.oid >= 16384),
    (select jsonb_agg(e.oid order by e.oid) from pg_catalog.pg_extension e where e.oid >= 16384),
    (select jsonb_agg(to_jsonb(f) order by f.seqno) from pg_catalog.pg_file_settings f),
    (select jsonb_agg(array[s.name, s.reset_val] order by s.name) from pg_catalog.pg_settings s
        where s.source <> 'session'),
    case when to_regclass('pg_catalog.pg_parameter_acl') is not null
        then query_to_xml('select * from pg_catalog.pg_parameter_acl order by parname', true, false, '')::text end
)::text
"""


class Lent(Server):
    """A running server as one rehearsal has it; :meth:`close` gives it back."""

    kind: ClassVar[Kind] = "local"

    def __init__(self, server: Server, back: Callable[[Lent], None], begun: int) -> None:
        self.version, self.programs, self.superuser = server.version, server.programs, server.superuser
        self._server = server
        self._back = back
        #: Where its own part of the server's log begins.
        self.logged = begun
        self._closed = False
        #: Databases that were made for this rehearsal and not dropped yet.
        self.made: list[Address] = []

    def address(self, dbname: str = "postgres", *, user: str | None = None) -> Address:
        return self._server.address(dbname, user=user)

    def create(self, name: str, *, options: Mapping[str, str] | None = None) -> Address:
        made = self._server.create(name, options=options)
        self.made.append(made)
        return made

    def clone(self, source: Address, name: str) -> Address:
        made = self._server.clone(source, name)
        self.made.append(made)
        return made

    def drop(self, address: Address) -> None:
        self._server.drop(address)
        self.made = [one for one in self.made if one.dbname != address.dbname]

    @property
    def owns_cluster(self) -> bool:
        return self._server.owns_cluster

    def log(self, *, since: int = 0) -> tuple[Sequence[Mapping[str, object]], int]:
        return self._server.log(since=max(since, self.logged))

    def extensions(self) -> frozenset[str]:
        return self._server.extensions()

    def describe(self) -> Mapping[str, str]:
        return self._server.describe()

    def keep(self) -> Sequence[str]:
        return self._server.keep()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._back(self)


class LentContainer(Lent):
    kind: ClassVar[Kind] = "container"


class Lender:
    """Holds the server that was lent last."""

    def __init__(self) -> None:
        self._server: Server | None = None
        self._key: Hashable = None
        self._shared = ""
        self._roles: frozenset[str] = frozenset()
        self._logged = 0

    def start(self, key: Hashable, start: Callable[[], Server]) -> Server:
        """Return a server as ``start`` starts it: the one that is there, if it was started for the same key.

        :raises ServerError: it does not start.
        """
        if self._server is None or self._key != key:
            self.close()
            self._server, self._key = start(), key
            self._shared, self._roles = _shared(self._server)
            self._logged = 0
        # What was logged for others is read by nobody again.
        self._logged = self._server.log(since=self._logged)[1]
        return (LentContainer if self._server.kind == "container" else Lent)(
            self._server, self._returned, self._logged
        )  # fmt: skip

    def _returned(self, lent: Lent) -> None:
        """Take back a server; end it unless everything is as it was."""
        server = self._server
        if server is None:
            return
        try:
            for address in reversed(lent.made):
                server.drop(address)
            with connect(server.address(), read_only=False) as session:
                for (role,) in session.execute("select rolname from pg_catalog.pg_roles").fetchall():
                    if role not in self._roles:
                        session.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
                # What the source's sessions begin with, each copy is given so.
                session.execute("alter role all reset all")
            clean = _shared(server)[0] == self._shared
        except (psycopg.Error, PgsafeError):
            # Whatever does not go, or the server itself has gone.
            clean = False
        if not clean:
            self.close()

    def close(self) -> None:
        """End the server, if there is one."""
        server, self._server = self._server, None
        if server is not None:
            server.close()


def _shared(server: Server) -> tuple[str, frozenset[str]]:
    """Return what all databases of a server share, as one text, and its roles."""
    with connect(server.address()) as session:
        [(text,)] = session.execute(_SHARED).fetchall()
        roles = frozenset(role for (role,) in session.execute("select rolname from pg_catalog.pg_roles"))
    return str(text), roles
