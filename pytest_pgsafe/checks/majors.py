"""A copy on another major than its source: what the statements of the migration may do otherwise there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ..reading.majors import Behaviour, Feature, Shape, behaviours, features, made, shapes
from ..reading.values import Cited
from ..server.version import Version
from ..upgrade.values import Upgrade
from .values import Check, Finding, Severity

#: What findings and the list of what was not verified call it.
OBJECT = "server version"


def reason(source: str, server: str) -> str:
    """Say why nothing is proven of what depends on the major."""
    return (
        f"the copy is on PostgreSQL {server}, and the source is {source}: "
        "what the two do otherwise was not tried on the source's"
    )


def judge(
    source: str,
    server: str,
    statements: Iterable[Cited],
    texts: Iterable[str],
    functions: Mapping[str, str],
    *,
    strict: bool,
) -> tuple[Finding, ...]:
    """Return nothing where both are of one major, else the warning, and what is known of these statements.

    :param source: the version of the server that is to be migrated.
    :param server: of the one that the copy is on.
    :param statements: of the migration, as they are cited, and ``texts`` in full.
    :param functions: of the database, which the migration may run: their definitions by name.
    """
    old, new = _major(source), _major(server)
    if old == new:
        return ()
    read = [(cited, shape) for cited, text in zip(statements, texts, strict=True) for shape in shapes(text)]
    own = {name.partition("(")[0].rpartition(".")[2].strip('"') for name in functions}
    own |= {name for _, shape in read if (name := made(shape)) is not None}
    weight = Severity.ERROR if strict else Severity.WARNING
    found: dict[tuple[str, str], Finding] = {}
    for cited, shape in read:
        for feature in _foreign(shape, old, new, own):
            told = f"{feature.name} is known to {feature.where()}, and the source is {source}: it fails there"
            severity = Severity.ERROR
            if feature.within(old):
                told = f"{feature.name} is known to {feature.where()}, and the copy is on {server}: it fails here alone"
                severity = weight
            finding = ANOTHER_MAJOR.finding(OBJECT, told, severity=severity, aspect=feature.name)
            found.setdefault((feature.name, ""), replace(finding, statement=cited))
        for one in _otherwise(shape, old, new):
            finding = ANOTHER_MAJOR.finding(OBJECT, one.effect, severity=weight, aspect=one.name)
            found.setdefault((one.name, cited.text), replace(finding, statement=cited))
    for finding in of_functions(source, server, functions, severity=weight):
        found[str(finding.aspect), finding.object] = finding
    more = "of what its statements hold nothing is known to behave otherwise"
    if found:
        more = f"{len(found)} thing{'s' * (len(found) > 1)} in it or in the database's functions may behave otherwise"
    told = f"it was rehearsed on PostgreSQL {server}, and the source is {source}; {more}"
    return (ANOTHER_MAJOR.finding(OBJECT, told, severity=weight, before=source, after=server), *found.values())


def of_functions(
    source: str, server: str, functions: Mapping[str, str], *, severity: Severity = Severity.WARNING
) -> Iterator[Finding]:
    """Yield what of a database's functions two majors are known to do otherwise, or the newer one not at all."""
    old, new = _major(source), _major(server)
    for name, text in functions.items():
        read = list(shapes(text))
        for feature in {one.name: one for shape in read for one in features(shape) if one.gone}.values():
            if feature.within(old) and not feature.within(new):
                told = f"the function {name} names {feature.name}, which is known to {feature.where()}: it fails there"
                yield ANOTHER_MAJOR.finding(name, told, severity=severity, aspect=feature.name)
        for one in {one.name: one for shape in read for one in _otherwise(shape, old, new)}.values():
            told = f"the function {name} may do otherwise: {one.effect}"
            yield ANOTHER_MAJOR.finding(name, told, severity=severity, aspect=one.name)


def names_missing(upgrade: Upgrade) -> Iterator[Finding]:
    """Yield a warning for each thing that a function names and only the source's server has: both were asked."""
    for one in upgrade.missing:
        told = f"the function {one.function} names {one.named}, which PostgreSQL {upgrade.server} has no more"
        finding = ANOTHER_MAJOR.finding(one.function, f"{told}: it fails there", aspect=one.named)
        yield replace(finding, check="major")


def _foreign(shape: Shape, old: int, new: int, own: set[str]) -> Iterator[Feature]:
    for feature in features(shape):
        if feature.within(old) != feature.within(new) and feature.function not in own:
            yield feature


def _otherwise(shape: Shape, old: int, new: int) -> Iterator[Behaviour]:
    return (one for one in behaviours(shape) if one.between(old, new))


def _major(version: str) -> int:
    return Version.parse(version).major


ANOTHER_MAJOR = Check(
    code="PGS015",
    check="restore",
    name="another-major",
    severity=Severity.WARNING,
    condition=(
        "The copy is on another major of PostgreSQL than the source, since none of the source's could be had. What the "
        "statements hold that the two are known to do otherwise is told; it is an error under strict, and where the "
        "source's major does not know the statement at all. Where the next major was asked for, this is told of the "
        "database's functions alone, by the item major: also what they name of PostgreSQL's or an extension's own and "
        "is not there any more."
    ),
    effect="The migration may do otherwise in production than in the rehearsal, or fail there.",
    remedy=(
        "Rehearse on the source's major: install its programs (Debian: postgresql-MAJOR), or name an image "
        "(--pgsafe-image) or a server (--pgsafe-server) that has it."
    ),
)
CHECKS = (ANOTHER_MAJOR,)
