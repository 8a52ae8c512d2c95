"""The evidence of a period as one HTML page: nothing is loaded from elsewhere, no script runs (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ..config.forms import span
from ..records.controls import answered
from ..records.values import Entry, Kind
from ..runbook.evidence import Series, Shown
from ..visible import visible

#: Pixels of a drawing.
_WIDTH, _HEIGHT = 160, 32


def document(shown: Shown) -> dict[str, Any]:
    """Return it as JSON's own types."""
    return {
        "entries": [
            {
                "number": number, "time": entry.time, "kind": entry.kind, "result": entry.result,
                "pgsafe": entry.pgsafe, "facts": entry.facts, "hash": entry.hash, "signed": entry.signature is not None,
            }
            for number, entry in shown.entries
        ],
        "databases": [
            {
                "environment": one.environment, "database": one.database, "backups": one.backups,
                "verified": one.verified, "proven": one.proven, "restored": one.restored, "recovered": one.recovered,
                "rpo_seconds": _series(one.rpo), "rto_seconds": _series(one.rto),
            }
            for one in shown.databases
        ],
        "controls": [
            {"standard": control.standard, "control": control.name, "asks": control.asks, "entries": dict(found)}
            for control, found in answered(kinds(shown)).items()
        ],
        "faults": list(shown.faults),
        "notes": list(shown.notes),
    }  # fmt: skip


def kinds(shown: Shown) -> Mapping[Kind, int]:
    """Return how many entries of each kind there are, those that failed among them."""
    return Counter(entry.kind for _, entry in shown.entries)


def longest(series: Series) -> str:
    """Return the longest span of a series, and how it moved, for people."""
    if not series.points:
        return "none"
    told = span(round(max(series.seconds), 1))
    return told if series.trend is None else f"{told} ({' → '.join(span(round(half, 1)) for half in series.trend)})"


def said(entry: Entry) -> str:
    """Return what an entry is about, in a line."""
    facts = entry.facts
    parts = [facts.get("place"), facts.get("database"), facts.get("url"), facts.get("target"), _migration(facts)]
    if "manifest" in facts:
        parts.append(f"manifest {str(facts['manifest'])[:12]}…")
    parts += [
        f"{'recovered' if entry.kind == 'recovery' else 'restored'} in {span(round(float(facts[name]), 1))}"
        for name in ("restore_seconds", "rto_seconds")
        if isinstance(facts.get(name), (int, float))
    ]
    parts.append(facts.get("error"))
    return ", ".join(str(part) for part in parts if part)


def render(shown: Shown, *, root: str, begin: str, end: str, made: str) -> str:
    """Return the page.

    :param begin: the period, ``end`` and ``made`` (when the page was made) too, for people.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_escaped)
    folder = files(__name__.rpartition(".")[0])
    template = environment.from_string(folder.joinpath("evidence.html.j2").read_text(encoding="utf-8"))
    return template.render(
        shown=shown,
        style=Markup(folder.joinpath("page.css").read_text(encoding="utf-8")),  # noqa: S704 (our own file)
        controls=answered(kinds(shown)),
        said=said,
        longest=longest,
        line=_line,
        root=root, begin=begin, end=end, made=made, version=version("pytest-pgsafe"),
        width=_WIDTH, height=_HEIGHT,
    ) + "\n"  # fmt: skip


def _escaped(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _series(series: Series) -> dict[str, Any]:
    return {
        "longest": max(series.seconds, default=None),
        "trend": None if series.trend is None else list(series.trend),
        "points": [{"time": time, "seconds": seconds} for time, seconds in series.points],
    }


def _migration(facts: Mapping[str, Any]) -> str | None:
    migration = facts.get("migration")
    return migration.get("text") if isinstance(migration, dict) else None  # pyright: ignore


def _line(series: Series) -> str:
    """Return the points of a drawn line."""
    most = max(series.seconds, default=0.0) or 1.0
    step = _WIDTH / max(len(series.points) - 1, 1)
    drawn: Sequence[tuple[float, float]] = [
        (number * step, _HEIGHT - 2 - (_HEIGHT - 4) * seconds / most) for number, seconds in enumerate(series.seconds)
    ]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
