"""The major of the copy's server: which one fits SQL that names none, and what another one than the source's means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..backup import dump
from ..checks import majors as checks
from ..checks.values import Finding
from ..errors import ConfigError
from ..migrate.script import parts
from ..migrate.tools import Migration
from ..migrate.values import Trace
from ..reading.files import of_files
from ..reading.majors import Feature, Needs
from ..reading.values import Cited
from ..server.fitting import Fitting
from ..server.version import Version
from ..snapshot.values import NotVerified
from .explained import MOST_STATEMENTS, places

#: Bytes of a file that are read for what its statements need: definitions stand before the rows.
_MOST = 4 << 20


def fitting(files: Sequence[Path]) -> tuple[Version | None, Fitting]:
    """Read of which server ``.sql`` files are, as far as a dump among them says so, and which majors fit them.

    :raises ConfigError: a file cannot be read.
    """
    server: Version | None = None
    needs, restricted = Needs(), False
    for path in files:
        try:
            with path.open("rb") as file:
                text = file.read(_MOST).decode("utf-8", "replace")
        except OSError as error:
            raise ConfigError("a file of the source cannot be read", looked_at=[f"{path}: {error.strerror}"]) from error
        said = dump.read(path)
        if said.server is not None:
            server = said.server if server is None else max(server, said.server)
        restricted = restricted or (said.text is not None and said.text.restricted > 0)
        needs.read(_placed(text, path.name))
    return server, _fitting(needs, server, restricted=restricted)


def _placed(text: str, name: str) -> Iterator[tuple[str, str]]:
    line = last = 0
    for part in parts(text.removeprefix("\ufeff"), psql=True):
        line, last = line + text.count("\n", last, part.start), part.start
        yield part.text, f"{name}:{line + 1}"


def _fitting(needs: Needs, server: Version | None, *, restricted: bool) -> Fitting:
    found = Fitting(restricted=restricted)
    least, most = needs.least, needs.most
    said: list[str] = []
    if server is not None:
        said.append(f"it says that it is of PostgreSQL {server}")

    def told(one: tuple[Feature, str]) -> str:
        return f"{one[0].name} at {one[1]} is known to {one[0].where()}"

    if least is not None and least[0].first > found.least:
        found = Fitting(least=least[0].first, most=found.most, restricted=restricted)
        said.append(told(least))
    # One that contradicts what is needed was misread, or is never run.
    if most is not None and found.least <= most[0].last:
        found = Fitting(least=found.least, most=most[0].last, restricted=restricted)
        said.append(told(most))
    if restricted:
        said.append("psql has to know \\restrict")
    return Fitting(least=found.least, most=found.most, restricted=restricted, why="; ".join(said) or found.why)


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


def _statements(migration: Migration | None, trace: Trace | None) -> tuple[Sequence[str], Sequence[Cited]]:
    if trace is not None and trace.observed:
        where = places(migration)
        texts = [part.text for one in trace.statements[:MOST_STATEMENTS] for part in parts(one.text)]
        return texts, [Cited.of(text, next(where.get(" ".join(text.split()), iter(())), None)) for text in texts]
    if migration is None:
        return (), ()
    try:
        readings = of_files(migration.files)[:MOST_STATEMENTS]
    except OSError:
        return (), ()
    return [one.text for one in readings], [Cited.of(one.text, one.place) for one in readings]
