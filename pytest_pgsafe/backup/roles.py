"""Roles that a foreign dump mentions: a dump of one database holds none, and its restore fails without them."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..catalog.names import unquoted
from ..errors import RestoreError
from ..server.base import Programs
from .archive import Archive

_NAME = r'(?:"(?:[^"]|"")+"|[^\s",;()]+)'
# As pg_dump writes them, one statement a line but for policies.
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^ALTER .* OWNER TO ({_NAME});$",
        rf"^ALTER DEFAULT PRIVILEGES FOR ROLE ({_NAME}) ",
        rf"^CREATE SCHEMA .* AUTHORIZATION ({_NAME});$",
        rf"^CREATE USER MAPPING FOR ({_NAME}) ",
        rf"^(?:GRANT|ALTER DEFAULT PRIVILEGES) .* TO ({_NAME})(?: WITH GRANT OPTION)?(?: GRANTED BY {_NAME})?;$",
        rf"^(?:REVOKE|ALTER DEFAULT PRIVILEGES) .* FROM ({_NAME});$",
        rf"^SET SESSION AUTHORIZATION ({_NAME});$",
    )
)
_POLICY = re.compile(rf"^CREATE POLICY .* TO ({_NAME}(?:, {_NAME})*)(?: USING| WITH CHECK|;)")
_COPY = re.compile(r"^COPY .* FROM stdin;$")
#: Words of GRANT that stand where a role may, and roles that every server has.
_NO_ROLES = frozenset({"PUBLIC", "CURRENT_USER", "SESSION_USER", "CURRENT_ROLE", "public", "DEFAULT"})


def mentioned(archive: Archive, programs: Programs, folder: Path) -> tuple[str, ...]:
    """Return the names of the roles that a dump mentions, sorted, without quotes.

    :param folder: for the dump's schema as text.
    :raises RestoreError: the archive cannot be read.
    """
    if archive.form == "plain":
        return _sorted(archive.path)
    if archive.form == "gzip":
        try:
            with gzip.open(archive.path, "rt", encoding="utf-8", errors="replace", newline="\n") as lines:
                return tuple(sorted(set(names(lines))))
        except (OSError, EOFError, zlib.error) as error:
            raise RestoreError(
                "the backup cannot be unpacked: it is damaged or cut", looked_at=[str(archive.path)]
            ) from error
    text = folder / "schema.sql"
    done = programs.run(
        "pg_restore", ["--schema-only", "--file=-", str(archive.path)], stdout=text, files=[archive.path]
    )
    if done.returncode:
        raise RestoreError(
            "pg_restore cannot read the archive", looked_at=[str(archive.path), *done.stderr.strip().splitlines()[:5]]
        )
    return _sorted(text)


def _sorted(path: Path) -> tuple[str, ...]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return tuple(sorted(set(names(lines))))


def names(lines: Iterable[str]) -> Iterator[str]:
    """Find role names in the text of a dump, skipping its data."""
    data = False
    for line in lines:
        if data:
            data = line != "\\.\n"
        elif _COPY.match(line):
            data = True
        elif line[:1] in "ACGRS":
            found = [match[1] for pattern in _PATTERNS if (match := pattern.match(line))]
            if policy := _POLICY.match(line):
                found += re.findall(_NAME, policy[1])
            for name in found:
                bare = unquoted(name)
                if name not in _NO_ROLES and not bare.startswith("pg_"):
                    yield bare
