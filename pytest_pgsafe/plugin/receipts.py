"""The receipt of a rehearsal, and its entry in the evidence: what is rehearsed is hashed before and after."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..checks.baseline import FILE_NAME as BASELINE
from ..config import Settings
from ..config.forms import RECEIPT
from ..errors import ConfigError
from ..migrate.deployed import hashes, sources
from ..migrate.tools.sources import relative
from ..records import chain, seal
from ..records.values import Entry
from ..rehearsal.values import Result
from ..report.receipt import facts


@dataclass(frozen=True)
class Asked:
    """What was asked for, and what there was before the first step."""

    #: What paths are relative to.
    root: Path
    files: Mapping[str, str]
    configuration: Mapping[str, str]


def asked(settings: Settings, root: Path) -> Asked:
    """Return what a receipt, or the evidence, needs to be known before the first step.

    :raises ConfigError: there is nothing that a receipt could be of, or it could not be written.
    """
    wanted = [file for file in settings.report.files if file.name.endswith(RECEIPT)]
    if settings.fleet is not None:
        what = wanted[0].name if wanted else f"[evidence] root = {str(settings.receipt.evidence)!r}"
        raise ConfigError(
            f"{what}: a receipt, and an entry of the evidence, is of one database, and a fleet has many",
            remedies=["leave it out, or rehearse one member: --pgsafe-source=postgresql://host/MEMBER"],
        )
    seal.key(os.environ)
    if settings.receipt.evidence is not None:
        chain.ready(settings.receipt.evidence)
    found = Asked(root=root, files=_files(settings, root), configuration=_configuration(settings, root))
    if wanted:
        _refuse(settings, found, wanted[0])
    return found


def entry(before: Asked, settings: Settings, result: Result) -> Entry:
    """Return the entry of a run, sealed.

    :param before: what there was before the first step.
    """
    now = datetime.now(timezone.utc)
    told, verdict = facts(result), result.verdict
    try:
        same = _files(settings, before.root) == before.files
    except ConfigError:
        same = False
    if not same:
        told["reason"], verdict = "the files of the migration changed while it was rehearsed", "error"
    way = settings.migration
    told["migration"] = {
        "kind": None if way is None else way.kind,
        "text": None if way is None else str(way),
        "path": None if way is None or way.path is None else relative(way.path, before.root),
        "also": [relative(path, before.root) for path in settings.receipt.files],
        "files": _listed(before.files),
        "revisions": told.pop("revisions"),
    }
    # What --pgsafe-update wrote is what the next run goes by.
    told["configuration"] = _listed(_configuration(settings, before.root) if settings.update else before.configuration)
    told["expires"] = _written(now + timedelta(seconds=settings.receipt.valid))
    made = Entry(kind="rehearsal", time=_written(now), result=verdict, pgsafe=version("pytest-pgsafe"), facts=told)
    return seal.sealed(made, seal.key(os.environ))


def keep(made: Entry, root: Path) -> None:
    """Add an entry to the evidence of a root.

    :raises StepError: it cannot be written.
    """
    chain.append(root, made, seal.key(os.environ))


def _files(settings: Settings, root: Path) -> Mapping[str, str]:
    return hashes(sources(settings.migration, settings.receipt.files), root)


def _configuration(settings: Settings, root: Path) -> Mapping[str, str]:
    files = [settings.file, settings.folder / BASELINE]
    return hashes([file for file in files if file is not None and file.is_file()], root)


def _refuse(settings: Settings, found: Asked, wanted: Path) -> None:
    if settings.static:
        raise ConfigError(f"a receipt is of a rehearsal, and --pgsafe-static makes none: {wanted.name}")
    if settings.migration is None:
        raise ConfigError(
            f"a receipt is of a migration, and none is configured: {wanted.name}",
            remedies=["--pgsafe-migration=X or [migration] in pgsafe.toml says what is rehearsed"],
        )
    if not found.files:
        raise ConfigError(
            f"{wanted.name}: a receipt names the migration's files, and nobody says which {settings.migration} runs",
            remedies=['[migration] files = ["db/migrations"] in pgsafe.toml names files and folders'],
        )


def _listed(hashed: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"path": path, "sha256": digest} for path, digest in hashed.items()]


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
