r"""Whether a dump may be run: it is whole, fills one database, and does nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from ..errors import BackupError, ConfigError
from .dump import Dump, Part, Text, read
from .statements import Outside, What

#: Programs that unpack, as they are written before a pipe.
_UNPACKING = {"gzip": "zcat", "bzip2": "bzcat", "xz": "xzcat", "zstd": "zstdcat", "lz4": "lz4 -dc", "zip": "unzip -p"}
_SHOWN = 8
_NEVER: frozenset[What] = frozenset({"shell", "file", "command"})


def whole(path: Path, dump: Dump) -> None:
    """See that a dump has its end, as far as its structure tells.

    :raises BackupError: it is cut.
    """
    if dump.cut is not None and dump.form == "plain":
        raise BackupError(
            f"the plain dump is cut: {dump.cut}",
            looked_at=[str(path)],
            remedies=["take the dump again, and look at pg_dump's exit status"],
        )
    if dump.cut is not None:
        raise BackupError(
            "pg_restore cannot read the archive: it is damaged or cut",
            looked_at=[dump.cut],
            remedies=["fetch another copy of the file, or take the backup again"],
        )


def alone(path: Path, dump: Dump) -> None:
    """See that a script fills one database.

    :raises ConfigError: it fills several, or is a dump of a cluster in which none is filled; with the command that
        takes one out of it.
    """
    text = dump.text
    if text is None or (len(text.filled) <= 1 and not (text.cluster and not text.filled)):
        return
    what = "a dump of a whole cluster (pg_dumpall)" if text.cluster else "a script for several databases"
    raise ConfigError(
        f"the backup is {what}: it fills {len(text.filled) or 'no'} databases, and one is restored",
        looked_at=[str(path), *(f"lines {_lines(part)}: {_name(part)}" for part in text.filled[:_SHOWN])],
        remedies=[
            *_one_of_them(path, dump, text),
            "or take the dump of one database: pg_dump -Fc --file=FILE DATABASE",
        ],
    )


def inside(path: Path, dump: Dump, *, ours: bool) -> None:
    """See that a dump does nothing besides filling its database.

    :param ours: the server is one of ours: roles may be made there.
    :raises ConfigError: it would do more; with each line.
    """
    alone(path, dump)
    found = [one for one in outside(dump) if one.what in _NEVER or (one.what == "cluster" and not ours)]
    if not found:
        return
    first = found[0].what
    remedies = [f"take these lines out of it: {_without(path, dump, found)}"]
    if all(one.what == "cluster" for one in found):
        where = "an existing server is not changed besides the database that is restored"
        remedies.append("let its administrator make the roles first, or --pgsafe-server=local")
    else:
        where = {"shell": "it runs a program", "file": "it reads or writes files"}.get(first, "it uses psql's commands")
    raise ConfigError(
        f"the dump would do more than fill its database: {where}",
        looked_at=[f"{path}: {one}" for one in found[:_SHOWN]]
        + ([f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []),
        remedies=remedies,
    )


def script(path: Path, dump: Dump, *, ours: bool) -> None:
    """See that a script of one's own project, which may use psql's commands, reaches one database.

    :raises ConfigError: it fills several, or would change an existing server besides the copy.
    """
    alone(path, dump)
    for line, inner in included(path, dump):
        reached = [one for one in inner[1].outside if one.what in {"connection", "database"}]
        if reached:
            raise ConfigError(
                "a script that is included reaches another database",
                looked_at=[f"{path}: line {line}", *(f"{inner[0]}: {one}" for one in reached[:_SHOWN])],
                remedies=["name the scripts one by one, in their order: --pgsafe-source=FIRST --pgsafe-source=NEXT"],
            )
    found = [one for one in outside(dump) if one.what == "cluster"]
    if found and not ours:
        raise ConfigError(
            "the script would change the existing server besides the copy",
            looked_at=[f"{path}: {one}" for one in found[:_SHOWN]],
            remedies=["--pgsafe-server=local rehearses it on a server of its own"],
        )


def included(path: Path, dump: Dump, *, depth: int = 8) -> Iterator[tuple[int, tuple[Path, Dump]]]:
    """Yield the scripts that a script includes by a name that can be followed, with the line; and theirs."""
    for line, relative, name in () if dump.text is None or not depth else dump.text.includes:
        other = (path.parent if relative else Path()) / name
        if not other.is_file():
            continue
        inner = read(other)
        yield line, (other, inner)
        yield from ((line, one) for _, one in included(other, inner, depth=depth - 1))


def migration(path: Path, dump: Dump, *, ours: bool) -> None:
    """See that a migration reaches no database but the copy's.

    :param ours: the server is one of ours, and nobody else's database is on it.
    :raises ConfigError: it would, with the line.
    """
    scripts = [(path, dump), *(inner for _, inner in included(path, dump))]
    reached = [
        (script, one)
        for script, said in scripts
        for one in said.outside
        if (one.what == "connection" and (not ours or elsewhere(one.text)))
        or (one.what == "database" and not ours and not one.text.lower().startswith(("grant", "revoke", "comment")))
    ]
    if reached:
        raise ConfigError(
            "the migration reaches another database than the copy",
            looked_at=[f"{script}: {one}" for script, one in reached[:_SHOWN]],
            remedies=[
                "take these lines out of it: pgsafe, and the tool that migrates, connect it to its database",
                *([] if ours else ["--pgsafe-server=local rehearses it on a server of its own"]),
            ],
        )


def elsewhere(command: str) -> bool:
    r"""Tell whether a ``\connect`` names a server: a host, or a connection string."""
    words = command.split()[1:]
    return len(words) > 2 or any("=" in word or "://" in word for word in words)


def outside(dump: Dump) -> tuple[Outside, ...]:
    """Return what a dump does outside of the part that is restored of it."""
    text = dump.text
    if text is None or not text.cluster or len(text.filled) != 1:
        return dump.outside
    first, last = text.filled[0].lines
    return tuple(one for one in dump.outside if first <= one.line <= last)


def _one_of_them(path: Path, dump: Dump, text: Text) -> list[str]:
    return [
        f"{_reading(path, dump)}sed -n '{_lines(part).replace('-', ',')}p'"
        f"{'' if dump.packed else ' ' + shlex.quote(str(path))} > {shlex.quote(_file(part))}"
        for part in text.filled[:_SHOWN]
    ]


def _without(path: Path, dump: Dump, found: list[Outside]) -> str:
    lines = ";".join(f"{line}d" for line in sorted({one.line for one in found[:_SHOWN]}))
    return f"{_reading(path, dump)}sed '{lines}'{'' if dump.packed else ' ' + shlex.quote(str(path))} > without.sql"


def _reading(path: Path, dump: Dump) -> str:
    if not dump.packed:
        return ""
    return f"{_UNPACKING.get(dump.packed[0], 'cat')} {shlex.quote(str(path))} | "


def _lines(part: Part) -> str:
    return f"{part.lines[0]}-{part.lines[1]}"


def _name(part: Part) -> str:
    return "the database that it is run in" if part.database is None else f"database {part.database}"


def _file(part: Part) -> str:
    safe = "".join(letter if letter.isalnum() else "_" for letter in part.database or "first")
    return f"{safe}.sql"
