"""Copies of a stopped cluster, by the best way that the machine has: which one it is shows when it is tried.

A way is a file with a class ``Copy``, loaded by the keeper by its path: only the standard library.

- ``Copy(template, folder)``: the data directory that is only read, and the private folder of the server.
- ``attempt()`` raises OSError if the machine cannot do it here; nothing is left of the attempt.
- ``make(run)`` makes what the server starts from; ``run`` runs a program and returns its status and what it said.
- ``data`` is where the server finds its data directory, ``written`` where others find what the server wrote there.
- ``entered``: the server's process calls ``enter(owner, give)`` before it becomes the user that it shall be, its owner;
  ``give`` lets that one own a path.
"""

from __future__ import annotations

from . import overlay, plain, reflink

#: In the order in which they are tried; the last one always works.
WAYS = tuple(str(module.__file__) for module in (reflink, overlay, plain))


def ways(*, stays: bool) -> tuple[str, ...]:
    """Return the ways to copy a cluster.

    :param stays: it lies there, unchanged, as long as a copy of it runs: a copy may be a layer over it.
    """
    return tuple(way for way in WAYS if stays or way != overlay.__file__)
