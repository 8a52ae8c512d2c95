"""What a statement of a dump, or a command of psql in it, is about: roles, databases, extensions, what is outside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from .script import Piece, name_of

#: What a script does besides filling the database that it is run in. ``shell``: a program; ``file``: reads or writes a
#: file; ``connection``: another database; ``database``: one is made, changed or dropped; ``cluster``: roles,
#: tablespaces, the server's settings; ``command``: any other command of psql that is not one of printing.
What = Literal["shell", "file", "connection", "database", "cluster", "command"]

_TOKEN = re.compile(
    r"""(?:[eEuUbBxX]&?)?'(?:[^'\\]|\\.|'')*'|(?P<dollar>\$\w*\$).*?(?P=dollar)|"(?:[^"]|"")*"|[^\W\d][\w$]*|\S""",
    re.DOTALL,
)
_ROLE_MADE = re.compile(r"""create\s+(?:role|user|group)\s+(?:"((?:[^"]|"")+)"|([^\W\d][\w$]*))""", re.IGNORECASE)
#: Words that stand where a role may.
_NO_ROLES = frozenset({"public", "current_user", "session_user", "current_role", "default", "none", "user"})
#: Commands of psql that print, or change how it prints.
_PRINTING = frozenset(
    {
        "echo", "qecho", "warn", "timing", "pset", "x", "a", "t", "H", "C", "f", "T", "r", "reset", "p", "print",
        "conninfo", "encoding", "restrict", "unrestrict", "prompt", "errverbose", "copyright", "q", "quit",
    }
)  # fmt: skip
_VARIABLES = frozenset(
    {"ON_ERROR_STOP", "ECHO", "QUIET", "VERBOSITY", "ON_ERROR_ROLLBACK", "SHOW_CONTEXT", "FETCH_COUNT", "AUTOCOMMIT"}
)
_FILES = frozenset(
    {"i", "ir", "include", "include_relative", "lo_import", "lo_export", "w", "write", "o", "out", "s", "e", "edit"}
)
_SENDS = frozenset({"g", "gx"})
#: Characters of a statement that are looked at: names stand before any body.
_SEEN = 1 << 14
#: Settings that pg_dump writes and older servers do not know, with the first major that does.
SETTINGS_SINCE = {"transaction_timeout": 17, "default_toast_compression": 14}


@dataclass(frozen=True, slots=True)
class Outside:
    """Something that a script would do besides filling its database."""

    what: What
    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Read:
    """What a piece of a script is about."""

    #: The database that is connected to, made, altered or dropped.
    database: str | None = None
    outside: What | None = None
    #: ``ALTER DATABASE … SET``: what the sessions of a database begin with.
    configures: bool = False
    #: An owner or a privilege: what ``--no-owner`` leaves out.
    ownership: bool = False
    roles: tuple[str, ...] = ()
    #: Those of them that own something: who restores has to be a member of them.
    owners: tuple[str, ...] = ()
    #: What only a superuser may make, for people; None where anybody may.
    superuser: str | None = None
    #: Roles without which the statement fails, and that no option leaves out: of policies and user mappings.
    bound: tuple[str, ...] = ()
    #: Roles that are made.
    made: tuple[str, ...] = ()
    extension: str | None = None
    setting: str | None = None
    schema: str | None = None
    #: Makes what every database has: PL/pgSQL, as dumps of old servers do.
    inherent: bool = False
    #: Whether it makes a table.
    table: bool = False
    #: Whether it makes something in the database, or fills it.
    fills: bool = False
    #: Drops something, or a part of it, as ``--clean`` does at the beginning.
    drops: bool = False
    #: Cannot be part of a transaction, or ends it.
    alone: bool = False


def read(piece: Piece) -> Read:
    """Tell what a piece is about."""
    if piece.kind == "command":
        return _command(piece.text)
    if piece.kind == "rows":
        return Read(fills=True)
    return statement(piece.text) if piece.kind == "statement" else Read()


def statement(text: str) -> Read:
    """Tell what a statement is about, written as pg_dump writes or in any other way that PostgreSQL reads."""
    head = text[:24].split(None, 1)
    first = head[0].lower() if head else ""
    if first == "insert":
        return Read(fills=True)
    if first == "do":
        return Read(made=tuple(_made_inside(text)))
    reader: Callable[[_Words], Read] | None = _READERS.get(first.strip('(;"'))
    return Read() if reader is None else reader(_Words(text[:_SEEN]))


class _Words:
    """The words of a statement: names as they are meant, everything else in lower case."""

    def __init__(self, text: str) -> None:
        raw = [found.group() for found in _TOKEN.finditer(text)]
        self.words: list[str] = [word if word[0] in "\"'" else word.lower() for word in raw]

    def at(self, *phrase: str, start: int = 0) -> bool:
        return self.words[start : start + len(phrase)] == list(phrase)

    def find(self, word: str, start: int = 0) -> int:
        """Return the place of a word, -1 if it is not there."""
        try:
            return self.words.index(word, start)
        except ValueError:
            return -1

    def last(self, word: str) -> int:
        return len(self.words) - 1 - self.words[::-1].index(word) if word in self.words else -1

    def name(self, at: int) -> str | None:
        """Return the name at a place as it is meant."""
        if not 0 <= at < len(self.words):
            return None
        word = self.words[at]
        if word.startswith('"'):
            return word[1:-1].replace('""', '"')
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        return word if re.match(r"[^\W\d]", word) else None

    def roles(self, at: int) -> tuple[str, ...]:
        """Return the roles of a list that begins at a place."""
        found: list[str] = []
        while True:
            if self.at("group", start=at) and at + 1 < len(self.words) and self.words[at + 1] not in {",", ";"}:
                at += 1
            name = self.name(at)
            if name is None:
                break
            quoted = self.words[at].startswith('"')
            if quoted or (name not in _NO_ROLES and not name.startswith("pg_")):
                found.append(name)
            at += 1
            if not self.at(",", start=at):
                break
            at += 1
        return tuple(name for name in found if not name.startswith("pg_"))

    def after(self, *phrase: str) -> int:
        """Return the place behind a phrase, -1 if it is not there."""
        start = self.find(phrase[0])
        while start >= 0:
            if self.at(*phrase, start=start):
                return start + len(phrase)
            start = self.find(phrase[0], start + 1)
        return -1

    def skip(self, at: int, *phrases: tuple[str, ...]) -> int:
        """Go past each phrase that stands there."""
        for phrase in phrases:
            if self.at(*phrase, start=at):
                at += len(phrase)
        return at


_EXISTS = (("if", "exists"), ("if", "not", "exists"))


def _create(words: _Words) -> Read:  # noqa: PLR0911 (one for each kind)
    at = words.skip(1, ("or", "replace"))
    kind = words.words[at] if at < len(words.words) else ""
    if kind == "database":
        return Read(database=words.name(at + 1), outside="database", alone=True)
    if kind in {"role", "user", "group"} and not words.at("user", "mapping", start=at):
        return Read(made=words.roles(at + 1), outside="cluster")
    if kind == "tablespace":
        return Read(outside="cluster", alone=True)
    if kind == "user":
        return Read(bound=words.roles(words.skip(at + 2, ("if", "not", "exists"), ("for",))), fills=True)
    if "language" in words.words[at : at + 3] and "plpgsql" in words.words[at : at + 4]:
        return Read(inherent=True)
    if kind == "extension" and words.name(at + 1) == "plpgsql":
        return Read(inherent=True)
    if kind == "extension":
        return Read(extension=words.name(words.skip(at + 1, *_EXISTS)), fills=True)
    if kind == "policy":
        return Read(bound=_policy(words), fills=True)
    if words.at("event", "trigger", start=at) or words.at("foreign", "data", "wrapper", start=at):
        name = words.name(at + (2 if kind == "event" else 3))
        return Read(fills=True, superuser=f"{'event trigger' if kind == 'event' else 'foreign-data wrapper'} {name}")
    if kind == "schema":
        at = words.skip(at + 1, *_EXISTS)
        by = words.find("authorization", at)
        name = None if words.at("authorization", start=at) else words.name(at)
        owners = () if by < 0 else words.roles(by + 1)
        return Read(schema=name, roles=owners, owners=owners, fills=True)
    alone = words.find("concurrently", 1) > 0 or kind == "subscription"
    return Read(fills=True, alone=alone, table="table" in words.words[at : at + 3])


def _policy(words: _Words) -> tuple[str, ...]:
    stop = min((at for at in (words.find("using"), words.find("check")) if at >= 0), default=len(words.words))
    at = words.find("to")
    return words.roles(at + 1) if 0 <= at < stop else ()


def _alter(words: _Words) -> Read:  # noqa: PLR0911 (one for each kind)
    kind = words.words[1] if len(words.words) > 1 else ""
    if kind == "database":
        configures = words.at("reset", start=3) or (
            words.at("set", start=3) and not words.at("set", "tablespace", start=3)
        )
        return Read(database=words.name(2), outside="database", configures=configures)
    if kind == "system":
        return Read(outside="cluster", alone=True)
    if kind in {"role", "user", "group"} and not words.at("user", "mapping", start=1):
        return Read(outside="cluster")
    if kind == "tablespace":
        return Read(outside="cluster")
    if kind == "default":
        return Read(ownership=True, roles=_default_privileges(words), owners=_of_default_privileges(words))
    if kind == "user":
        return Read(bound=words.roles(4))
    if kind == "policy":
        return Read(bound=_policy(words))
    special = f"event trigger {words.name(3)}" if kind == "event" else None
    owner = words.last("owner")
    if owner > 0 and words.at("owner", "to", start=owner) and owner + 3 >= len(words.words):
        return Read(ownership=True, roles=words.roles(owner + 2), owners=words.roles(owner + 2), superuser=special)
    drops = "drop" in words.words[2:] and kind in {"table", "domain", "type", "foreign", "index"}
    return Read(drops=drops, superuser=special)


def _default_privileges(words: _Words) -> tuple[str, ...]:
    return _of_default_privileges(words) + _granted(words)


def _of_default_privileges(words: _Words) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    for keyword in ("role", "user"):
        if (at := words.after("for", keyword)) > 0:
            found += words.roles(at)
    return found


def _granted(words: _Words) -> tuple[str, ...]:
    given = max(words.last("to"), words.last("from"))
    by = words.after("granted", "by")
    return (words.roles(given + 1) if given > 0 else ()) + (words.roles(by) if by > 0 else ())


def _grant(words: _Words) -> Read:
    on = words.find("on")
    if on < 0:
        # Membership of roles.
        return Read(outside="cluster", ownership=True, roles=words.roles(1) + _granted(words))
    if words.at("database", start=on + 1):
        return Read(database=words.name(on + 2), outside="database", ownership=True, roles=_granted(words))
    if words.at("tablespace", start=on + 1) or words.at("parameter", start=on + 1):
        return Read(outside="cluster", ownership=True, roles=_granted(words))
    return Read(ownership=True, roles=_granted(words))


def _drop(words: _Words) -> Read:
    kind = words.words[1] if len(words.words) > 1 else ""
    at = words.skip(2, ("if", "exists"))
    if kind == "database":
        return Read(database=words.name(at), outside="database", alone=True)
    if (kind in {"role", "group"}) or (kind == "user" and not words.at("mapping", start=2)) or kind == "tablespace":
        return Read(outside="cluster", alone=kind == "tablespace")
    if kind == "owned":
        return Read(drops=True, roles=words.roles(words.after("by")))
    return Read(drops=True)


def _comment(words: _Words) -> Read:
    on = words.find("on")
    if words.at("on", "database", start=on):
        return Read(database=words.name(on + 2), outside="database")
    if words.at("on", "extension", "plpgsql", start=on) or words.at("on", "event", "trigger", start=on):
        return Read(superuser="comment on " + " ".join(words.words[on + 1 : words.find("is", on)]))
    if words.at("on", "role", start=on) or words.at("on", "tablespace", start=on):
        return Read(outside="cluster")
    return Read()


def _set(words: _Words) -> Read:
    at = words.skip(1, ("session",), ("local",))
    if words.at("authorization", start=at):
        return Read(ownership=True, roles=words.roles(at + 1), owners=words.roles(at + 1))
    if words.at("role", start=at):
        roles = words.roles(words.skip(at + 1, ("=",), ("to",)))
        return Read(ownership=True, roles=roles, owners=roles)
    return Read(setting=words.name(at))


def _reset(words: _Words) -> Read:
    return Read(ownership=words.at("role", start=1) or words.at("session", "authorization", start=1))


def _copy(words: _Words) -> Read:
    depth = 0
    for at, word in enumerate(words.words):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word in {"from", "to"} and at + 1 < len(words.words):
            if words.at("program", start=at + 1):
                return Read(outside="shell", fills=True)
            if words.words[at + 1] not in {"stdin", "stdout"}:
                return Read(outside="file", fills=True)
    return Read(fills=words.find("stdin") > 0)


def _update(words: _Words) -> Read:
    catalog = words.at("pg_catalog", ".", "pg_database", start=1) or words.at("pg_database", start=1)
    # How a template is marked by old versions of pg_dumpall.
    name = None
    if catalog and (at := words.after("datname", "=")) > 0:
        name = words.name(at)
    return Read(outside="database", database=name) if catalog else Read(fills=True)


def _select(words: _Words) -> Read:
    if (at := words.find("set_config")) > 0 and at < 5:
        return Read(setting=words.name(at + 2))
    return Read()


def _alone(_: _Words) -> Read:
    return Read(alone=True)


def _reindex(words: _Words) -> Read:
    return Read(alone="concurrently" in words.words)


def _made_inside(text: str) -> Iterator[str]:
    """Yield roles that a DO block makes, as far as its text names them."""
    for found in _ROLE_MADE.finditer(text):
        yield found[1].replace('""', '"') if found[1] is not None else found[2].lower()


def _reassign(words: _Words) -> Read:
    return Read(ownership=True, roles=words.roles(words.after("by")) + words.roles(words.after("to")))


_READERS: dict[str, Callable[[_Words], Read]] = {
    "create": _create, "alter": _alter, "grant": _grant, "revoke": _grant, "drop": _drop, "comment": _comment,
    "security": _comment, "set": _set, "reset": _reset, "copy": _copy, "update": _update, "select": _select,
    "begin": _alone, "start": _alone, "commit": _alone, "end": _alone, "rollback": _alone, "abort": _alone,
    "vacuum": _alone, "reindex": _reindex, "reassign": _reassign, "import": lambda _: Read(fills=True),
    "delete": lambda _: Read(fills=True), "merge": lambda _: Read(fills=True),
}  # fmt: skip
#: Words that a script of SQL begins with, besides those above.
VERBS = frozenset({*_READERS, "insert", "do", "with", "truncate", "analyze", "lock", "refresh", "cluster", "values",
                   "call", "discard", "explain", "show", "table", "declare", "notify", "listen", "load", "prepare",
                   "execute", "savepoint", "release", "checkpoint"})  # fmt: skip


def _command(text: str) -> Read:  # noqa: PLR0911 (one for each kind)
    name = name_of(text)
    rest = text[1 + len(name) :].strip()
    if name in {"c", "connect"}:
        return Read(outside="connection", database=_connected(rest))
    if name == "!" or "`" in rest or (name == "copy" and _words(rest, "program")):
        return Read(outside="shell")
    if name in _SENDS:
        return Read(outside="shell" if rest.startswith("|") else "file" if rest and rest[0] != "(" else None)
    if name in _FILES:
        if name in {"o", "out", "w", "write"} and rest.startswith("|"):
            return Read(outside="shell")
        return Read(outside="file" if rest or name not in {"o", "out"} else None)
    if name == "copy":
        fills = _words(rest, "stdin")
        return Read(outside=None if fills or _words(rest, "stdout") else "file", fills=True)
    if name in _PRINTING:
        return Read()
    if name == "set" and (not rest or rest.split()[0] in _VARIABLES):
        return Read()
    return Read(outside="command")


def _words(text: str, word: str) -> bool:
    outside = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "''", text.lower())
    return re.search(rf"\b(?:from|to)\s+(?:p)?{word}\b", outside) is not None


def _connected(rest: str) -> str | None:
    r"""Return the database of a ``\connect``; None for a conninfo string that names none, or the same one."""
    rest = re.sub(r"^-reuse-previous=\w+\s+", "", rest)
    found = re.match(r"\"((?:[^\"]|\"\")*)\"|'((?:[^']|'')*)'|(\S+)", rest)
    if found is None:
        return None
    word = next(group for group in found.groups() if group is not None)
    word = word.replace('""', '"') if found[1] is not None else word.replace("''", "'")
    if "=" in word and found[1] is None:
        # pg_dump writes names with odd characters so: \connect -reuse-previous=on "dbname='…'".
        named = re.search(r"\bdbname\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))", word)
        return None if named is None else re.sub(r"\\(.)", r"\1", named[1] if named[2] is None else named[2])
    if "=" in word:
        named = re.search(r"\bdbname\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))", word)
        if named is not None:
            return re.sub(r"\\(.)", r"\1", named[1] if named[2] is None else named[2])
    return None if word == "-" else word


def shown(text: str) -> str:
    """Return a statement in one short line."""
    line = " ".join(text.split())
    return line if len(line) <= 100 else line[:97] + "..."
