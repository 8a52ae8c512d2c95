"""What may stand in the configuration file: a section for each table, checked strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from .expectations import Changed, Converted, Dropped, Expect, Locked, Moved, Renamed, RowsRule, ValuesRule, bounds
from .kept import AlertsSection, BackupSection, EvidenceSection, RestoreSection, RetentionSection, StorageSection
from .members import FleetSection, MembersSection
from .migration import MigrationSection
from .values import LockMode
from .words import Cache, Column, Duration, Jobs, Section, Size, Text, named


def _rows(text: str) -> str:
    bounds(text, 0)
    return text.strip()


RowsText = Annotated[str, AfterValidator(_rows)]


#: The keys of a rule that say what a denormalised column has to be.
DENORMALIZED_KINDS = ("source", "count", "sum", "min", "max", "latest", "sql")


def _setting(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)*", name):
        raise ValueError('wanted the name of a setting of the server, such as timezone or "app.tenant"')
    return name


def _library(name: str) -> str:
    if not re.fullmatch(r"[\w.+-]+", name):
        raise ValueError("wanted the name of a library as shared_preload_libraries has it, such as pg_cron")
    return name


class SourceSection(Section):
    dsn: Text | None = None
    backup: Text | None = None
    sql: list[Text] | Text | None = None
    pgbackrest: Text | None = None
    barman: Text | None = None
    basebackup: Text | None = None
    pgdata: Text | None = None
    max_age: Duration | None = None
    jobs: Jobs | None = None
    settings: dict[Annotated[str, AfterValidator(_setting)], bool | int | float | str] = Field(default_factory=dict)
    rows: dict[Annotated[str, AfterValidator(named)], Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    fleet: list[MembersSection] = Field(default_factory=list[MembersSection])


class HooksSection(Section):
    after_restore: list[Text] | Text = Field(default_factory=list[Text])
    before_migration: list[Text] | Text = Field(default_factory=list[Text])
    after_migration: list[Text] | Text = Field(default_factory=list[Text])
    role: Text | None = None


class ServerSection(Section):
    use: Text | None = None
    image: Text | None = None
    major: int | None = None
    keep: bool | None = None
    preload: list[Annotated[str, AfterValidator(_library)]] = Field(default_factory=list)
    superuser: bool | None = None
    cache: Cache | None = None
    cache_size: Size = "20GB"


class ReportSection(Section):
    files: list[Text] | None = None
    samples: Literal["values", "keys", "none"] = "values"
    mask: list[Column] = Field(default_factory=list)


#: A name in a comment, as it may stand in SQL.
_NAME = r"(?:\"(?:[^\"]|\"\")+\"|[^\s\":])+(?:\([^)]*\))?"
_REASON = r"\s*:\s+(?P<reason>.+)"


class ExpectEntry(Section):
    """One announcement of ``[expect]``, or of a comment."""

    #: What may stand behind ``-- pgsafe: expect FORM``: the groups are keys, ``name`` and ``kind`` say what is meant.
    comment: ClassVar[re.Pattern[str]]
    example: ClassVar[str]
    #: The kind of object that a name without a kind is of.
    names: ClassVar[str] = "column"


class ObjectEntry(ExpectEntry):
    """An object by its kind: ``{ column = …, reason = … }``."""

    column: Column | None = None
    table: Text | None = None
    view: Text | None = None
    index: Text | None = None
    constraint: Text | None = None
    function: Text | None = None
    type: Text | None = None
    sequence: Text | None = None
    schema_: Text | None = Field(default=None, alias="schema")
    trigger: Text | None = None
    reason: Text

    @model_validator(mode="after")
    def one_object(self) -> ObjectEntry:
        if len(self.objects()) != 1:
            raise ValueError("wanted exactly one object, such as { column = …, reason = … }")
        return self

    def objects(self) -> dict[str, str]:
        """Return what is meant, by kind."""
        given = self.model_dump(by_alias=True, exclude_none=True)
        return {kind: name for kind, name in given.items() if kind not in {"reason", "to"}}

    @property
    def named(self) -> dict[str, str]:
        """Kind and name, as the values of :mod:`.expectations` want them."""
        ((kind, name),) = self.objects().items()
        return {"kind": kind, "object": name, "reason": self.reason}


_KINDS = "|".join((*(one.removesuffix("_") for one in ObjectEntry.model_fields if one != "reason"), "policy"))
_OBJECT = rf"(?:(?P<kind>{_KINDS})\s+)?(?P<name>{_NAME})"


class DroppedEntry(ObjectEntry):
    comment = re.compile(rf"{_OBJECT}{_REASON}")
    example = "sales.customer_name: REASON (or: dropped view NAME, dropped table NAME …)"

    def expectation(self) -> Dropped:
        return Dropped(**self.named)


class RenamedEntry(ObjectEntry):
    comment = re.compile(rf"{_OBJECT}\s+to\s+(?P<to>{_NAME}){_REASON}")
    example = "sales.name to title: REASON"

    to: Text

    def expectation(self) -> Renamed:
        return Renamed(**self.named, to=self.to)


class ChangedEntry(ObjectEntry):
    comment = re.compile(rf"{_OBJECT}{_REASON}")
    example = "sales.amount: REASON (or: changed sequence NAME, changed constraint NAME …)"

    policy: Text | None = None

    def expectation(self) -> Changed:
        return Changed(**self.named)


class ValuesEntry(ExpectEntry):
    comment = re.compile(rf"(?P<name>{_NAME})(?:\s+where\s+(?P<where>.+?))?{_REASON}", re.IGNORECASE)
    example = "customers.email where email <> lower(email): REASON (without where: in all rows)"

    column: Column
    where: Text | None = None
    reason: Text

    def expectation(self) -> ValuesRule:
        return ValuesRule(column=self.column, where=self.where, reason=self.reason)


class MovedEntry(ExpectEntry):
    comment = re.compile(rf"(?P<name>{_NAME})\s+to\s+(?P<to>{_NAME})(?:\s+via\s+(?P<via>{_NAME}))?{_REASON}")
    example = "customer.email to contact.email via contact.customer_id: REASON"

    column: Column
    to: Column
    via: Column | None = None
    reason: Text

    def expectation(self) -> Moved:
        return Moved(column=self.column, to=self.to, via=self.via, reason=self.reason)


class ConvertedEntry(ExpectEntry):
    comment = re.compile(rf"(?P<name>{_NAME})\s+from\s+(?P<from>.+?){_REASON}", re.IGNORECASE)
    example = "post.created from to_timestamp(created_ms / 1000.0): REASON"

    column: Column
    from_: Text = Field(alias="from")
    reason: Text
    rows: Text | None = None
    key: dict[Annotated[str, AfterValidator(named)], Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _both(self) -> ConvertedEntry:
        if (self.rows is None) != (not self.key):
            raise ValueError("rows and key belong together: what the rows come from, and what tells them apart")
        return self

    def expectation(self) -> Converted:
        return Converted(
            column=self.column, expression=self.from_, reason=self.reason, rows=self.rows, key=tuple(self.key.items())
        )


class LocksEntry(ExpectEntry):
    comment = re.compile(rf"(?P<name>{_NAME})\s+(?P<mode>\w+){_REASON}")
    example = "sales AccessExclusiveLock: REASON"
    names = "table"

    table: Text
    mode: LockMode
    reason: Text

    def expectation(self) -> Locked:
        return Locked(table=self.table, mode=self.mode, reason=self.reason)


class RowsEntry(ExpectEntry):
    comment = re.compile(rf"(?P<name>{_NAME})\s+(?P<rule>[^:]+?){_REASON}")
    example = "sessions any: REASON (rules as in [expect] rows)"

    rule: RowsText
    reason: Text | None = None


class ExpectSection(Section):
    dropped: list[DroppedEntry] = Field(default_factory=list[DroppedEntry])
    values: list[ValuesEntry] = Field(default_factory=list[ValuesEntry])
    renamed: list[RenamedEntry] = Field(default_factory=list[RenamedEntry])
    moved: list[MovedEntry] = Field(default_factory=list[MovedEntry])
    converted: list[ConvertedEntry] = Field(default_factory=list[ConvertedEntry])
    changed: list[ChangedEntry] = Field(default_factory=list[ChangedEntry])
    locks: list[LocksEntry] = Field(default_factory=list[LocksEntry])
    rows: dict[Annotated[str, AfterValidator(named)], RowsText | RowsEntry] = Field(default_factory=dict)

    def expect(self) -> Expect:
        """Return what is announced."""
        listed: tuple[
            DroppedEntry | ValuesEntry | RenamedEntry | MovedEntry | ConvertedEntry | ChangedEntry | LocksEntry, ...
        ]
        listed = (
            *self.dropped, *self.values, *self.renamed, *self.moved, *self.converted, *self.changed, *self.locks,
        )  # fmt: skip
        rows = (
            RowsRule(table=table, rule=entry)
            if isinstance(entry, str)
            else RowsRule(table=table, rule=entry.rule, reason=entry.reason)
            for table, entry in self.rows.items()
        )
        return Expect.of((*(entry.expectation() for entry in listed), *rows))


#: By what stands behind ``expect`` in a comment.
ENTRIES: Mapping[str, type[ExpectEntry]] = {
    "dropped": DroppedEntry,
    "values": ValuesEntry,
    "renamed": RenamedEntry,
    "moved": MovedEntry,
    "converted": ConvertedEntry,
    "changed": ChangedEntry,
    "locks": LocksEntry,
    "rows": RowsEntry,
}


class DenormalizedEntry(Section):
    column: Column
    source: Column | None = None
    count: Annotated[str, AfterValidator(named)] | None = None
    sum: Column | None = None
    min: Column | None = None
    max: Column | None = None
    latest: Column | None = None
    sql: Text | None = None
    by: Column | None = None
    via: Column | None = None
    where: Text | None = None

    @model_validator(mode="after")
    def one_source(self) -> DenormalizedEntry:
        if len(self.sources()) != 1:
            raise ValueError(f"wanted exactly one of {', '.join(DENORMALIZED_KINDS)} beside column")
        if (self.latest is None) != (self.by is None):
            raise ValueError('latest = "orders.status" and by = "orders.created_at" go together')
        if self.sql is not None and self.via is not None:
            raise ValueError("sql says all of the way itself, so via has no meaning beside it")
        return self

    def sources(self) -> dict[str, str]:
        """Return what the column has to be, by the key that says it."""
        given = self.model_dump(exclude_none=True)
        return {kind: given[kind] for kind in DENORMALIZED_KINDS if kind in given}


Policy = Literal["no nulls", "no more nulls", "any"]


class ForeignKeyEntry(Section):
    references: Column
    policy: Policy | None = None
    where: Text | None = None


class LockSection(Section):
    mode: LockMode = "AccessExclusiveLock"
    longer_than: Duration


class BudgetSection(Section):
    migrate: Duration | None = None
    lock: LockSection | None = None
    wal: Size | None = None
    growth: Size | None = None
    peak: Size | None = None
    wait: Duration | None = None


class RetrySection(Section):
    points: Annotated[int, Field(ge=0, le=1000)] = 20
    back: bool = False
    budget: Duration | None = None


class TrafficSection(Section):
    clients: Annotated[int, Field(ge=0, le=100)] = 4
    script: list[Text] | Text | None = None
    budget: Duration | None = None


class ReceiptSection(Section):
    elsewhere = dict.fromkeys(
        ("key", "secret"), "the key stands in PGSAFE_RECEIPT_KEY, or in the file PGSAFE_RECEIPT_KEY_FILE"
    )

    valid: Duration = "7d"


class OldReleaseSection(Section):
    statements: Text | None = None
    run: Text | None = None


class PitrSection(Section):
    base: Text | None = None
    archive: Text | None = None
    window: Duration | None = None


class Document(Section):
    """The whole file."""

    strict: bool | None = None
    source: SourceSection = Field(default_factory=SourceSection)
    fleet: FleetSection = Field(default_factory=FleetSection)
    migration: MigrationSection = Field(default_factory=MigrationSection)
    hooks: HooksSection = Field(default_factory=HooksSection)
    server: ServerSection = Field(default_factory=ServerSection)
    report: ReportSection = Field(default_factory=ReportSection)
    expect: ExpectSection = Field(default_factory=ExpectSection)
    denormalized: list[DenormalizedEntry] = Field(default_factory=list[DenormalizedEntry])
    foreign_keys: dict[Column, Policy | ForeignKeyEntry] = Field(default_factory=dict)
    budget: BudgetSection = Field(default_factory=BudgetSection)
    retry: RetrySection = Field(default_factory=RetrySection)
    traffic: TrafficSection = Field(default_factory=TrafficSection)
    old_release: OldReleaseSection = Field(default_factory=OldReleaseSection)
    backup: BackupSection = Field(default_factory=BackupSection)
    retention: RetentionSection = Field(default_factory=RetentionSection)
    alerts: AlertsSection = Field(default_factory=AlertsSection)
    storage: StorageSection = Field(default_factory=StorageSection)
    restore: RestoreSection = Field(default_factory=RestoreSection)
    pitr: PitrSection = Field(default_factory=PitrSection)
    receipt: ReceiptSection = Field(default_factory=ReceiptSection)
    evidence: EvidenceSection = Field(default_factory=EvidenceSection)


#: Where the sections stand; ``*`` is a name that the reader chose.
SECTIONS: Mapping[tuple[str, ...], type[Section]] = {
    (): Document,
    ("source",): SourceSection,
    ("source", "fleet"): MembersSection,
    ("fleet",): FleetSection,
    ("migration",): MigrationSection,
    ("hooks",): HooksSection,
    ("server",): ServerSection,
    ("report",): ReportSection,
    ("expect",): ExpectSection,
    ("expect", "dropped"): DroppedEntry,
    ("expect", "rows", "*"): RowsEntry,
    ("expect", "values"): ValuesEntry,
    ("expect", "renamed"): RenamedEntry,
    ("expect", "moved"): MovedEntry,
    ("expect", "converted"): ConvertedEntry,
    ("expect", "changed"): ChangedEntry,
    ("denormalized",): DenormalizedEntry,
    ("foreign_keys", "*"): ForeignKeyEntry,
    ("budget",): BudgetSection,
    ("budget", "lock"): LockSection,
    ("backup",): BackupSection,
    ("retention",): RetentionSection,
    ("alerts",): AlertsSection,
    ("storage",): StorageSection,
    ("restore",): RestoreSection,
    ("retry",): RetrySection,
    ("traffic",): TrafficSection,
    ("old_release",): OldReleaseSection,
    ("pitr",): PitrSection,
    ("receipt",): ReceiptSection,
    ("evidence",): EvidenceSection,
}
