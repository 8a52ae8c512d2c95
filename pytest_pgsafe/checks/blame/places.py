"""Where the statements of a migration stand: in ``.sql`` files by their text, in Python files by their revision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...migrate.marks import of_statements
from ...migrate.tools import Migration
from ...migrate.values import Trace
from ...passwords import redact
from ...reading.files import of_files
from ...reading.script import statements
from ...reading.values import Place


def places(migration: Migration | None, trace: Trace | None) -> Mapping[str, Iterator[Place | None]]:
    """Return where statements stand, by their text in one line (:func:`flat`), each place once and in order.

    :param trace: of the run, whose statements are looked for in files that are not SQL.
    """
    found: dict[str, list[Place | None]] = {}
    if migration is None:
        return {}
    try:
        readings = of_files(migration.files)
    except OSError:
        readings = ()
    for reading in readings:
        if reading.place is not None:
            found.setdefault(flat(redact(reading.text)), []).append(reading.place)
    if not migration.files and trace is not None:
        for text, place in _in_scripts(migration, trace):
            found.setdefault(text, []).append(place)
    return {text: iter(places) for text, places in found.items()}


def flat(text: str) -> str:
    """Return a statement in one line, by which it is found again."""
    return " ".join(text.split())


def _in_scripts(migration: Migration, trace: Trace) -> Iterator[tuple[str, Place | None]]:
    scripts = migration.written([revision.name for revision in trace.revisions])
    if not scripts:
        return
    # The tool's own notes stand in no file.
    books = [table.name for table in migration.tables]
    for statement, revision in zip(trace.statements, of_statements(trace), strict=True):
        script = scripts.get(revision or "")
        for part in statements(statement.text):
            own = script is None or any(book in part for book in books)
            yield flat(part), None if own or script is None else Place(file=script.name, line=script.line(part))
