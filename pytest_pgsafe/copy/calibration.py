"""What the server and the programs at hand change by themselves: found out once for their versions, and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import psycopg

from ..backup.restore import restore
from ..backup.take import take
from ..compare import Change, restored_equals_source
from ..compare.calibrated import Shape, excused, shapes
from ..errors import PgsafeError
from ..server import cache
from ..server.base import Server
from ..server.connection import connect
from ..server.private import private_folder
from ..snapshot.take import take as read_facts

__all__ = ["without_own"]

SCHEMA = Path(__file__).with_name("sql") / "calibration.sql"
_FILE = "shapes.json"


def without_own(changes: Sequence[Change], server: Server) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """Return the differences of a restored copy that a calibration does not show, and what it shows, each in one line.

    Nothing is done where there is no difference.
    """
    if not changes:
        return (), ()
    try:
        known = of(server)
    except (PgsafeError, psycopg.Error, OSError):
        # Without a calibration nothing is excused.
        return tuple(changes), ()
    kept, own = excused(changes, known)
    version = server.version
    return kept, tuple(
        f"{one.attribute} of {one.kind}: PostgreSQL {version} says {' '.join(one.new) or 'nothing'} for "
        f"{' '.join(one.gone) or 'nothing'} after any restore, which pgsafe does not know; it is not compared"
        for one in own
    )


def of(server: Server) -> tuple[Shape, ...]:
    """Return what a dump and a restore change here of a schema of ours; from the cache, if these versions were asked.

    :raises PgsafeError: it cannot be dumped or restored.
    """
    told = server.describe()
    key = hashlib.sha256(f"{told['kind']} {told['origin']}".encode() + SCHEMA.read_bytes()).hexdigest()[:16]
    name = f"calibration-{server.version}-{server.programs.version}-{key}"

    def make(folder: Path) -> None:
        (folder / _FILE).write_text(json.dumps([[one.kind, one.attribute, one.gone, one.new] for one in _made(server)]))

    kept = cache.entry(cache.folder() / name, make) / _FILE
    return tuple(
        Shape(kind, attribute, tuple(gone), tuple(new)) for kind, attribute, gone, new in json.loads(kept.read_text())
    )


def _made(server: Server) -> tuple[Shape, ...]:
    with private_folder("calibration", swept=True) as folder:
        source, copy = server.create("calibration"), server.create("calibrated")
        try:
            with connect(source, read_only=False) as session:
                session.execute(SCHEMA.read_bytes())
            backup = take(source, folder / "backup", server.programs, durable=False)
            restore(backup.archive, copy, server.programs)
            assert backup.facts is not None
            with connect(copy) as session:
                return shapes(restored_equals_source(backup.facts, read_facts(session)))
        finally:
            server.drop(source)
            server.drop(copy)
