"""The major of the copy's server: what another one than the source's means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..checks import majors as checks
from ..checks.blame.explained import MOST_STATEMENTS
from ..checks.blame.places import places
from ..checks.values import Finding
from ..migrate.tools import Migration
from ..migrate.values import Trace
from ..reading.files import of_files
from ..reading.script import parts
from ..reading.values import Cited
from ..server.version import Version
from ..snapshot.values import NotVerified


def another(source: Version | None, server: str | None) -> bool:
    """Tell whether the copy is on another major than the source."""
    return source is not None and server is not None and Version.parse(server).major != source.major


def gap(source: Version | None, server: str | None) -> tuple[NotVerified, ...]:
    """Return that nothing is proven of what depends on the major, where it is another one."""
    if not another(source, server):
        return ()
    return (NotVerified(object=checks.OBJECT, reason=checks.reason(str(source), str(server))),)


def judge(
    source: Version | None,
    server: str | None,
    migration: Migration | None,
    trace: Trace | None,
    functions: Mapping[str, str],
    *,
    strict: bool,
) -> tuple[Finding, ...]:
    """Judge a copy on another major by what was run there, or would have been."""
    if not another(source, server):
        return ()
    texts, cited = _statements(migration, trace)
    return checks.judge(str(source), str(server), cited, texts, functions, strict=strict)


def of_functions(source: Version | None, server: str | None, functions: Mapping[str, str]) -> tuple[Finding, ...]:
    """Judge the functions of a database that is to be on another major."""
    if source is None or server is None:
        return ()
    found = checks.of_functions(str(source), server, functions)
    return tuple(replace(one, check="major") for one in found)


def _statements(migration: Migration | None, trace: Trace | None) -> tuple[Sequence[str], Sequence[Cited]]:
    if trace is not None and trace.observed:
        where = places(migration, trace)
        texts = [part.text for one in trace.statements[:MOST_STATEMENTS] for part in parts(one.text)]
        return texts, [Cited.of(text, next(where.get(" ".join(text.split()), iter(())), None)) for text in texts]
    if migration is None:
        return (), ()
    try:
        readings = of_files(migration.files)[:MOST_STATEMENTS]
    except OSError:
        return (), ()
    return [one.text for one in readings], [Cited.of(one.text, one.place) for one in readings]
