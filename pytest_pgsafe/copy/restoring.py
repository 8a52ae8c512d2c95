"""From a source to ``before``: a scratch database that holds what the source holds, made harmless to others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from ..backup import dump
from ..backup import roles as mentioned
from ..backup.restore import left_out as lines_left_out
from ..backup.restore import restore, run_sql
from ..backup.take import Backup
from ..catalog.names import unquoted
from ..catalog.roles import create_roles_sql
from ..catalog.values import Catalog, Database, Role
from ..compare import Change, restored_equals_source
from ..errors import CopyError, RestoreError
from ..migrate.network import around
from ..server import capabilities, settings
from ..server.address import Address
from ..server.base import Server
from ..server.capabilities import LOCALE_PROVIDER
from ..server.connection import Connection, connect
from ..server.private import private_folder
from ..snapshot.session import reason as said_by
from ..snapshot.values import NotVerified, Snapshot
from . import preloaded, rights
from .likeness import Likeness, give
from .source import Source
from .unfinished import make_unfinished

#: What a role can do, or can come to, by which a function leaves its database; membership without INHERIT counts.
_STRONG = """
select l.rolsuper
    or (l.rolcreaterole and %s)
    or exists (
        select from pg_catalog.pg_roles r
        where pg_catalog.pg_has_role(l.oid, r.oid, 'member')
          and (
              r.rolsuper
              or r.rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
          )
    )
from pg_catalog.pg_roles l where l.rolname = current_user
"""
#: Tried in this order where the server lacks the source's locale.
_LOCALES = ("C.UTF-8", "C")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """An empty database for the restore, and what of the source it cannot be."""

    address: Address
    #: Whether every role is there, so that owners and privileges can be restored.
    owners: bool
    not_verified: tuple[NotVerified, ...] = ()
    #: Settings of the source's server that had to become the database's, in lower case.
    given: frozenset[str] = frozenset()


def prepare(
    server: Server,
    facts: Catalog | None,
    names: tuple[str, ...] = (),
    *,
    name: str = "before",
    owners: Collection[str] = (),
    like: Likeness | None = None,
) -> Prepared:
    """Create ``before`` as the source's database was created, and the roles that its restore needs.

    :param facts: the source's catalog; None for a source without facts.
    :param names: of roles that a dump without facts mentions.
    :param owners: those of them that own something.
    :param name: of the database, to which something is added.
    :param like: what its sessions have in common with those of the source's server; None for a server that is nobody's
        copy.
    :raises CopyError:
    """
    notes: list[NotVerified] = []
    like = Likeness() if like is None else like
    if unloaded := preloaded.lacking(server, facts, like.roles):
        notes += unloaded
        facts = facts and preloaded.without(facts, unloaded)
        like = replace(like, roles=preloaded.roles_without(like.roles, unloaded))
    missing = _roles(server, names if facts is None else facts.roles, like.roles, notes)
    if missing:
        notes.append(
            NotVerified(
                object="owners and privileges",
                reason=f"the existing server lacks {_listed(missing)}, and pgsafe makes no roles there",
            )
        )
    elif not server.owns_cluster:
        notes += _not_given(server, owners if facts is None else rights.owners_in(facts))
    owned = not any(note.object == "owners and privileges" for note in notes)
    if facts is None:
        address = server.create(name)
        given, refused = give(like, server, address)
        return Prepared(address=address, owners=owned, not_verified=(*notes, *refused), given=given)
    address = _create(server, facts.database, notes, name=name)
    try:
        _configure(server, address, facts, owners=owned, notes=notes)
    except psycopg.Error as error:
        raise RestoreError(
            "the scratch database cannot be given the source's settings", looked_at=[said_by(error)]
        ) from error
    given, refused = give(like, server, address)
    return Prepared(address=address, owners=owned, not_verified=(*notes, *refused), given=given)


def _not_given(server: Server, owners: Collection[str]) -> Iterator[NotVerified]:
    with connect(server.address()) as session:
        found = rights.of(session, owners)
    if found.owners:
        yield NotVerified(
            object="owners and privileges",
            reason=f"{found.role}, who restores, is no member of {_listed(found.owners)}",
        )


def fill(source: Source, backup: Backup | None, prepared: Prepared, server: Server) -> tuple[str, ...]:
    """Restore the backup, or run the source's ``.sql`` files; tell what of the backup the server does not take.

    :raises RestoreError: with the errors counted.
    """
    if backup is None:
        with private_folder("building") as private:
            around_it = around(source.sql, server, prepared.address, None, network="auto", private=private)
            through = () if around_it is None else around_it.through
            run_sql(source.sql, prepared.address, server.programs, owners=prepared.owners, through=through)
        return ()
    if backup.archive.folder is None and not server.superuser:
        _no_superuser(server)
    # The source's own settings would keep pg_restore out, or change what it writes; it resets the timeouts alone.
    writable = prepared.address.with_(options="-c default_transaction_read_only=off -c array_nulls=on")
    return restore(backup.archive, writable, server.programs, owners=prepared.owners)


def finish(facts: Catalog | None, prepared: Prepared, server: Server) -> tuple[NotVerified, ...]:
    """Give a restored copy what no dump carries: the source's INVALID indexes; return what cannot be made."""
    return () if facts is None else make_unfinished(facts, server.address(prepared.address.dbname))


def left_out(dumped: dump.Dump, server: Server) -> tuple[str, ...]:
    """Return what of a dump is left out when it is restored on a server, each in a line for people."""
    superuser = True
    if not server.owns_cluster:
        with connect(server.address()) as session:
            superuser = rights.of(session, ()).superuser
    return lines_left_out(dumped, server.version.major, superuser=superuser)


def owner_names(source: Source, backup: Backup | None) -> tuple[str, ...]:
    """Return those of the roles that own something."""
    paths = source.sql if backup is None else (backup.archive.path,)
    return tuple(sorted({owner for path in paths for owner in dump.read(path).owners}))


def _no_superuser(server: Server) -> None:
    """Refuse to restore what others wrote where it would run as somebody who can do everything.

    :raises RestoreError: with what to do instead.
    """
    with connect(server.address()) as session:
        row = session.execute(_STRONG, (not capabilities.CREATEROLE_HELD.known_to(server.version),)).fetchone()
    if row != (False,):
        user = server.address().user
        raise RestoreError(
            "the dump is not restored: its functions and triggers would run as a superuser of the existing server",
            looked_at=[f"{server.describe()['origin']}: {user} is one or may become one, run programs or use files"],
            remedies=[
                "name a role that is none, and may create databases: CREATE ROLE rehearsal LOGIN CREATEDB",
                "or a server of pgsafe's own: --pgsafe-server=local, or container",
                "if you trust whoever could write to the dump's database: [server] superuser = true",
            ],
        )


def role_names(source: Source, backup: Backup | None) -> tuple[str, ...]:
    """Return the roles that a dump without facts mentions, or files that build a database."""
    return mentioned.of_scripts(source.sql) if backup is None else mentioned.mentioned(backup.archive)


def _roles(
    server: Server, needed: Mapping[str, Role] | tuple[str, ...], others: Mapping[str, Role], notes: list[NotVerified]
) -> tuple[str, ...]:
    """Make the roles that are missing; return those that the restore needs and that must not be made.

    :param others: of the source's cluster, which a migration may name.
    """
    with connect(server.address(), read_only=False) as connection:
        there = {row[0] for row in connection.execute("select quote_ident(rolname) from pg_catalog.pg_roles")}
        if isinstance(needed, tuple):
            quoted = connection.execute("select quote_ident(name) from unnest(%s::text[]) as t(name)", (list(needed),))
            needed = {name: others.get(name, Role(name=name)) for (name,) in quoted}
        missing = tuple(sorted(set(needed) - there))
        absent = {name: role for name, role in others.items() if name not in there and name not in needed}
        if not server.owns_cluster:
            if absent:
                reason = f"the existing server lacks {_listed(tuple(absent))}, and pgsafe makes no roles there"
                notes.append(NotVerified(object="roles of the cluster", reason=reason))
            return missing
        for statement in create_roles_sql(needed, there):
            _make(connection, statement, notes, demanded=True)
        for statement in create_roles_sql(absent, {*there, *needed}):
            _make(connection, statement, notes, demanded=False)
    return ()


def _make(connection: Connection, statement: sql.Composed, notes: list[NotVerified], *, demanded: bool) -> None:
    """Make a role, or what belongs to one.

    :param demanded: the restore needs it.
    """
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        text, said = statement.as_string(connection), said_by(error)
        if demanded and text.startswith("CREATE"):
            raise RestoreError("a role of the source cannot be made", looked_at=[text, said]) from error
        # A setting, or an option of a membership, that this major does not know.
        notes.append(NotVerified(object=" ".join(text.split()[:3]), reason=f"{text} failed: {said}"))


def _create(server: Server, database: Database, notes: list[NotVerified], *, name: str) -> Address:
    wanted = {"encoding": database.encoding}
    if LOCALE_PROVIDER.known_to(server.version):
        wanted["locale_provider"] = database.provider
    wanted |= {"lc_collate": database.collate, "lc_ctype": database.ctype}
    if database.locale is not None:
        wanted["icu_locale" if database.provider == "icu" else "builtin_locale"] = database.locale
    if database.icu_rules is not None:
        wanted["icu_rules"] = database.icu_rules
    try:
        return server.create(name, options=wanted)
    except CopyError as error:
        first = error
    # Sorting differs in another locale; keys, values and constraints do not, unless a collation says so.
    for locale in _LOCALES:
        try:
            address = server.create(
                name, options={"encoding": database.encoding, "lc_collate": locale, "lc_ctype": locale}
            )
        except CopyError:
            continue
        notes.append(
            NotVerified(
                object="database collation",
                reason=f"the scratch server has no {database.provider} locale "
                f"{database.locale or database.collate}; the copy has {locale}",
            )
        )
        return address
    raise first


def _configure(server: Server, address: Address, facts: Catalog, *, owners: bool, notes: list[NotVerified]) -> None:
    """Give the copy what pg_dump leaves out: settings, owner and privileges of the database, and public's owner."""
    name = sql.Identifier(address.dbname)
    with connect(server.address(), read_only=False) as connection:
        pairs: list[tuple[str | None, str]] = [(None, setting) for setting in facts.database.settings]
        if owners:
            pairs += [(role.name, setting) for role in facts.roles.values() for setting in role.database_settings]
        for role, setting in pairs:
            try:
                connection.execute(settings.alter(address.dbname, setting, role=role and unquoted(role)))
            except psycopg.Error as error:
                # A setting of an extension that only the source has, or of another major.
                told = f"ALTER DATABASE … SET failed: {said_by(error)}"
                notes.append(NotVerified(object=f"setting {setting.split('=', 1)[0]}", reason=told))
        if not owners:
            return
        owner = unquoted(facts.database.owner)
        connection.execute(sql.SQL("alter database {} owner to {}").format(name, sql.Identifier(owner)))
        connection.execute(sql.SQL("revoke all on database {} from public, {}").format(name, sql.Identifier(owner)))
        for grant in facts.grants.values():
            if grant.object_kind != "database":
                continue
            connection.execute(
                sql.SQL("grant {} on database {} to {}{}").format(
                    settings.PRIVILEGES[grant.privilege],
                    name,
                    sql.SQL("public") if grant.grantee == "PUBLIC" else sql.Identifier(unquoted(grant.grantee)),
                    sql.SQL(" with grant option" if grant.grantable else ""),
                )
            )
    public = facts.schemas.get("public")
    if public is not None:
        # A pg_dump of 14 leaves it out.
        with connect(address, read_only=False) as connection:
            owner_of = sql.Identifier(unquoted(public.owner))
            connection.execute(sql.SQL("alter schema public owner to {}").format(owner_of))


def unequal(source: Snapshot, facts: Snapshot, prepared: Prepared) -> tuple[Change, ...]:
    """Return in what a restored database differs from its source; what it could not be given is listed already."""
    return restored_equals_source(comparable_facts(source, prepared, facts), facts, owners=prepared.owners)


def comparable_facts(source: Snapshot, prepared: Prepared, restored: Snapshot) -> Snapshot:
    """Return the source's facts without what the scratch server could not be given."""
    return replace(source, catalog=comparable(source.catalog, prepared, restored.catalog))


def comparable(facts: Catalog, prepared: Prepared, restored: Catalog) -> Catalog:
    """Return the source's catalog without what the scratch server could not be given, which is listed already."""
    database = facts.database
    noted = {note.object for note in prepared.not_verified}
    if "database collation" in noted:
        names = ("provider", "collate", "ctype", "locale", "icu_rules")
        database = replace(database, **{name: getattr(restored.database, name) for name in names})
    # Only those that failed: of any other a difference still counts.
    failed = {one for one in database.settings if {f"setting {one}", f"setting {one.split('=', 1)[0]}"} & noted}
    kept = set(database.settings) - failed
    kept |= {one for one in restored.database.settings if one.split("=", 1)[0].lower() in prepared.given}
    database = replace(database, settings=tuple(sorted(kept)))
    return replace(facts, database=database)


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:5])
    return f"the role{'s' if len(names) > 1 else ''} {shown}" + (
        f" and {len(names) - 5} more" if len(names) > 5 else ""
    )


def owner(connection: Connection, server: Server) -> str:
    """Return who runs the migration by default: the database's owner, or on an existing server who pgsafe is there."""
    query = "select pg_get_userbyid(datdba) from pg_database where datname = current_database()"
    row = connection.execute(query).fetchone()
    assert row is not None
    return str(row[0]) if server.owns_cluster else server.address().user
