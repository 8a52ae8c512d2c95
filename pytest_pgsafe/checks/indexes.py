"""Indexes: uniqueness lost, INVALID, dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..catalog.names import bare, unquoted
from ..catalog.values import Index
from ..compare.values import Action, Change
from .equivalents import index_after
from .evidence import behaviour, consequence, excused, of, same_change, say
from .strength import Strength, strength
from .values import Check, Evidence, Finding, Severity

_ALWAYS = ("valid", "ready")
#: Attributes that stand in the definition's text as well.
_SPELT_OUT = frozenset({"columns", "predicate", "unique", "nulls_not_distinct", "options", "tablespace"})


def _lost(evidence: Evidence) -> Iterator[Finding]:
    """Dropped unique indexes that belong to no constraint."""
    yield from _dropped(evidence, unique=True)
    comparison = evidence.comparison
    for change in of(evidence, Action.CHANGED, "index"):
        old, new = change.old, change.new
        assert isinstance(old, Index)
        assert isinstance(new, Index)
        weaker = strength(comparison, change) is Strength.WEAKER
        if not weaker or not old.unique or change.attribute in _ALWAYS or old.constraint is not None:
            continue
        if _told(evidence, change):
            continue
        if index_after(comparison, old) is None:
            text = f"the unique index {change.object} protects less: {_say(change)}"
            yield UNIQUE_LOST.finding(change.object, text, aspect=change.attribute)


def _plain(evidence: Evidence) -> Iterator[Finding]:
    yield from _dropped(evidence, unique=False)


def _dropped(evidence: Evidence, *, unique: bool) -> Iterator[Finding]:
    check = UNIQUE_LOST if unique else INDEX_DROPPED
    dropped = {change.object for change in of(evidence, Action.DROPPED, "index")}
    for change in of(evidence, Action.DROPPED, "index"):
        lost = change.old
        assert isinstance(lost, Index)
        # A constraint's index goes with the constraint, which is told.
        if lost.unique is not unique or lost.constraint is not None:
            continue
        if consequence(evidence, lost) or lost.parent in dropped:
            continue
        word = "unique index" if unique else "index"
        text = f"the {word} {lost.name} was dropped: {lost.definition}"
        if index_after(evidence.comparison, lost) is not None:
            continue  # replaced
        severity = Severity.ERROR if unique and lost.valid else behaviour(evidence)
        if unique and not lost.valid:
            text += "; it was INVALID"
        yield excused(evidence, "index", check.finding(lost.name, text, severity=severity))


def _invalid(evidence: Evidence) -> Iterator[Finding]:
    comparison, skipped = evidence.comparison, _skipped(evidence)
    names = {new: old for old, new in comparison.objects.get("indexes", {}).items()}
    for name, index in comparison.after.catalog.indexes.items():
        if index.valid and index.ready:
            continue
        old = comparison.before.catalog.indexes.get(names.get(name, ""))
        if old is not None and old.valid and old.ready:
            text, severity = f"{name} is INVALID, and was not before", Severity.ERROR
        elif old is not None:
            text, severity = f"{name} is INVALID, as before the migration", Severity.WARNING
        else:
            text = f"{name} was added and is INVALID: CREATE INDEX CONCURRENTLY failed, or ON ONLY waits for partitions"
            severity = Severity.WARNING
        standing = old is not None and severity is Severity.WARNING
        if old is not None and standing and bare(name) in skipped:
            # What the statement is there for is not there, and what rows it lets in shows only when it is built.
            text += "; CREATE INDEX IF NOT EXISTS skipped over it"
            severity, standing = Severity.ERROR if index.unique else Severity.WARNING, False
        if index.unique:
            text += "; it keeps nothing unique that queries may rely on"
        yield INDEX_INVALID.finding(name if old is None else old.name, text, severity=severity, standing=standing)


_IF_NOT_EXISTS = re.compile(
    r"\bcreate\s+(?:unique\s+)?index\s+(?:concurrently\s+)?if\s+not\s+exists\s+"
    r'(?P<name>(?:"(?:[^"]|"")+"|[^\W\d][\w$]*))',
    re.IGNORECASE,
)


def _skipped(evidence: Evidence) -> frozenset[str]:
    """Return the indexes that CREATE INDEX IF NOT EXISTS names, as quote_ident writes them."""
    trace = evidence.trace
    texts = () if trace is None else (one.text for one in trace.statements if one.error is None)
    found = [match["name"] for text in texts for match in _IF_NOT_EXISTS.finditer(text)]
    # A name in quotes that needs none has none in the catalog.
    plain = [name if name.startswith('"') else name.lower() for name in found]
    return frozenset(unquoted(name) if re.fullmatch(r'"[a-z_][a-z0-9_]*"', name) else name for name in plain)


def _changed(evidence: Evidence) -> Iterator[Finding]:
    for change in of(evidence, Action.CHANGED, "index"):
        old = change.old
        assert isinstance(old, Index)
        found = strength(evidence.comparison, change)
        plain = found is Strength.WEAKER and not old.unique and change.attribute not in _ALWAYS
        if (found is Strength.OTHER or plain) and not _told(evidence, change) and old.constraint is None:
            text = f"the index {change.object} is another: {_say(change)}"
            yield INDEX_CHANGED.finding(change.object, text, severity=behaviour(evidence), aspect=change.attribute)


def _told(evidence: Evidence, change: Change) -> bool:
    said = {one.attribute for one in evidence.comparison.by_object.get(change.object, ()) if one.kind == "index"}
    parent = change.old.parent if isinstance(change.old, Index) else None
    inherited = parent is not None and same_change(evidence, change, object_=parent)
    return inherited or (change.attribute == "definition" and bool(said & _SPELT_OUT))


def _say(change: Change) -> str:
    known_words = {
        "unique": "it is not unique any more",
        "immediate": "it is checked at the end of the transaction",
        "nulls_not_distinct": "NULLs are distinct to it",
    }
    known = known_words.get(change.attribute or "") if not change.after else None
    return known if known is not None else f"{change.attribute} went from {say(change.before)} to {say(change.after)}"


UNIQUE_LOST = Check(
    code="PGS511",
    check="schema",
    name="unique-index-lost",
    severity=Severity.ERROR,
    excused_by=frozenset({"index"}),
    condition=(
        "A unique index was dropped, or is not unique, has more columns, another key or a narrower predicate, and"
        " nothing keeps the same unique in its place."
    ),
    effect="Duplicates can be written from now on; ON CONFLICT that names it fails.",
    remedy=(
        "Build its replacement first (CREATE UNIQUE INDEX CONCURRENTLY), then drop it; or announce the drop: "
        "[expect] dropped."
    ),
    judge=_lost,
)
INDEX_INVALID = Check(
    code="PGS512",
    check="schema",
    name="index-invalid",
    severity=Severity.ERROR,
    excused_by=frozenset({"index"}),
    condition=(
        "An index is INVALID and was not before, or CREATE UNIQUE INDEX IF NOT EXISTS skipped over one that was. "
        "Another that was INVALID before, or that the migration left so, is a warning."
    ),
    effect="Queries do not use it, it costs each write, and a unique one proves nothing.",
    remedy="DROP INDEX CONCURRENTLY and build it again, or REINDEX INDEX CONCURRENTLY.",
    judge=_invalid,
)
INDEX_DROPPED = Check(
    code="PGS513",
    check="schema",
    name="index-dropped",
    severity=Severity.NOTE,
    condition="An index that is not unique was dropped.",
    effect="Queries that used it scan the table. On a small copy nobody notices.",
    remedy="Look at pg_stat_user_indexes in production before dropping it.",
    judge=_plain,
)
INDEX_CHANGED = Check(
    code="PGS514",
    check="schema",
    name="index-changed",
    severity=Severity.NOTE,
    excused_by=frozenset({"index"}),
    condition="An index of the same name has another definition, and keeps the same unique.",
    effect="Queries may use it otherwise than before.",
    remedy="Compare the two definitions.",
    judge=_changed,
)
CHECKS = (UNIQUE_LOST, INDEX_INVALID, INDEX_DROPPED, INDEX_CHANGED)
