"""What a run will cost, said before its first step: disk and time, from the size of the source and measured rates."""

from __future__ import annotations

from ..checks.evidence import size

#: Bytes of a source a second, on two cores (docs/measurements.md): backed up, restored and proven; compared with a
#: clone, where all of it is read.
_RESTORED, _READ = 28e6, 200e6
#: Seconds that a run takes whatever the source holds.
_LEAST = 2.0
#: Bytes of a server that holds nothing, with its WAL.
_EMPTY = 45 << 20


def costs(held: int, *, copies: int, kept: bool, read_all: bool) -> str | None:
    """Return a line for the head of the report; None where nothing is known of the size.

    :param held: bytes of the source.
    :param copies: as many times that are on disk at once, at most.
    :param kept: a base is there, so that nothing is restored.
    :param read_all: after the migration all is read again, and not only what was touched.
    """
    if not held:
        return None
    seconds = _LEAST + (0.0 if kept else held / _RESTORED) + (held / _READ if read_all else 0.0)
    time = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    disk = size(_EMPTY + copies * held)
    return (
        f"pgsafe expects: about {time} beside the migration's own runs (alone, beside others, broken off), and up to"
        f" {disk} of disk, for {size(held)}"
    )
