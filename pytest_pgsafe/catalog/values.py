"""What pg_catalog says of a database, as frozen values.

Every value has a ``name``: the object as the report shows it, each part as ``quote_ident`` writes it
(``schema.table``, ``schema.table.column``; constraints, triggers, rules and policies ``schema.table.name``; functions
``schema.name(argument types)``). Equality is generated and is the product: a field that does not count says
``field(compare=False)``. OIDs and column numbers identify an object across a physical clone and never count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, kw_only=True, slots=True)
class Object:
    """Anything that has a name in a database."""

    #: The word for the kind in reports: PostgreSQL's own, lower case.
    kind: ClassVar[str]

    name: str
    oid: int = field(default=0, compare=False)
    comment: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema(Object):
    kind: ClassVar[str] = "schema"

    owner: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Table(Object):
    """An ordinary, partitioned or foreign table."""

    kind: ClassVar[str] = "table"

    #: ``table``, ``partitioned table`` or ``foreign table``.
    form: str
    owner: str
    #: ``permanent``, ``unlogged``.
    persistence: str
    #: ``default``, ``nothing``, ``full`` or ``index NAME``.
    replica_identity: str
    row_security: bool
    force_row_security: bool
    options: tuple[str, ...] = ()
    access_method: str | None = None
    tablespace: str | None = None
    partition_key: str | None = None
    partition_bound: str | None = None
    #: Tables that this one inherits from or is a partition of, in order.
    parents: tuple[str, ...] = ()
    of_type: str | None = None
    #: For a foreign table: the server, and its options with secrets masked.
    foreign_server: str | None = None
    foreign_options: tuple[str, ...] = ()
    #: Bytes of the heap and its TOAST table, and the planner's estimate of its rows; they move on their own.
    size: int = field(default=0, compare=False)
    estimated_rows: float = field(default=0, compare=False)
    #: Changes when the table is rewritten or truncated.
    relfilenode: int = field(default=0, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Column(Object):
    """A column of a table. ``oid`` is the table's; ``number`` is attnum."""

    kind: ClassVar[str] = "column"

    table: str
    #: The bare column name, as ``quote_ident`` writes it.
    column: str
    number: int = field(compare=False)
    #: As format_type prints it under an empty search path: ``numeric(10,2)``, ``public.citext``.
    type: str
    type_oid: int = field(default=0, compare=False)
    #: Only where it differs from the type's.
    collation: str | None = None
    not_null: bool
    default: str | None = None
    #: ``always`` or ``by default``.
    identity: str | None = None
    #: ``stored`` or, from 18, ``virtual``; the expression stands in ``default``.
    generated: str | None = None
    storage: str | None = None
    compression: str | None = None
    statistics_target: int | None = None
    options: tuple[str, ...] = ()
    foreign_options: tuple[str, ...] = ()
    #: Defined here and not only inherited.
    local: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Constraint(Object):
    kind: ClassVar[str] = "constraint"

    #: The table or, for a domain's constraint, the domain.
    table: str
    #: ``primary key``, ``unique``, ``foreign key``, ``check``, ``exclusion``, ``not null`` (from 18).
    form: str
    #: pg_get_constraintdef, without NOT VALID and NOT ENFORCED, which stand in their own fields.
    definition: str
    validated: bool = True
    enforced: bool = True
    #: Of a foreign key, whose internal triggers ``ALTER TABLE … DISABLE TRIGGER ALL`` silences: ``origin`` (the usual),
    #: ``disabled``, ``replica``, ``always``, or both sides where they differ: ``check disabled, action origin``.
    #: pg_dump does not carry it: a restored key is enabled.
    enabled: str = "origin"
    deferrable: bool = False
    initially_deferred: bool = False
    no_inherit: bool = False
    #: Defined here and not only inherited from a parent.
    local: bool = True
    #: Bare column names of the table, in order.
    columns: tuple[str, ...] = ()
    #: For a foreign key: the table it points to, the columns there, and what happens.
    references: str | None = None
    reference_columns: tuple[str, ...] = ()
    on_update: str | None = None
    on_delete: str | None = None
    #: ``simple``, ``full``.
    match: str | None = None
    #: The index behind a primary key, unique or exclusion constraint.
    index: str | None = None
    #: For a partition's copy of a parent's constraint: the parent's name. A copied foreign key bears its parent's bare
    #: name here whatever it was called, since that is what a restore calls it.
    parent: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Index(Object):
    kind: ClassVar[str] = "index"

    table: str
    definition: str
    unique: bool
    primary: bool
    valid: bool
    ready: bool
    #: False of one whose DROP INDEX CONCURRENTLY did not come to its end.
    live: bool = True
    #: False for a deferrable unique constraint.
    immediate: bool = True
    nulls_not_distinct: bool = False
    clustered: bool = False
    #: The constraint that it belongs to.
    constraint: str | None = None
    #: Bare names of plain key columns; an expression stands as None. INCLUDE columns are not among them.
    columns: tuple[str | None, ...] = ()
    predicate: str | None = None
    options: tuple[str, ...] = ()
    tablespace: str | None = None
    #: The index of the partitioned table that it is attached to.
    parent: str | None = None
    relfilenode: int = field(default=0, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class View(Object):
    """A view or a materialised view."""

    kind: ClassVar[str] = "view"

    owner: str
    definition: str
    materialized: bool = False
    #: Always true for a plain view.
    populated: bool = True
    options: tuple[str, ...] = ()
    #: ``name type`` of each column, in order.
    columns: tuple[str, ...] = ()
    #: Of a materialised view.
    access_method: str | None = None
    tablespace: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sequence(Object):
    """A sequence's definition. Its value is a fact of the snapshot, not of the catalog."""

    kind: ClassVar[str] = "sequence"

    owner: str
    type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cache: int
    cycle: bool
    persistence: str = "permanent"
    #: The column that owns it, or whose default it feeds (``serial``, identity, a plain ``nextval`` default).
    column: str | None = None
    #: The column owns it, so that it goes when the column goes.
    owned: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger(Object):
    kind: ClassVar[str] = "trigger"

    table: str
    definition: str
    #: ``origin`` (the usual), ``disabled``, ``replica``, ``always``.
    enabled: str
    function: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule(Object):
    kind: ClassVar[str] = "rule"

    table: str
    definition: str
    enabled: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy(Object):
    kind: ClassVar[str] = "policy"

    table: str
    permissive: bool
    #: ``all``, ``select``, ``insert``, ``update``, ``delete``.
    command: str
    roles: tuple[str, ...]
    using: str | None = None
    check: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Function(Object):
    """A function, procedure, aggregate or window function."""

    kind: ClassVar[str] = "function"

    form: str
    owner: str
    returns: str | None
    #: pg_get_functiondef; for an aggregate its parts as text.
    definition: str
    security_definer: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Type(Object):
    """An enum, domain, composite or range type. A table's row type is not one."""

    kind: ClassVar[str] = "type"

    #: ``enum``, ``domain``, ``composite``, ``range``, ``base``.
    form: str
    owner: str
    #: Of an enum, in order.
    labels: tuple[str, ...] = ()
    #: Of a composite, ``name type [collation]`` in order.
    attributes: tuple[str, ...] = ()
    #: Of a domain: the type below, default, nullability and collation; of a range: subtype and options; of a base type:
    #: its functions.
    definition: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension(Object):
    kind: ClassVar[str] = "extension"

    version: str
    schema: str
    #: Whoever restores owns it: nothing can change or dump an extension's owner.
    owner: str = field(compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant(Object):
    """One privilege of one grantee. The name is ``KIND OBJECT PRIVILEGE GRANTEE``, unique in a database.

    The database has no name here: ``database PRIVILEGE GRANTEE``. Objects of initdb and of extensions are listed when
    their privileges are not those that they were made with.

    A NULL acl is expanded with acldefault, so that "nothing said" and "the default said" are equal.
    ``kind`` of default privileges is told by ``object_kind`` = ``default privileges``.
    """

    kind: ClassVar[str] = "grant"

    #: ``table``, ``column``, ``sequence``, ``schema``, ``function``, ``type``, ``database``, ``large object``,
    #: ``foreign server``, ``foreign-data wrapper``, ``language``, ``default privileges``.
    object_kind: str
    #: Its name; ``database`` for the database; of default privileges ``ROLE [IN SCHEMA schema] ON TABLES``.
    object: str
    #: ``SELECT``, ``INSERT``, … by PostgreSQL's words; ``NONE`` (to PUBLIC) for default privileges of nobody at all.
    privilege: str
    #: A role's name, or ``PUBLIC``.
    grantee: str
    grantable: bool
    #: The owner's own privileges: they follow from ownership.
    to_owner: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition(Object):
    """An object of a rarer kind, known by its definition alone.

    ``form`` is the kind: ``event trigger``, ``publication``, ``subscription``, ``statistics``, ``foreign server``,
    ``foreign-data wrapper``, ``user mapping``, ``cast``, ``operator``, ``operator class``, ``operator family``,
    ``collation``, ``conversion``, ``language``, ``access method``, ``transform``, ``text search configuration``,
    ``text search dictionary``, ``text search parser``, ``text search template``, ``security label``,
    ``extension dependency``, ``large objects`` (one for each owner: number, digest of OIDs and comments), and
    for what is said of columns that are not a table's ``view column``, ``materialized view column``, ``attribute``,
    ``index column``. Two kinds may share a name, so the catalog's key is ``form name``.
    """

    kind: ClassVar[str] = "definition"

    form: str
    definition: str
    owner: str | None = None
    #: Of event triggers and subscriptions.
    enabled: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Role(Object):
    """A role that the database needs: an owner, a grantee, or a member of one. Passwords are never read."""

    kind: ClassVar[str] = "role"

    superuser: bool = False
    inherit: bool = True
    create_role: bool = False
    create_db: bool = False
    login: bool = False
    replication: bool = False
    bypass_rls: bool = False
    connection_limit: int = -1
    #: ``name=value`` of ALTER ROLE … SET, for all databases and for this one.
    settings: tuple[str, ...] = ()
    database_settings: tuple[str, ...] = ()
    #: Roles that it is a member of, each ``role[, admin][, no inherit][, no set]``.
    member_of: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting(Object):
    """A setting of the server that changes what a statement does or means, as new sessions have it."""

    kind: ClassVar[str] = "setting"

    #: As SET takes it, in the setting's own unit; None where the role that reads cannot see it.
    value: str | None
    #: It is PostgreSQL's default.
    usual: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Database(Object):
    """The database itself: what pg_dump writes only with ``--create``.

    A copy has another name, and a comment that marks it as a copy: neither counts.
    """

    kind: ClassVar[str] = "database"

    name: str = field(compare=False)
    comment: str | None = field(default=None, compare=False)
    owner: str
    encoding: str
    #: ``libc``, ``icu``, ``builtin``.
    provider: str
    collate: str
    ctype: str
    #: ICU or builtin locale.
    locale: str | None = None
    icu_rules: str | None = None
    #: ``name=value`` of ALTER DATABASE … SET.
    settings: tuple[str, ...] = ()
    connection_limit: int = -1
    is_template: bool = field(default=False, compare=False)
    collation_version: str | None = field(default=None, compare=False)
    size: int = field(default=0, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown(Object):
    """Something that a server stores and pgsafe does not know: an option that PostgreSQL does not document, a kind.

    The name is ``PLACE OBJECT OPTION``. It is never a difference between a source and its copy: it may be the server's
    own, which no dump carries.
    """

    kind: ClassVar[str] = "unknown"

    #: ``column``, ``table``, ``index``, ``view``: of options; ``relation``, ``constraint``, ``type``, ``function``: of
    #: a kind of object, whose ``option`` is ``kind``.
    place: str
    object: str
    option: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    """All objects of a database that are its own: not of pg_catalog, and not members of an extension.

    Each mapping is by ``name`` (:class:`Definition` by ``form name``), in the order of ``collate "C"``.
    """

    database: Database
    schemas: Mapping[str, Schema] = field(default_factory=dict[str, Schema])
    tables: Mapping[str, Table] = field(default_factory=dict[str, Table])
    columns: Mapping[str, Column] = field(default_factory=dict[str, Column])
    constraints: Mapping[str, Constraint] = field(default_factory=dict[str, Constraint])
    indexes: Mapping[str, Index] = field(default_factory=dict[str, Index])
    views: Mapping[str, View] = field(default_factory=dict[str, View])
    sequences: Mapping[str, Sequence] = field(default_factory=dict[str, Sequence])
    triggers: Mapping[str, Trigger] = field(default_factory=dict[str, Trigger])
    rules: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    policies: Mapping[str, Policy] = field(default_factory=dict[str, Policy])
    functions: Mapping[str, Function] = field(default_factory=dict[str, Function])
    types: Mapping[str, Type] = field(default_factory=dict[str, Type])
    extensions: Mapping[str, Extension] = field(default_factory=dict[str, Extension])
    grants: Mapping[str, Grant] = field(default_factory=dict[str, Grant])
    definitions: Mapping[str, Definition] = field(default_factory=dict[str, Definition])
    #: Cluster-wide, so not part of what a database is.
    roles: Mapping[str, Role] = field(default_factory=dict[str, Role], compare=False)
    #: All roles of the cluster but the predefined ones, and the server's settings; None where nobody asked the server.
    cluster_roles: Mapping[str, Role] | None = field(default=None, compare=False)
    settings: Mapping[str, Setting] | None = field(default=None, compare=False)
    #: What a server stores and pgsafe does not know.
    unknown: Mapping[str, Unknown] = field(default_factory=dict[str, Unknown], compare=False)


def setting(catalog: Catalog, name: str) -> str | None:
    """Return what a session of the database has where its role says nothing else; None where that is not known."""
    for one in catalog.database.settings:
        own, _, value = one.partition("=")
        if own.lower() == name.lower():
            return value
    found = None if catalog.settings is None else catalog.settings.get(name)
    return None if found is None else found.value
