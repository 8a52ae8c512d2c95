"""Loading hundreds of modules without Python's garbage collector looking through all of them again and again."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Generator[None]:
    """Import what stays until the end of the process: it is no garbage, and is not looked through any more.

    The collector looks at what was garbage before first, so that nothing is hidden from it; it works afterwards as it
    did. Where it is switched off it stays so, and nothing else is done.
    """
    if not gc.isenabled():
        yield
        return
    gc.collect()
    gc.disable()
    loaded = len(sys.modules)
    try:
        yield
    finally:
        gc.enable()
    # pytest has it look through everything several times at its end. What is there besides, when all was loaded before,
    # would never be garbage: the results of a fleet's members.
    if len(sys.modules) > loaded:
        gc.freeze()
