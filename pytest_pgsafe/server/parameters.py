"""The connection parameters of programs: those that an older major knows, and what lets them notice a silent peer."""

from __future__ import annotations

from ..errors import ServerError
from .address import Address
from .capabilities import PARAMETERS
from .lost import KEEPALIVES, PATIENCE
from .version import Version

#: Leaving these out changes neither who is trusted nor whether the connection succeeds.
OPTIONAL = frozenset({"gssdelegation", "load_balance_hosts", "servicefile", "sslkeylogfile"})
DEFAULTS = {
    "gssdelegation": "0",
    "load_balance_hosts": "disable",
    "max_protocol_version": "",
    "min_protocol_version": "",
    "require_auth": "",
    "sslcertmode": "allow",
    "sslnegotiation": "postgres",
}


def known_to(version: Version, address: Address) -> Address:
    """Return the address as programs of a version can read it.

    :raises ServerError: a parameter that matters is unknown to that version.
    """
    unknown = {name: value for name, value in address.parameters.items() if PARAMETERS.get(name, 0) > version.major}
    for name, value in unknown.items():
        if name not in OPTIONAL and value not in ("", DEFAULTS.get(name, "")):
            raise ServerError(
                f"the connection parameter {name} needs client programs of PostgreSQL {PARAMETERS[name]}",
                looked_at=[f"client programs of PostgreSQL {version}"],
                remedies=[f"leave {name} out", f"install PostgreSQL's client programs of {PARAMETERS[name]} or newer"],
            )
    return address.with_(**dict.fromkeys(unknown))


def attended(address: Address) -> Address:
    """Return the address with what lets a program notice that its peer is gone, unless it says so itself."""
    ours = {**KEEPALIVES, "connect_timeout": str(int(PATIENCE))}
    return address.with_(**{name: value for name, value in ours.items() if name not in address.parameters})
