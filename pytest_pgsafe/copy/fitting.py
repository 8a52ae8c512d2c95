"""Of which server ``.sql`` files are, and which majors their statements fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..backup import dump
from ..errors import ConfigError
from ..reading.majors import Feature, Needs
from ..reading.script import parts
from ..server.fitting import Fitting
from ..server.version import Version

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
    reasons: list[str] = []
    if server is not None:
        reasons.append(f"it says that it is of PostgreSQL {server}")

    def line(need: tuple[Feature, str]) -> str:
        return f"{need[0].name} at {need[1]} is known to {need[0].where()}"

    if least is not None and least[0].first > found.least:
        found = Fitting(least=least[0].first, most=found.most, restricted=restricted)
        reasons.append(line(least))
    # One that contradicts what is needed was misread, or is never run.
    if most is not None and found.least <= most[0].last:
        found = Fitting(least=found.least, most=most[0].last, restricted=restricted)
        reasons.append(line(most))
    if restricted:
        reasons.append("psql has to know \\restrict")
    return Fitting(least=found.least, most=found.most, restricted=restricted, why="; ".join(reasons) or found.why)
