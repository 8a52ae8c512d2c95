"""The configuration file, read and validated: errors give the key's path and the nearest known key."""

from __future__ import annotations

import difflib
import importlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from ..errors import ConfigError
from .sections import SECTIONS, Document

# The same module under two names; a type checker knows only the one of the version that it checks for.
_toml: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
#: By a part of what the parser says, as releases of today write it.
_MENDED = {
    "Cannot overwrite a value": "a key stands once: its entries go into one, as in rows = { a = …, b = … } and "
    "dropped = [{ … }, { … }]",
    "Cannot mutate": "a key stands once: its entries go into one, as in rows = { a = …, b = … }",
    "Cannot declare": "a table stands once: put the keys of both under one",
    "Unescaped '\\'": "a text with a backslash stands in single quotes: 'C:\\backups\\crm.dump'",
    "Invalid value": "a text stands in quotes; true, false and numbers do not",
    "Invalid initial character for a key part": "what stands in { } is one line, without a comma at its end",
}


def load(path: Path) -> Mapping[str, Any]:
    """Read a TOML file.

    :raises ConfigError: it cannot be read, or is not TOML.
    """
    text = ""
    try:
        # Windows' editors begin a file with a mark.
        text = path.read_text(encoding="utf-8-sig")
        content: Mapping[str, Any] = _toml.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}", looked_at=[str(path)]) from error
    except RecursionError:
        raise ConfigError(
            f"{path.name} nests arrays or tables deeper than can be read", looked_at=[str(path)]
        ) from None
    except _toml.TOMLDecodeError as error:
        raise ConfigError(
            f"{path.name} is not TOML: {error}", looked_at=[str(path)], remedies=_mended(str(error), text)
        ) from error
    return content


def _mended(error: str, text: str) -> list[str]:
    """Say how what a parser of TOML refuses is written; the line itself may hold a password, and is not shown."""
    found = re.search(r"at line (\d+)", error)
    lines = text.split("\n")
    line = lines[int(found[1]) - 1].strip() if found and int(found[1]) <= len(lines) else ""
    if re.match(r"\[[^\[\]]+\]\s*[^\s#]", line):
        table = line.partition("]")[0] + "]"
        return [f"{table} stands in a line of its own, once, and each of its keys in a line below it"]
    plain = error.replace("Can not", "Cannot").replace('"\\"', "'\\'")
    for said, remedy in _MENDED.items():
        if said in plain:
            return [remedy]
    return []


def parse(content: Mapping[str, Any], *, path: Path, prefix: tuple[str, ...] = ()) -> Document:
    """Validate the content of a configuration file.

    :param prefix: of every key, ``("tool", "pgsafe")`` in pyproject.toml.
    :raises ConfigError: a key is unknown or has a value that cannot be used; all of them are told.
    """
    try:
        return Document.model_validate(content)
    except ValidationError as error:
        problems: dict[tuple[str | int, ...], list[Any]] = {}
        for problem in error.errors(include_url=False):
            place = _place(problem["loc"], content, missing=problem["type"] == "missing")
            problems.setdefault(place, []).append(problem)
    told: list[str] = []
    remedies: list[str] = []
    for place, here in problems.items():
        if here[0]["type"] == "extra_forbidden":
            told.append(f"unknown key {_dotted((*prefix, *place))}")
            remedies.append(_nearest(place, prefix))
        elif here[0]["type"] == "missing":
            told.append(f"{_dotted((*prefix, *place))} is missing")
        else:
            # What fits none of several types is told once for each; the type that was meant has said more.
            meant = [problem for problem in here if not problem["type"].endswith("_type")]
            deeper = any(other[: len(place)] == place and other != place for other in problems)
            if meant or not deeper:
                wanted = dict.fromkeys(_wanted(problem) for problem in (meant if meant else here))
                told.append(f"{_dotted((*prefix, *place))} is {_given(here[0]['input'])}; {', or '.join(wanted)}")
    raise ConfigError(f"{path.name}: " + "\n  ".join(told), looked_at=[str(path)], remedies=remedies)


def _place(location: tuple[int | str, ...], content: Any, *, missing: bool) -> tuple[str | int, ...]:
    """Return the keys of a location, without the names of types that pydantic puts between them."""
    place: list[str | int] = []
    for number, step in enumerate(location):
        if isinstance(step, int) or (isinstance(content, Mapping) and step in content):
            content = cast("Any", content)[step]
        elif not (missing and number == len(location) - 1):
            continue
        place.append(step)
    return tuple(place)


def _dotted(place: tuple[str | int, ...]) -> str:
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + (step if re.fullmatch(r"[\w-]+", step) else f'"{step}"')
    return text


def _nearest(place: tuple[str | int, ...], prefix: tuple[str, ...]) -> str:
    parent = tuple(step for step in place[:-1] if isinstance(step, str))
    named: tuple[str, ...] = (*parent[:-1], "*")
    section = SECTIONS[parent if parent in SECTIONS else named]
    known = section.known_keys()
    if place[-1] in section.elsewhere:
        return section.elsewhere[str(place[-1])]
    nearest = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
    if nearest:
        return f"did you mean {_dotted((*prefix, *place[:-1], nearest[0]))}?"
    where = _dotted((*prefix, *place[:-1]))
    return f"known {f'in {where}' if where else 'at the top'}: {', '.join(known)}"


def _given(value: object) -> str:
    """Describe a value that was given; a text is not repeated where it may be a connection string, or a key."""
    kinds = {"bool": "true or false", "int": "an integer", "float": "a number", "str": "a text", "list": "an array"}
    kind = kinds.get(type(value).__name__, "a table" if isinstance(value, Mapping) else f"a {type(value).__name__}")
    secret = isinstance(value, str) and any(mark in value for mark in ("://", "=", "SECRET-KEY"))
    if isinstance(value, (bool, int, float, str)) and not secret:
        return f"{value!r} ({kind})"
    return kind


def _wanted(problem: Any) -> str:
    """Say what would have been right."""
    words = {
        "string_type": "wanted a text in quotes",
        "bool_type": "wanted true or false",
        "int_type": "wanted an integer",
        "list_type": "wanted an array",
        "dict_type": "wanted a table",
        "model_type": "wanted a table",
        "model_attributes_type": "wanted a table",
        "dataclass_type": "wanted a table",
    }
    kind = problem["type"]
    if kind == "literal_error":
        return f"wanted {problem['ctx']['expected']}"
    if kind == "value_error":
        return str(problem["ctx"]["error"])
    return words.get(kind, str(problem["msg"]))
