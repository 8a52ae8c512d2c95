"""Statements that write, run by a role from which row security hides rows of the table that they write."""

# ruff: noqa: S608 (names that quote_ident wrote)

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..catalog.names import bare, unquoted
from ..migrate.values import Statement
from ..reading.script import statements as split_statements
from .side import Side
from .values import Secluded

_WRITES = re.compile(r"\s*(?:with\b.*?\b)?(?:update|delete\s+from|insert\s+into|merge\s+into)\b", re.I | re.S)
_ROLE = re.compile(
    r"\s*(?:set\s+(?:local\s+|session\s+)?(?:role|session\s+authorization)\s*(?:=|to\b)?|(?P<reset>reset\s+role\b"
    r"|reset\s+session\s+authorization\b))\s*(?P<role>\"(?:[^\"]|\"\")+\"|'[^']+'|\w+)?",
    re.I,
)
#: It was set aside for a while, so that what it hides in the end says nothing of the statements.
_PAUSED = re.compile(r"\b(?:disable|no\s+force)\s+row\s+level\s+security\b", re.I)
_WORDS = re.compile(r'"(?:[^"]|"")+"|[\w$]+')


def tried(statements: Sequence[Statement], role: str | None, after: Side) -> Iterator[Secluded]:
    """Count on the copy after what the role that ran a statement sees of the table, and what is there.

    :param role: who ran the migration; None if that is not known.
    """
    tables = {name: one for name, one in after.catalog.tables.items() if one.row_security and not one.parents}
    if not tables or role is None or not after.superuser or any(_PAUSED.search(one.text) for one in statements):
        return
    roles: dict[str, str] = {}
    seen: dict[tuple[str, str], tuple[int, int] | None] = {}
    for one in statements:
        for text in split_statements(one.text) if one.error is None else ():
            switched = _ROLE.match(text)
            if switched is not None:
                name = (switched["role"] or "none").strip("'")
                back = switched["reset"] is not None or name.lower() in {"none", "default"}
                roles[one.session] = role if back else unquoted(name)
            if _WRITES.match(text) is None:
                continue
            words = {unquoted(word) for word in _WORDS.findall(text)}
            for table in sorted(name for name in tables if unquoted(bare(name)) in words):
                who = roles.get(one.session, role)
                if (who, table) not in seen:
                    seen[who, table] = _visible(after, who, table)
                found = seen[who, table]
                if found is not None and found[0] < found[1]:
                    yield Secluded(table=table, role=who, statement=text, visible=found[0], rows=found[1])


def _visible(after: Side, role: str, table: str) -> tuple[int, int] | None:
    """Return how many rows of a table a role sees, and how many there are; None where that cannot be told."""
    query = f"SELECT pg_catalog.count(*) FROM {table}"
    with after.trying():
        whole = after.counted(query)
        after.become('"' + role.replace('"', '""') + '"')
        visible = after.counted(query)
    return None if whole is None or visible is None else (visible, whole)
