"""SQL files for psql: one, or a folder of them in the order in which they run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError
from ...reading.script import is_blank
from .base import Copy, Job, Migration

if TYPE_CHECKING:
    from typing_extensions import Self

    from ...config.values import Way

_FORMS = (
    "name a .sql file, a folder of them, alembic.ini, manage.py, or cmd:COMMAND",
    "paths of the configuration are relative to its folder, paths of the command line to the folder of the call",
)
#: Names of files that undo: Flyway's U2__x.sql, golang-migrate's and sqlx's x.down.sql, Postgrator's 001.undo.sql.
_BACK_NAME = re.compile(
    r"^U\d+(?:[._]\d+)*__.*|.*[._-](?:down|undo|rollback|revert)|(?:down|undo|rollback|revert)", re.I
)
#: Lines that begin the undoing part: dbmate, goose, sql-migrate, node-pg-migrate, MyBatis.
_BACK_LINE = re.compile(
    rb"^[ \t]*--[ \t]*(?:migrate:down|\+goose[ \t]+down|\+migrate[ \t]+down|down[ \t]+migration|//[ \t]*@undo)\b",
    re.I | re.M,
)
_FLYWAY = re.compile(r"^([VRB])(\d+(?:[._]\d+)*)?__", re.I)


@dataclass(frozen=True, kw_only=True)
class SqlFiles(Migration):
    """Files for psql, in the order in which they run."""

    files: tuple[Path, ...]
    #: The setting as it was written.
    text: str
    #: They are the files of a folder.
    folder: bool = False

    alternative = "name the .sql files"

    @classmethod
    def made(cls, way: Way, *, way_back: bool) -> Self:
        """Make one of a file or a folder; a folder whose files all undo is a way back, from the last to the first.

        :raises ConfigError: there is nothing in it, or a part of it would undo the rest.
        """
        path = way.path
        assert path is not None
        if path.is_dir():
            return cls(files=_folder(path, way_back=way_back), text=str(path), folder=True)
        if _holds_back(path):
            raise ConfigError(
                "the file holds its own way back, which would undo the migration at once", looked_at=[str(path)],
                remedies=_own_tool(path.name),
            )  # fmt: skip
        if is_blank(_read(path)):
            raise ConfigError("empty migration: no statement in the file", looked_at=[str(path)])
        return cls(files=(path,), text=str(path))

    @classmethod
    def sources(cls, way: Way) -> tuple[Path, ...]:
        """Return the file, or the files of the folder."""
        assert way.path is not None
        return _listed(way.path) if way.path.is_dir() else (way.path,)

    @classmethod
    def forth(cls, files: Sequence[Path], *, text: str, folder: bool = False) -> Self:
        """Make one of files whose statements are read, and not run: files that undo are left out.

        :raises ConfigError: nothing is left.
        """
        if folder:
            files = sorted((one for one in files if not _BACK_NAME.fullmatch(one.stem)), key=_order)
        if all(is_blank(_read(file)) for file in files):
            where = "any .sql file of the folder" if folder else "the file"
            raise ConfigError(f"empty migration: no statement in {where}", looked_at=[text])
        return cls(files=tuple(files), text=text, folder=folder)

    def __str__(self) -> str:
        return self.text

    def job(self, copy: Copy) -> Job:
        """Refuse: psql is the server's program, and runs the files where the server is (:mod:`..psql`)."""
        raise NotImplementedError

    def only(self, files: Sequence[Path]) -> SqlFiles:
        """Return it with these of its files alone."""
        return replace(self, files=tuple(files))

    def parts(self, revisions: Sequence[str]) -> tuple[tuple[str, SqlFiles], ...]:
        """Return the files, each as a migration of its own, whether it ran or not."""
        del revisions
        return tuple((file.name, self.only((file,))) for file in self.files)


def _listed(folder: Path) -> tuple[Path, ...]:
    found = (file for file in folder.iterdir() if file.suffix.casefold() == ".sql" and not file.name.startswith("."))
    return tuple(sorted(filter(Path.is_file, found), key=_order))


def _folder(folder: Path, *, way_back: bool) -> tuple[Path, ...]:
    files = list(_listed(folder))
    if not files:
        below = sum(1 for _ in folder.glob("*/**/*.sql"))
        looked = f"{folder} (and {below} in folders below it, which are not read)" if below else str(folder)
        tool = next((name for name in ("alembic.ini", "manage.py") if (folder / name).is_file()), None)
        hint = (f"say {tool} for the tool's own order: {folder / tool}",) if tool else _FORMS
        raise ConfigError("empty migration: no .sql file in the folder", looked_at=[looked], remedies=hint)
    back = [file for file in files if _BACK_NAME.fullmatch(file.stem)]
    holding = [file for file in files if _holds_back(file)]
    if way_back and back == files and not holding:
        files.reverse()
    elif (back and not (way_back and back == files)) or holding:
        undoing = [*back, *(file for file in holding if file not in back)]
        raise ConfigError(
            f"{len(undoing)} of {len(files)} files of the folder are or hold a way back, which would undo the rest",
            looked_at=[str(file) for file in undoing[:5]],
            remedies=_own_tool(folder.name),
        )
    if all(is_blank(_read(file)) for file in files):
        raise ConfigError("empty migration: no statement in any .sql file of the folder", looked_at=[str(folder)])
    return tuple(files)


def _order(file: Path) -> tuple[object, ...]:
    """Sort naturally: 2 before 10; Flyway's versions as versions, its repeatable files last."""
    if found := _FLYWAY.match(file.name):
        version = tuple(int(part) for part in re.split(r"[._]", found[2] or "") if part)
        return (1 if found[1] in "Rr" else 0, *((0, number, "") for number in version), (0, -1, file.name))
    pieces = re.split(r"(\d+)", file.name)
    return (
        0,
        *((0, int(piece), "") if piece.isdigit() else (1, 0, piece.casefold()) for piece in pieces),
        (2, 0, file.name),
    )


def _own_tool(name: str) -> tuple[str, ...]:
    return (
        f"say how the tool runs it: cmd:COMMAND, for example cmd:dbmate up, cmd:goose up, cmd:flyway migrate ({name})",
        "or name the .sql file, or a folder that holds only the way forward; the way back is --pgsafe-rollback",
    )


def _read(file: Path) -> str:
    content = file.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError(
            "the file is UTF-16, which psql cannot read", looked_at=[str(file)], remedies=["save it as UTF-8"]
        )
    return content.decode("utf-8", "replace")


def _holds_back(file: Path) -> bool:
    return _BACK_LINE.search(file.read_bytes()) is not None
