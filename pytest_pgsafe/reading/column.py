"""Columns in ALTER TABLE: what a new one costs, what becomes of one that is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from . import queries
from .functions import is_harmless, is_steady
from .locks import EXCLUSIVE, SHARE_ROW, SHARE_UPDATE
from .tokens import Words
from .values import Does, Effect, TableLock, Work

_ORDER = (SHARE_UPDATE, SHARE_ROW, EXCLUSIVE)
_WEIGHT = (Work.BRIEF, Work.MAY_SCAN, Work.SCAN, Work.MAY_REWRITE, Work.REWRITE)
#: What begins a constraint in the definition of a column or table.
_CONSTRAINTS = ("constraint", "check", "unique", "primary", "exclude", "foreign", "not", "null", "default", "generated",
                "references", "collate", "deferrable", "initially", "compression", "storage")  # fmt: skip
#: The attribute of a new column that every row has to have a value in, and gets none.
FILLED = "not null without a default"
_SERIAL = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"}


@dataclass
class Found:
    """What the actions of one ALTER TABLE come to."""

    table: str
    effects: list[Effect] = field(default_factory=list[Effect])
    #: Of the table: the strongest lock and the heaviest work of its actions.
    mode: str = SHARE_UPDATE
    work: Work = Work.BRIEF
    others: list[TableLock] = field(default_factory=list[TableLock])
    unread: list[str] = field(default_factory=list[str])

    def add(self, does: Does, kind: str, name: str | None = None, *, attribute: str | None = None,
            cascade: bool = False, to: str | None = None, weakens: bool = False,
            columns: tuple[str, ...] = ()) -> None:  # fmt: skip
        object_ = self.table if name is None else f"{self.table}.{name}"
        self.effects.append(
            Effect(does=does, kind=kind, object=object_, attribute=attribute, cascade=cascade, to=to, weakens=weakens,
                   columns=columns)
        )  # fmt: skip

    def lock(self, mode: str = EXCLUSIVE, work: Work = Work.BRIEF) -> None:
        self.mode = max(self.mode, mode, key=_ORDER.index)
        self.work = max(self.work, work, key=_WEIGHT.index)


def add_column(words: Words, found: Found) -> None:
    """Read what follows ADD COLUMN."""
    words.take("if not exists")
    column = words.part()
    found.add(Does.CREATES, "column", column)
    found.lock()
    of = _type(words)
    # The old type's domain is not known either: a constraint of it would be checked.
    serial = of.lower() in _SERIAL
    start = len(found.others)
    said = " ".join(words.ahead(",").lower().split())
    while not words.done and words.peek() != ",":
        _column_constraint(words, found)
    filled = serial or any(f" {word} " in f" {said} " for word in ("default", "generated", "identity", "serial"))
    if filled and len(found.others) > start:
        # Every row refers to something, which is looked up.
        found.lock(EXCLUSIVE, Work.SCAN)
    if not filled and ("not null" in said or "primary key" in said):
        found.add(Does.ALTERS, "column", column, attribute=FILLED)
    if serial:
        found.lock(EXCLUSIVE, Work.REWRITE)


def _column_constraint(words: Words, found: Found) -> None:
    if words.take("constraint"):
        words.part()
    phrase = words.one_of(*_OF_COLUMNS)
    if phrase is not None:
        _OF_COLUMNS[phrase](words, found)
    elif words.one_of("not null no inherit", "not null", "null", "not deferrable", "deferrable", "initially deferred",
                      "initially immediate") is None:  # fmt: skip
        words.fail()


def _column_default(words: Words, found: Found) -> None:
    _default(words.until(",", *_CONSTRAINTS), found)


def _column_identity(words: Words, found: Found) -> None:
    words.one_of("always", "by default")
    words.demand("as")
    if words.take("identity"):
        if words.peek() == "(":
            words.group()
        found.lock(EXCLUSIVE, Work.REWRITE)
        return
    words.group()
    # From 18 on VIRTUAL is what is meant by nothing; before it nothing is not allowed.
    if words.take("stored"):
        found.lock(EXCLUSIVE, Work.REWRITE)
    else:
        words.take("virtual")


def _column_check(words: Words, found: Found) -> None:
    words.group()
    words.one_of("no inherit", "not enforced", "enforced")
    found.lock(EXCLUSIVE, Work.SCAN)


def _column_references(words: Words, found: Found) -> None:
    found.others.append(TableLock(relation=words.name(), mode=SHARE_ROW))
    if words.peek() == "(":
        words.group()
    while words.take("on"):
        words.one_of("delete", "update")
        if words.one_of("no action", "restrict", "cascade", "set null", "set default") is None:
            words.fail()
        if words.peek() == "(":
            words.group()
    words.one_of("match full", "match simple", "match partial")


def _column_unique(words: Words, found: Found) -> None:
    words.one_of("nulls not distinct", "nulls distinct")
    found.lock(EXCLUSIVE, Work.SCAN)


_OF_COLUMNS: Mapping[str, Callable[[Words, Found], object]] = {
    "default": _column_default,
    "generated": _column_identity,
    "check": _column_check,
    "references": _column_references,
    "unique": _column_unique,
    "primary key": _column_unique,
    "collate": lambda words, _: words.name(),
    "compression": lambda words, _: words.value(),
    "storage": lambda words, _: words.value(),
}


def _default(expression: str, found: Found) -> None:
    """Add what an expression does that fills a new column: a volatile one is evaluated for each row."""
    names = queries.calls(expression)
    strange = [name for name in names if not is_steady(name)]
    if strange:
        found.lock(EXCLUSIVE, Work.REWRITE if all(_is_known(name) for name in strange) else Work.MAY_REWRITE)


def _is_known(name: str) -> bool:
    return is_harmless(name) or name.removeprefix("pg_catalog.") == "nextval"


def _type(words: Words) -> str:
    """Read a type's name with what belongs to it."""
    name = words.name()
    if name in {"double", "character", "bit", "national", "time", "timestamp", "interval"}:
        words.one_of("precision", "varying", "character varying", "character")
    if words.peek() == "(":
        words.group()
    words.one_of("with time zone", "without time zone")
    words.take("array")
    while words.take("["):
        words.until("]")
        words.demand("]")
    return name


def alter_column(words: Words, found: Found, _: str) -> None:
    """Read what follows ALTER COLUMN."""
    column = words.part()
    if words.one_of("set data type", "type"):
        _type(words)
        if words.take("collate"):
            words.name()
        given = words.take("using")
        if given:
            strange = [name for name in queries.calls(words.until(",")) if not is_steady(name)]
            found.unread += [f"it calls {name}(), whose body is not read" for name in strange if not _is_known(name)]
        found.add(Does.RETYPES, "column", column, attribute="type", columns=(column,) if given else ())
        found.lock(EXCLUSIVE, Work.MAY_REWRITE)
    elif words.take("set not null"):
        found.add(Does.ALTERS, "column", column, attribute="not null")
        found.lock(EXCLUSIVE, Work.SCAN)
    elif words.take("drop not null"):
        found.add(Does.ALTERS, "column", column, attribute="not null", weakens=True)
        found.lock()
    elif words.take("set default"):
        words.until(",")
        found.add(Does.ALTERS, "column", column, attribute="default")
        found.lock()
    elif words.take("drop default"):
        found.add(Does.ALTERS, "column", column, attribute="default")
        found.lock()
    elif words.take("set statistics"):
        words.take("-")
        words.value()
        found.add(Does.ALTERS, "column", column, attribute="statistics")
        found.lock(SHARE_UPDATE)
    elif words.one_of("set storage", "set compression"):
        words.part() if words.peek() != "default" else words.value()
        found.add(Does.ALTERS, "column", column, attribute="storage")
        found.lock()
    elif words.peek() in {"set", "reset"} and words.peek(1) == "(":
        words.value()
        words.group()
        found.add(Does.ALTERS, "column", column, attribute="options")
        found.lock(SHARE_UPDATE)
    else:
        _generated(words, found, column)


def _generated(words: Words, found: Found, column: str) -> None:
    if words.take("set expression as"):
        words.group()
        found.add(Does.UPDATES, "column", column, attribute="expression")
        found.lock(EXCLUSIVE, Work.MAY_REWRITE)
    elif words.take("drop expression"):
        words.take("if exists")
        found.add(Does.ALTERS, "column", column, attribute="expression")
        found.lock()
    elif words.take("drop identity"):
        words.take("if exists")
        found.add(Does.ALTERS, "column", column, attribute="identity")
        # Its sequence goes with it.
        found.add(Does.DROPS, "sequence of column", column)
        found.lock()
    elif words.one_of("add generated always as identity", "add generated by default as identity"):
        if words.peek() == "(":
            words.group()
        found.add(Does.ALTERS, "column", column, attribute="identity")
        found.lock()
    elif words.one_of("set generated always", "set generated by default"):
        found.add(Does.ALTERS, "column", column, attribute="identity")
        found.lock()
    elif words.peek() in {"restart", "set"}:
        words.until(",")
        found.add(Does.SETS, "sequence of column", column)
        found.lock()
    else:
        words.fail()
