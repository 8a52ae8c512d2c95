"""What migration tools are called: the keys of ``[migration]``, and the files that each is known by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import entry_points
from pathlib import Path

#: The entry points by which installed packages bring tools of their own: NAME = "module:Class".
GROUP = "pytest_pgsafe.tools"
_PREFIX = re.compile(r"\s*([A-Za-z_][\w-]*):(.+)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Word:
    """A tool's name: the key of ``[migration]``, and ``NAME:PATH`` elsewhere."""

    name: str
    #: What its setting names, for messages.
    wanted: str = "a file"
    #: Patterns of the names of files, in lower case, that mean it where its name is not said.
    files: tuple[str, ...] = ()
    #: Its setting may name a folder.
    folder: bool = False

    def fits(self, path: Path) -> bool:
        """Tell whether a path that is there is meant for this tool, where nobody says so."""
        if path.is_dir():
            return self.folder and bool(self.files)
        return any(fnmatchcase(path.name.casefold(), pattern) for pattern in self.files)


#: The tools that come with pgsafe; each has a module of its name in ``migrate/tools``.
WORDS = (
    Word(name="sql", wanted="a .sql file or a folder of them", files=("*.sql",), folder=True),
    Word(name="alembic", wanted="alembic.ini", files=("*.ini",)),
    Word(name="django", wanted="manage.py", files=("manage.py",)),
    Word(name="sqitch", wanted="sqitch.conf", files=("sqitch.conf", "sqitch.plan")),
)


def others() -> tuple[Word, ...]:
    """Return the names of the tools that installed packages bring; nothing of theirs is imported."""
    ours = {word.name for word in WORDS} | {"run", "cmd"}
    names = sorted({point.name for point in entry_points(group=GROUP)} - ours)
    return tuple(Word(name=name, folder=True) for name in names)


def called(name: str) -> Word | None:
    """Return the tool of a name, None if there is none."""
    return next((word for words in (WORDS, others()) for word in words if word.name == name), None)


def prefixed(text: str) -> tuple[Word, str] | None:
    """Return the tool and the path of ``NAME:PATH``, None where it is something else."""
    found = _PREFIX.fullmatch(text)
    word = None if found is None else called(found[1])
    return None if found is None or word is None else (word, found[2].strip())


def known_by(path: Path) -> Word | None:
    """Return the tool that a file or folder is known to be of."""
    return next((word for word in WORDS if word.fits(path)), None)


def keys(given: Iterable[str]) -> tuple[str, ...]:
    """Return which of the keys of ``[migration]`` are names of tools."""
    names = tuple(given)
    ours = {word.name for word in WORDS}
    unknown = [name for name in names if name not in ours]
    theirs = {word.name for word in others()} if unknown else set[str]()
    return tuple(name for name in names if name in ours or name in theirs)


def wanted() -> str:
    """Return what a setting may be, for messages."""
    return ", ".join(word.wanted for word in WORDS)
