"""What a plain dump looks like, to whoever has to tell one from SQL that somebody wrote."""

from __future__ import annotations

import re

#: The first words of pg_dump and pg_dumpall, behind nothing but other comments, psql's commands and empty lines.
_HEADER = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:--(?! PostgreSQL database )[^\n]*|\\[^\n]*)?\r?\n)*"
    rb"-- PostgreSQL database (?:cluster )?dump\s"
)


def is_plain_dump(head: bytes) -> bool:
    """Tell whether a text begins as pg_dump and pg_dumpall begin a plain dump.

    :param head: its first 4096 bytes.
    """
    return _HEADER.match(head) is not None
