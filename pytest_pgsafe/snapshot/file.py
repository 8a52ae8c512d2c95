"""Snapshots as files: to be kept beside the code, reviewed in a pull request and compared with another.

JSON, a line for each object and each column's content, sorted; the same facts give the same bytes. A file holds no
value of a row. What only identifies an object in one cluster (OIDs, file numbers) or is an estimate is left out, and so
is a field that has its default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from ..catalog import codec
from ..errors import ConfigError
from .values import Snapshot

__all__ = ["FORMAT", "load", "save"]

FORMAT = "pgsafe-snapshot/1"
#: Fields that say nothing outside of their cluster, change by themselves, or hold values of rows. None of them counts.
_LEFT_OUT = frozenset(
    {"oid", "type_oid", "relfilenode", "size", "estimated_rows", "samples", "cluster_roles", "unknown"}
)


def save(snapshot: Snapshot, path: Path | str) -> None:
    """Write a snapshot; a file that is there is replaced as a whole or not at all.

    :raises ConfigError: the file cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        partial.write_text(_document(snapshot), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"the snapshot cannot be written: {error}", looked_at=[str(path)]) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def load(path: Path | str) -> Snapshot:
    """Read a snapshot; it equals the one that was saved.

    :raises ConfigError: there is no such file, it is no snapshot, or one of another format.
    """
    path = Path(path)
    remedies = ["write it anew: pgsafe snapshot --source=URI FILE"]
    try:
        document: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"the snapshot cannot be read: {error.strerror}", looked_at=[str(path)]) from error
    except ValueError as error:
        raise ConfigError(f"no snapshot: {error}", looked_at=[str(path)], remedies=remedies) from error
    given: Mapping[str, object] = cast("dict[str, object]", document) if isinstance(document, dict) else {}
    if given.get("format") != FORMAT:
        found = f"its format is {given.get('format')}, not {FORMAT}" if "format" in given else "it names no format"
        raise ConfigError(f"no snapshot that this release reads: {found}", looked_at=[str(path)], remedies=remedies)
    try:
        return codec.loads(Snapshot, json.dumps(given.get("snapshot")).encode())
    except ValueError as error:
        said = [line.strip() for line in str(error).splitlines() if "errors.pydantic.dev" not in line]
        raise ConfigError(
            f"the snapshot is not whole: {': '.join(said[1:3])}", looked_at=[str(path)], remedies=remedies
        ) from error


def _document(snapshot: Snapshot) -> str:
    return "\n".join(_lines({"format": FORMAT, "snapshot": _plain(snapshot)}, "")) + "\n"


def _plain(value: object) -> object:
    """Return a value as JSON knows it, without what is left out."""
    if is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in fields(value)
            if not (field.name in _LEFT_OUT and not field.compare)
            and not _is_default(field, getattr(value, field.name))
        }
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in cast("Mapping[str, object]", value).items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in cast("tuple[object, ...]", value)]
    return value.isoformat() if isinstance(value, datetime) else value


def _is_default(field: Field[Any], value: object) -> bool:
    if field.default is not MISSING:
        return bool(value == field.default)
    return field.default_factory is not MISSING and value == field.default_factory()


def _lines(value: object, indent: str) -> Iterator[str]:
    """Yield the lines of a document: an object that holds no other stands on one, so that a difference names it."""
    if not isinstance(value, dict) or not any(
        isinstance(one, dict) for one in cast("dict[str, object]", value).values()
    ):
        yield json.dumps(value, sort_keys=True, ensure_ascii=False)
        return
    members = sorted(cast("dict[str, object]", value).items())
    yield "{"
    for number, (key, one) in enumerate(members):
        first, *rest = _lines(one, indent + " ")
        lines = [f"{indent} {json.dumps(key, ensure_ascii=False)}: {first}", *rest]
        lines[-1] += "," * (number < len(members) - 1)
        yield from lines
    yield f"{indent}}}"
