"""What takes away: DROP, TRUNCATE, REVOKE, and GRANT beside it."""

from __future__ import annotations

from .locks import EXCLUSIVE, SHARE_UPDATE
from .tokens import Words
from .values import Does, Effect, Reading, TableLock, UnreadError, Work

#: Kinds whose names stand alone, the longest first.
KINDS = (
    "materialized view", "foreign table", "foreign data wrapper", "event trigger", "text search configuration",
    "text search dictionary", "text search parser", "text search template", "access method", "operator class",
    "operator family", "table", "view", "sequence", "index", "type", "domain", "schema", "extension", "collation",
    "conversion", "statistics", "server", "publication", "subscription", "language", "role", "user", "group",
    "tablespace", "database",
)  # fmt: skip
#: Kinds whose names are followed by argument types.
ROUTINES = ("function", "procedure", "routine", "aggregate")
#: Kinds below a table.
BELOW = ("trigger", "policy", "rule")


def drop(words: Words) -> Reading:
    """Read DROP."""
    words.demand("drop")
    if words.peek() == "owned":
        raise UnreadError("it does not name what it drops")
    kind = words.one_of(*KINDS, *ROUTINES, *BELOW)
    if kind is None:
        words.take("procedural")
        words.fail()
    assert kind is not None
    gentle = kind == "index" and words.take("concurrently")
    words.take("if exists")
    names = [_dropped(words, kind)]
    while words.take(","):
        names.append(_dropped(words, kind))
    if kind in BELOW:
        words.demand("on")
        table = words.name()
        names = [f"{table}.{name}" for name in names]
    elif kind in {"operator class", "operator family"}:
        words.demand("using")
        words.part()
    cascade = words.one_of("cascade", "restrict") == "cascade"
    if kind == "database" and words.take("with"):
        words.group()
    words.end()
    locked = {"table", "view", "materialized view", "foreign table", "index"}
    mode = SHARE_UPDATE if gentle else EXCLUSIVE
    locks = [TableLock(relation=name, mode=mode) for name in names if kind in locked]
    if kind in BELOW:
        locks.append(TableLock(relation=names[0].rpartition(".")[0], mode=EXCLUSIVE))
    return Reading(
        text=words.text,
        effects=tuple(Effect(does=Does.DROPS, kind=kind, object=name, cascade=cascade) for name in names),
        locks=tuple(locks),
    )


def _dropped(words: Words, kind: str) -> str:
    name = words.name()
    if kind in ROUTINES and words.peek() == "(":
        words.group()
    return name


def _tables(words: Words) -> list[str]:
    words.take("table")
    names: list[str] = []
    while not names or words.take(","):
        words.take("only")
        names.append(words.name())
        words.take("*")
    return names


def truncate(words: Words) -> Reading:
    """Read TRUNCATE."""
    words.demand("truncate")
    names = _tables(words)
    restarts = words.one_of("restart identity", "continue identity") == "restart identity"
    cascade = words.one_of("cascade", "restrict") == "cascade"
    words.end()
    effects = [Effect(does=Does.TRUNCATES, kind="table", object=name, cascade=cascade, whole=True) for name in names]
    if restarts:
        effects += [Effect(does=Does.SETS, kind="sequences of table", object=name) for name in names]
    return Reading(
        text=words.text,
        effects=tuple(effects),
        locks=tuple(TableLock(relation=name, mode=EXCLUSIVE) for name in names),
    )


def grant(words: Words) -> Reading:
    """Read GRANT and REVOKE, on objects and of roles."""
    does = Does.GRANTS if words.one_of("grant", "revoke") == "grant" else Does.REVOKES
    if does is Does.REVOKES:
        words.one_of("grant option for", "admin option for", "inherit option for", "set option for")
    side = "to" if does is Does.GRANTS else "from"
    what = words.until("on", side)
    if words.take("on"):
        kind, names = _granted(words)
        words.demand(side)
    else:
        # Roles, given to roles.
        inner = Words(what)
        kind, names = "role", inner.names()
        inner.end()
        words.demand(side)
    grantees = [_grantee(words)]
    while words.take(","):
        grantees.append(_grantee(words))
    cascade = False
    while not words.done:
        ending = words.one_of("with grant option", "with admin option", "cascade", "restrict", "granted by", "with")
        if ending == "granted by":
            _grantee(words)
        elif ending == "with":
            words.until("granted")
        elif ending is None:
            words.fail()
        cascade = cascade or ending == "cascade"
    return Reading(
        text=words.text,
        effects=tuple(
            Effect(
                does=does, kind=kind, object=name, cascade=cascade, attribute=" ".join(what.lower().split()),
                to=", ".join(grantees), weakens="public" in grantees and does is Does.GRANTS,
            )
            for name in names
        ),
    )  # fmt: skip


def _granted(words: Words) -> tuple[str, list[str]]:
    for several in ("tables", "sequences", "functions", "procedures", "routines"):
        if words.take(f"all {several} in schema"):
            return f"all {several} in schema", words.names()
    if words.take("large object"):
        return "large object", [words.until("to", "from")]
    for kind in ("foreign data wrapper", "foreign server", "parameter", *ROUTINES, "table", "sequence", "database",
                 "domain", "language", "schema", "tablespace", "type"):  # fmt: skip
        # A table can be called so, too.
        if words.peek(len(kind.split())) not in {",", "to", "from", "."} and words.take(kind):
            break
    else:
        kind = "table"
    names = [_dropped(words, kind)]
    while words.take(","):
        names.append(_dropped(words, kind))
    return kind, names


def _grantee(words: Words) -> str:
    words.take("group")
    return words.part()


def lock(words: Words) -> Reading:
    """Read LOCK."""
    words.demand("lock")
    names = _tables(words)
    mode = EXCLUSIVE
    if words.take("in"):
        said = words.one_of("access share", "row share", "row exclusive", "share update exclusive",
                            "share row exclusive", "share", "exclusive", "access exclusive")  # fmt: skip
        if said is None:
            words.fail()
        assert said is not None
        words.demand("mode")
        mode = "".join(part.capitalize() for part in said.split()) + "Lock"
    words.take("nowait")
    words.end()
    # It is held for whatever the transaction does next.
    return Reading(text=words.text, locks=tuple(TableLock(relation=name, mode=mode, work=Work.HELD) for name in names))
