"""Where a database is: the connection parameters of libpq, as one value that keeps its password to itself."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlencode

from ..config.address import AddressError, check, tidied
from ..errors import ConfigError, ServerError
from .private import private_folder

#: Parameters whose values are secret; they appear in no text that :class:`Address` makes for people.
SECRETS = frozenset({"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})
SERVICE = "pgsafe"
#: A value that a line of a file cannot hold.
_ODD = re.compile(r"[\r\n]|\s\Z")
#: Whose the sessions are that an address leads to: nobody has asked yet; ours alone, from their begin to their end;
#: lent by a pooler, which clears them before it lends them to others.
Sessions = Literal["", "own", "lent"]
#: With another one of these an address leads elsewhere.
_WHERE = frozenset({"host", "hostaddr", "port", "user", "dbname", "service"})


@dataclass(frozen=True)
class Address:
    """Connection parameters of one database, by libpq's names.

    Client programs get an address through :meth:`service_file`, so that no parameter, and so no password,
    stands in an argument list or in the environment.
    """

    parameters: Mapping[str, str] = field(repr=False)
    sessions: Sessions = field(default="", compare=False, repr=False)

    @classmethod
    def parse(cls, dsn: str) -> Address:
        """Read a libpq URI or conninfo string.

        :raises AddressError: the string is neither, or libpq would read it otherwise than it was meant; its remedies
            say what to write. Nothing of the string is repeated.
        """
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
        from psycopg.pq import Conninfo

        dsn = tidied(dsn)
        check(dsn, {option.keyword.decode() for option in Conninfo.get_defaults()})
        try:
            parsed: Mapping[str, Any] = conninfo_to_dict(dsn)
        except ProgrammingError:
            # libpq quotes the piece it could not read, which may be the password.
            raise AddressError("not a libpq URI (postgresql://…) or conninfo string (host=… dbname=…)") from None
        return cls({key: str(value) for key, value in parsed.items() if value is not None})

    @classmethod
    def named(cls, dsn: str, what: str) -> Address:
        """Read a libpq URI or conninfo string that somebody named.

        :param what: the beginning of the sentence: ``the source``, ``--into``.
        :raises ConfigError: it is none that can be used.
        """
        try:
            return cls.parse(dsn)
        except AddressError as error:
            raise ConfigError(f"{what} is {error}", remedies=error.remedies) from None

    @property
    def dbname(self) -> str:
        return self.parameters.get("dbname", "")

    @property
    def user(self) -> str:
        return self.parameters.get("user", "")

    def with_(self, **changes: str | None) -> Address:
        """Return a copy with some parameters replaced; ``None`` removes one."""
        merged: dict[str, str | None] = {**self.parameters, **changes}
        elsewhere = any(self.parameters.get(key) != changes[key] for key in _WHERE & set(changes))
        return Address(
            {key: value for key, value in merged.items() if value is not None}, "" if elsewhere else self.sessions
        )

    def __str__(self) -> str:
        """Return the address for people, without secrets: ``user@host:port/dbname``."""
        shown = self.parameters
        if "service" in shown and "host" not in shown:
            where = f"service={shown['service']}"
        else:
            where = shown.get("host", shown.get("hostaddr", "localhost"))
            where += f":{shown['port']}" if "port" in shown else ""
        user = f"{shown['user']}@" if "user" in shown else ""
        return f"{user}{where}/{shown.get('dbname', '')}"

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    def url(self, scheme: str = "postgresql") -> str:
        """Return a URI **with the password**, for a migration tool's environment only."""
        rest = dict(self.parameters)
        user, password = rest.pop("user", ""), rest.pop("password", "")
        host, port, dbname = rest.pop("host", ""), rest.pop("port", ""), rest.pop("dbname", "")
        if host.startswith("/"):
            rest["host"], host = host, ""
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
        query = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
        return f"{scheme}://{login}{'@' if login else ''}{place}/{quote(dbname, safe='')}{query}"

    @contextmanager
    def service_file(self, folder: Path | None = None) -> Generator[dict[str, str]]:
        """Write a private service file and yield the environment that makes libpq read it.

        Programs are then called with ``service=pgsafe`` as their database. The file is 0600 and gone afterwards.

        :raises ServerError: a value other than a name holds a line end, which libpq's files cannot.
        """
        # A service file cannot name a service; resolve() has taken its parameters in.
        values = {key: value for key, value in self.parameters.items() if key != "service"}
        # Names may hold what a line of a file cannot; they are no secret.
        named = {
            variable: values.pop(key)
            for key, variable in (("dbname", "PGDATABASE"), ("user", "PGUSER"))
            if _ODD.search(values.get(key, ""))
        }
        for key, value in values.items():
            if "\n" in value:
                raise ServerError(
                    f"the connection parameter {key} holds a line end, which no file of libpq's can",
                    remedies=["give it another value: ALTER ROLE … PASSWORD for a password"],
                )
        with ExitStack() as stack:
            if folder is None:
                folder = stack.enter_context(private_folder("connection"))
            password = values.get("password", "")
            # Blanks at the end of a line, and lines of more than 1023 bytes, are no part of a service file's values.
            if password != password.rstrip() or len(password) > 500:
                escaped = values.pop("password").replace("\\", "\\\\").replace(":", "\\:")
                values["passfile"] = stack.enter_context(_private_file(f"*:*:*:*:{escaped}\n", folder))
            lines = "".join(f"{key}={value}\n" for key, value in values.items())
            name = stack.enter_context(_private_file(f"[{SERVICE}]\n{lines}", folder))
            yield {"PGSERVICEFILE": name, "PGSERVICE": SERVICE, **named}


@contextmanager
def _private_file(content: str, folder: Path) -> Generator[str]:
    handle, name = tempfile.mkstemp(prefix="pgsafe-", suffix=".conf", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        yield name
    finally:
        Path(name).unlink()
