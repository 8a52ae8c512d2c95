"""The next major: keys whose values sort otherwise there."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from ..snapshot.values import RowSample
from ..upgrade.values import Order, Upgrade
from .values import Check, Finding, Severity

#: So many names stand in a note; the rest in their number.
_MOST = 5
#: A column's name, as quote_ident writes it; anything else is an expression.
_COLUMN = re.compile(r'[a-z_][a-z0-9_$]*|"(?:[^"]|"")+"')


def orders_differ(upgrade: Upgrade) -> Iterator[Finding]:
    """Yield an error for each key that sorts otherwise, and a note for each collation of another version alone."""
    versions: dict[str, list[Order]] = defaultdict(list)
    for one in upgrade.orders:
        if one.pair is not None:
            yield _differs(one)
        elif one.before.version != one.after.version:
            versions[one.key.collation].append(one)
    for name, orders in sorted(versions.items()):
        objects = sorted({one.key.object for one in orders})
        more = f" and {len(objects) - _MOST} more" if len(objects) > _MOST else ""
        yield ORDER_DIFFERS.finding(
            f"collation {name}",
            f"{orders[0].before} in the source, {orders[0].after} in the copy; all values that "
            f"{', '.join(objects[:_MOST])}{more} hold sort alike",
            severity=Severity.NOTE,
            before=orders[0].before.version,
            after=orders[0].after.version,
            standing=True,
        )


def _differs(one: Order) -> Finding:
    key = one.key
    return ORDER_DIFFERS.finding(
        key.object,
        f"the {key.form} {key.object} on {key.table} ({key.column}), collation {key.collation}: {one.before} in the "
        f"source, {one.after} in the copy, which has values of it in another order",
        before=str(one.before),
        after=str(one.after),
        samples=tuple(_samples(one)),
        aspect=key.column,
    )


def _samples(one: Order) -> Iterator[RowSample]:
    """Yield the two values, in the order of the copy; named so that masks know whose they are."""
    name = f"{one.key.table}.{one.key.column}" if _COLUMN.fullmatch(one.key.column) else f"({one.key.column})"
    for place, value in enumerate(one.pair or (), start=1):
        yield RowSample(key={"place in the copy": str(place)}, before={name: value}, after={name: value})


ORDER_DIFFERS = Check(
    code="PGS043",
    check="major",
    name="order-differs",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "Values that an index or range partitions hold sort otherwise by the libraries of the copy's server than by "
        "those of the source's. Another version of a collation that sorts them alike is a note."
    ),
    effect=(
        "After pg_upgrade, or a standby or a file copy on the new machine, the index is in an order that no search "
        "expects: rows are not found, a unique key admits duplicates, and rows stand in the wrong range partition. "
        "A dump and restore builds indexes anew; ORDER BY gives another order in any case."
    ),
    remedy=(
        "REINDEX what is named after pg_upgrade, before anybody writes; check unique keys for duplicates, and move "
        "rows of range partitions. Then ALTER COLLATION, or DATABASE, … REFRESH … VERSION."
    ),
)
CHECKS = (ORDER_DIFFERS,)
