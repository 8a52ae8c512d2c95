"""Keeping a base, and finding one: what cannot be proven to be what was kept is never used."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ..errors import CopyError
from ..server.cluster import Template
from ..server.programs import LocalPrograms
from . import cluster, manifest, place, proof, room
from .values import About, Base, Identity

#: How far clocks of two machines may be apart.
_CLOCKS = timedelta(hours=1)


@dataclass
class Held:
    """A base in use: it was whole when it was taken, and nobody removes it as long as it is held."""

    base: Base
    template: Template
    #: What whoever built it knows of it.
    state: bytes = field(repr=False)
    handle: int

    def release(self) -> None:
        """Let it go. Safe to call twice."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1


def find(
    identity: Identity,
    *,
    max_age: float | None = None,
    fits: Callable[[bytes], bool] = lambda _: True,
    report: Callable[[str], None] = lambda _: None,
) -> Held | None:
    """Return the youngest base that is this identity's, whole and young enough; None if there is none.

    One that is not whole is removed.

    :param max_age: seconds that what it holds may be old; None is any age.
    :param fits: whether it still is what is wanted, by its state.
    :param report: is given a line for people about each that is not whole.
    """
    now = datetime.now(timezone.utc)
    own = [base for base in place.bases() if base.key == identity.key]
    for base in sorted(own, key=lambda one: one.about.moment, reverse=True):
        if max_age is not None and not -_CLOCKS <= now - base.about.moment <= timedelta(seconds=max_age):
            continue
        handle = place.hold(base.folder)
        if handle is None:
            continue
        held = None
        try:
            held, faults = _opened(base, handle, fits)
        finally:
            if held is None:
                os.close(handle)
        if held is not None:
            place.touch(base.folder)
            return held
        if faults:
            report(f"the base {base.folder.name} is damaged and not used: {faults[0]}")
            place.remove(base.folder)
    return None


def _opened(base: Base, handle: int, fits: Callable[[bytes], bool]) -> tuple[Held | None, tuple[str, ...]]:
    """Return a base if it is whole and fits, else what is wrong with it."""
    try:
        said = manifest.load(base.folder)
        state = (base.folder / manifest.STATE).read_bytes()
    except (CopyError, OSError) as error:
        return None, (str(error),)
    # The files first: what is damaged is not to be believed.
    if faults := proof.faults(base.folder, said):
        return None, faults
    if said.key != base.key or not fits(state):
        return None, ()
    template = Template(data=base.folder / manifest.DATA, password=said.password, stays=True)
    return Held(base=base, template=template, state=state, handle=handle), ()


def put(
    identity: Identity, about: About, sealed: Template, state: bytes, programs: LocalPrograms, *, most: int
) -> Held:
    """Keep the cluster of a server that was stopped: it is moved. Bases that it replaces, or has no room beside, go.

    :param sealed: of :meth:`~..server.local.LocalServer.seal`.
    :param state: what is to be known of it later.
    :param most: bytes that all bases together may have; this one stays while it is held.
    :raises CopyError: it cannot be kept; the cluster may be lost.
    """
    folder, handle = place.fresh(identity.key)
    try:
        cluster.take(sealed.data, folder / manifest.DATA, programs)
        _written(folder / manifest.STATE, state)
        read = datetime.now(timezone.utc)
        there, folders = manifest.entries(folder)
        states = proof.states(there)
        files = manifest.read(folder, [folder / name for name in there])
        said = manifest.Manifest(
            format=manifest.FORMAT, key=identity.key, about=about, password=sealed.password, files=files,
            folders=folders,
        )  # fmt: skip
        proof.write(folder, states, read)
        manifest.write(folder, said)
        folder = place.finish(folder, handle)
    except OSError as error:
        os.close(handle)
        place.remove(folder)
        raise CopyError("the base cannot be kept", looked_at=[str(error)]) from error
    except BaseException:
        os.close(handle)
        place.remove(folder)
        raise
    for base in place.bases():
        if base.key == identity.key and base.folder != folder:
            place.remove(base.folder)
    room.prune(most, spared=[folder])
    base = Base(folder=folder, key=identity.key, about=about, bytes=said.bytes, used=about.built)
    template = Template(data=folder / manifest.DATA, password=sealed.password, stays=True)
    return Held(base=base, template=template, state=state, handle=handle)


def _written(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
