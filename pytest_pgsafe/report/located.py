"""Statements with the paths of their files, for tools that open them; people read the files' names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..checks.values import Finding
from ..reading.values import Cited, Place
from ..rehearsal.measured import Ran
from ..rehearsal.values import Result


def located(result: Result, paths: Mapping[str, str]) -> Result:
    """Return the result with paths in place of the names of files.

    :param paths: by name; a name that is not there stays.
    """

    def there(cited: Cited | None) -> Cited | None:
        if cited is None or cited.file is None:
            return cited
        return replace(cited, file=paths.get(cited.file, cited.file))

    measured = result.measured
    if measured is not None:
        measured = replace(
            measured,
            statements=tuple(_ran(one, paths) for one in measured.statements),
            files=tuple(replace(file, name=paths.get(file.name, file.name)) for file in measured.files),
        )
    return replace(
        result,
        measured=measured,
        changes=tuple(replace(one, statement=there(one.statement)) for one in result.changes),
        findings=tuple(replace(one, statement=there(one.statement)) for one in result.findings),
    )


def place(result: Result, finding: Finding) -> Place | None:
    """Return where tools show a finding: its statement's file, or the one in which its revision is written."""
    cited = finding.statement
    if cited is not None and cited.file is not None:
        return Place(file=cited.file, line=cited.line)
    written = () if result.measured is None or finding.revision is None else result.measured.files
    return next((Place(file=one.name, line=None) for one in written if one.revision == finding.revision), None)


def _ran(ran: Ran, paths: Mapping[str, str]) -> Ran:
    if ran.place is None:
        return ran
    return replace(ran, place=replace(ran.place, file=paths.get(ran.place.file, ran.place.file)))
