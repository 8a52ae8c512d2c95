"""What a role may do that restores and is no superuser, as on managed services: found out before it is tried."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import cast

from ..catalog.names import unquoted
from ..catalog.values import Catalog
from ..server.capabilities import MEMBERSHIP_OPTIONS
from ..server.connection import Connection, version

_RIGHTS = """
select current_user::text,
    (select rolsuper from pg_catalog.pg_roles where rolname = current_user),
    array(
        select r.rolname::text from pg_catalog.pg_roles r
        where r.rolname = any (%(owners)s) and not pg_catalog.pg_has_role(current_user, r.oid, %(how)s) order by 1
    ),
    array(
        select e.name::text from pg_catalog.pg_available_extensions e
        join pg_catalog.pg_available_extension_versions v on v.name = e.name and v.version = e.default_version
        where e.name = any (%(extensions)s) and v.superuser and not v.trusted order by 1
    )
"""


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Who restores, and what that role may not do."""

    role: str
    superuser: bool
    #: Owners of the backup that it may not give anything to.
    owners: tuple[str, ...]
    #: Extensions of the backup that it may not create.
    extensions: tuple[str, ...]


def of(session: Connection, owners: Collection[str], extensions: Collection[str] = ()) -> Rights:
    """Ask a server what the session's role may not do of what a restore takes."""
    how = "SET" if MEMBERSHIP_OPTIONS.known_to(version(session)) else "MEMBER"
    given = {"owners": sorted(owners), "extensions": sorted(extensions), "how": how}
    row = session.execute(_RIGHTS, given).fetchone()
    assert row is not None
    role, superuser, lacking, not_trusted = row
    return Rights(
        role=role, superuser=superuser, owners=() if superuser else tuple(lacking),
        extensions=() if superuser else tuple(not_trusted),
    )  # fmt: skip


def owners_in(catalog: Catalog) -> frozenset[str]:
    """Return the roles that own something, as they are meant."""
    found = {catalog.database.owner}
    for one in fields(catalog):
        objects: object = getattr(catalog, one.name)
        if isinstance(objects, dict):
            each = cast("dict[str, object]", objects).values()
            found |= {str(owner) for it in each if (owner := getattr(it, "owner", None))}
    return frozenset(unquoted(name) for name in found if not name.startswith("pg_"))
