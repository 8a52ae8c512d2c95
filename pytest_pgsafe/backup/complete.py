"""What a backup that is kept holds besides the archive: as SQL, the cluster's part, and texts for people.

Everything but the roles is made from the archive and from the facts, both of the same snapshot: the source is not read
again, and what pg_restore can write as SQL it can read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg.conninfo import make_conninfo

from ..catalog.names import unquoted
from ..catalog.values import Catalog
from ..errors import BackupError
from ..server.address import Address
from ..server.base import Completed, Programs
from ..server.connection import for_programs
from ..snapshot.values import Snapshot
from . import texts
from .archive import Archive
from .take import Further

PLAIN = "database.sql"
SCHEMA = "schema.sql"
GLOBALS = "globals.sql"
CONTENTS = "contents.txt"
DATA = "data.txt"
METADATA = "metadata.txt"

_ENTRY = re.compile(r"^\d+; ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """How a backup is kept."""

    environment: str
    #: Not before this moment may retention remove it.
    until: datetime
    #: Whether the whole database is written as SQL too.
    plain: bool = True


def complete(
    archive: Archive, facts: Snapshot, source: Address, programs: Programs, kept: Kept, *,
    left_out: Sequence[str] = (), rules: Sequence[texts.Followed] = (),
) -> Further:  # fmt: skip
    """Write everything else of a backup beside its archive.

    :param left_out: what is missed, or broken already, each in one line.
    :param rules: what was found of denormalised columns.
    :raises BackupError: a program failed.
    """
    folder = archive.path.parent
    # Roles are the cluster's and no snapshot holds them; passwords are not wanted, so no superuser is needed.
    # The name as a conninfo: one with "=" in it would be taken for one.
    database = make_conninfo(dbname=unquoted(facts.catalog.database.name))
    arguments = ["--globals-only", "--no-role-passwords", f"--database={database}"]
    _well(programs.run("pg_dumpall", arguments, address=for_programs(source), stdout=folder / GLOBALS))
    _decoded(archive, programs, ["--schema-only", "--file=-"], folder / SCHEMA)
    if kept.plain:
        _decoded(archive, programs, ["--file=-"], folder / PLAIN)
    _decoded(archive, programs, ["--list"], folder / CONTENTS)
    (folder / DATA).write_text(texts.data(facts, rules), encoding="utf-8")
    (folder / METADATA).write_text(texts.metadata(facts.catalog), encoding="utf-8")
    return Further(
        environment=kept.environment,
        keep_until=kept.until,
        entries=entries((folder / CONTENTS).read_text(encoding="utf-8", errors="replace")),
        left_out=tuple(left_out),
        restore=commands(facts.catalog, plain=kept.plain),
        readable=texts.manifest,
    )


def entries(contents: str) -> int:
    """Count the entries of what ``pg_restore --list`` prints."""
    return len(_ENTRY.findall(contents))


def commands(catalog: Catalog, *, plain: bool) -> tuple[str, ...]:
    """Return commands that restore a backup by PostgreSQL's programs alone, from within its folder.

    They name no server: PGHOST, PGUSER, PGSERVICE and the passfile do. The database is a new one, named by ``NEW``.
    """
    database = catalog.database
    options = [f"--template=template0 --encoding={database.encoding}"]
    if database.provider == "libc":
        options.append(f"--lc-collate={_quoted(database.collate)} --lc-ctype={_quoted(database.ctype)}")
    else:
        which = "icu-locale" if database.provider == "icu" else "builtin-locale"
        options.append(f"--locale-provider={database.provider} --{which}={_quoted(database.locale or '')}")
    create = f'createdb {" ".join(options)} "$NEW"'
    # A shell reads some characters otherwise, and libpq a name with "=" as a conninfo.
    new = re.sub(r"[^\w.@-]+", "_", unquoted(database.name)) + "_restored"
    known = [
        f"NEW={new}",
        f"psql -X --dbname=postgres --file={GLOBALS}  # says which roles are there already",
        create,
        'pg_restore --exit-on-error --no-tablespaces --jobs=4 --dbname="$NEW" database.dump',
        'vacuumdb --analyze-in-stages --dbname="$NEW"',
    ]
    if plain:
        known.append(
            "# or, from SQL, in place of pg_restore: "
            f'psql -X --set=ON_ERROR_STOP=1 --single-transaction --dbname="$NEW" --file={PLAIN}'
        )
    return tuple(known)


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w.@-]+", text) else "'" + text.replace("'", "'\\''") + "'"


def _decoded(archive: Archive, programs: Programs, arguments: Sequence[str], path: Path) -> None:
    _well(programs.run("pg_restore", [*arguments, str(archive.path)], stdout=path, files=[archive.path]))


def _well(done: Completed) -> None:
    if done.returncode:
        raise BackupError(
            f"{done.command[0]} ended with status {done.returncode}: the backup is not complete",
            looked_at=done.stderr.strip().splitlines()[-5:],
        )
