"""``pgsafe pitr receive``: a server's WAL into an archive, as it is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError
from . import options
from .answer import Answer, give, progress

if TYPE_CHECKING:
    from ..pitr.wal import Lsn


@click.command("receive")
@options.source
@click.option("--archive", type=options.folder, required=True, help="The WAL archive.")
@click.option("--slot", metavar="NAME", help="A physical replication slot: the server keeps what was not received yet.")
@click.option("--create-slot", is_flag=True, help="Make the slot if there is none.")
@click.option("--until", metavar="LSN", help="Receive everything before this position, and end.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="End after so long.")
@options.config
@options.as_json
def command(
    *, source: str | None, archive: Path, slot: str | None, create_slot: bool, until: str | None,
    seconds: float | None, config: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Receive a server's WAL into an archive by pg_receivewal, until interrupted unless told otherwise."""
    from ..pitr.receive import receive
    from ..server import programs
    from ..server.connection import connect
    from ..server.version import Version

    end = None if until is None else _position(until)
    address = options.address(source, config)
    with connect(address) as session:
        # An older one cannot receive from a newer server.
        major = Version(session.info.server_version).major
    where = archive.expanduser().absolute()
    progress("receiving WAL")
    found = receive(
        address, where, programs.find(major, server=False), slot=slot, create=create_slot, until=end, seconds=seconds
    )
    there = found.archive
    begun = [] if there is None else [there.names[one] for one in there.partial]
    newest = there.segments[-1].name(there.size) if there is not None and there.segments else None
    lines = [f"received: {found.segments} segments in {found.seconds:.1f} s" + (f", to {newest}" if newest else "")]
    lines += [f"begun: {begun[-1]}"] if begun else []
    if slot is not None:
        lines.append(
            f"the server keeps WAL for the slot {slot} until it is received, or its disk is full; to end this:"
        )
        lines.append(f"select pg_drop_replication_slot('{slot}')")
    data = {"segments": found.segments, "newest": newest, "begun": begun[-1] if begun else None, "slot": slot}
    return give("pitr receive", Answer(passed=True, lines=lines, data=data), as_json=as_json)


def _position(text: str) -> Lsn:
    from ..pitr.wal import Lsn

    try:
        return Lsn.parse(text)
    except ValueError as error:
        raise ConfigError(str(error)) from error
