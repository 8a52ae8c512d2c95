"""Queries and what writes rows, read by sqlglot: SELECT, INSERT, UPDATE, DELETE, MERGE, WITH."""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from .functions import is_harmless
from .tokens import tokens
from .values import Does, Effect, Reading, TableLock, UnreadError

_WRITES = {"insert", "update", "delete", "merge"}
#: Parts that sqlglot's PostgreSQL does not know, and that change nothing of what is read here.
_OVERRIDING = re.compile(r"\boverriding\s+(?:system|user)\s+value\b", re.IGNORECASE)
_DEFAULTS = re.compile(r"(?s)(?P<head>\s*insert\s+into\s+.*?\S)\s+default\s+values\b(?P<rest>.*)", re.IGNORECASE)
#: Functions whose arguments PostgreSQL writes with words between them; any other name is a plain call.
_FORMS = {"CAST", "EXTRACT", "OVERLAY", "POSITION", "STRING_AGG", "SUBSTRING", "TRIM", "XMLELEMENT", "XMLTABLE"}
#: Functions that set a sequence; the first argument names it.
_SEQUENCES = {"setval", "nextval"}
_LARGE_OBJECTS = {"lo_create", "lo_creat", "lo_from_bytea", "lo_put", "lo_truncate", "lo_unlink"}
_REGCLASS = re.compile(r'(?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))?')


@cache
def _dialect() -> Any:
    """Return sqlglot's PostgreSQL in which every function keeps the name that was written."""
    postgres: Any = importlib.import_module("sqlglot.dialects.postgres").Postgres
    forms = {name: parser for name, parser in postgres.Parser.FUNCTION_PARSERS.items() if name in _FORMS}
    parser = type("Parser", (postgres.Parser,), {"FUNCTIONS": {}, "FUNCTION_PARSERS": forms})
    return type("_Postgres", (postgres,), {"Parser": parser})


def parse(text: str) -> Any:
    """Return sqlglot's tree of one statement.

    :raises UnreadError: sqlglot cannot parse it, or returns it as text.
    """
    sqlglot: Any = importlib.import_module("sqlglot")
    exp = sqlglot.exp
    logger = logging.getLogger("sqlglot")
    was, logger.disabled = logger.disabled, True
    try:
        found: list[Any] = [one for one in sqlglot.parse(text, read=_dialect()) if one is not None]
    except (sqlglot.errors.SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise UnreadError("sqlglot cannot parse it") from error
    finally:
        logger.disabled = was
    known = (exp.Select, exp.SetOperation, exp.Values, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Subquery)
    if len(found) != 1 or not isinstance(found[0], known):
        raise UnreadError("sqlglot cannot parse it")
    return found[0]


def read(text: str) -> Reading:
    """Read a statement that queries or writes rows.

    :raises UnreadError: sqlglot cannot parse it.
    """
    exp: Any = importlib.import_module("sqlglot").exp
    plain = _OVERRIDING.sub(" ", text)
    if defaults := _DEFAULTS.fullmatch(plain):
        plain = f"{defaults['head']} values (default){defaults['rest']}"
    tree = parse(plain)
    effects = [effect for node in tree.walk() for effect in _effects(node, exp)]
    if not effects and _words(text) & _WRITES:
        # A keyword of writing that the tree does not show: better unread than read as harmless.
        raise UnreadError("sqlglot does not show what it writes")
    strange: list[str] = []
    for name, node in _calls(tree, exp):
        bare = name.removeprefix("pg_catalog.")
        if bare in _SEQUENCES:
            effects.append(_sequence(node))
        elif bare in _LARGE_OBJECTS:
            does = Does.DROPS if bare == "lo_unlink" else Does.ALTERS
            effects.append(Effect(does=does, kind="large objects", object="large objects"))
        elif not is_harmless(name):
            strange.append(name)
    return Reading(
        text=text,
        effects=tuple(dict.fromkeys(effects)),
        locks=tuple(
            dict.fromkeys(
                TableLock(relation=effect.object, mode="RowExclusiveLock")
                for effect in effects
                if effect.kind == "table" and effect.does is not Does.CREATES
            )
        ),
        unread=f"it calls {', '.join(dict.fromkeys(strange))}(), whose body is not read" if strange else None,
    )


def calls(expression: str) -> tuple[str, ...]:
    """Return the names of the functions that an expression calls.

    :raises UnreadError: sqlglot cannot parse it.
    """
    exp: Any = importlib.import_module("sqlglot").exp
    return tuple(name for name, _ in _calls(parse(f"select {expression}"), exp))


def _words(text: str) -> set[str]:
    found = [token for token in tokens(text) if token.kind == "word"]
    # FOR UPDATE and FOR NO KEY UPDATE lock; nothing is written.
    return {
        one.text
        for before, one in zip([None, *found[:-1]], found, strict=True)
        if one.text != "update" or before is None or before.text not in {"for", "key"}
    }


def _effects(node: Any, exp: Any) -> Iterator[Effect]:
    if isinstance(node.parent, exp.When):
        # What a MERGE does to its target, whose name stands there alone.
        return
    if isinstance(node, exp.Insert):
        target = node.this.this if isinstance(node.this, exp.Schema) else node.this
        yield Effect(does=Does.INSERTS, kind="table", object=_name(target, exp))
        conflict = node.args.get("conflict")
        if conflict is not None and conflict.expressions:
            columns = _assigned(conflict.expressions, exp)
            yield Effect(does=Does.UPDATES, kind="table", object=_name(target, exp), columns=columns)
    elif isinstance(node, exp.Update) and node.this is not None:
        columns = _assigned(node.expressions, exp)
        whole = node.args.get("where") is None and not _joined(node)
        yield Effect(does=Does.UPDATES, kind="table", object=_name(node.this, exp), columns=columns, whole=whole)
    elif isinstance(node, exp.Delete):
        whole = node.args.get("where") is None and not node.args.get("using")
        yield Effect(does=Does.DELETES, kind="table", object=_name(node.this, exp), whole=whole)
    elif isinstance(node, exp.Merge):
        yield Effect(does=Does.MERGES, kind="table", object=_name(node.this, exp))
    elif isinstance(node, exp.Into):
        yield Effect(does=Does.CREATES, kind="table", object=_name(node.this, exp))


def _joined(update: Any) -> bool:
    # The key has another name from sqlglot 27 on.
    return bool(update.args.get("from") or update.args.get("from_"))


def _assigned(expressions: Any, exp: Any) -> tuple[str, ...]:
    """Return the columns of SET; empty where one of them is not told."""
    found: list[str] = []
    for one in expressions:
        if not isinstance(one, exp.EQ):
            return ()
        targets = one.this.expressions if isinstance(one.this, exp.Tuple) else [one.this]
        if isinstance(one.this, exp.Paren):
            targets = [one.this.this]
        for target in targets:
            if isinstance(target, exp.Bracket):
                target = target.this  # noqa: PLW2901
            if not isinstance(target, exp.Column) or target.args.get("table") is not None:
                return ()
            found.append(_part(target.this))
    return tuple(found)


def _name(table: Any, exp: Any) -> str:
    if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier):
        raise UnreadError("sqlglot does not show what it writes to")
    parts = [part for part in (table.args.get("db"), table.this) if part is not None]
    return ".".join(_part(part) for part in parts)


def _part(identifier: Any) -> str:
    """Return an identifier as ``quote_ident`` prints it."""
    name = str(identifier.name)
    meant = name if identifier.args.get("quoted") else name.lower()
    return meant if re.fullmatch(r"[a-z_][a-z0-9_$]*", meant) else '"' + meant.replace('"', '""') + '"'


def _calls(tree: Any, exp: Any) -> Iterator[tuple[str, Any]]:
    for node in tree.find_all(exp.Anonymous):
        name = str(node.name)
        quoted = isinstance(node.this, exp.Identifier) and bool(node.this.args.get("quoted"))
        bare = name if quoted else name.lower()
        parent = node.parent
        qualified = isinstance(parent, exp.Dot) and parent.args.get("expression") is node
        yield (f"{str(parent.this.sql('postgres')).lower()}.{bare}" if qualified else bare), node


def _sequence(call: Any) -> Effect:
    if not call.expressions:
        raise UnreadError("it sets no sequence")
    first = _constant(call.expressions[0])
    if first.__class__.__name__ == "Anonymous" and str(first.name).lower() == "pg_get_serial_sequence":
        given = [_constant(one) for one in first.expressions]
        if len(given) == 2 and all(one.__class__.__name__ == "Literal" for one in given):
            return Effect(does=Does.SETS, kind="sequence of column", object=".".join(str(one.this) for one in given))
    text = str(first.this) if first.__class__.__name__ == "Literal" else ""
    if not _REGCLASS.fullmatch(text):
        raise UnreadError("it sets a sequence that it does not name by a constant")
    return Effect(does=Does.SETS, kind="sequence", object=text if '"' in text else text.lower())


def _constant(node: Any) -> Any:
    """Return what stands in casts and parentheses."""
    while node.__class__.__name__ in {"Cast", "Paren"}:
        node = node.this
    return node
