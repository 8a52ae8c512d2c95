"""The reports of a fleet as files, and beside them a folder with each member's own.

A page that held a thousand members would be hundreds of megabytes, which no browser opens and no reader of JSON takes
at once: so each member has files of its own, whatever their number, and the fleet's file names them.
"""

from __future__ import annotations

import json as plain
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...config.forms import RECEIPT
from ...fleet.values import FleetResult
from ...rehearsal.values import Result
from .. import codequality, sarif
from ..write import FORMATS, KEYS_ALONE, format_of, replace
from . import ctrf, json, markdown
from .digest import digest

#: Formats of which each member has a report of its own.
_PAGES = frozenset({".json", ".html"})
#: Names the files of the folder that are ours: those that no member has any more are removed.
_LIST = ".pgsafe-members"
#: Characters of a file's name.
_LONGEST = 120


def write(
    fleet: FleetResult,
    public: FleetResult,
    files: Sequence[Path],
    *,
    results: Callable[[], Iterable[tuple[str, Result]]],
    private: bool = True,
) -> None:
    """Write a fleet's reports, already redacted, in the format that each file's suffix names.

    :param public: the same with rows by their keys alone, for the formats that show no more.
    :param results: returns the members' results by their names, one at a time.
    :param private: they may hold values of rows, and are for their owner alone.
    :raises OSError: a folder or a file cannot be written; the others are written first.
    """
    wanted = [file for file in files if not file.name.endswith(RECEIPT)]
    paged = [file for file in wanted if format_of(file) in _PAGES]
    failed: list[OSError] = []
    named = page_names([one.member.name for one in fleet.members])
    written: dict[str, str] = {}
    if paged:
        written, failed = _pages(paged, named, results, private=private)
    for file in wanted:
        ending = format_of(file)
        pages = {name: f"{folder(file).name}/{stem}{ending}" for name, stem in written.items()}
        text = _render(ending, fleet, public, pages)
        if (error := replace(file, text, private and ending not in KEYS_ALONE)) is not None:
            failed.append(error)
    if failed:
        raise failed[0]


def folder(file: Path) -> Path:
    """Return where the members' own reports lie: ``pgsafe.html`` has ``pgsafe.members`` beside it."""
    return file.with_name(f"{file.name.removesuffix(format_of(file))}.members")


def page_names(members: Iterable[str]) -> Mapping[str, str]:
    """Return the names of members' files, without their suffixes: each another one, also where case does not count."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in members:
        plain_name = quote(name, safe="@+=,-_.~ %")
        plain_name = f"%2E{plain_name[1:]}" if plain_name.startswith(".") else plain_name
        first, tries = plain_name[:_LONGEST], 0
        while plain_name.casefold() in taken or (not tries and len(plain_name) > _LONGEST):
            whole = f"{name}{tries or ''}"
            plain_name = f"{first}-{sha256(whole.encode(errors='surrogatepass')).hexdigest()[:12]}"
            tries += 1
        taken.add(plain_name.casefold())
        found[name] = plain_name
    return found


def _render(ending: str, fleet: FleetResult, public: FleetResult, pages: Mapping[str, str]) -> str:
    if ending == ".html":
        # Its templates' engine is loaded by who wants a page, and by nobody else.
        from . import html

        return html.render(fleet, pages)
    known: Mapping[str, Callable[[], str]] = {
        ".json": lambda: json.render(fleet, pages),
        ".md": lambda: markdown.render(public),
        ".ctrf.json": lambda: ctrf.render(public),
        ".sarif": lambda: sarif.render(digest(public)),
        ".codequality.json": lambda: codequality.render(digest(public)),
    }
    return known[ending]()


def _pages(
    files: Sequence[Path],
    named: Mapping[str, str],
    results: Callable[[], Iterable[tuple[str, Result]]],
    *,
    private: bool,
) -> tuple[dict[str, str], list[OSError]]:
    """Write each member's reports; return the names of those that have some, and what went wrong."""
    failed: list[OSError] = []
    written: dict[str, str] = {}
    for place in {folder(file) for file in files}:
        try:
            place.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
        except OSError as error:
            return {}, [error]
    for name, result in results():
        for file in files:
            path = folder(file) / f"{named[name]}{format_of(file)}"
            wrong = replace(path, _page(file, name, result), private)
            failed += () if wrong is None else (wrong,)
        written[name] = named[name]
    if not failed:
        for place in {folder(file) for file in files}:
            endings = [format_of(file) for file in files if folder(file) == place]
            _tidy(place, [f"{stem}{ending}" for stem in written.values() for ending in endings])
    return written, failed


def _page(file: Path, name: str, result: Result) -> str:
    if format_of(file) == ".html":
        from ..html import render

        return render(result, member=name, fleet=f"../{quote(file.name)}")
    return FORMATS[format_of(file)](result)


def _tidy(place: Path, names: Collection[str]) -> None:
    """Remove what an earlier run wrote of members that are gone; what is not ours stays."""
    known: Any = []
    with suppress(OSError, ValueError):
        known = plain.loads((place / _LIST).read_text("utf-8"))
    for name in known if isinstance(known, list) else ():  # pyright: ignore[reportUnknownVariableType]
        if isinstance(name, str) and name not in names and Path(name).name == name and Path(name).suffix in _PAGES:
            with suppress(OSError):
                (place / name).unlink()
    replace(place / _LIST, plain.dumps(sorted(names)), private=True)
