"""The environment of a migration command: the source's address taken out, the copy's put in."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote, urlencode

from ..errors import ConfigError
from ..server.address import Address

#: Any of these in a value is the address of a PostgreSQL database: of the source, or of one that is not the copy.
_DATABASE_URL = re.compile(
    r"\b(?:jdbc:)?(?:postgres|postgresql|postgis|pgsql|psql)(?:\+\w+)?://|\bjdbc:postgresql:", re.I
)
_CONNINFO = re.compile(r"(?:^|\s)(?:host|hostaddr|dbname|service)\s*=\s*\S", re.I)
_DATABASE_NAME = re.compile(r"(?:^|_)(?:DB|PG|SQL|DATABASE|POSTGRES|POSTGRESQL)|(?:DB|PG|SQL)(?:_|$)", re.I)
_PLACEHOLDER = re.compile(r"\{([a-z]+(?::[a-z0-9+]+)?)\}")
#: Names of the source's machine that are everybody's: a value that holds them need not mean the source.
_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  # compared, never bound
#: Parameters with a variable of their own below; the password goes by the passfile.
_JDBC = frozenset({"user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey"})
#: Placeholders that stand for one part of the address, by libpq's words.
_SINGLE = ("password", "host", "port", "dbname", "user")
_PRIVATE = frozenset({"password", "passfile", "service", "servicefile"})


def cleaned(environ: Mapping[str, str], source: Address | None = None) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the environment without anything that leads to a database, and the names that were taken out.

    ``PG*`` goes (and with it pgsafe's own settings), ``DATABASE_URL``, every value that is a PostgreSQL URL or conninfo
    string, and, with the source known, every value that holds its host or password. A variable that a project needs all
    the same is given by ``[migration] env``.
    """
    kept = {name: value for name, value in environ.items() if not _leads_away(name, value, source)}
    return kept, tuple(sorted(environ.keys() - kept.keys()))


def _leads_away(name: str, value: str, source: Address | None) -> bool:
    if name.startswith("PG") or name == "DATABASE_URL" or _DATABASE_URL.search(value) or _CONNINFO.search(value):
        return True
    if source is None:
        return False
    about_database = _DATABASE_NAME.search(name) is not None
    for host in (source.parameters.get("host", ""), source.parameters.get("hostaddr", "")):
        for one in host.split(","):
            if one in _LOCAL or one.startswith("/"):
                if about_database and one and value == one:
                    return True
            elif re.search(rf"(?<![\w.-]){re.escape(one)}(?![\w-])", value, re.I):
                return True
    password = source.parameters.get("password", "")
    if len(password) >= 4 and (password in value or quote(password, safe="") in value or password in unquote(value)):
        return True
    return about_database and value != "" and value in {source.dbname, source.user, password}


def wanted(names: Iterable[str], printed: str, environ: Mapping[str, str], source: Address | None) -> tuple[str, ...]:
    """Return what to write for variables that were taken out and that a command, which failed, speaks of.

    :param names: of the variables that it was not given.
    :param printed: what it said.
    """
    pairs = [
        f'{name} = "{{{_placeholder(name, environ[name], source)}}}"'
        for name in names
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", printed)
    ]
    if not pairs:
        return ()
    return (f"where it asks for what was taken out, give it the copy's: [migration] env = {{ {', '.join(pairs)} }}",)


def _placeholder(name: str, value: str, source: Address | None) -> str:
    """Return the placeholder whose value of the copy takes the place of a variable's value."""
    if url := _DATABASE_URL.search(value):
        scheme, plus, driver = url[0].lower().removesuffix("://").partition("+")
        flavour = "jdbc" if scheme.startswith("jdbc:") else driver if plus else scheme
        return "url" if flavour == "postgresql" else f"url:{flavour}"
    if _CONNINFO.search(value):
        return "dsn"
    of_source: Mapping[str, str] = {} if source is None else source.parameters
    fitting = [key for key in _SINGLE if value == of_source.get(key) or name == f"PG{key.upper()}"]
    named = [key for key in fitting if key.removeprefix("db") in name.lower()]
    return (named or fitting or ["url"])[0]


@contextmanager
def given(address: Address, folder: Path) -> Generator[dict[str, str]]:
    """Yield the variables that lead libpq, and every driver that follows it, to the copy.

    The password stands in a private passfile and in ``DATABASE_URL``, not in ``PGPASSWORD``: libpq, pgx, asyncpg and
    node-postgres read ``PGPASSFILE``, the others are given a URL, and ``PGPASSWORD`` would go to every server that the
    command talks to, the source among them. Service files of the user and of the system are out of sight.

    :param folder: a private one, that is removed by the caller.
    """
    from psycopg.pq import Conninfo

    variables = {
        option.keyword.decode(): option.envvar.decode()
        for option in Conninfo.get_defaults()
        if option.envvar is not None
    }
    environment = {
        variables[key]: value
        for key, value in address.parameters.items()
        if key in variables and key not in _PRIVATE
    }  # fmt: skip
    passfile, services, nothing = folder / "passfile", folder / "services.conf", folder / "sysconf"
    nothing.mkdir()
    services.touch(mode=0o600)
    with os.fdopen(os.open(passfile, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        # Any host and database: a tool may say localhost for 127.0.0.1, or go by "postgres" first.
        parts = ("*", address.parameters.get("port", "*"), "*", "*", address.parameters.get("password", ""))
        file.write(":".join(part.replace("\\", "\\\\").replace(":", "\\:") for part in parts) + "\n")
    environment.update(
        PGPASSFILE=str(passfile), PGSERVICEFILE=str(services), PGSYSCONFDIR=str(nothing), DATABASE_URL=address.url()
    )
    try:
        yield environment
    finally:
        passfile.unlink(missing_ok=True)


def fill(template: str, address: Address) -> str:
    """Fill the placeholders of a value of ``[migration] env``.

    ``{url}``, ``{url:FLAVOUR}`` (``postgres``, ``jdbc``, else the driver of a SQLAlchemy URL: ``{url:psycopg}``),
    ``{dsn}`` (key=value), ``{host}``, ``{port}``, ``{user}``, ``{password}``, ``{dbname}``.

    :raises ConfigError: another placeholder, or one that the copy's address cannot fill.
    """

    def value(match: re.Match[str]) -> str:
        name, _, flavour = match[1].partition(":")
        if name == "url":
            return _url(address, flavour)
        if name == "dsn" and not flavour:
            from psycopg.conninfo import make_conninfo

            return make_conninfo(**address.parameters)
        if name in {"host", "port", "user", "password", "dbname"} and not flavour:
            return address.parameters.get(name, "5432" if name == "port" else "")
        raise ConfigError(
            f"unknown placeholder {match[0]} in [migration] env",
            looked_at=[template],
            remedies=["known: {url}, {url:postgres}, {url:psycopg}, {url:jdbc}, {dsn}, {host}, {port}, {user}, …"],
        )

    return _PLACEHOLDER.sub(value, template)


def _url(address: Address, flavour: str) -> str:
    if flavour == "jdbc":
        rest = dict(address.parameters)
        host, port, dbname = rest.pop("host", "localhost"), rest.pop("port", "5432"), rest.pop("dbname", "")
        if host.startswith("/"):
            raise ConfigError("{url:jdbc} needs a TCP address, and the copy is behind a socket", looked_at=[host])
        kept = {key: value for key, value in rest.items() if key in _JDBC}
        return f"jdbc:postgresql://{host}:{port}/{quote(dbname, safe='')}?{urlencode(kept, quote_via=quote)}"
    schemes = {"": "postgresql", "postgresql": "postgresql", "postgres": "postgres"}
    return address.url(schemes.get(flavour, f"postgresql+{flavour}"))


def path_with_python(path: str) -> str:
    """Return PATH with the folder of this Python first, unless it is on it: a command finds what is installed here."""
    here = str(Path(sys.executable).parent)
    return path if here in path.split(os.pathsep) else os.pathsep.join(filter(None, (here, path)))
