"""Why no session can be opened, and what to do: by the words of libpq and of the server."""

from __future__ import annotations

from .address import Address

_FULL = ("too many", "remaining connection slots")
#: What to do, by the first words that libpq's or the server's message holds.
_REMEDIES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("password authentication failed",),
        "the password is wrong, or the role does not exist: correct the URI, PGPASSWORD or ~/.pgpass",
    ),
    (("no password supplied",), "give the password in ~/.pgpass, a service file or PGPASSWORD"),
    (("no pg_hba.conf entry",), "allow this host, role and database in the server's pg_hba.conf"),
    (
        ("does not support SSL", "sslnegotiation"),
        "the server speaks no TLS: sslmode=prefer goes on without it, or turn ssl on there",
    ),
    (
        ("root certificate", "certificate verify failed", "does not match host name"),
        "give the authority's certificate in sslrootcert=FILE (or system), and the name that the certificate is for as "
        "host; sslmode=require does not check them",
    ),
    (
        ("channel binding",),
        "channel_binding=require needs TLS and a password that the server stores as SCRAM: channel_binding=prefer",
    ),
    (
        ("could not translate host name", "Name or service not known", "name resolution", "nodename nor servname"),
        "the host's name is not known here: see that it is right, and that this machine's DNS or VPN knows it",
    ),
    (
        ("could not access file", "could not load library"),
        "session_preload_libraries or local_preload_libraries of the role, the database or the server names a library "
        "that the server does not have, so nobody logs in so: ALTER ROLE … RESET them, or use another role",
    ),
    (
        _FULL,
        "the server has no connection left: end some, or raise max_connections",
    ),
)


def is_full(text: str) -> bool:
    """Tell whether the server, the database or the role has no connection left."""
    return any(word in text for word in _FULL)


def remedies(text: str, address: Address) -> list[str]:
    """Say what to do.

    :param text: libpq's or the server's words.
    """
    for words, remedy in _REMEDIES:
        if any(word in text for word in words):
            return [remedy]
    if 'role "' in text and "does not exist" in text:
        return ["correct the role's name: \\du of psql lists those that there are"]
    if "does not exist" in text:
        return [f"correct the name: psql --list shows the databases of {address.with_(dbname=None)}"]
    return ["see that the server runs and that host and port are right: pg_isready says so"]
