"""Options that several commands share, and what they mean together with environment and configuration file."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..config import Settings
    from ..server.address import Address

Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
config = click.option("--config", metavar="FILE", help="Another configuration file than pgsafe.toml.")
source = click.option("--source", metavar="URI", help="The database, as a libpq URI or conninfo without a password.")
folder = click.Path(path_type=Path)


def scratch(command: Command) -> Command:
    """Add the options that say where a backup is restored to prove it."""
    command = click.option("--server", metavar="X", help="auto, container, local or the URI of a server.")(command)
    return click.option("--image", metavar="NAME", help="The container's image.")(command)


def stored(command: Command) -> Command:
    """Add the options that say which backup of a store is meant, where BACKUP is the address of one."""
    command = click.option("--name", help="Of a store: which backup; the latest without.")(command)
    return click.option(
        "--identity", type=folder, metavar="FILE", help="Of a store: the age keys of a backup encrypted for them."
    )(command)


_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def age(_: click.Context, __: click.Parameter, text: str | None) -> timedelta | None:
    """Read ``90m``, ``36h``, ``7d`` or ``4w``: the callback of an option."""
    if text is None:
        return None
    if text[-1:] not in _UNITS or not text[:-1].isdigit():
        raise click.BadParameter(f"{text!r} is no age: write 90m, 36h, 7d or 4w")
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def settings(
    *, config: str | None = None, source: str | None = None, server: str | None = None, image: str | None = None
) -> Settings:
    """Resolve what was said on the command line, in the environment and in the configuration file.

    :raises ConfigError: something cannot be used, or holds a password where others can read it.
    """
    from ..config import Options, resolve

    for option, text in (("--source", source), ("--server", server)):
        refuse_secret(text, option)
    given = () if source is None else (source,)
    here = Path.cwd()
    options = Options(source=given, server=server, image=image, config=config)
    return resolve(options, environment=os.environ, rootdir=here, invocation_dir=here)


def refuse_secret(text: str | None, option: str) -> None:
    """Refuse a password in an argument, which every user of the machine can read in its list of processes.

    :raises ConfigError: there is one.
    """
    from ..config.forms import is_dsn
    from ..server.address import SECRETS, Address

    if text is None or not is_dsn(text):
        return
    try:
        secrets = SECRETS.intersection(Address.parse(text).parameters)
    except ValueError:
        return
    if secrets:
        raise ConfigError(
            f"{option} holds a password, which everybody on this machine can read in its list of processes",
            remedies=[
                "put it into ~/.pgpass (mode 0600) or a service file, and leave it out here",
                "or into PGPASSWORD, or the whole URI into PGSAFE_SOURCE or pgsafe.toml",
            ],
        )


def address(source: str | None, config: str | None) -> Address:
    """Return the server that a command of ``pgsafe pitr`` asks; the database of the address only leads there.

    :raises ConfigError: none is named.
    """
    from ..server.address import Address

    found = settings(config=config, source=source)
    if found.source is None or found.source.dsn is None:
        raise ConfigError("no server is named", remedies=["--source=postgresql://HOST/postgres, or [source] dsn"])
    return Address.parse(found.source.dsn)
