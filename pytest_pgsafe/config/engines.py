"""A repository of pgBackRest or Barman as a source: words as in a conninfo string, none of them a secret."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Literal

from ..errors import ConfigError
from .values import Engine

_WORD = re.compile(r"\s*(?P<name>[A-Za-z_-]+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<bare>[^\s']*))(?=\s|$)")
#: The word that names what is restored, and the one for which of its backups.
_NAMES = {"pgbackrest": "stanza", "barman": "server"}
_SETS = {"pgbackrest": "set", "barman": "backup"}
_COMMON = ("dbname", "config", "user", "superuser", "facts")
#: What libpq would take; here it would be read by everybody, or is the engine's to know.
_ELSEWHERE = {"password", "passfile", "host", "port", "service"}


def kind_of(text: str) -> Literal["pgbackrest", "barman"] | None:
    """Tell whether a word names a repository: ``pgbackrest:…`` or ``barman:…``."""
    for kind in ("pgbackrest", "barman"):
        if text.startswith(f"{kind}:"):
            return "pgbackrest" if kind == "pgbackrest" else "barman"
    return None


def engine(kind: Literal["pgbackrest", "barman"], text: str, *, base: Path, origin: str) -> Engine:
    """Read the words of a source.

    :param text: ``stanza=main dbname=crm``.
    :param base: what paths are relative to.
    :raises ConfigError: a word is not known, has no value, or is missing; a value is never repeated.
    """
    example = f"{_NAMES[kind]}=main dbname=crm"
    given = words(text, origin=origin, example=f"{kind}:{example}")
    known = (_NAMES[kind], _SETS[kind], *_COMMON, *(("repo",) if kind == "pgbackrest" else ()))
    for name in given:
        if name not in known:
            raise ConfigError(f"{origin}: {kind} knows no word {name!r}", remedies=[_instead(name, known, kind)])
    called = given.get(_NAMES[kind])
    if called is None:
        raise ConfigError(f"{origin}: which {_NAMES[kind]} is not said", remedies=[f"write {kind}:{example}"])
    repo = given.get("repo")
    if repo is not None and not repo.isdigit():
        raise ConfigError(f"{origin}: repo is the number of a repository", remedies=["write repo=1"])
    return Engine(
        kind=kind,
        name=called,
        dbname=given.get("dbname"),
        config=file(given.get("config"), "config", base=base, origin=origin),
        backup=given.get(_SETS[kind], "latest"),
        repo=None if repo is None else int(repo),
        user=given.get("user"),
        superuser=given.get("superuser", "postgres"),
        facts=file(given.get("facts"), "facts", base=base, origin=origin),
    )


def words(text: str, *, origin: str, example: str) -> dict[str, str]:
    """Read words with values, as in a conninfo string.

    :raises ConfigError: they are none, or one stands there twice.
    """
    found: dict[str, str] = {}
    place = 0
    while text[place:].strip():
        match = _WORD.match(text, place)
        if match is None:
            raise ConfigError(f"{origin}: not words with values", remedies=[f"write {example}"])
        quoted = match["quoted"]
        value = match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        if not value:
            raise ConfigError(f"{origin}: {match['name']} has no value", remedies=[f"write {example}"])
        if match["name"] in found:
            raise ConfigError(f"{origin}: {match['name']} stands there twice")
        found[match["name"]] = value
        place = match.end()
    return found


def _instead(name: str, known: tuple[str, ...], kind: str) -> str:
    if name.lower() in _ELSEWHERE:
        return f"how its repository is reached, and by which password, stands in {kind}'s own configuration"
    for names in (_NAMES, _SETS):
        if name in names.values():
            # The other engine's word for the same.
            return f"did you mean {names[kind]}?"
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {nearest[0]}?" if nearest else f"known: {', '.join(known)}"


def file(text: str | None, word: str, *, base: Path, origin: str) -> Path | None:
    """Return the absolute path of a file that a word names.

    :raises ConfigError: there is none.
    """
    if text is None:
        return None
    path = (base / Path(text).expanduser()).absolute()
    if not path.is_file():
        raise ConfigError(f"{origin}: the file of {word} does not exist", looked_at=[str(path)])
    return path
