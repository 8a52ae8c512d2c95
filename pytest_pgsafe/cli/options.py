"""Options that several commands share, and what they mean together with environment and configuration file."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import ConfigError
from . import defaults

if TYPE_CHECKING:
    from ..config import Settings
    from ..server.address import Address
    from ..storage.store import Options as StoreOptions

Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
config = click.option(
    "--config",
    metavar="FILE",
    is_eager=True,
    callback=defaults.fill,
    help="Another configuration file than pgsafe.toml.",
)
source = click.option("--source", metavar="URI", help="The database, as a libpq URI or conninfo without a password.")
folder = click.Path(path_type=Path)


def scratch(command: Command) -> Command:
    """Add the options that say where a backup is restored to prove it."""
    command = click.option("--server", metavar="X", help="auto, container, local or the URI of a server.")(command)
    return click.option("--image", metavar="NAME", help="The container's image.")(command)


def stored(command: Command) -> Command:
    """Add the options that say which backup of a store is meant, where BACKUP is the address of one."""
    command = endpoint(click.option("--name", help="Of a store: which backup; the latest without.")(command))
    return click.option(
        "--identity", type=folder, metavar="FILE", help="Of a store: the age keys of a backup encrypted for them."
    )(command)


def which(command: Command) -> Command:
    """Add what names one backup: its folder, or where the latest is looked for."""
    command = click.option("--environment", metavar="NAME", help="Where BACKUP is not named: of this environment.")(
        command
    )
    return click.option(
        "--root", type=folder, metavar="DIR", help="Where BACKUP is not named: the latest of these."
    )(command)  # fmt: skip


def endpoint(command: Command) -> Command:
    """Add the option that names a server of object storage."""
    return click.option("--endpoint", metavar="URL", help="The server of object storage, if not Amazon's.")(command)


def store(url: str, **wanted: str | None) -> StoreOptions:
    """Return what a store is asked for.

    What the configuration says of object storage is not for a folder that was named instead.
    """
    from ..storage.store import Options

    if "://" not in url or url.startswith("file:"):
        wanted = {name: None if defaults.from_file(name) else text for name, text in wanted.items()}
    return Options(**wanted)


def root_of(root: Path | None, argument: str = "ROOT") -> Path:
    """Return the folder of all backups.

    :raises ConfigError: none is named.
    """
    if root is None:
        raise defaults.needed("folder of backups", argument, "backup", "root")
    return root.expanduser().absolute()


def backup_of(
    backup: str | None, root: Path | None, environment: str | None, *, proven: bool
) -> tuple[str, tuple[Path, ...]]:
    """Return the path or address that was named, or the latest backup, and those that are newer and not proven.

    :param proven: the latest of those that are proven.
    :raises ConfigError: none is named, and there is none, or more than one.
    """
    from ..runbook.latest import latest

    if backup is not None:
        return backup, ()
    if root is None:
        raise defaults.needed("backup", "BACKUP", "backup", "root")
    found = latest(root_of(root), environment=environment, proven=proven)
    return str(found.folder), found.newer


def identity_of(backup: str, identity: Path | None) -> Path | None:
    """Return the file of private keys: the configuration's is for what is in a store, not for a path."""
    return None if "://" not in backup and defaults.from_file("identity") else identity


def age(_: click.Context, __: click.Parameter, text: str | None) -> timedelta | None:
    """Read ``90m``, ``36h``, ``7d`` or ``4w``: the callback of an option."""
    from ..config.forms import duration

    if text is None:
        return None
    try:
        return timedelta(seconds=duration(text))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no age: write 90m, 36h, 7d or 4w") from None


def settings(
    *,
    config: str | None = None,
    source: str | None = None,
    server: str | None = None,
    image: str | None = None,
    major: str | None = None,
) -> Settings:
    """Resolve what was said on the command line, in the environment and in the configuration file.

    :raises ConfigError: something cannot be used, or holds a password where others can read it.
    """
    from ..config import Options, resolve

    for option, text in (("--source", source), ("--server", server)):
        refuse_secret(text, option)
    given = () if source is None else (source,)
    here = Path.cwd()
    options = Options(source=given, server=server, image=image, major=major, config=config)
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
    return Address.named(found.source.dsn, "the source")
