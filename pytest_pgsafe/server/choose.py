"""Which scratch server: what was asked for, else what can be had."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ..config.address import AddressError
from ..errors import ServerError
from . import engine, nameless, preload, programs
from .address import Address
from .base import Kind, Server
from .cluster import Template
from .connection import connect
from .fitting import Fitting
from .owned import RESTORING
from .version import Version


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A server that can be had, as far as can be told without starting it."""

    kind: Kind
    #: The folder, image or address.
    origin: str
    #: For people: why this one.
    reason: str
    #: None where that shows only when it runs.
    version: Version | None = None
    #: The extensions that it can be given; None where that shows only when it runs.
    extensions: frozenset[str] | None = field(default=None, repr=False)
    #: The libraries that an existing server has loaded when it started; None where that cannot be known.
    preloaded: tuple[str, ...] | None = ()
    #: Starts it; raises ServerError.
    start: Callable[[], Server] = field(repr=False, compare=False)
    #: Starts it for a restore alone, of which copies are started then; of local programs alone.
    restoring: Callable[[], Server] | None = field(default=None, repr=False, compare=False)
    #: Starts a copy of a stopped cluster (:meth:`.local.LocalServer.seal`); of local programs alone.
    copy: Callable[[Template], Server] | None = field(default=None, repr=False, compare=False)
    #: Says in which way it would be copied, for people; of local programs alone.
    copied: Callable[[Template], str] | None = field(default=None, repr=False, compare=False)

    def check_libraries(self, needed: Collection[str], configured: Sequence[str]) -> None:
        """Say which libraries it would have to load, before anything is restored into it.

        :param needed: extensions of the source.
        :param configured: ``[server] preload``, which an existing server is not given.
        :raises ServerError: with the remedy.
        """
        ours = self.kind != "existing"
        preload.check(needed, configured if ours else self.preloaded, ours=ours, origin=self.origin)


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """The source's major, None where it says none, and what fits then."""

    major: int | None
    fitting: Fitting
    #: No other major will do.
    exact: bool = False

    @property
    def image(self) -> int:
        """The major of the image."""
        return self.major or self.fitting.most

    def remark(self, version: Version) -> str:
        """Say why it is a server of this version, where that is not plain."""
        if self.major is not None:
            return "" if version.major == self.major else f"; none of PostgreSQL {self.major} was found"
        if self.fitting.fits(version):
            return f"; the newest that fits the source: {self.fitting.why}"
        return f"; none that fits the source was found: {self.fitting.why}"


def choose(
    use: str = "auto",
    *,
    major: int | None = None,
    fitting: Fitting | None = None,
    image: str | None = None,
    bin_dir: Path | None = None,
    settings: Mapping[str, str] | None = None,
    keep: bool = False,
    superuser: bool = False,
) -> Server:
    """Start a scratch server.

    :param use: ``auto``, ``container``, ``local``, or the URI of an existing server. ``auto``: a container if an engine
        answers and the image can be had, else programs of this machine.
    :param major: the source's; the server is of this major, else of a newer one. None: the newest that fits.
    :param fitting: which majors fit; None are all.
    :param image: None is the official image of the major.
    :param bin_dir: the only folder of programs to look at.
    :param settings: of postgresql.conf, for a server of ours.
    :param keep: :meth:`Server.keep` may be called.
    :param superuser: what a dump of others holds may run as a superuser of an existing server.
    :raises ServerError: none can be had; everything that was looked at, and the remedies.
    """
    return probe(
        use,
        major=major,
        fitting=fitting,
        image=image,
        bin_dir=bin_dir,
        settings=settings,
        keep=keep,
        superuser=superuser,
    ).start()


def probe(
    use: str = "auto",
    *,
    major: int | None = None,
    fitting: Fitting | None = None,
    image: str | None = None,
    bin_dir: Path | None = None,
    settings: Mapping[str, str] | None = None,
    keep: bool = False,
    superuser: bool = False,
    socket: str | None = None,
    exact: bool = False,
) -> Choice:
    """Make the choice of :func:`choose` without starting or pulling anything.

    :param exact: no newer major than this one will do. An image that was named tells its own when it runs.
    :param socket: the folder of the source's socket, which no container reaches: ``auto`` is local programs then.
    :raises ServerError: none can be had.
    """
    wanted = _Wanted(major=major, fitting=fitting or Fitting(), exact=exact)
    if use == "local":
        return _local(wanted, bin_dir, settings)
    if use in {"auto", "container"} and socket is not None:
        return _beside(use, socket, wanted, bin_dir, settings)
    if use == "container":
        return _container(wanted, image, settings, keep=keep)
    if use == "auto":
        try:
            choice = _container(wanted, image, settings, keep=keep)
        except ServerError as refused:
            return _local(wanted, bin_dir, settings, refused)

        return replace(choice, start=partial(_either, choice, wanted, bin_dir, settings))
    choice = _existing(use, major, superuser=superuser)
    if exact and major is not None and choice.version is not None:
        check_major(choice.version, major, choice.origin)
    return choice


def check_major(version: Version, major: int, origin: str) -> None:
    """Say that a server is of another major than the one that is asked for.

    :raises ServerError: it is.
    """
    if version.major != major:
        raise ServerError(
            f"the scratch server is PostgreSQL {version}, and {major} is asked for",
            looked_at=[origin],
            remedies=[f"name a server or an image of PostgreSQL {major}, or leave it to --pgsafe-server=auto"],
        )


def _beside(use: str, socket: str, wanted: _Wanted, bin_dir: Path | None, settings: Mapping[str, str] | None) -> Choice:
    """Choose for a source on a socket of this machine."""
    refused = ServerError(
        f"the source's socket {socket} cannot be reached from a container",
        remedies=["name the source by host=localhost, if its server listens there", "--pgsafe-server=local"],
    )
    if use == "container":
        raise refused
    return _local(wanted, bin_dir, settings, refused)


# A choice is handed to other processes: what starts its server is no closure.


def _either(choice: Choice, wanted: _Wanted, bin_dir: Path | None, settings: Mapping[str, str] | None) -> Server:
    try:
        return choice.start()
    except ServerError as refused:
        # The image was to be pulled and did not come, or does not start.
        return _local(wanted, bin_dir, settings, refused).start()


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


def _copied(found: programs.LocalPrograms, template: Template) -> str:
    from .local import LocalServer

    return LocalServer.probe_copy(found, template)


def _start_existing(address: Address, *, major: int | None, reason: str, superuser: bool) -> Server:
    from .existing import ExistingServer

    return ExistingServer.start(address, major=major, reason=reason, superuser=superuser)


def _container(wanted: _Wanted, image: str | None, settings: Mapping[str, str] | None, *, keep: bool) -> Choice:
    found = engine.find()
    name = f"postgres:{wanted.image}" if image is None else image
    state = engine.image_state(found, name)
    reason = f"{found.by} answers and the image is {state}"
    if wanted.major is None and image is None:
        reason += f"; PostgreSQL {wanted.image} is the newest that fits the source: {wanted.fitting.why}"
    start = partial(_start_container, found, name, settings=settings, reason=reason, keep=keep)
    return Choice(kind="container", origin=f"image {name}", reason=reason, start=start)


def _local(
    wanted: _Wanted, bin_dir: Path | None, settings: Mapping[str, str] | None, refused: ServerError | None = None
) -> Choice:
    """Choose programs of this machine; ``refused`` is why it is no container."""
    try:
        found = programs.find(wanted.major, bin_dir=bin_dir, fitting=wanted.fitting, exact=wanted.exact)
        nameless.check()
    except ServerError as error:
        if refused is None:
            raise
        raise ServerError(
            f"no scratch server can be had: {refused.message}; {error.message}",
            looked_at=[*refused.looked_at, *error.looked_at],
            remedies=list(dict.fromkeys([*error.remedies, *refused.remedies])),
        ) from error
    reason = f"PostgreSQL {found.version} on this machine{wanted.remark(found.version)}"
    if refused is not None:
        reason += f"; {refused.message}"
    start = partial(_start_local, found, settings=settings, reason=reason)
    return Choice(
        kind="local", origin=found.origin, reason=reason, version=found.version, extensions=found.extensions(),
        start=start, copy=start, copied=partial(_copied, found),
        restoring=partial(_start_local, found, settings={**(settings or {}), **RESTORING}, reason=reason),
    )  # fmt: skip


def _existing(use: str, major: int | None, *, superuser: bool) -> Choice:
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
        there, version = server.extensions(), server.version
        with connect(server.address()) as session:
            preloaded = preload.loaded(session)
    return Choice(
        kind="existing",
        origin=origin,
        reason=reason,
        version=version,
        extensions=there,
        preloaded=preloaded,
        start=partial(_start_existing, address, major=major, reason=reason, superuser=superuser),
    )
