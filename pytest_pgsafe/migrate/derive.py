"""Locks of statements that fire no event trigger, as PostgreSQL's documentation tells them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .observe import Relation
from .values import Lock

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)){0,2}'
_FLAGS = re.IGNORECASE | re.DOTALL
_NAMES = re.compile(rf"(?:ONLY\s+)?({_NAME})\s*\*?\s*(?:\([^()]*\)\s*)?(,|\Z)", _FLAGS)
_PART = re.compile(r'"(?:[^"]|"")+"|[^\W\d][\w$]*')

_TRUNCATE = re.compile(
    r"TRUNCATE\s+(?:TABLE\s+)?(?P<names>.*?)(?:\s+(?:RESTART|CONTINUE)\s+IDENTITY)?(?:\s+(?:CASCADE|RESTRICT))?", _FLAGS
)
_LOCK = re.compile(r"LOCK\s+(?:TABLE\s+)?(?P<names>.*?)(?:\s+IN\s+(?P<mode>[A-Z ]+?)\s+MODE)?(?:\s+NOWAIT)?", _FLAGS)
_CLUSTER = re.compile(
    rf"CLUSTER(?:\s*\([^()]*\))?(?:\s+VERBOSE)?(?:\s+(?:(?P<index>{_NAME})\s+ON\s+)?(?P<name>{_NAME})(?:\s+USING\s+.*)?)?",
    _FLAGS,
)
_VACUUM = re.compile(
    r"VACUUM(?:\s*\((?P<options>[^()]*)\)|(?P<words>(?:\s+(?:FULL|FREEZE|VERBOSE|ANALYZE|ANALYSE)\b)*))(?:\s*(?P<names>.*))?",
    _FLAGS,
)
_ANALYZE = re.compile(r"ANALY[ZS]E(?:\s*\([^()]*\)|\s+VERBOSE\b)?(?:\s*(?P<names>.*))?", _FLAGS)
_REINDEX = re.compile(
    rf"REINDEX(?:\s*\((?P<options>[^()]*)\))?\s+(?P<what>TABLE|INDEX)(?P<concurrently>\s+CONCURRENTLY)?\s+(?P<name>{_NAME})",
    _FLAGS,
)
_CREATE_INDEX = re.compile(
    rf"CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s.*?\bON\s+(?:ONLY\s+)?(?P<name>{_NAME}).*", _FLAGS
)
_DROP_INDEX = re.compile(rf"DROP\s+INDEX\s+CONCURRENTLY\s+(?:IF\s+EXISTS\s+)?(?P<name>{_NAME}).*", _FLAGS)
_DETACH = re.compile(
    rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?P<name>{_NAME})\s+DETACH\s+PARTITION\s+(?P<partition>{_NAME})\s+CONCURRENTLY",
    _FLAGS,
)
_TABLES = frozenset({"r", "p", "m"})


class Index:
    """Relations that were there before, found by the names that statements write."""

    def __init__(self, relations: Mapping[int, Relation]) -> None:
        self.relations = relations
        #: By bare name: schemas and OIDs.
        self._named: dict[str, list[tuple[str, int]]] = {}
        for oid, relation in relations.items():
            schema, name = _parts(relation.name)
            self._named.setdefault(name, []).append((schema, oid))

    def find(self, name: str) -> list[int]:
        """Return the OID of a name as it was written, at most one.

        Without a schema it is ``public``'s, or the only one of that name: the search path of the time is not known.
        """
        *schemas, bare = _parts(name)
        found = self._named.get(bare, [])
        wanted = schemas[-1] if schemas else "public"
        exact = [oid for schema, oid in found if schema == wanted]
        return exact if exact or schemas or len(found) != 1 else [found[0][1]]

    def tables(self) -> Iterator[int]:
        return (oid for oid, relation in self.relations.items() if relation.kind in _TABLES)


def derive(statement: str, index: Index) -> Iterator[tuple[int, Lock]]:
    """Yield the OIDs and locks of a statement on relations that were there before; none if events tell of it.

    Objects reached by CASCADE and by statements inside of functions are not among them.

    :param statement: one, without comments.
    """
    word = statement[:8].upper()
    if word.startswith("TRUNCATE") and (found := _TRUNCATE.fullmatch(statement)):
        yield from _each(found["names"], index, "AccessExclusiveLock", statement)
    elif word.startswith("LOCK") and (found := _LOCK.fullmatch(statement)):
        mode = "".join(part.capitalize() for part in (found["mode"] or "ACCESS EXCLUSIVE").split()) + "Lock"
        if mode not in {"AccessShareLock", "RowShareLock", "RowExclusiveLock"}:
            yield from _each(found["names"], index, mode, statement)
    elif word.startswith("CLUSTER") and (found := _CLUSTER.fullmatch(statement)):
        if found["name"]:
            yield from _each(found["name"], index, "AccessExclusiveLock", statement, rewritten=True)
    elif word.startswith("VACUUM") and (found := _VACUUM.fullmatch(statement)):
        full = _is_on("FULL", found["options"] or (found["words"] or "").replace(" ", ","))
        mode = "AccessExclusiveLock" if full else "ShareUpdateExclusiveLock"
        yield from _each(found["names"], index, mode, statement, rewritten=full)
    elif word.startswith(("ANALYZE", "ANALYSE")) and (found := _ANALYZE.fullmatch(statement)):
        yield from _each(found["names"], index, "ShareUpdateExclusiveLock", statement)
    elif word.startswith("REINDEX") and (found := _REINDEX.fullmatch(statement)):
        gentle = bool(found["concurrently"]) or _is_on("CONCURRENTLY", found["options"] or "")
        yield from _reindex(found["what"].upper(), found["name"], index, statement, gentle=gentle)
    elif word.startswith("CREATE") and (found := _CREATE_INDEX.fullmatch(statement)):
        yield from _each(found["name"], index, "ShareUpdateExclusiveLock", statement)
    elif word.startswith("DROP") and (found := _DROP_INDEX.fullmatch(statement)):
        for oid in index.find(found["name"]):
            yield from _of(index.relations[oid].table, index, "ShareUpdateExclusiveLock", statement)
    elif word.startswith("ALTER") and (found := _DETACH.fullmatch(statement)):
        yield from _each(found["name"], index, "ShareUpdateExclusiveLock", statement)
        yield from _each(found["partition"], index, "AccessExclusiveLock", statement)


def _reindex(what: str, name: str, index: Index, statement: str, *, gentle: bool) -> Iterator[tuple[int, Lock]]:
    """From 17 events tell of it, with the same locks."""
    mode = "ShareUpdateExclusiveLock" if gentle else "ShareLock"
    if what == "TABLE":
        yield from _each(name, index, mode, statement)
        return
    for oid in index.find(name):
        yield from _of(index.relations[oid].table, index, mode, statement)
        if not gentle:
            yield from _of(oid, index, "AccessExclusiveLock", statement)


def _is_on(option: str, options: str) -> bool:
    """Tell whether a boolean option is on in a list like ``FULL, VERBOSE false``."""
    for part in options.split(","):
        name, *value = part.upper().split()[:2] or [""]
        if name == option:
            return not value or value[0] in {"TRUE", "ON", "1", "'TRUE'", "'ON'"}
    return False


def _each(
    names: str | None, index: Index, mode: str, statement: str, *, rewritten: bool = False
) -> Iterator[tuple[int, Lock]]:
    """Yield a lock on each relation of a list; without one, on every table."""
    if not names:
        for oid in index.tables():
            yield from _of(oid, index, mode, statement, rewritten=rewritten)
        return
    position = 0
    while found := _NAMES.match(names, position):
        for oid in index.find(found[1]):
            yield from _of(oid, index, mode, statement, rewritten=rewritten)
        position = found.end()
        if found[2] != ",":
            break
        while position < len(names) and names[position].isspace():
            position += 1


def _of(oid: int, index: Index, mode: str, statement: str, *, rewritten: bool = False) -> Iterator[tuple[int, Lock]]:
    if oid in index.relations:
        name = index.relations[oid].name
        yield oid, Lock(relation=name, mode=mode, statement=statement, derived=True, rewritten=rewritten)


def _parts(name: str) -> list[str]:
    return [part[1:-1].replace('""', '"') if part.startswith('"') else part.lower() for part in _PART.findall(name)]
