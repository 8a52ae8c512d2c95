"""Collations: whether the next major's server sorts what indexes and range partitions hold as the source's does.

The values of a key are sorted on the copy. The source's server is asked about each pair of neighbours: an order in
which all neighbours stand as before is the same order. So the source reads no table and sorts nothing, and what is
written there meanwhile makes no difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from ..server.connection import Connection
from ..snapshot.session import reason as said_by
from ..snapshot.values import NotVerified
from .asking import ask
from .values import Collation, Key, Order

#: So many values of a key are sorted at most: which ones, their hashes say.
MOST = 1_000_000
_DEFAULT = 'pg_catalog."default"'
#: Pairs of neighbours that the source is asked about at once.
_PAIRS = 5_000
#: Of types whose values are read as text: what tells the order is the text itself.
_TEXT, _ARRAY = "S", "A"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """A key, and how its values are read."""

    key: Key
    category: str
    type: str
    #: Of range partitions: what they begin and end with.
    bounds: list[str]

    @property
    def values(self) -> str | None:
        """The texts that are sorted, as an expression over the table; None where nothing is known of the type."""
        column = self.key.column
        if self.category == _ARRAY:
            return f"pg_catalog.unnest({column})::pg_catalog.text"
        if self.category != _TEXT:
            return None
        return (
            f"pg_catalog.lower(({column})::pg_catalog.text)"
            if self.type == "citext"
            else f"({column})::pg_catalog.text"
        )


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was compared, and what could not be."""

    orders: list[Order] = field(default_factory=list[Order])
    not_verified: list[NotVerified] = field(default_factory=list[NotVerified])


def compare(source: Connection, server: Connection, most: int = MOST) -> Found:
    """Compare the order of all keys of a restored copy with that of its live source."""
    before, after = _collations(source), _collations(server)
    found = Found()
    read: dict[tuple[str, str, str], tuple[int, tuple[str, str] | None]] = {}
    for place in _places(server):
        key = place.key
        if _by_bytes(after[key.collation]):
            continue
        if why := _hindered(place, before, after, source, server):
            found.not_verified.append(NotVerified(object=f"order of {key.object}", reason=f"{key.column}: {why}"))
            continue
        same = (key.table, key.column, key.collation)
        try:
            if same not in read:
                read[same] = _sorted(place, source, server, most)
        except psycopg.Error as error:
            gap = NotVerified(object=f"order of {key.object}", reason=f"{key.column}: {said_by(error)}")
            found.not_verified.append(gap)
            continue
        values, pair = read[same]
        found.orders.append(
            Order(key=key, before=before[key.collation], after=after[key.collation], values=values, pair=pair)
        )
        if values >= most:
            reason = f"{key.column}: {values:,} of its values were sorted, and no more"
            found.not_verified.append(NotVerified(object=f"order of {key.object}", reason=reason))
    return found


def not_compared(server: Connection, why: str) -> list[NotVerified]:
    """Return that the order of a copy's keys could not be compared: there is nobody who knows the source's."""
    known = _collations(server)
    objects = sorted({one.key.object for one in _places(server) if not _by_bytes(known[one.key.collation])})
    return [NotVerified(object=f"order of {name}", reason=why) for name in objects]


def _by_bytes(collation: Collation) -> bool:
    """Tell whether a collation sorts by bytes or code points everywhere: PostgreSQL knows no version of it either."""
    libc = collation.provider == "libc" and (collation.locale in {"C", "POSIX"} or collation.locale.startswith("C."))
    return libc or collation.provider == "builtin"


def _hindered(
    place: _Place, before: Mapping[str, Collation], after: Mapping[str, Collation], source: Connection,
    server: Connection,
) -> str | None:  # fmt: skip
    """Return why the order of a key cannot be compared."""
    name = place.key.collation
    if name not in before:
        return f"the source has no collation {name} by now"
    ours, theirs = after[name], before[name]
    # Where the server has no such locale the copy was given another; those with a name were restored as they are.
    if name == _DEFAULT and _known_as(ours) != _known_as(theirs):
        return f"the collation {name} is {theirs} in the source, and {ours} in the copy"
    if "ascii" in {source.info.encoding, server.info.encoding}:
        return "the database has no encoding (SQL_ASCII)"
    return None if place.values is not None else f"how values of type {place.type} sort is not read"


def _known_as(collation: Collation) -> tuple[str, str, str | None]:
    """Return what a collation is but for its version; ICU's locales became language tags with 16."""
    locale = collation.locale.replace("_", "-") if collation.provider == "icu" else collation.locale
    return collation.provider, locale, collation.rules


def _collations(connection: Connection) -> Mapping[str, Collation]:
    return {
        name: Collation(name=name, provider=provider, locale=locale, version=number, rules=rules)
        for name, provider, locale, number, rules in ask(connection, "collation")
    }


def _places(server: Connection) -> Sequence[_Place]:
    return [
        _Place(
            key=Key(object=name, form=form, table=table, column=column, collation=collation),
            category=category, type=kind, bounds=bounds,
        )
        for name, form, table, column, collation, category, kind, bounds in ask(server, "key")
    ]  # fmt: skip


def _sorted(
    place: _Place, source: Connection, server: Connection, most: int
) -> tuple[int, tuple[str, str] | None]:  # fmt: skip
    """Return how many values were sorted, and two that the source's server has in another order."""
    assert place.values is not None
    # Names and expressions are as the server itself quotes them; in a query with parameters a % stands twice.
    values, table = place.values.replace("%", "%%"), place.key.table.replace("%", "%%")
    order = f"collate {place.key.collation}".replace("%", "%%")
    # Of a partitioned table every row counts, of others those that its index holds.
    only = "" if place.key.form == "range partitions" else "only "
    query = f"""
        select v, lag(v) over (order by v {order}, v collate "C") {order} = v
        from (
            select v from (
                select {values} collate "C" as v from {only}{table}
                union select pg_catalog.unnest(%s::pg_catalog.text[]) collate "C"
            ) as known
            where v is not null order by pg_catalog.hashtextextended(v, 0) limit {most}
        ) as chosen
        order by v {order}, v collate "C"
    """  # noqa: S608
    asked = f"""
        select n from rows from (
            pg_catalog.unnest(%s::pg_catalog.text[]), pg_catalog.unnest(%s::pg_catalog.text[]),
            pg_catalog.unnest(%s::pg_catalog.bool[])
        ) with ordinality as t (a, b, same, n)
        where not case when same then a {order} = b else a {order} < b end
        order by n limit 1
    """.encode()  # noqa: S608
    count: int = 0
    last: str | None = None
    with server.transaction(), server.cursor(name="pgsafe_order") as cursor:
        cursor.itersize = _PAIRS
        cursor.execute(query.encode(), (place.bounds,))
        while rows := [(str(value), bool(same)) for value, same in cursor.fetchmany(_PAIRS)]:
            count += len(rows)
            before = [last, *(value for value, _ in rows)]
            pairs: list[tuple[str, str, bool]] = [
                (one, other, same) for one, (other, same) in zip(before, rows, strict=False) if one is not None
            ]
            last = rows[-1][0]
            found = (
                source.execute(asked, [list(part) for part in zip(*pairs, strict=True)]).fetchone() if pairs else None
            )
            if found is not None:
                first, second, _ = pairs[int(found[0]) - 1]
                return count, (first, second)
    return count, None
