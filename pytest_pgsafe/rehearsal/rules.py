"""What a team said, with the names of the database: ``sales.customer_name`` becomes ``public.sales.customer_name``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from ..catalog.names import container, covers, is_pattern, means
from ..catalog.values import Catalog
from ..checks.announced import COLLECTIONS
from ..checks.values import Rules
from ..compare.identity import collection
from ..config import comments
from ..config.values import Denormalized, Settings
from ..errors import ConfigError
from ..migrate.deployed import sources
from ..migrate.tools import Migration
from ..migrate.values import Trace
from ..snapshot.values import DenormalizedRule, ReferenceRule
from . import baseline


def announced(settings: Settings, migration: Migration | None, trace: Trace | None = None) -> Settings:
    """Return the settings with what a migration announces by itself.

    :param trace: of its run: of a tool's revisions those announce that ran.
    :raises ConfigError: a comment that is none of the forms; with file and line.
    """
    if migration is None:
        return settings
    files = list(migration.files)
    if trace is not None and not files:
        files += [script.path for script in migration.written([one.name for one in trace.revisions]).values()]
    return comments.announced(settings, files)


def demand_known(settings: Settings) -> None:
    """Look at the comments of a tool's Python files, before it is known which of them run.

    :raises ConfigError: a comment that is none of the forms; with file and line.
    """
    try:
        files = sources(settings.migration)
    except ConfigError:
        # Where a project does not say where its files are, none is read.
        return
    comments.expectations([file for file in files if file.suffix == ".py"])


def as_written(settings: Settings) -> Rules:
    """Return what was announced by names as they were written, where there is no database that would know them."""
    return Rules(**settings.expect.forms(), baseline=baseline.section(settings))


def resolve_rules(settings: Settings, catalog: Catalog) -> Rules:
    """Return the rules with full names, as the catalog writes them.

    What is announced and is not there stays as it was written: the checks say that it matched nothing. What a rule is
    about must be there, or nothing would be checked.

    :param catalog: of the database before the migration.
    :raises ConfigError: a name is ambiguous, or a rule is about a column that is not there; with the candidates.
    """
    known = _known(catalog)
    columns = known["column"]

    def full(kind: str, name: str, place: str) -> str:
        return _full(name, known[kind], place)

    return Rules(
        **settings.expect.forms(full),
        denormalized=tuple(_denormalized(entry, known) for entry in settings.denormalized),
        references=tuple(
            ReferenceRule(
                column=_full(entry.column, columns, "[foreign_keys]", needed=True),
                references=_full(entry.references, columns, "[foreign_keys] references", needed=True),
                where=entry.where,
            )
            for entry in settings.references
        ),
        foreign_keys={
            _full(name, columns, "[foreign_keys]", needed=True): policy
            for name, policy in settings.foreign_keys.items()
        },
        migrate_budget=settings.budget.migrate,
        lock_budget=None
        if settings.budget.lock is None
        else (settings.budget.lock.mode, settings.budget.lock.longer_than),
        wal_budget=settings.budget.wal,
        growth_budget=settings.budget.growth,
        peak_budget=settings.budget.peak,
        wait_budget=settings.budget.wait,
        source_rows={}
        if settings.source is None
        else {
            _full(name, known["table"], "[source] rows", needed=True): rows
            for name, rows in settings.source.rows.items()
        },
        strict=settings.strict,
        # What is to be written is what was found, whatever is listed by now.
        baseline=None if settings.update else baseline.section(settings),
    )


def _denormalized(entry: Denormalized, known: Mapping[str, tuple[str, ...]]) -> DenormalizedRule:
    """Return a rule about a denormalised column with full names.

    :raises ConfigError: a column is not there, or ``by`` is another table's.
    """
    columns, kind = known["column"], "source" if entry.kind == "copy" else entry.kind
    names = {"sql": (), "count": known["table"]}.get(entry.kind, columns)

    def full(name: str | None, key: str) -> str | None:
        return None if name is None else _full(name, columns, f"[[denormalized]] {key}", needed=True)

    source = entry.source
    if entry.kind != "sql":
        source = _full(source, names, f"[[denormalized]] {kind}", needed=True)
    rule = DenormalizedRule(
        column=_full(entry.column, columns, "[[denormalized]] column", needed=True),
        source=source,
        via=full(entry.via, "via"),
        kind=entry.kind,
        by=full(entry.by, "by"),
        where=entry.where,
    )
    if rule.column == rule.source:
        raise ConfigError(f"[[denormalized]] {rule.column} is compared with itself: that always agrees")
    if rule.by is not None and container(rule.by) != container(rule.source):
        raise ConfigError(
            f"[[denormalized]] {rule.name}: by is no column of {container(rule.source)}",
            remedies=["name a column of the rows of which one is the latest"],
        )
    return rule


def predicates(rules: Rules, catalog: Catalog) -> Mapping[str, Mapping[str, str]]:
    """Return by table and bare column which rows may have other values, where not all of them may."""
    found: dict[str, dict[str, str]] = {}
    for name, column in catalog.columns.items() if rules.values else ():
        where = [rule.where for rule in rules.values if covers(name, rule.column)]
        if where and None not in where:
            found.setdefault(column.table, {})[column.column] = "\nOR ".join(f"(\n{one}\n)" for one in where)
    return found


def _known(catalog: Catalog) -> Mapping[str, tuple[str, ...]]:
    """Return the names of a database by the kinds that can be announced."""
    return {kind: tuple(collection(catalog, field)) for kind, field in COLLECTIONS.items()}


def _full(wanted: str, names: Iterable[str], place: str, *, needed: bool = False) -> str:
    """Return the one name that is meant, or what was written if there is none.

    :param needed: a name that is not there is an error.
    :raises ConfigError:
    """
    if not needed and is_pattern(wanted):
        return wanted
    names = tuple(names)
    # The whole name first: app.app is no part of app.app.app to the one who wrote it in full.
    exact = [name for name in names if means(name, wanted) and means(wanted, name)]
    found = exact if exact else [name for name in names if _meant(name, wanted)]
    if len(found) > 1:
        raise ConfigError(
            f"{place}: {wanted!r} is ambiguous",
            looked_at=found[:10],
            remedies=[f"write the schema too: {found[0]}"],
        )
    if not found and needed:
        nearest = difflib.get_close_matches(wanted, [*names, *(_short(name) for name in names)], n=3, cutoff=0.6)
        raise ConfigError(
            f"{place}: {wanted!r} is not in the database",
            remedies=[f"did you mean {name}?" for name in nearest],
        )
    return found[0] if found else wanted


def _meant(name: str, wanted: str) -> bool:
    """Tell whether a name may be meant; a function may be named without its argument types."""
    if "(" in name and "(" not in wanted:
        name = name.partition("(")[0]
    return means(name, wanted)


def _short(name: str) -> str:
    """Return a name without its schema."""
    return name.partition(".")[2]
