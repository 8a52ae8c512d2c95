"""What a denormalised column has to hold, as SQL: each row of its table beside what its source says."""

# ruff: noqa: S608 (names that quote_ident wrote, and the team's own SQL)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..catalog.names import bare, container
from ..catalog.values import Constraint
from .values import DenormalizedRule

__all__ = ["Rows", "rows"]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A statement: ``rel`` and ``tid`` (place), ``k`` (key as text[]), ``o0`` … (key), ``c`` (copy), ``e`` (due)."""

    text: str
    #: A row of the table comes several times, once for each value that may be meant.
    repeated: bool


def rows(rule: DenormalizedRule, way: Sequence[Constraint], key: Sequence[str], *, copy: bool) -> Rows:
    """Return the rows of the column's table, each with what its column has to hold.

    :param way: the foreign keys from copy to source; of an aggregate from the rows that it is over.
    :param key: bare names of the table's key.
    :param copy: with what the column holds; else it may be gone.
    """
    table = container(rule.column)
    if rule.kind == "sql":
        # The team's SQL knows the table by its own name. Lines of their own, for what ends in a comment.
        source, own = table, bare(table)
        expected = f"(\n{rule.source}\n)"
        source += "" if rule.where is None else f" WHERE (\n{rule.where}\n)"
    elif rule.kind == "copy":
        source, own = _limited(table, rule.where, places=True) + " t0", "t0"
        expected = f"t{len(way)}.{bare(rule.source)}"
        for number, step in enumerate(way):
            source += f" LEFT JOIN {step.references} t{number + 1} ON {_on(step, f't{number}', f't{number + 1}')}"
    else:
        last = way[-1]
        on = " AND ".join(f"a.g{number} = t0.{name}" for number, name in enumerate(last.reference_columns))
        source, own = f"{table} t0 LEFT JOIN ({_aggregate(rule, way)}) a ON {on}", "t0"
        expected = "coalesce(a.v, 0)" if rule.kind == "count" else "a.v"
    shown = ", ".join(f"pg_catalog.concat({own}.{name})" for name in key)
    columns = [
        f"{own}.tableoid AS rel",
        f"{own}.ctid AS tid",
        f"ARRAY[{shown}]::pg_catalog.text[] AS k",
        *(f"{own}.{name} AS o{number}" for number, name in enumerate(key)),
        *([f"{own}.{bare(rule.column)} AS c"] if copy else []),
        f"{expected} AS e",
    ]
    return Rows(text=f"SELECT {', '.join(columns)} FROM {source}", repeated=rule.kind == "latest")


def _aggregate(rule: DenormalizedRule, way: Sequence[Constraint]) -> str:
    """Return for each row that is referred to (``g0`` …) the value ``v`` of the rows that refer to it."""
    source = f"{_limited(way[0].table, rule.where)} s0"
    for number, step in enumerate(way[:-1]):
        source += f" JOIN {step.references} s{number + 1} ON {_on(step, f's{number}', f's{number + 1}')}"
    groups = [f"s{len(way) - 1}.{name}" for name in way[-1].columns]
    grouped = ", ".join(f"{group} AS g{number}" for number, group in enumerate(groups))
    if rule.kind == "latest":
        assert rule.by is not None
        order = f"PARTITION BY {', '.join(groups)} ORDER BY s0.{bare(rule.by)} DESC NULLS LAST"
        ranked = f"SELECT {grouped}, s0.{bare(rule.source)} AS v, pg_catalog.rank() OVER ({order}) AS n FROM {source}"
        return f"SELECT * FROM ({ranked}) w WHERE w.n = 1"
    value = "count(*)" if rule.kind == "count" else f"{rule.kind}(s0.{bare(rule.source)})"
    return f"SELECT {grouped}, {value} AS v FROM {source} GROUP BY {', '.join(groups)}"


def _limited(table: str, where: str | None, *, places: bool = False) -> str:
    if where is None:
        return table
    return f"(SELECT {'tableoid, ctid, ' if places else ''}* FROM {table} WHERE (\n{where}\n))"


def _on(step: Constraint, ours: str, theirs: str) -> str:
    pairs = zip(step.columns, step.reference_columns, strict=True)
    return " AND ".join(f"{ours}.{mine} = {theirs}.{other}" for mine, other in pairs)
