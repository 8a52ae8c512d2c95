"""Orphans of a copy that can be compared with nothing: what its own foreign keys say must not be."""

from __future__ import annotations

from ..errors import RestoreError
from ..snapshot.values import Snapshot


def refuse(restored: Snapshot) -> None:
    """See that each foreign key holds that says so of itself.

    Rows that were restored with ``--disable-triggers`` are looked at by nobody, and the key stays "validated". A dump
    without facts does not tell whether its source was like that; one that restores keys after rows cannot be.

    :raises RestoreError: with the number of orphans, and some of them.
    """
    wrong = [
        f"{name}: {content.orphans} rows without what it points to, such as "
        + ", ".join("(" + ", ".join(map(str, sample)) + ")" for sample in content.samples)
        for name, content in restored.foreign_keys.items()
        if content.orphans and restored.catalog.constraints[name].validated
    ]
    if wrong:
        raise RestoreError(
            "foreign keys that are said to be valid have orphans",
            looked_at=wrong[:10],
            remedies=[
                "rows were dumped or restored with --disable-triggers, or without the table that they point to",
                "take a dump of the whole database, which makes its keys after its rows",
            ],
        )
