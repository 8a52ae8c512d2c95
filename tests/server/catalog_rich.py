"""The rich schema in a database, and what differs between two catalogs."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from pytest_pgsafe.catalog.read import read
from pytest_pgsafe.catalog.values import Catalog, Definition, Grant, Object
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect

RICH = Path(__file__).with_name("schemas") / "rich.sql"


def build(address: Address) -> None:
    with connect(address, read_only=False) as connection:
        connection.execute(RICH.read_bytes())


def catalog(address: Address) -> Catalog:
    with connect(address) as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        return read(connection)


def differences(before: Catalog, after: Catalog) -> dict[tuple[str, str], set[str]]:
    """Return the fields that differ by kind (a definition's form) and name; none for an object on one side alone."""
    found: dict[tuple[str, str], set[str]] = {}
    for part in fields(Catalog):
        if not part.compare:
            continue
        first, second = getattr(before, part.name), getattr(after, part.name)
        if part.name == "database":
            first, second = {"database": first}, {"database": second}
        for name in sorted({*first, *second}):
            one, two = first.get(name), second.get(name)
            if one == two:
                continue
            known = one if one is not None else two
            assert isinstance(known, Object)
            # The owner's own privileges follow from ownership.
            if isinstance(known, Grant) and known.to_owner:
                continue
            kind = known.form if isinstance(known, Definition) else known.kind
            found[kind, "database" if part.name == "database" else known.name] = (
                set()
                if one is None or two is None
                else {
                    field.name
                    for field in fields(one)
                    if field.compare and getattr(one, field.name) != getattr(two, field.name)
                }
            )
    return found
