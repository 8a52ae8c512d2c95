"""Libraries that a server has to load when it starts, for the extensions that can be made in no other."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence

from ..errors import ServerError
from .connection import Connection

#: The library by the name of its extension: CREATE EXTENSION, or the first use of it, fails without.
NEEDED: Mapping[str, str] = {
    "citus": "citus",
    "orioledb": "orioledb",
    "pg_cron": "pg_cron",
    "pg_net": "pg_net",
    "pg_squeeze": "pg_squeeze",
    "pgaudit": "pgaudit",
    "pglogical": "pglogical",
    "timescaledb": "timescaledb",
}
#: How databases begin that are called so while they are restored: pg_cron is made in the one that its setting names.
CRON_PREFIX = "pgsafe_cron_"


def settings(libraries: Sequence[str]) -> dict[str, str]:
    """Return the settings of a server of ours that loads these libraries, and runs no job of a copy.

    :param libraries: in their order; none gives no setting.
    """
    if not libraries:
        return {}
    found = {
        "shared_preload_libraries": ", ".join(f'"{name}"' for name in libraries),
        # Their workers would run what the source has scheduled, and keep the copy from being cloned.
        "max_worker_processes": "0",
    }
    if "pg_cron" in libraries:
        found["cron.database_name"] = CRON_PREFIX + secrets.token_hex(5)
    return found


def check(needed: Collection[str], there: Sequence[str] | None, *, ours: bool, origin: str) -> None:
    """Say which libraries the scratch server would have to load, before anything is restored into it.

    :param needed: extensions of the source.
    :param there: that it loads; None where nobody may know.
    :param ours: it is one that we start.
    :param origin: of the server, for people.
    :raises ServerError: with the remedy.
    """
    if there is None:
        return
    missing = [NEEDED[name] for name in sorted(needed) if name in NEEDED and NEEDED[name] not in there]
    if not missing:
        return
    names = ", ".join(f'"{name}"' for name in [*there, *missing])
    remedies = [f"add {', '.join(missing)} to shared_preload_libraries of that server, and restart it"]
    if ours:
        remedies = [f"write preload = [{names}] into [server] of pgsafe.toml"]
    raise ServerError(
        "the source has an extension that is made only where its library is in shared_preload_libraries: "
        + ", ".join(missing),
        looked_at=[f"{origin}: {', '.join(there) or 'no library is preloaded'}"],
        remedies=remedies,
    )


def loaded(connection: Connection) -> tuple[str, ...] | None:
    """Return the libraries that a running server has loaded when it started; None where the role may not know."""
    row = connection.execute("select setting from pg_settings where name = 'shared_preload_libraries'").fetchone()
    if row is None:
        return None
    return tuple(part.strip().strip('"').rpartition("/")[2] for part in str(row[0]).split(",") if part.strip())
