"""``pgsafe base``: the restored, proven copies that are kept."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from . import options
from .answer import Answer, give

if TYPE_CHECKING:
    from ..base.values import Base


@click.group("base")
def command() -> None:
    """Restored, proven copies of sources that are kept, for rehearsals to begin with."""


@command.command("list")
@options.as_json
def listed(*, as_json: bool) -> int:
    """Say which bases are there, the one that was used last first."""
    from ..base import place

    found = place.bases()
    lines = [_line(base) for base in found] or ["no base is kept"]
    data = {"folder": str(place.folder()), "bases": [_document(base) for base in found]}
    return give("base list", Answer(passed=True, lines=lines, data=data), as_json=as_json)


@command.command("build")
@options.source
@options.scratch
@options.config
@options.as_json
def build(
    *, source: str | None, server: str | None, image: str | None, config: str | None, as_json: bool
) -> int:  # fmt: skip
    """Restore and prove the configured source, and keep the copy; of a database always anew."""
    from ..rehearsal.building import built

    settings = options.settings(config=config, source=source, server=server, image=image)
    base, failures = built(settings)
    lines = [f"failed: {text}" for text in failures] if base is None else [_line(base)]
    data = {"base": None if base is None else _document(base), "failures": list(failures)}
    return give("base build", Answer(passed=base is not None, lines=lines, data=data), as_json=as_json)


@command.command("adopt")
@options.as_json
def adopt(*, as_json: bool) -> int:
    """Use bases that were copied into the folder of bases, out of a CI's cache, say: else a copy is nobody's."""
    from ..base import place

    taken = place.adopt()
    found = [base for base in place.bases() if base.folder in taken]
    lines = [_line(base) for base in found] or [f"no base was copied into {place.folder()}"]
    data = {"folder": str(place.folder()), "adopted": [_document(base) for base in found]}
    return give("base adopt", Answer(passed=True, lines=lines, data=data), as_json=as_json)


@command.command("prune")
@click.option("--size", metavar="SIZE", default="0B", help="What the rest may have together; without it none stays.")
@click.option("--apply", "applied", is_flag=True, help="Remove them; without it they are only shown.")
@options.as_json
def prune(*, size: str, applied: bool, as_json: bool) -> int:
    """Remove the bases that were used least recently; those in use stay."""
    from ..base import place, room
    from ..config import forms

    try:
        most = forms.size(size)
    except ValueError as error:
        raise click.BadParameter(f"--size: {error}") from None
    gone = room.prune(most) if applied else room.due(most)
    lines = [f"{'removed' if applied else 'remove '} {path}" for path in gone]
    if not gone:
        lines.append("nothing to remove: no base is kept, or those that are fit, or are in use")
    elif not applied:
        lines.append("nothing was removed: --apply does it")
    data = {"applied": applied, "removed": [str(path) for path in gone], "left": len(place.bases())}
    return give("base prune", Answer(passed=True, lines=lines, data=data), as_json=as_json)


def _line(base: Base) -> str:
    about = base.about
    how = "proven" if about.proven else "restored, not proven"
    behind = ", after_restore included" if about.hooked else ""
    return (
        f"{base.folder.name}: {about.source}, {how}{behind}, of {about.moment:%Y-%m-%d %H:%M} UTC,"
        f" PostgreSQL {about.version}, {base.bytes >> 20:,} MiB"
    )


def _document(base: Base) -> dict[str, Any]:
    about = base.about

    def written(moment: datetime | None) -> str | None:
        return None if moment is None else f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"

    return {
        "folder": str(base.folder), "source": about.source, "taken": written(about.taken),
        "built": written(about.built), "used": written(base.used), "proven": about.proven, "hooked": about.hooked,
        "server_version": about.version, "bytes": base.bytes,
    }  # fmt: skip
