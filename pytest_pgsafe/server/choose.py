"""Which scratch server: what was asked for, else what can be had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ..config.address import AddressError
from ..errors import ServerError
from . import engine, programs
from .address import Address
from .base import Kind, Server
from .cluster import Template
from .version import SUPPORTED


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A server that can be had, as far as can be told without starting it."""

    kind: Kind
    #: The folder, image or address.
    origin: str
    #: For people: why this one.
    reason: str
    #: The extensions that it can be given; None where that shows only when it runs.
    extensions: frozenset[str] | None = field(default=None, repr=False)
    #: Starts it; raises ServerError.
    start: Callable[[], Server] = field(repr=False, compare=False)
    #: Starts a copy of a stopped cluster (:meth:`.local.LocalServer.seal`); of local programs alone.
    copy: Callable[[Template], Server] | None = field(default=None, repr=False, compare=False)


def choose(
    use: str = "auto",
    *,
    major: int | None = None,
    image: str | None = None,
    bin_dir: Path | None = None,
    settings: Mapping[str, str] | None = None,
    keep: bool = False,
) -> Server:
    """Start a scratch server.

    :param use: ``auto``, ``container``, ``local``, or the URI of an existing server. ``auto``: a container if an engine
        answers and the image can be had, else programs of this machine.
    :param major: the source's; the server is of this major, else of a newer one. None: any will do.
    :param image: None is the official image of the major.
    :param bin_dir: the only folder of programs to look at.
    :param settings: of postgresql.conf, for a server of ours.
    :param keep: :meth:`Server.keep` may be called.
    :raises ServerError: none can be had; everything that was looked at, and the remedies.
    """
    return probe(use, major=major, image=image, bin_dir=bin_dir, settings=settings, keep=keep).start()


def probe(
    use: str = "auto",
    *,
    major: int | None = None,
    image: str | None = None,
    bin_dir: Path | None = None,
    settings: Mapping[str, str] | None = None,
    keep: bool = False,
) -> Choice:
    """Make the choice of :func:`choose` without starting or pulling anything.

    :raises ServerError: none can be had.
    """
    if use == "local":
        return _local(major, bin_dir, settings)
    if use == "container":
        return _container(major, image, settings, keep=keep)
    if use == "auto":
        try:
            choice = _container(major, image, settings, keep=keep)
        except ServerError as refused:
            return _local(major, bin_dir, settings, refused)

        return replace(choice, start=partial(_either, choice, major, bin_dir, settings))
    return _existing(use, major)


# A choice is handed to other processes: what starts its server is no closure.


def _either(choice: Choice, major: int | None, bin_dir: Path | None, settings: Mapping[str, str] | None) -> Server:
    try:
        return choice.start()
    except ServerError as refused:
        # The image was to be pulled and did not come, or does not start.
        return _local(major, bin_dir, settings, refused).start()


def _start_container(
    found: engine.Engine, name: str, *, settings: Mapping[str, str] | None, reason: str, keep: bool
) -> Server:
    from .container import ContainerServer

    return ContainerServer.start(found, name, settings=settings, reason=reason, keep=keep)


def _start_local(
    found: programs.LocalPrograms,
    template: Template | None = None,
    *,
    settings: Mapping[str, str] | None,
    reason: str,
) -> Server:
    from .local import LocalServer

    return LocalServer.start(found, settings=settings, reason=reason, template=template, enclosed=True)


def _start_existing(address: Address, *, major: int | None, reason: str) -> Server:
    from .existing import ExistingServer

    return ExistingServer.start(address, major=major, reason=reason)


def _container(major: int | None, image: str | None, settings: Mapping[str, str] | None, *, keep: bool) -> Choice:
    found = engine.find()
    name = f"postgres:{major or SUPPORTED[-1]}" if image is None else image
    state = engine.image_state(found, name)
    reason = f"{found.by} answers and the image is {state}"
    start = partial(_start_container, found, name, settings=settings, reason=reason, keep=keep)
    return Choice(kind="container", origin=f"image {name}", reason=reason, start=start)


def _local(
    major: int | None, bin_dir: Path | None, settings: Mapping[str, str] | None, refused: ServerError | None = None
) -> Choice:
    """Choose programs of this machine; ``refused`` is why it is no container."""
    try:
        found = programs.find(major, bin_dir=bin_dir)
    except ServerError as error:
        if refused is None:
            raise
        raise ServerError(
            f"no scratch server can be had: {refused.message}; {error.message}",
            looked_at=[*refused.looked_at, *error.looked_at],
            remedies=list(dict.fromkeys([*error.remedies, *refused.remedies])),
        ) from error
    reason = f"PostgreSQL {found.version} on this machine"
    if refused is not None:
        reason += f"; {refused.message}"
    start = partial(_start_local, found, settings=settings, reason=reason)
    return Choice(
        kind="local", origin=found.origin, reason=reason, extensions=found.extensions(), start=start, copy=start
    )


def _existing(use: str, major: int | None) -> Choice:
    from .existing import ExistingServer

    try:
        address = Address.parse(use)
    except AddressError as error:
        raise ServerError(
            f"the scratch server is none of auto, container, local, nor a URI: it is {error}",
            remedies=[
                *error.remedies,
                "--pgsafe-server=postgresql://USER@HOST/postgres (the password in a passfile or service)",
            ],
        ) from error
    reason = "the server that was named"
    with ExistingServer.start(address, major=major, reason=reason) as server:
        origin = server.describe()["origin"]
        there = server.extensions()
    return Choice(
        kind="existing",
        origin=origin,
        reason=reason,
        extensions=there,
        start=partial(_start_existing, address, major=major, reason=reason),
    )
