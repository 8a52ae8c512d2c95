"""A statement that writes, run on both copies with the values of a row that was there before the migration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import psycopg

from ..catalog.names import bare, split, unquoted
from ..catalog.values import Catalog
from ..compare.values import Comparison
from ..snapshot.expressions import literal
from ..works.reach import reaching_out
from ..works.side import Side, answer
from ..works.values import Answer, Said
from ..works.writes import free, rows_of
from .prepared import Preparing
from .values import Asked, Broken, Planned
from .witnesses import Witness, witnesses

_PARAMETER = re.compile(r"\(*\$(?P<number>\d+)\)*(?:::.*)?")
_COMPARED = re.compile(
    r"""(?P<column>"(?:[^"]|"")+"|[A-Za-z_]\w*)\s*(?:=|<>|!=|<=|>=|<|>|\bi?like\b)\s*\$(?P<number>\d+)""", re.IGNORECASE
)
_NULL = "NULL::"


@dataclass(frozen=True, kw_only=True)
class Writing:
    """A statement that writes to one table."""

    asked: Asked
    before: Planned
    after: Planned
    #: By its names before and after.
    table: str
    there: str
    #: ``Insert``, ``Update``, ``Delete``, ``Merge``.
    operation: str
    #: By parameter: the column, by its bare name before, whose value it gets.
    columns: Mapping[int, str]


def writing(asked: Asked, before: Planned, after: Planned, comparison: Comparison) -> Writing | None:
    """Return what a statement writes; None if it writes nothing, or no table that is on both sides."""
    if before.plan.get("Node Type") != "ModifyTable":
        return None
    table = _table(before.plan, comparison.before.catalog)
    there = None if table is None else comparison.tables.get(table)
    if table is None or there is None:
        return None
    operation = str(before.plan.get("Operation"))
    return Writing(
        asked=asked, before=before, after=after, table=table, there=there, operation=operation,
        columns=dict(_columns(before, table, operation, comparison.before.catalog)),
    )  # fmt: skip


def tried(one: Writing, before: Preparing, after: Preparing, comparison: Comparison) -> Broken | None:
    """Run it on both copies, with one row after the other; return the first of which it worked before alone."""
    if _runs(one, comparison) and before.side.superuser and after.side.superuser:
        for witness in witnesses(before.side, comparison, one.table):
            values = [witness.values.get(one.columns[number]) for number in range(1, one.before.parameters + 1)]
            if not _run(one, before, witness, values, comparison, there=False).worked:
                continue
            now = _run(one, after, witness, values, comparison, there=True)
            if now.error is not None:
                return Broken(
                    asked=one.asked,
                    said=now.error,
                    run=True,
                    table=one.table,
                    why=witness.why,
                    gone=witness.gone,
                    about=witness.about,
                )
    said = _left_out(one, comparison)
    return None if said is None else Broken(asked=one.asked, said=said[1], table=one.table, about=(said[0],))


def _runs(one: Writing, comparison: Comparison) -> bool:
    """Tell whether it may be run: every value is known, and no rollback leaves anything behind."""
    if set(one.columns) != set(range(1, one.before.parameters + 1)):
        return False
    for catalog, table in ((comparison.before.catalog, one.table), (comparison.after.catalog, one.there)):
        calls = [trigger.function for trigger in catalog.triggers.values() if trigger.table == table]
        words = set(re.findall(r"\w+", one.asked.text.lower()))
        calls += [name for name in catalog.functions if unquoted(bare(name.partition("(")[0])).lower() in words]
        if reaching_out(catalog, calls) is not None:
            return False
    return True


def _run(
    one: Writing, preparing: Preparing, witness: Witness, values: Sequence[str | None], comparison: Comparison,
    *, there: bool,
) -> Answer:  # fmt: skip
    side = preparing.side
    given = ", ".join("NULL" if value is None else literal(value) for value in values)
    try:
        with side.trying():
            for text in one.asked.settings:
                side.run(text)
            if one.operation == "Insert":
                _freed(side, one, witness, comparison, there=there)
            name = preparing.prepare((one.after if there else one.before).text)
            return side.end(f"EXECUTE {name}{f'({given})' if values else ''}")
    except psycopg.Error as error:
        return answer(error)


def _freed(side: Side, one: Writing, witness: Witness, comparison: Comparison, *, there: bool) -> None:
    """Take the row away that is to be inserted again."""
    content = comparison.before.tables.get(one.table)
    key = () if content is None else content.key
    names = {name: comparison.columns.get(f"{one.table}.{name}") if there else name for name in key}
    if not key or any(new is None or witness.values.get(name) is None for name, new in names.items()):
        return
    place = " AND ".join(
        f"pgsafe_t.{bare(new or '')} = {literal(str(witness.values[name]))}" for name, new in names.items()
    )
    free(side, rows_of(side.catalog, one.there if there else one.table), place)


def _left_out(one: Writing, comparison: Comparison) -> tuple[str, Said] | None:
    """Return what refuses every such INSERT: a column that is given nothing and may not be NULL; with its name."""
    catalog = comparison.after.catalog
    if one.operation != "Insert" or _table(one.after.plan, catalog) != one.there:
        return None
    triggers = (trigger for trigger in catalog.triggers.values() if trigger.table == one.there)
    if any(" BEFORE " in trigger.definition and "INSERT" in trigger.definition for trigger in triggers):
        return None
    output = _output(one.after.plan)
    for column in catalog.columns.values():
        given = output[column.number - 1] if column.table == one.there and column.number <= len(output) else ""
        if column.not_null and given.startswith(_NULL):
            told = f"column {column.column} is given nothing, has no default and may not be NULL"
            return column.name, Said(state="23502", message=told)
    return None


def _columns(planned: Planned, table: str, operation: str, catalog: Catalog) -> Iterator[tuple[int, str]]:
    """Yield the parameters whose column is known."""
    columns = {column.number: column.column for column in catalog.columns.values() if column.table == table}
    known = {unquoted(name): name for name in columns.values()}
    for found in _COMPARED.finditer(planned.text):
        name = found["column"]
        bare_name = unquoted(name) if name.startswith('"') else name.lower()
        if bare_name in known:
            yield int(found["number"]), known[bare_name]
    if operation == "Insert":
        # In the order of the table's columns, those that were dropped among them.
        for number, given in enumerate(_output(planned.plan), 1):
            parameter = _PARAMETER.fullmatch(given)
            if parameter is not None and number in columns:
                yield int(parameter["number"]), columns[number]


def _output(plan: Mapping[str, object]) -> Sequence[str]:
    """Return what an INSERT gives to each column."""
    below = cast("Sequence[Mapping[str, object]]", plan.get("Plans", ()))
    return cast("Sequence[str]", below[0].get("Output", ())) if len(below) == 1 else ()


def _table(plan: Mapping[str, object], catalog: Catalog) -> str | None:
    """Return the table that a plan writes, by the catalog's name."""
    wanted = (plan.get("Schema"), plan.get("Relation Name"))
    return next((name for name in catalog.tables if tuple(map(unquoted, split(name))) == wanted), None)
