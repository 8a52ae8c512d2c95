"""One more copy of the source, as it was before the migration, for one more run of it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from ..errors import ServerError
from ..server.address import Address
from ..server.base import Server
from .restored import Restored
from .running import Runner


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """A copy, and how a migration is run there."""

    server: Server
    address: Address
    runner: Runner


@contextmanager
def fresh(restored: Restored, name: str) -> Generator[Fresh]:
    """Yield a copy that is gone afterwards: on a server of its own where that costs less than a clone.

    A kept base is what the restored copy was when its server was started, isolated and behind its hooks; since then
    it was only read.

    :param name: what it is for.
    :raises CopyError: it cannot be had.
    """
    with ExitStack() as held:
        server = _another(restored.server)
        if server is not None:
            held.enter_context(server)
            yield Fresh(
                server=server, address=server.address(restored.before.dbname),
                runner=replace(restored.runner, server=server),
            )  # fmt: skip
            return
        clone = restored.server.clone(restored.before, name)
        held.callback(restored.server.drop, clone)
        yield Fresh(server=restored.server, address=clone, runner=restored.runner)


def _another(server: Server) -> Server | None:
    if not server.layered:
        return None
    try:
        return server.another()
    except ServerError:
        # There may be no room for one more.
        return None
