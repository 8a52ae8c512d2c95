"""Where a migration comes from: SQL files, a command, Alembic or Django; made of what the configuration says."""

from __future__ import annotations

import configparser
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from ..config.forms import way
from ..config.values import Way
from ..errors import ConfigError
from ..passwords import redact
from .script import is_blank

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
class SqlFiles:
    """Files for psql, in the order in which they run."""

    files: tuple[Path, ...]
    #: The setting as it was written.
    text: str
    #: They are the files of a folder.
    folder: bool = False

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command line for ``sh -c``."""

    command: str

    @property
    def text(self) -> str:
        return f"cmd:{self.command}"

    def __str__(self) -> str:
        """Return it for people: without passwords that stand in it."""
        return redact(self.command, printed=True)


@dataclass(frozen=True, kw_only=True)
class Alembic:
    """An Alembic configuration: ``alembic -c INI upgrade head``, or back to where the source is."""

    ini: Path
    text: str
    revision: str = "head"
    back: bool = False

    def __str__(self) -> str:
        return f"alembic -c {self.ini.name} {'downgrade' if self.back else 'upgrade'} {self.revision}"


@dataclass(frozen=True, kw_only=True)
class Django:
    """A Django project: ``python manage.py migrate --noinput``."""

    manage: Path
    text: str
    #: The app and the migration to go to; empty for all.
    target: tuple[str, ...] = ()
    back: bool = False
    #: On the way back: where each app goes to, in order.
    targets: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join(("python", self.manage.name, "migrate", *self.target, "--noinput"))


Migration = SqlFiles | Command | Alembic | Django


def parse(text: str, base: Path, *, way_back: bool = False) -> Migration:
    """Read a migration setting, as the configuration does.

    :param base: the folder to which a relative path belongs.
    :raises ConfigError: it names nothing that can be run; and as :func:`of` does.
    """
    return of(way(text, base=base, origin="the migration"), way_back=way_back)


def of(found: Way, *, way_back: bool = False) -> Migration:
    """Make a migration of the configuration's value, whose kind is told already.

    :param way_back: it is the rollback: a folder whose files all undo is run from the last to the first, and Alembic
        and Django have to say the revision to go back to.
    :raises ConfigError: there is no such file, nothing in it, or a part of it would undo the rest.
    """
    if found.path is None:
        return Command(command=found.command or "")
    path, text = found.path, str(found.path)
    if not path.is_file() and not (path.is_dir() and found.kind == "sql"):
        raise ConfigError("no such file or folder for the migration", looked_at=[text], remedies=_FORMS)
    if found.kind == "django":
        _demand(path, "django", "migrate --noinput")
        return Django(manage=path, text=text, back=way_back)
    if found.kind == "alembic":
        _demand_section(path)
        _demand(path, "alembic", "upgrade head")
        return Alembic(ini=path, text=text, back=way_back, revision="" if way_back else "head")
    if path.is_dir():
        return SqlFiles(files=_folder(path, way_back=way_back), text=text, folder=True)
    if _holds_back(path):
        raise ConfigError(
            "the file holds its own way back, which would undo the migration at once", looked_at=[str(path)],
            remedies=_own_tool(path.name),
        )  # fmt: skip
    if is_blank(_read(path)):
        raise ConfigError("empty migration: no statement in the file", looked_at=[str(path)])
    return SqlFiles(files=(path,), text=text)


def _folder(folder: Path, *, way_back: bool) -> tuple[Path, ...]:
    found = (file for file in folder.iterdir() if file.suffix.casefold() == ".sql" and not file.name.startswith("."))
    files = sorted(filter(Path.is_file, found), key=_order)
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


def _demand_section(ini: Path) -> None:
    reader = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        reader.read(ini, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"not an Alembic configuration: {error}", looked_at=[str(ini)]) from error
    if not reader.has_section("alembic"):
        raise ConfigError("not an Alembic configuration: no section [alembic]", looked_at=[str(ini)], remedies=_FORMS)


def _demand(path: Path, module: str, forward: str) -> None:
    program = "alembic" if module == "alembic" else "python manage.py"
    if importlib.util.find_spec(module) is None:
        raise ConfigError(
            f"{path.name} needs the Python package {module}, which this Python does not have",
            looked_at=[str(path)],
            remedies=[f"install it beside pytest-pgsafe, or name the one to use: cmd:/path/to/{program} {forward}"],
        )
