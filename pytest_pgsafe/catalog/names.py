"""Names as the catalog's values have them, taken apart again."""

from __future__ import annotations

import re

_PART = re.compile(r'"((?:[^"]|"")+)"|([^".,\s]+)')


def parts(name: str) -> tuple[str, ...]:
    """Return the bare parts of a dotted name that quote_ident wrote: ``a."B.""c"`` is ``('a', 'B."c')``."""
    return tuple(found[1].replace('""', '"') if found[1] is not None else found[2] for found in _PART.finditer(name))


def bare(name: str) -> str:
    """Return the bare form of a name of one part, such as a role's: ``"My role"`` is ``My role``.

    :raises ValueError: the name has several parts.
    """
    [part] = parts(name)
    return part
