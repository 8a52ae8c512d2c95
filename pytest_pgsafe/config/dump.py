"""What a plain dump looks like, to whoever has to tell one from SQL that somebody wrote."""

from __future__ import annotations

import re

#: The first words of pg_dump and pg_dumpall, behind nothing but other comments, psql's commands and empty lines.
_HEADER = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:--(?! PostgreSQL database )[^\n]*|\\[^\n]*)?\r?\n)*"
    rb"-- PostgreSQL database (?:cluster )?dump\s"
)

#: What pg_dump's archives begin with, and files that are packed by gzip, bzip2, xz, zstd, lz4 and zip.
_ARCHIVES = (
    b"PGDMP", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"PK\x03\x04"
)  # fmt: skip


def is_plain_dump(head: bytes) -> bool:
    """Tell whether a text begins as pg_dump and pg_dumpall begin a plain dump.

    :param head: its first 4096 bytes.
    """
    return _HEADER.match(head) is not None


def is_dump(head: bytes) -> bool:
    """Tell whether a file's first bytes are a dump's, whatever the file is called: an archive's, a packed one's too.

    :param head: its first 4096 bytes.
    """
    if head.startswith(_ARCHIVES) or head[257:262] == b"ustar":
        return True
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "ignore").encode()
    return is_plain_dump(head)
