"""Settings whose values are lists of names, as PostgreSQL writes and reads them."""

from __future__ import annotations

from collections.abc import Sequence

#: Settings whose values are lists of names, quoted one by one (GUC_LIST_QUOTE; pg_dumpall has the same list).
LISTS = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)


def split_list(value: str) -> Sequence[str]:
    """Split a list of quoted names as PostgreSQL does: ``"$user", public`` is ``$user`` and ``public``."""
    names: list[str] = []
    name, quoted, position = "", False, 0
    while position < len(value):
        character = value[position]
        if character == '"':
            if quoted and value[position + 1 : position + 2] == '"':
                name += '"'
                position += 1
            else:
                quoted = not quoted
        elif character == "," and not quoted:
            names.append(name)
            name = ""
        elif quoted or not character.isspace():
            name += character
        position += 1
    return [*names, name]
