"""What moving to the next major finds, as frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..snapshot.values import NotVerified

Mode = Literal["copy", "link"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A setting that somebody gave the source, which the next major does not take."""

    name: str
    value: str
    #: Where it is given, for people: ``the server's configuration``, ``ALTER DATABASE … SET``.
    where: str
    #: What the next major says against the value; None where it does not know the name.
    refused: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Default:
    """A setting that nobody gave the source, and whose default is another in the next major."""

    name: str
    before: str
    after: str
    #: Whether it changes what a statement does or means.
    meaning: bool
    #: What else it means, for people.
    more: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """An extension that is of another version in the next major."""

    name: str
    before: str
    after: str
    #: Whether ALTER EXTENSION … UPDATE leads from the one to the other there.
    updatable: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """What a function of the database names in its text, and the next major has no more."""

    function: str
    #: As a statement writes it: ``pg_start_backup()``, ``pg_stat_bgwriter.buffers_checkpoint``.
    named: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Collation:
    """A collation on one of the two servers."""

    #: As SQL names it: ``pg_catalog."default"``.
    name: str
    provider: Literal["libc", "icu", "builtin"]
    locale: str
    #: Of the library; None where PostgreSQL knows none.
    version: str | None
    rules: str | None = None

    def __str__(self) -> str:
        """Return provider, locale and version for people."""
        return f"{self.provider} {self.locale} {self.version or '(no version is known)'}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A column, or an expression, whose order something stores: of an index, or of range partitions."""

    #: The index, or the partitioned table.
    object: str
    form: Literal["index", "unique index", "range partitions"]
    table: str
    #: As SQL writes it over the table's columns.
    column: str
    collation: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The values of a key, as both servers sort them."""

    key: Key
    before: Collation
    after: Collation
    #: How many values were sorted.
    values: int = 0
    #: Two of the values that are in another order; None where all are in the same.
    pair: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """A pg_upgrade that was run on a copy of the source's cluster."""

    mode: Mode
    #: Of pg_upgrade alone.
    seconds: float
    #: What it said, where it failed.
    failed: tuple[str, ...] = ()
    #: In what the upgraded database differs from the source.
    unequal: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Upgrade:
    """All of it."""

    source: str
    #: The version of the server of the next major.
    server: str
    #: Seconds of the restore into it.
    restored: float | None = None
    given: Sequence[Given] = ()
    defaults: Sequence[Default] = ()
    extensions: Sequence[Extension] = ()
    missing: Sequence[Missing] = ()
    orders: Sequence[Order] = ()
    #: What ``pg_upgrade --check`` said, a refusal each; None where it was not run.
    refusals: Sequence[str] | None = None
    #: What it did not refuse, and warned of.
    warnings: Sequence[str] = ()
    transfers: Sequence[Transfer] = ()
    not_verified: tuple[NotVerified, ...] = field(default_factory=tuple)
