"""Roles of a cluster as pg_dumpall writes them: ``globals.sql`` of a backup, or the begin of a cluster's dump."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..catalog.names import unquoted
from ..catalog.values import Role
from ..server.lists import LISTS

_NAME = r'(?:"(?:[^"]|"")+"|[^\s",;()]+)'
_CREATE = re.compile(rf"^CREATE ROLE ({_NAME});$")
_ALTER = re.compile(rf"^ALTER ROLE ({_NAME}) WITH (.*);$")
_SET = re.compile(rf"^ALTER ROLE ({_NAME}) SET ({_NAME}) TO (.*);$")
_MEMBER = re.compile(rf"^GRANT ({_NAME}) TO ({_NAME})(?: WITH (.*?))?(?: GRANTED BY {_NAME})?;$")
_ATTRIBUTES = {
    "SUPERUSER": "superuser",
    "INHERIT": "inherit",
    "CREATEROLE": "create_role",
    "CREATEDB": "create_db",
    "LOGIN": "login",
    "REPLICATION": "replication",
    "BYPASSRLS": "bypass_rls",
}
_LIMIT = re.compile(r"CONNECTION LIMIT (-?\d+)")
#: What only a database's dump begins with.
_DATABASE = ("\\connect", "CREATE SCHEMA ", "CREATE TABLE ", "COPY ", "INSERT ")
_LITERAL = re.compile(r"E?'((?:[^']|'')*)'")


def of_globals(path: Path) -> Mapping[str, Role]:
    """Return the roles in what pg_dumpall wrote, by name as quote_ident writes it.

    The file is read, never run, and of a whole cluster's dump as far as its first database. Predefined roles and
    passwords are left out; so is what is set for one database.
    """
    found: dict[str, Role] = {}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith(_DATABASE):
                break
            _take(line.rstrip("\n"), found)
    return found


def _take(line: str, found: dict[str, Role]) -> None:
    if match := _CREATE.match(line):
        found[match[1]] = Role(name=match[1])
    elif (match := _ALTER.match(line)) and match[1] in found:
        # Without the password, which may hold any word.
        words = set(_LITERAL.sub("", match[2]).split())
        known: dict[str, Any] = {field: word in words for word, field in _ATTRIBUTES.items()}
        limit = _LIMIT.search(match[2])
        found[match[1]] = replace(found[match[1]], **known, connection_limit=-1 if limit is None else int(limit[1]))
    elif (match := _SET.match(line)) and match[1] in found:
        # As pg_db_role_setting has it: several names are quoted, one by one.
        values = [one.replace("''", "'") for one in _LITERAL.findall(match[3])]
        name = unquoted(match[2])
        listed = name.lower() in LISTS
        value = ", ".join(_quoted(one) if listed else one for one in values)
        role = found[match[1]]
        found[match[1]] = replace(role, settings=(*role.settings, f"{name}={value}"))
    elif (match := _MEMBER.match(line)) and match[2] in found:
        role, options = found[match[2]], match[3] or ""
        flags = ", admin" * ("ADMIN OPTION" in options) + ", no inherit" * (
            "INHERIT FALSE" in options or ("INHERIT TRUE" not in options and not role.inherit)
        )
        flags += ", no set" * ("SET FALSE" in options)
        found[match[2]] = replace(role, member_of=(*role.member_of, match[1] + flags))


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
