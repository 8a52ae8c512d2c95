"""``pgsafe receipt``: whether what is about to be deployed was rehearsed, and was safe."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError
from . import options
from .answer import Answer, give

if TYPE_CHECKING:
    from ..records.receipt import Here, Receipt
    from ..records.values import Entry


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What speaks for a receipt and against it."""

    refusals: Sequence[str]
    notes: Sequence[str] = ()
    entry: Entry | None = None
    receipt: Receipt | None = None


@click.group("receipt")
def command() -> None:
    """Receipts of rehearsals: pytest --pgsafe --pgsafe-report=FILE.receipt.json writes one."""


@command.command("verify")
@click.argument("receipt", type=options.folder)
@click.option("--migration", type=options.folder, metavar="PATH", help="The migration, where its path is another here.")
@click.option("--folder", type=options.folder, metavar="DIR", default=".", help="What the receipt's paths begin at.")
@click.option("--max-age", metavar="AGE", callback=options.age, help="An older receipt is refused: 24h, 7d …")
@options.as_json
def verify(
    *, receipt: Path, migration: Path | None, folder: Path, max_age: timedelta | None, as_json: bool
) -> int:  # fmt: skip
    """Say whether the migration that is here is the one that was rehearsed, and was safe.

    Exit status 0 if it is; 1 if anything speaks against it: a file more, less or altered, another configuration, a
    rehearsal that was not safe, a receipt that is missing, altered or expired. With PGSAFE_RECEIPT_KEY, or a file named
    by PGSAFE_RECEIPT_KEY_FILE, it has to be signed by this key.
    """
    from ..records import seal

    key = seal.key(os.environ)
    found = _verified(receipt, migration, folder.absolute(), max_age, key)
    signed = found.entry is not None and found.entry.signature is not None and key is not None
    lines = [f"refused: {text}" for text in found.refusals] + [f"note: {text}" for text in found.notes]
    if found.entry is not None and found.receipt is not None and not found.refusals:
        lines += _told(found.entry, found.receipt, signed=signed)
    lines.append("RECEIPT: REFUSED" if found.refusals else "RECEIPT: VALID")
    data = {
        "receipt": str(receipt),
        "valid": not found.refusals,
        "signed": signed,
        "refused": list(found.refusals),
        "notes": list(found.notes),
        "time": None if found.entry is None else found.entry.time,
        "expires": None if found.receipt is None else found.receipt.expires,
    }
    return give("receipt verify", Answer(passed=not found.refusals, lines=lines, data=data), as_json=as_json)


def _verified(
    receipt: Path, migration: Path | None, folder: Path, max_age: timedelta | None, key: bytes | None
) -> _Found:
    from ..records import seal
    from ..records.receipt import of, refusals, untrusted

    try:
        entry = seal.loads(receipt.read_bytes())
    except FileNotFoundError:
        return _Found(refusals=[f"there is no receipt {receipt}"])
    except OSError as error:
        raise ConfigError("the receipt cannot be read", looked_at=[f"{receipt}: {error.strerror}"]) from None
    except ValueError as error:
        return _Found(refusals=[f"{receipt} is no receipt: {error}"])
    if reason := untrusted(entry, key):
        # Nothing that it says is worth comparing.
        return _Found(refusals=[reason])
    try:
        told = of(entry)
    except ValueError as error:
        return _Found(refusals=[f"it does not say what was rehearsed: {error}"])
    here, notes = _here(told, migration, folder)
    reasons = refusals(entry, told, here, now=datetime.now(timezone.utc), max_age=max_age)
    return _Found(refusals=list(reasons), notes=notes, entry=entry, receipt=told)


def _here(receipt: Receipt, migration: Path | None, folder: Path) -> tuple[Here, list[str]]:
    """Return what is here by the paths of the receipt, and what could not be compared.

    :raises ConfigError: what is here cannot be read, or the receipt is of a command and a path was given.
    """
    from ..migrate.deployed import hashes, sources
    from ..records.receipt import Here

    files = dict(hashes(sources(None, [folder / path for path in receipt.migration.also]), folder))
    files.update(_of_tool(receipt, migration, folder))
    listed = [one.path for one in receipt.configuration]
    there = [path for path in listed if (folder / path).is_file()]
    notes = [f"{path}: is not here, and was not compared" for path in listed if path not in there]
    return Here(files=files, configuration=hashes([folder / path for path in there], folder)), notes


def _of_tool(receipt: Receipt, migration: Path | None, folder: Path) -> Mapping[str, str]:
    """Return the tool's own files: they lie as they did to one another, wherever the migration's path is here."""
    from ..config.values import Way
    from ..migrate.deployed import hashes, sources
    from ..migrate.tools.sources import relative

    path = receipt.migration.path
    if path is None:
        if migration is not None:
            raise ConfigError(
                "the receipt is of a command, which has no path", remedies=["--folder=DIR says where its files are"]
            )
        return {}
    place = folder / path if migration is None else migration.absolute()
    if not place.exists():
        return {}
    base, was = (place, Path(path)) if place.is_dir() else (place.parent, Path(path).parent)
    found = hashes(sources(Way(kind=receipt.migration.kind, path=place)), base)
    return {relative(folder / was / name, folder): digest for name, digest in found.items()}


def _told(entry: Entry, receipt: Receipt, *, signed: bool) -> list[str]:
    number = len(receipt.migration.files)
    taken = receipt.source.get("taken")
    return [
        f"rehearsed: {receipt.migration.text}, {number} file{'s' * (number != 1)}, at {entry.time}"
        f" by pgsafe {entry.pgsafe}",
        f"on a copy of {receipt.source.get('from', 'an unknown source')}"
        + ("" if taken is None else f", as it was at {taken}"),
        f"not verified: {receipt.not_verified}; warnings: {receipt.findings.get('warning', 0)}",
        f"good until {receipt.expires}",
        "signed: by the key that was given"
        if signed
        else "not signed: the receipt is a checksum, and whoever can write it can make one",
    ]
