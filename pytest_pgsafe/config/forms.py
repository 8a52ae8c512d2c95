"""What a word in an option or a key means: a source, a way, a duration, a report file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from ..errors import ConfigError
from . import address, clusters, engines, tools
from .dump import is_dump
from .values import Hook, Source, Way

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d|w)\s*")
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kMGT]?)B\s*")
_BYTES = {"": 1, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
#: What the address of a store of backups begins with.
STORES = ("s3://", "file://")
_WAYS = f"give {tools.wanted()}, or cmd:COMMAND"
REPORT_SUFFIXES = (".json", ".md", ".html", ".sarif", ".ctrf.json", ".codequality.json", ".receipt.json")
#: What the name of a receipt ends in.
RECEIPT = ".receipt.json"


def duration(text: str) -> float:
    """Read ``30s``, ``1m``, ``500ms``, ``2h``, ``7d`` or ``4w`` as seconds.

    :raises ValueError: it is none of these.
    """
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError('wanted a duration such as "500ms", "30s" or "1m"')
    return float(found[1]) * _SECONDS[found[2]]


def age(text: str) -> float:
    """Read an age as seconds: a duration, or with its unit as a word, such as ``1 week`` or ``3 days``.

    :raises ValueError: it is neither.
    """
    return duration(re.sub(r"(?<=\d)\s*(h)ours?\s*$|(?<=\d)\s*(d)ays?\s*$|(?<=\d)\s*(w)eeks?\s*$", r"\1\2\3", text))


def size(text: str) -> int:
    """Read ``500MB`` or ``20GB`` as bytes, as PostgreSQL counts them: a kB has 1024.

    :raises ValueError: it is none of these.
    """
    found = _SIZE.fullmatch(text)
    if not found:
        raise ValueError('wanted a size such as "500MB" or "20GB"')
    return int(float(found[1]) * _BYTES[found[2]])


def span(time: float | timedelta) -> str:
    """Return a duration for people, in its largest unit: ``26 h``, ``3 d``.

    :param time: in seconds; of a span between two moments their fractions are left out.
    """
    seconds = float(int(time.total_seconds())) if isinstance(time, timedelta) else time
    for unit, size in (("d", 172800.0), ("h", 7200.0), ("min", 120.0)):
        if seconds >= size:
            return f"{seconds / _SECONDS[unit]:.0f} {unit}"
    return f"{seconds:g} s"


def is_dsn(text: str) -> bool:
    """Tell whether a word is meant as a libpq URI or conninfo string."""
    return "://" in text or "=" in text


def check_dsn(text: str, *, origin: str) -> str:
    """Return the URI or conninfo, without what a shell left around it, if libpq can be given it.

    :raises ConfigError: it is another program's, or libpq would read it otherwise than it was meant. The message does
        not repeat it: it may hold a password.
    """
    text = address.tidied(text)
    try:
        address.check(text)
    except address.AddressError as error:
        raise ConfigError(f"{origin}: {error}", remedies=error.remedies) from None
    return text


def existing(text: str, *, base: Path, origin: str, what: str, remedies: Sequence[str] = ()) -> Path:
    """Return the absolute path of a file or folder that is there.

    :raises ConfigError: it is not.
    """
    path = _absolute(text, base=base)
    if not _exists(path):
        raise ConfigError(f"{origin}: {what} {text!r} does not exist", looked_at=[str(path)], remedies=remedies)
    return path


def source(words: Sequence[str], *, base: Path, origin: str) -> Source:
    """Tell apart what is to be protected: a URI or conninfo, a repository, a backup, or ``.sql`` files in order.

    :raises ConfigError: a word names nothing that exists, or the words do not go together.
    """
    paths: list[Path] = []
    for word in words:
        if kept := _kept(word, base=base, origin=origin):
            if len(words) > 1:
                raise ConfigError(f"{origin}: {word.partition(':')[0]} stands alone; {len(words)} sources were given")
            return kept
        path = _absolute(word, base=base)
        if _exists(path):
            paths.append(path)
            continue
        if not is_dsn(word):
            raise ConfigError(
                f"{origin}: {word!r} is no connection string, and no such file or folder exists",
                looked_at=[str(path)],
                remedies=[
                    f"for a database write postgresql://host/{word} or dbname={word}",
                    "for a backup or .sql files give a path that exists",
                ],
            )
        if len(words) > 1:
            raise ConfigError(f"{origin}: a connection string stands alone; {len(words)} sources were given")
        return Source(dsn=check_dsn(word, origin=origin))
    if len(paths) == 1 and not _is_sql(paths[0]):
        return Source(backup=paths[0])
    for path in paths:
        if path.suffix != ".sql" or not path.is_file():
            raise ConfigError(
                f"{origin}: only .sql files can be given more than once, and {path.name} is none",
                looked_at=[str(path) for path in paths],
            )
    return Source(sql=tuple(paths))


def _kept(word: str, *, base: Path, origin: str) -> Source | None:
    """Return the source that a word names by what it begins with: a repository, a cluster's files, or a store."""
    rest = word.partition(":")[2]
    if kind := engines.kind_of(word):
        return Source(engine=engines.engine(kind, rest, base=base, origin=origin))
    if files := clusters.kind_of(word):
        return Source(cluster=clusters.cluster(files, rest, base=base, origin=origin))
    return Source(store=word) if word.startswith(STORES) else None


def _is_sql(path: Path) -> bool:
    """Tell whether a file is SQL that somebody wrote, not a dump."""
    if path.suffix != ".sql" or not path.is_file():
        return False
    with path.open("rb") as file:
        return not is_dump(file.read(4096))


def way(text: str, *, base: Path, origin: str, bare_command: bool = False) -> Way:
    """Tell apart how a migration is run.

    :param bare_command: what names no file is a command also without ``cmd:``.
    :raises ConfigError: it names nothing that exists, or nothing that can be run.
    """
    text = text.strip()
    if not text:
        raise ConfigError(f"{origin}: empty migration: the setting is blank", remedies=[_WAYS])
    if text.startswith("cmd:"):
        return run(text[len("cmd:") :], origin=origin)
    if said := tools.prefixed(text):
        return way_of(said[0].name, said[1], base=base, origin=origin)
    path = _absolute(text, base=base)
    looks_like_path = not re.search(r"\s", text) and path.suffix.casefold() in {".sql", ".ini", ".py", ".toml"}
    if bare_command and not looks_like_path and not _exists(path):
        return run(text, origin=origin)
    path = existing(text, base=base, origin=origin, what="the migration", remedies=["a command is written cmd:COMMAND"])
    if word := tools.known_by(path):
        return Way(kind=word.name, path=path)
    raise ConfigError(
        f"{origin}: cannot tell how {text!r} is run: it is not a kind of migration that is known",
        looked_at=[str(path)],
        remedies=[_WAYS],
    )


def hook(text: str, *, base: Path, origin: str) -> Hook:
    """Tell apart a hook: ``cmd:COMMAND``, ``sql:STATEMENT``, or a ``.sql`` file.

    :raises ConfigError: it is none of these, or there is no such file.
    """
    for prefix, kind in (("cmd:", "run"), ("sql:", "statement")):
        if text.startswith(prefix):
            if not text[len(prefix) :].strip():
                raise ConfigError(f"{origin}: {prefix} without anything to run")
            return Hook(kind="run" if kind == "run" else "statement", text=text[len(prefix) :].strip())
    remedies = ["a hook is a .sql file, cmd:COMMAND or sql:STATEMENT"]
    path = existing(text, base=base, origin=origin, what="the hook", remedies=remedies)
    if path.suffix.casefold() != ".sql" or not path.is_file():
        raise ConfigError(f"{origin}: {text!r} is no .sql file", looked_at=[str(path)], remedies=remedies)
    return Hook(kind="file", text=str(path))


def run(command: str, *, origin: str) -> Way:
    """Return a way that is a shell command.

    :raises ConfigError: it is blank.
    """
    if not command.strip():
        raise ConfigError(f"{origin}: empty migration: the command is blank", remedies=["write cmd:COMMAND"])
    return Way(kind="run", command=command.strip())


def way_of(name: str, text: str, *, base: Path, origin: str) -> Way:
    """Return a way whose tool the key, or the word before the path, said.

    :raises ConfigError: there is no such file, or it cannot be this tool's.
    """
    word = tools.called(name)
    assert word is not None
    path = existing(text, base=base, origin=origin, what="the migration")
    if (path.is_dir() and not word.folder) or (name == "sql" and not word.fits(path)):
        raise ConfigError(f"{origin}: {text!r} is not {word.wanted}", looked_at=[str(path)])
    return Way(kind=name, path=path)


def server(text: str, *, origin: str) -> str:
    """Return ``auto``, ``container``, ``local`` or a connection string.

    :raises ConfigError: it is none of these.
    """
    if text in {"auto", "container", "local"}:
        return text
    if not is_dsn(text):
        raise ConfigError(
            f"{origin}: {text!r} is no kind of server",
            remedies=["write auto, container, local, or a postgresql:// URI"],
        )
    return check_dsn(text, origin=origin)


def major(text: str, *, origin: str) -> int:
    """Read a major of PostgreSQL: ``18``.

    :raises ConfigError: it is none.
    """
    if not re.fullmatch(r"[1-9][0-9]?", text.strip()):
        raise ConfigError(
            f"{origin}: {text!r} is no major of PostgreSQL", remedies=["write its number alone, such as 18"]
        )
    return int(text)


def report_file(text: str, *, base: Path, origin: str) -> Path:
    """Return the absolute path of a report that will be written.

    :raises ConfigError: its suffix names no format, or the place cannot hold a file.
    """
    path = _absolute(text, base=base)
    if path.suffix not in REPORT_SUFFIXES:
        raise ConfigError(
            f"{origin}: no report format is known for {text!r}", remedies=[f"end it in {', '.join(REPORT_SUFFIXES)}"]
        )
    parent = next(folder for folder in path.parents if _exists(folder))
    if path.is_dir() or not parent.is_dir():
        raise ConfigError(f"{origin}: {text!r} cannot be written", looked_at=[str(path), str(parent)])
    return path


def _absolute(text: str, *, base: Path) -> Path:
    # Not resolve(): a link's own name says what it is, its target's may not.
    return (base / Path(text).expanduser()).absolute()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        # A connection string can be longer than a name may be, or hold a NUL.
        return False
