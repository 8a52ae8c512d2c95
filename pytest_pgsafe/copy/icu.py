"""What a server that was built without ICU cannot be given."""

from __future__ import annotations

import re

from ..catalog.values import Catalog
from ..errors import ServerError
from ..server.base import Server
from ..server.connection import connect

_REMEDIES = (
    "use programs that were built with ICU, as those of distributions are (Debian: postgresql-MAJOR)",
    "name an image that has it, as the official one: --pgsafe-server=container --pgsafe-image=IMAGE",
    "name a server that has it: --pgsafe-server=URI",
)
#: PostgreSQL's own collations of ICU, as columns name them.
_OWN = re.compile(r'-x-icu"?$')
#: ICU's own collations are taken from the library when a cluster is made.
_KNOWN = "select exists (select from pg_catalog.pg_collation where collprovider = 'i' and collname like '%-x-icu')"


def needed(catalog: Catalog) -> str | None:
    """Return a collation of ICU that a restore makes, or a column with one of PostgreSQL's own; None without any."""
    for one in catalog.definitions.values():
        if one.form == "collation" and one.definition.startswith("icu"):
            return f"the collation {one.name}"
    return next(
        (f"the column {one.name}" for one in catalog.columns.values() if _OWN.search(one.collation or "")), None
    )


def check(what: str, server: Server, origin: str) -> None:
    """Say that a scratch server knows no collation of ICU before anything is restored into it.

    :param what: of the source is of ICU.
    :raises ServerError: it knows none.
    """
    with connect(server.address()) as session:
        if session.execute(_KNOWN).fetchone() == (True,):
            return
    raise ServerError(
        f"this cannot be verified here: {what} is of ICU, and the scratch server was built without it",
        looked_at=[f"{origin}: no collation of ICU"],
        remedies=_REMEDIES,
    )
